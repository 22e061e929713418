"""HTML is read as a browser reads it: html5lib, which follows the same standard, is the judge."""

import re

import html5lib
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seenby.instrument import analyse, stamp
from seenby.instrument.target import attribute_text, resolve
from seenby.words.policy import Level, Policy
from seenby.words.token import Keyring

HEAD = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\r\n"
KEYS = Keyring(keys={7: b"k" * 32}, current=7)
COUNTED = Policy(pixels=Level.COUNTED, links=Level.COUNTED)
TRACKING = "https://t.example.com"
SNIPPETS = (
    """<a href=|<A HREF = '|<area\nhref="|<a x=y href='|<a title="|<b href=|<p>|</p|>|'|"|=| |/|\n|<!--|-->|--!>"""
    """|<!-->|-|<!|<?|</|<|&amp;|&#38;|&lt|&notit;|&copy=|&copy|href|https://example.org/x|HTTP://example.org/?a=b&c|<style>|"""
    """</style>|<script>|</script>|<title>|</title >|<textarea>|</textarea/>|</a>|<abbr href=|<a/href=|"""
    """<a data-href='|x|<xmp>|</xmp>|<html>|<head>|</head>|<body>|</body>|</html>|<p class=">">"""
)
snippets = st.sampled_from(SNIPPETS.split("|")) | st.text(max_size=2)


def browser_hrefs(page: str) -> list[str]:
    tree = html5lib.parse(page, treebuilder="etree", namespaceHTMLElements=False)
    hrefs = (node.get("href") for node in tree.iter() if node.tag in ("a", "area"))
    return [href for href in hrefs if href is not None]


def targets(page: str) -> set[str]:
    return {link.target for link in analyse(HEAD + page.encode(), tracking_url=TRACKING).links}


@given(st.lists(snippets, max_size=40).map("".join))
def test_we_find_the_links_a_browser_finds(page: str) -> None:
    page = re.sub("[\0\x0b\x1b\ud800-\udfff\r]", "", page)
    assert targets(page) == {target for href in browser_hrefs(page) if (target := resolve(href))}


def without_ours(page: str) -> tuple[int, list[object]]:
    """How many pixels of ours the page has, and the rest of its tree, hrefs left out."""
    tree = html5lib.parse(page, treebuilder="etree", namespaceHTMLElements=False)
    pixels, rest = 0, []
    for node in tree.iter():
        if node.tag == "img" and (node.get("src") or "").startswith(f"{TRACKING}/o/"):
            pixels += 1
        else:
            rest.append((node.tag, {name: value for name, value in node.attrib.items() if name != "href"}))
    return pixels, [*rest, "".join(tree.itertext())]


@given(st.lists(snippets, max_size=40).map("".join))
def test_the_tree_is_the_same_but_for_hrefs_and_one_pixel(page: str) -> None:
    page = re.sub("[\0\x0b\x1b\ud800-\udfff\r]", "", page) + "<p>end"
    *_nodes, last, text = without_ours(page)[1]
    assume(last == ("p", {}) and str(text).endswith("end"))  # else it breaks off inside a comment, tag, title or script
    analysis = analyse(HEAD + page.encode(), tracking_url=TRACKING)
    copy = stamp(analysis, message="A" * 16, recipient=None, policy=COUNTED, keys=KEYS, tracking_url=TRACKING)
    pixels, rest = without_ours(copy.message[len(HEAD) :].decode())
    assert rest == without_ours(page)[1]
    assert pixels == (copy.pixel is not None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("a&amp;b", "a&b", id="with semicolon"),
        pytest.param("a&ampb", "a&ampb", id="legacy name before a letter"),
        pytest.param("a&amp=b", "a&amp=b", id="legacy name before ="),
        pytest.param("a&amp-b", "a&-b", id="legacy name before anything else"),
        pytest.param("&le;&notit;", "\u2264&notit;", id="longest name"),
        pytest.param("&amp;amp;", "&amp;", id="once"),
        pytest.param("&#65&#x42;&#x80;", "AB\u20ac", id="numbers"),
        pytest.param("&hearts", "&hearts", id="name that needs its semicolon"),
        pytest.param("&#" + "9" * 5000 + ";", None, id="absurd number"),
    ],
)
def test_character_references_are_read_by_the_rule_for_attributes(written: str, read: str | None) -> None:
    assert attribute_text(written) == read


@pytest.mark.parametrize(
    ("href", "target"),
    [
        pytest.param("https://example.org", "https://example.org", id="no path"),
        pytest.param("  https://exa\tmple.org/\n", "https://example.org/", id="space around, tab inside"),
        pytest.param("https:////example.org/", "https://example.org/", id="too many slashes"),
        pytest.param("https://EXAMPLE.org./a", "https://example.org./a", id="host in lower case, root dot kept"),
        pytest.param("https://例え.テスト/ü?ü#ü", "https://xn--r8jz45g.xn--zckzah/%C3%BC?%C3%BC#%C3%BC", id="IDN"),
        pytest.param("https://example.org/%zz%", "https://example.org/%zz%", id="broken escapes stay"),
        pytest.param("https://example.org/{a}|^`", "https://example.org/{a}|^`", id="left to the browser"),
        pytest.param(
            'https://example.org/"<>\x7f', "https://example.org/%22%3C%3E%7F", id="what a header cannot carry"
        ),
        pytest.param("https://user@example.org", "https://user@example.org", id="user"),
        pytest.param("mailto:a@example.org", "", id="mail"),
        pytest.param("//example.org/", "", id="relative to the scheme"),
        pytest.param("httpx://example.org/", "", id="another scheme"),
        pytest.param("https:example.org", None, id="no slashes"),
        pytest.param("https://", None, id="no host"),
        pytest.param("https://a b/", None, id="space in host"),
        pytest.param("https://example.org:99999/", None, id="no such port"),
        pytest.param("https://faß.example/", None, id="old and new IDNA differ"),
        pytest.param("https://" + "ü" * 300 + ".example/", None, id="host too long"),
        pytest.param("https://example.org/" + "x" * 8000, None, id="too long"),
        pytest.param("https://" + "a" * 250 + ".example/", None, id="host longer than a name can be"),
    ],
)
def test_a_target_is_where_a_browser_would_go(href: str, target: str | None) -> None:
    assert resolve(href) == target


@given(st.text(max_size=80).map("https://".__add__))
def test_a_target_can_always_stand_in_a_location(href: str) -> None:
    target = resolve(href)
    if target:
        assert re.fullmatch(r"[!-~]+", target)
        assert resolve(target) == target

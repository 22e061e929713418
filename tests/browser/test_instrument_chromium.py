"""Chromium is the judge: where a link leads, and what a page is before and after it was instrumented."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from seenby.instrument import Copy, Wishes, analyse, stamp
from seenby.journal import MemoryJournal
from seenby.words.policy import FULL
from seenby.words.token import encode_id
from tests.conftest import require
from tests.http.conftest import KEYS, running
from tests.world import CHROMIUM, CHROMIUM_FLAGS

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]
TRACKING = "https://t.example.com"
HEAD = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\r\n"
# Attributes as people and programs write them; each leads to the web, and each is to be wrapped.
HREFS = """\
href="https://example.org"
href="https://example.org/"
href='https://example.org/a'
href=https://example.org/a?b=c&d=e
HREF = "HTTPS://EXAMPLE.ORG/Path"
href="https://example.org/?a=1&amp;b=2"
href="https://example.org/?a=1&b=2"
href="https://example.org/?a=1&notify=2"
href="https://example.org/?a=1&copy=2"
href="https://example.org/?a=1&copy;2"
href="https://example.org/?a=1&copy-2"
href="https://example.org/?a=1&amp;amp;b=2"
href="https://example.org/?a=1&amp=2"
href="https://example.org/?a&#61;1&#x26;b"
href="https&#58;//example.org/"
href="https&colon;//example.org/"
href="https:&sol;&sol;example.org&sol;x"
href="  https://example.org/space  "
href="https://exam&#9;ple.org/tab&#10;line&#13;return"
href="https://example.org/a b"
href="https://example.org/a%20b"
href="https://example.org/a%2Fb%2fc"
href="https://example.org/100%"
href="https://example.org/%zz%E4"
href="https://example.org/ü/ß?ü=ß#ü"
href="https://example.org/&uuml;?q=&euro;"
href="https://example.org/日本語?質問=答え"
href="https://example.org/😀?😀#😀"
href="https://example.org/it's(fine)"
href="https://example.org/it&#39;s"
href='https://example.org/say"hi"?q="x"'
href="https://example.org/a<b>c?<d>#<e>"
href="https://example.org/[a]{b}|c\\d^e`f"
href="https://example.org/?[a]{b}|c\\d^e`f"
href="https://example.org/#[a]{b}|c\\d^e`f"
href="https://example.org/@user/~home;v=1,2"
href="https://user@example.org/"
href="https://user:p%40ss@example.org:8443/"
href="https://example.org:443/"
href="http://example.org:80/"
href="https://example.org:/"
href="https://example.org:08080/"
href="https://[2001:db8::1]/"
href="https://[2001:db8::1]:8443/x"
href="https://[::ffff:192.0.2.1]/"
href="https://192.0.2.1/"
href="https://3232235777/"
href="https://example.org./root-dot"
href="https://xn--bcher-kva.example/"
href="https://bücher.example/ä"
href="https://BÜCHER.example/"
href="https://例え.テスト/"
href="https://пример.испытание/"
href="https:\\\\example.org\\back\\slash"
href="https:///example.org/three"
href="https:////example.org/four"
href="https://example.org//double//slash"
href="https://example.org/a/../b/./c"
href="https://example.org/a/%2e%2e/b"
href="https://example.org?query"
href="https://example.org#fragment"
href="https://example.org/?#"
href="https://example.org/#:~:text=first%20word,last"
href="https://example.org/?u=https://example.net/?x=1%26y=2"
href="https://example.org/?href='https://example.net'"
href="https://example.org/?a=1?b=2#c#d"
href="https://example.org/&nbsp;x&nbsp;"
href="https://example.org/&#0;x"
href="https://example.org/&shy;x"
href="https://sub_domain.example.org/"
href="https://example.org/~!$&'()*+,;=:@%"
""".splitlines()
# Where programs differ, or which lead nowhere: left as they are.
ODD = (
    'href="https://faß.example/"',
    'href="https:example.org"',
    'href="https://exam ple.org/"',
    'href="https://example.org:99999/"',
    'href="https://"',
)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    require(Path(CHROMIUM).exists(), CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield browser.new_context(java_script_enabled=True, offline=True).new_page()
        browser.close()


def copy_of(html: str, *, honeypot: bool = False) -> Copy:
    return stamp(
        analyse(HEAD + html.encode(), tracking_url=TRACKING, wishes=Wishes(honeypot=honeypot)),
        message=encode_id(b"m" * 12),
        recipient=encode_id(b"r" * 8),
        policy=FULL,
        keys=KEYS,
        tracking_url=TRACKING,
    )


def hrefs(page: Page, html: str) -> list[str]:
    """Where Chromium would go from each link of a page."""
    page.set_content(html)
    found: list[str] = page.evaluate("[...document.links].map(link => link.href)")
    return found


def test_a_followed_link_arrives_where_chromium_would_have_gone(page: Page) -> None:
    html = "<body>" + "\n".join(f"<a {href} >x</a>" for href in HREFS)
    wanted = hrefs(page, html)
    copy = copy_of(html)
    assert len(HREFS) == len(wanted) >= 60
    assert hrefs(page, copy.message[len(HEAD) :].decode()) == [link.url for link in copy.links]
    assert len(copy.links) == len(HREFS), [written for written in HREFS if not copy_of(f"<a {written} >x").links]
    with running(MemoryJournal()) as tracker:
        client = tracker.client()
        answers = [client.get(link.url.removeprefix(TRACKING).encode()).headers["location"] for link in copy.links]
    followed = page.evaluate("locations => locations.map(location => new URL(location).href)", answers)
    got = list(zip(HREFS, followed, strict=True))
    assert got == list(zip(HREFS, wanted, strict=True))


@pytest.mark.parametrize("href", ODD)
def test_in_doubt_a_link_stays(page: Page, href: str) -> None:
    assert copy_of(f"<p>x<a {href}>x</a>").links == ()


TREE = """() => {
  const tree = [];
  const walk = (node, depth) => {
    if (node.nodeType === 1) {
      const attributes = [...node.attributes].map(a => [a.name, a.name === 'href' ? '' : a.value]);
      tree.push([depth, node.tagName, attributes]);
    } else {
      tree.push([depth, node.nodeType, node.data]);
    }
    node.childNodes.forEach(child => walk(child, depth + 1));
  };
  walk(document.documentElement, 0);
  return tree;
}"""


def tree_of(page: Page, html: str) -> tuple[list[Any], int, str]:
    """The tree without hrefs and without our pixels, how many of those there were, and the text that is shown."""
    page.set_content(html)
    text = page.evaluate("document.body.innerText")
    pixels = page.evaluate(
        "url => { const own = [...document.images].filter(image => image.getAttribute('src').startsWith(url));"
        "own.forEach(image => image.remove());"
        "document.querySelectorAll('a[aria-hidden]').forEach(link => link.remove());"
        "document.documentElement.normalize(); return own.length }",
        f"{TRACKING}/o/",
    )
    return page.evaluate(TREE), pixels, text


PAGES = {
    "whole page": "<!doctype html><html><head><title>t</title><style>a{}</style></head><body class=x>"
    '<p>Hi <a href="https://example.org/">a</a></p><!-- bye --></body></html>',
    "no body tag": '<p>Hi <a href="https://example.org/">a</a>',
    "open elements": '<table><tr><td><b><i>Hi <a href="https://example.org/">a',
    "text after the end": '<html><body>Hi <a href="https://example.org/">a</a></body></html>\nafter',
    "two bodies": '<body>one <a href="https://example.org/1">a</a></body><body id=2>two</body>',
    "nested links": '<a href="https://example.org/1">one<a href="https://example.org/2">two</a></a>',
    "image map": '<img usemap="#m" src="data:,"><map name=m><area href="https://example.org/"></map>',
    "svg and math": '<svg><a href="https://example.org/"><text>x</text></a></svg><math><mi>x</mi></math><p>Hi',
    "outlook": "<!--[if mso]><i>o</i><![endif]--><!--[if !mso]><!--><a href='https://example.org/'>x</a><!--<![endif]-->",
    "newsletter": "<table width=600 align=center>"
    + "".join(
        f'<tr><td style="x"><a href="https://example.org/{n}?u=1&amp;v=2">Item {n}</a></td></tr>' for n in range(40)
    )
    + "</table>",
    "frames of a reply": '<div>Yes.</div><blockquote type=cite><html><body><a href="https://example.org/">q</a></body></html>'
    "</blockquote>",
    "select and textarea": '<select><option>1</select><textarea></body></textarea><a href="https://example.org/">x</a>',
}


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_the_page_is_the_same_but_for_hrefs_and_one_image(page: Page, html: str) -> None:
    before, none, text = tree_of(page, html)
    copy = copy_of(html)
    after, pixels, shown = tree_of(page, copy.message[len(HEAD) :].decode())
    assert (none, pixels) == (0, 1)
    assert (after, shown.strip()) == (before, text.strip())
    assert copy.links


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_the_page_is_the_same_but_for_the_link_that_nobody_sees(page: Page, html: str) -> None:
    before, _, text = tree_of(page, html)
    copy = copy_of(html, honeypot=True)
    after, pixels, shown = tree_of(page, copy.message[len(HEAD) :].decode())
    assert (after, shown.split(), pixels) == (before, text.split(), 1)
    # Where a link may be open still, no browser would put one more at the end.
    assert (copy.honeypot is None) == (html in (PAGES["open elements"], PAGES["svg and math"]))


# Author's styles that would show any link, and a page that is read from right to left.
LOUD = (
    "<!doctype html><html{}><head><style>a{{display:block;padding:20px;margin:30px;border:5px solid red;min-width:50px;"
    "min-height:50px}} a::after{{content:' →'}} body{{background:#fff}}</style></head><body><p>Hi</p>"
    '<p><a href="https://example.org/">Offer</a></p><input id=last></body></html>'
)


@pytest.mark.parametrize("direction", ["", " dir=rtl"], ids=["left to right", "right to left"])
@pytest.mark.parametrize("is_stripped", [False, True], ids=["as sent", "without position"])
def test_nobody_sees_the_hidden_link(page: Page, direction: str, is_stripped: bool) -> None:
    def looks(html: str) -> tuple[bytes, list[int]]:
        page.set_content(html)
        page.evaluate("document.querySelectorAll('img').forEach(image => image.remove())")
        sizes: list[int] = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight, document.links.length]"
        )
        return page.screenshot(full_page=True), sizes

    plain = LOUD.format(direction)
    copy = copy_of(plain, honeypot=True)
    html = copy.message[len(HEAD) :].decode()
    if is_stripped:  # as webmail does, which also takes the author's pseudo-elements away
        plain, html = (one.replace("a::after{content:' →'}", "") for one in (plain, html))
        html = html.replace("position:absolute;top:-9999px;", "").replace("min-", "x-")
        plain = plain.replace("min-", "x-")
        html, plain = (one.replace("display:block;", "") for one in (html, plain))
    before, (width, height, links) = looks(plain)
    after, sizes = looks(html)
    assert sizes == [width, height, links + 1]
    assert after == before


def test_tab_never_stops_at_the_hidden_link_and_no_screen_reader_says_it(page: Page) -> None:
    copy = copy_of(LOUD.format(""), honeypot=True)
    page.set_content(copy.message[len(HEAD) :].decode())
    stops = []
    for _ in range(6):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.id"))
    assert set(stops) <= {copy.links[0].url, "last", None, ""}
    assert "last" in stops
    said = page.locator("body").aria_snapshot()
    assert said.count("link") == 1
    assert copy.links[0].url in said
    assert (copy.honeypot or "nothing") not in said

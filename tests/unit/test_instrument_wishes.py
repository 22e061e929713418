"""What a sender wants of the rewriting, and whose DKIM signature may be broken."""

import pytest

from seenby.delivery.intake import own_domain
from seenby.instrument import Analysis, Left, TextMode, Untouched, Wishes, analyse, parse_host
from seenby.instrument.wishes import shows_address
from seenby.words.address import parse_address

TRACKING = "https://t.example.com"
BOTH = b"""\
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain

https://example.org/text
--b
Content-Type: text/html

<a href="https://example.org/html">x</a>
--b--
"""


def page(body: str, wishes: Wishes) -> Analysis:
    return analyse(b"Content-Type: text/html; charset=utf-8\n\n" + body.encode(), tracking_url=TRACKING, wishes=wishes)


def targets(analysis: Analysis) -> list[str]:
    return [link.target for link in analysis.links]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param(TextMode.HTML_AND_TEXT, ["https://example.org/text", "https://example.org/html"], id="both"),
        pytest.param(TextMode.HTML_ONLY, ["https://example.org/html"], id="html only"),
        pytest.param(TextMode.TEXT_ONLY, ["https://example.org/text"], id="text only"),
        pytest.param(TextMode.NONE, [], id="none"),
    ],
)
def test_links_are_wrapped_in_the_parts_the_sender_wants(mode: TextMode, expected: list[str]) -> None:
    analysis = analyse(BOTH, tracking_url=TRACKING, wishes=Wishes(text=mode))
    assert targets(analysis) == expected
    assert analysis.pixel_possible
    assert sum(note.count for note in analysis.notes if note.reason is Left.PART_NOT_WANTED) == 2 - len(expected)


def test_without_wishes_all_is_wrapped() -> None:
    assert analyse(BOTH, tracking_url=TRACKING).links == analyse(BOTH, tracking_url=TRACKING, wishes=Wishes()).links
    assert len(analyse(BOTH, tracking_url=TRACKING).links) == 2


@pytest.mark.parametrize(
    ("href", "wrapped"),
    [
        pytest.param("https://app.example.org/x", False, id="the host"),
        pytest.param("https://APP.Example.org:443?x", False, id="capitals and a port"),
        pytest.param("https://user:pw@app.example.org/x", False, id="with a user"),
        pytest.param("https://deep.app.example.org./", False, id="below it, root dot"),
        pytest.param("https://example.org/app.example.org", True, id="above it"),
        pytest.param("https://notapp.example.org/", True, id="another of the same end"),
        pytest.param("https://example.net/@app.example.org/", True, id="in the path"),
        pytest.param("https://bücher.example/", False, id="IDN"),
        pytest.param("https://xn--bcher-kva.example/", False, id="IDN in ASCII"),
    ],
)
def test_a_host_on_the_senders_list_is_never_wrapped(href: str, wrapped: bool) -> None:
    hosts = frozenset(filter(None, (parse_host("*.App.example.org"), parse_host("Bücher.example"))))
    analysis = page(f'<p>x<a href="{href}">x</a>', Wishes(never_hosts=hosts))
    assert bool(analysis.links) == wrapped
    assert any(note.reason is Left.LISTED_HOST for note in analysis.notes) != wrapped


@pytest.mark.parametrize("text", ["", "*.", "https://example.org", "a b", "a@b", "a/b", "faß.example", "a:1"])
def test_what_is_no_host_is_not_taken_for_one(text: str) -> None:
    assert parse_host(text) is None


@pytest.mark.parametrize(
    ("shown", "is_address"),
    [
        pytest.param("https://example.org/a?b=c", True, id="a URL"),
        pytest.param(" www.example.org ", True, id="www"),
        pytest.param("example.org/path", True, id="a bare host"),
        pytest.param("example.org", True, id="a host alone"),
        pytest.param("https&#58;//example.org", True, id="with an entity"),
        pytest.param("Example.ORG:8080", True, id="with a port"),
        pytest.param("bücher.example", True, id="IDN"),
        pytest.param("https://t.example.com/x", False, id="our own host"),
        pytest.param("T.example.com", False, id="our own host, bare"),
        pytest.param("Read more", False, id="words"),
        pytest.param("rita@example.org", False, id="a mail address"),
        pytest.param("See example.org", False, id="words around it"),
        pytest.param("1.5", False, id="a number"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_an_address_is_told_from_words(shown: str, is_address: bool) -> None:
    assert shows_address(shown, tracking_url=TRACKING) == is_address


def test_a_visible_address_is_wrapped_unless_the_sender_wants_it_to_stay() -> None:
    body = (
        '<a href="https://example.org/1"><b>https://</b>example.org/1</a><a href="https://example.org/2">Two</a>'
        '<a href="https://example.org/3"><img src="x"></a><a href="https://example.org/4">example.org<a>'
    )
    assert len(page(body, Wishes()).links) == 4
    kept = page(body, Wishes(keep_visible_urls=True))
    assert targets(kept) == ["https://example.org/2", "https://example.org/3"]
    assert [(note.reason, note.count) for note in kept.notes] == [(Left.VISIBLE_URL, 2)]


def test_links_for_programs_without_scripts_are_a_choice() -> None:
    body = (
        '<noscript><a href="https://example.org/1">x</a></noscript><a href="https://example.org/2">x</a>'
        '<NOSCRIPT ><a href="https://example.org/3">x</a>'
    )
    assert len(page(body, Wishes()).links) == 3
    assert targets(page(body, Wishes(noscript=False))) == ["https://example.org/2"]


@pytest.mark.parametrize(
    ("signature", "sender", "touched"),
    [
        pytest.param("v=1; d=example.com; s=x; b=A", "example.com", True, id="the sender's domain"),
        pytest.param("v=1; d=Example.COM; s=x; b=A", "EXAMPLE.com", True, id="in capitals"),
        pytest.param("v=1;\r\n\td = example.com\r\n ;s=x; b=A", "mail.example.com", True, id="above it, folded"),
        pytest.param("v=1; d=news.example.com; b=A", "example.com", True, id="below it"),
        pytest.param("v=1; d=example.org; b=A", "example.com", False, id="another"),
        pytest.param("v=1; d=badexample.com; b=A", "example.com", False, id="one that ends alike"),
        pytest.param("v=1; d=com; b=A", "example.com", False, id="a top-level domain"),
        pytest.param("v=1; d=example.com; b=A", "", False, id="a sender we know nothing of"),
        pytest.param("v=1; d=; b=A", "example.com", False, id="no domain"),
        pytest.param("v=1; b=A", "example.com", False, id="no tag"),
        pytest.param("v=1; d=example.org; d=example.com; b=A", "example.com", False, id="two tags"),
        pytest.param("v=1; d=\xe4.com; b=A", "com", False, id="not ASCII"),
    ],
)
def test_a_signed_message_is_touched_only_if_the_signature_is_the_senders_own(
    signature: str, sender: str, touched: bool
) -> None:
    raw = f"DKIM-Signature: {signature}\r\nFrom: a@example.com\r\n\r\nhttps://example.org/\r\n".encode("latin-1")
    analysis = analyse(raw, tracking_url=TRACKING, sender_domain=sender)
    assert analysis.untouched is (None if touched else Untouched.DKIM_SIGNED)
    assert bool(analysis.links) == touched


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        pytest.param("Alice@Company.COM", "company.com", id="a company's"),
        pytest.param("alice@GMAIL.com", "", id="one that strangers share"),
    ],
)
def test_a_domain_that_strangers_share_is_nobodys_own(address: str, domain: str) -> None:
    parsed = parse_address(address)
    assert parsed is not None
    assert own_domain(parsed) == domain


def test_with_two_signatures_both_must_be_the_senders_own() -> None:
    own, other = (f"DKIM-Signature: v=1; d={domain}; b=A\r\n" for domain in ("example.com", "esp.example"))
    body = "\r\nhttps://example.org/\r\n"
    assert analyse((own + own + body).encode(), tracking_url=TRACKING, sender_domain="example.com").links
    for raw in (own + other + body, other + own + body):
        analysis = analyse(raw.encode(), tracking_url=TRACKING, sender_domain="example.com")
        assert analysis.untouched is Untouched.DKIM_SIGNED

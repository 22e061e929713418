"""What holds for every message, also for those nobody meant to be mail."""

import base64
import email
import quopri
import re
from email.message import Message
from importlib import resources

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seenby.instrument import NO_WISHES, Copy, Left, Untouched, Wishes, analyse, stamp, untouched_copy
from seenby.words import limits
from seenby.words.policy import FULL, OFF, Policy
from seenby.words.token import Keyring, Kind, encode_id, parse_token

KEYS = Keyring(keys={7: b"k" * 32}, current=7)
TRACKING = "https://t.example.com"
MESSAGE, RECIPIENT = encode_id(b"m" * 12), encode_id(b"r" * 8)
HEAD = b"From: a@example.com\r\nMIME-Version: 1.0\r\n"
HEAD += b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n"

words = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40)
paths = st.text(alphabet="abc/?&=%+,;:@!'()#._~-é漢", max_size=120)
html_pieces = st.one_of(
    words.map(lambda text: text.replace("<", "&lt;")),
    st.builds('<a href="https://example.org/{}">x</a>'.format, paths.map(lambda text: text.replace("&", "&amp;"))),
    st.builds(
        "<a class=c\r\n href='http://example.org/{}' >x</a>".format, paths.map(lambda text: text.replace("'", ""))
    ),
    st.sampled_from(
        ["<br>", "\r\n", "<!-- <a href='https://example.org/c'> -->", "<p title='>'>", "</p>", "<style>a</style>"]
    ),
    st.integers(1, 1200).map("x ".__mul__),
)
pages = st.lists(html_pieces, max_size=12).map("".join)
encodings = st.sampled_from(["8bit", "quoted-printable", "base64", "binary"])


def written(page: str, encoding: str) -> bytes:
    raw = page.encode()
    if encoding == "quoted-printable":
        return quopri.encodestring(raw.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return base64.encodebytes(raw).replace(b"\n", b"\r\n") if encoding == "base64" else raw


def copy_of(raw: bytes, policy: Policy = FULL, wishes: Wishes = NO_WISHES) -> Copy:
    analysis = analyse(raw, tracking_url=TRACKING, wishes=wishes)
    return stamp(analysis, message=MESSAGE, recipient=RECIPIENT, policy=policy, keys=KEYS, tracking_url=TRACKING)


def content(raw: bytes) -> bytes:
    parsed: Message = email.message_from_bytes(raw)
    payload = parsed.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def without_ours(page: bytes) -> bytes:
    """A page without hrefs, elements of ours and the breaks that a full line gets."""
    page = re.sub(
        rb'(?:\r\n)?<a\s+href="[^"]*" style="position:absolute;[^"]*" aria-hidden="true" tabindex="-1"></a\s*>',
        b"",
        page,
    )
    page = re.sub(rb'(?:\r\n)?<img\s+src="https://t.example.com/o/[^"]*" width="1" height="1" alt=""\s*>', b"", page)
    return re.sub(rb"\s*href=(\"[^\"]*\"|'[^']*')", b" href", page).rstrip()


@given(pages, encodings, st.booleans())
@example('<a href="https://example.org/">x</a>' + "x" * 960, "8bit", True)
@example('<a href="https://example.org/">x</a>' + "x" * 40, "quoted-printable", True)
@example('<a href="https://example.org/">x</a>--', "quoted-printable", True)
@example("x" * 998, "8bit", False)
@example("x" * 76, "quoted-printable", False)
@example("<p>\r\n" + "x" * 75 + "é", "quoted-printable", False)
@example("x" * 70 + "éé", "quoted-printable", False)
@example("0" * 3 + "\xa0" * 6 + "\U00010000" * 3 + "0", "quoted-printable", False)
@example("<body>" + "x" * 985 + "</body>", "8bit", False)
def test_only_links_and_what_is_ours_differ_whatever_the_encoding(page: str, encoding: str, honeypot: bool) -> None:
    raw = HEAD % (b"html", encoding.encode()) + written(page, encoding)
    copy = copy_of(raw, wishes=Wishes(honeypot=honeypot))
    before, after = content(raw), content(copy.message)
    assert without_ours(after) == without_ours(before)
    assert after.count(b"/o/") - before.count(b"/o/") == (copy.pixel is not None)
    assert after.count(b'aria-hidden="true"') == (copy.honeypot is not None) <= honeypot
    for link in copy.links:
        assert after.count(link.url.encode()) == 1
        token = parse_token(link.url.removeprefix(f"{TRACKING}/c/"), KEYS, kind=Kind.LINK)
        assert token is not None
        assert token.target == link.target
    if encoding in ("quoted-printable", "base64"):
        assert max(map(len, copy.message.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    elif encoding == "8bit":
        longest = max(map(len, raw.split(b"\r\n")))
        assert max(map(len, copy.message.split(b"\r\n"))) <= max(limits.LINE_BYTES, longest)


@given(st.lists(words | paths.map("https://example.org/".__add__), max_size=12).map(" ".join), encodings)
def test_prose_reads_as_before_but_for_its_links(text: str, encoding: str) -> None:
    raw = HEAD % (b"plain", encoding.encode()) + written(text, encoding)
    copy = copy_of(raw)
    after = content(copy.message)
    for link in copy.links:
        after = after.replace(link.url.encode(), link.target.encode())
    assert after.rstrip() == content(raw).rstrip()


@given(pages, encodings)
def test_instrumenting_twice_wraps_nothing_twice(page: str, encoding: str) -> None:
    once = copy_of(HEAD % (b"html", encoding.encode()) + written(page, encoding)).message
    again = analyse(once, tracking_url=TRACKING)
    assert not any(link.target.startswith(TRACKING) for link in again.links)
    followed = analyse(once, tracking_url=TRACKING, keys=KEYS)
    copy = stamp(followed, message=MESSAGE, recipient=RECIPIENT, policy=FULL, keys=KEYS, tracking_url=TRACKING)
    assert content(copy.message).count(f'"{TRACKING}/o/'.encode()) <= 1


@given(st.binary(max_size=400))
@example(b"\n")
@example(b"\r\n\r\n")
@example(b"Content-Type: text/html\r\n\r\n<")
@example(b"Content-Type: text/html\r\n\r\n<a href=")
@example(b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nA")
@example(b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=")
@example(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b")
@example(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\n--b\n--b--")
def test_no_bytes_make_us_raise(raw: bytes) -> None:
    copy = copy_of(raw)
    if copy.untouched:
        assert copy.untouched.sentence.endswith(".")
        assert copy.message == untouched_copy(raw)
    assert copy_of(raw, OFF).message == untouched_copy(raw)


@given(st.binary(max_size=300), st.sampled_from(["html", "plain"]), encodings)
def test_no_body_makes_us_raise(body: bytes, kind: str, encoding: str) -> None:
    copy_of(HEAD % (kind.encode(), encoding.encode()) + body)


@given(st.text(alphabet="<>!-/\"'= ahrefbodystyl&#x3;\n", max_size=200))
def test_no_tag_soup_makes_us_raise(soup: str) -> None:
    copy_of(HEAD % (b"html", b"8bit") + soup.encode())


def corpus() -> list[bytes]:
    """CPython's own test messages, where they are installed."""
    try:
        folder = resources.files("test.test_email.data")
        return [entry.read_bytes() for entry in folder.iterdir() if entry.name.startswith("msg_")]
    except ModuleNotFoundError:
        return []


def test_the_messages_of_cpython_come_through() -> None:
    messages = corpus()
    if not messages:
        pytest.skip("this Python comes without its tests")
    for raw in messages:
        copy = copy_of(raw)
        assert copy_of(raw, OFF).message == untouched_copy(raw)
        if copy.untouched is None:
            assert len(list(email.message_from_bytes(copy.message).walk())) == len(
                list(email.message_from_bytes(raw).walk())
            )


def multipart(parts: int) -> bytes:
    return (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\n\r\nhttps://example.org/\r\n" * parts
        + b"--b--\r\n"
    )


def nested(levels: int) -> bytes:
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    return opening + b"\r\nhttps://example.org/\r\n"


def test_parts_are_read_up_to_the_limit_and_no_further() -> None:
    assert copy_of(multipart(limits.PARTS - 1)).untouched is None
    assert copy_of(multipart(limits.PARTS)).untouched is Untouched.TOO_MANY_PARTS
    assert copy_of(nested(limits.DEPTH)).untouched is None
    assert copy_of(nested(limits.DEPTH + 1)).untouched is Untouched.TOO_DEEP


def test_links_are_wrapped_up_to_the_limit_and_no_further() -> None:
    page = HEAD % (b"html", b"8bit") + b'<a href="https://example.org/">x</a>\r\n' * (limits.LINKS + 1)
    assert len(copy_of(page).links) == limits.LINKS
    text = HEAD % (b"plain", b"8bit") + b"https://example.org/\r\n" * (limits.LINKS + 1)
    assert len(copy_of(text).links) == limits.LINKS


def test_headers_and_pages_past_their_limits_stay_as_they_are() -> None:
    long = (
        b"X-Long: "
        + b"x" * limits.HEADER_BYTES
        + b"\r\nBcc: secret@example.com\r\n"
        + HEAD % (b"html", b"8bit")
        + b"<p>x"
    )
    assert copy_of(long).untouched is Untouched.HEADERS_TOO_LONG
    assert b"secret" not in copy_of(long).message
    large = HEAD % (b"html", b"8bit") + b"<p>x</p>\r\n" * (limits.HTML_BYTES // 10 + 1)
    assert copy_of(large).untouched is Untouched.HTML_TOO_LARGE


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(multipart(200_000), id="200,000 parts"),
        pytest.param(nested(10_000), id="10,000 levels"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"x" * 10_000_000, id="10 MB on one line"),
        pytest.param(
            HEAD % (b"html", b"8bit") + b"<a href=https://example.org/>x</a>" * 50_000, id="50,000 links, one line"
        ),
        pytest.param(HEAD % (b"html", b"8bit") + b"<" * 2_000_000, id="brackets"),
        pytest.param(HEAD % (b"html", b"8bit") + b"<!--" * 1_000_000, id="comments never closed"),
        pytest.param(HEAD % (b"html", b"8bit") + b"<a href='" * 400_000, id="quotes never closed"),
        pytest.param(HEAD % (b"html", b"8bit") + b"<style>" * 400_000, id="styles never closed"),
        pytest.param(HEAD % (b"html", b"8bit") + b"<a " + b"x=y " * 800_000 + b">", id="attributes"),
        pytest.param(HEAD % (b"html", b"8bit") + b"<a href='https://" + b"&#1" * 800_000 + b"'>", id="references"),
        pytest.param(HEAD % (b"html", b"quoted-printable") + b"=41" * 1_000_000, id="escapes"),
        pytest.param(
            HEAD % (b"html", b"quoted-printable") + b"<a href=3Dhttps://e.org/>=\r\n" * 20_000, id="links in escapes"
        ),
        pytest.param(HEAD % (b"plain", b"8bit") + b"https://e.org/" + b")" * 2_000_000, id="closing brackets"),
        pytest.param(HEAD % (b"plain", b"8bit") + b"https://" * 500_000, id="schemes"),
        pytest.param(b"To: " + b'"\\' * 100_000 + b"\r\n\r\n", id="quotes in a field"),
        pytest.param(b"Subject: " + b"=?x?q?" * 40_000 + b"\r\n\r\n", id="encoded words never closed"),
        pytest.param(b"a:\r\n" * 2_000_000, id="fields without end"),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b" * 2_000_000, id="boundaries in one line"
        ),
    ],
)
def test_messages_built_to_tire_us_come_to_an_end(raw: bytes) -> None:
    """Nothing here is timed, but any quadratic step would run into the suite's time limit."""
    copy = copy_of(raw)
    analysis = analyse(raw, tracking_url=TRACKING)
    analysis.headers.first("subject")
    analysis.headers.addresses("to")
    assert len(copy.message) < 4 * len(raw)


def test_a_page_that_closes_before_its_head_gets_its_pixel_at_the_end() -> None:
    copy = copy_of(HEAD % (b"html", b"8bit") + b"<html><head></html><title>t</title></head>text\r\n")
    assert b"</head>text<img src=" in copy.message


@pytest.mark.parametrize("reason", [*Untouched, *Left])
def test_every_reason_is_a_sentence(reason: Untouched | Left) -> None:
    assert reason.sentence[0].isupper()
    assert reason.sentence.endswith(".")


def test_a_line_that_the_pixel_breaks_does_not_end_its_part() -> None:
    page = b"<body>--b--\r\n" + b"<p>long enough to be clipped</p>\r\n" * 4000 + b"</body>"
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + page + b"\r\n--b--\r\n"
    )
    copy = copy_of(raw)
    assert copy.pixel is not None
    before, after = (list(email.message_from_bytes(message).walk())[1].as_bytes() for message in (raw, copy.message))
    assert without_ours(content(after)) == without_ours(content(before))


def test_a_stranger_to_the_analysis_is_refused() -> None:
    analysis = analyse(HEAD % (b"html", b"8bit") + b"<p>x</p>", tracking_url=TRACKING)
    with pytest.raises(ValueError, match="another tracking URL"):
        stamp(analysis, message=MESSAGE, recipient=None, policy=FULL, keys=KEYS, tracking_url="https://other.example")
    with pytest.raises(ValueError, match="base64url"):
        stamp(analysis, message="short", recipient=None, policy=FULL, keys=KEYS, tracking_url=TRACKING)


def test_quoted_tracking_is_undone_for_those_who_hold_the_keys() -> None:
    first = copy_of(HEAD % (b"html", b"8bit") + b'<p><a href="https://example.org/a">x</a></p>\r\n')
    reply = analyse(first.message, tracking_url=TRACKING, keys=KEYS)
    copy = stamp(reply, message=encode_id(b"n" * 12), recipient=None, policy=FULL, keys=KEYS, tracking_url=TRACKING)
    assert [link.target for link in copy.links] == ["https://example.org/a"]
    assert first.pixel is not None
    assert first.pixel.encode() not in copy.message
    assert first.links[0].url.encode() not in copy.message

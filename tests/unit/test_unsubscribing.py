"""How wishes are written down, which copies offer to unsubscribe, and quoted ways to do so."""

import base64
import quopri
from dataclasses import replace

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from seenby.delivery.copy import copy_of
from seenby.delivery.dkim import DkimKey
from seenby.delivery.unsubscribing import unsubscribe_lines, unsubscribe_url
from seenby.instrument import Left, TextMode, Untouched, Wishes, analyse, parse_host, scan_headers, stamp
from seenby.instrument.headers import parse_unsubscribe
from seenby.instrument.wishes import read_wishes, write_wishes
from seenby.keys import new_keyring
from seenby.words.errors import PolicyError
from seenby.words.message import ClaimedCopy
from seenby.words.policy import FULL, OFF, Level
from seenby.words.token import Kind, Token, parse_token, sign_token
from tests.house import ALICE, MAIL, RITA, START

KEYS = new_keyring()
TRACKING = "https://t.test"
HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9](\.[a-z]{2,6}){1,2}", fullmatch=True).filter(
    lambda host: parse_host(host) == host
)
WISHES = st.builds(
    Wishes,
    text=st.sampled_from(TextMode),
    never_hosts=st.frozensets(HOSTS, max_size=5),
    keep_visible_urls=st.booleans(),
    noscript=st.booleans(),
    own_signatures=st.booleans(),
    honeypot=st.booleans(),
)
COPY = ClaimedCopy(
    recipient="r" * 10 + "w",
    team="t",
    message="m" * 16,
    address=RITA,
    policy=FULL,
    untracked=False,
    hop="",
    attempts=1,
    from_address=ALICE,
    message_id="<1@acme.test>",
    subject="x",
    sender="s",
    key_id=KEYS.current,
    tracking_url=TRACKING,
    accepted_at=START,
    unsubscribe=True,
)


def made(raw: bytes = MAIL, copy: ClaimedCopy = COPY, *, dkim_keys: tuple[DkimKey, ...] = ()) -> bytes:
    analysis = analyse(raw, tracking_url=copy.tracking_url, keys=KEYS, sender_domain="acme.test")
    return copy_of(analysis, copy, raw=raw, keys=KEYS, host="t.test", dkim=dkim_keys)


@given(WISHES)
def test_wishes_come_back_as_they_were_written(wishes: Wishes) -> None:
    assert read_wishes(write_wishes(wishes)) == wishes
    assert (write_wishes(wishes) == "") == (wishes == Wishes())


@given(st.text(max_size=200) | st.binary(max_size=50).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_no_text_makes_reading_wishes_raise(text: str) -> None:
    assert read_wishes(text) is None or text == ""


WRITTEN = write_wishes(Wishes(text=TextMode.NONE, never_hosts=frozenset({"a.example"})))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(WRITTEN[:-1], id="cut short"),
        pytest.param(WRITTEN.replace('"v":1', '"v":2'), id="another version"),
        pytest.param(WRITTEN[:-1] + ',"new":1}', id="a field of another version"),
        pytest.param(WRITTEN.replace('"none"', '"some"'), id="an unknown mode"),
        pytest.param(WRITTEN.replace("a.example", "A.example"), id="a host in capitals"),
        pytest.param(WRITTEN.replace('"a.example"', '""'), id="an empty host"),
        pytest.param(WRITTEN.replace('["a.example"]', "null"), id="no list"),
        pytest.param("[" * 100_000, id="absurd"),
    ],
)
def test_damaged_wishes_are_none_at_all(text: str) -> None:
    assert read_wishes(text) is None


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"X-Seenby-Unsubscribe: on\r\n", True, id="on"),
        pytest.param(b"x-seenby-unsubscribe:  OFF \r\n", False, id="off in capitals"),
        pytest.param(b"X-Seenby-Unsubscribe: on\r\nX-Seenby-Unsubscribe: on\r\n", True, id="twice the same"),
    ],
)
def test_one_message_may_differ(fields: bytes, asked: bool | None) -> None:
    assert parse_unsubscribe(scan_headers(fields + b"\r\n")) is asked


@pytest.mark.parametrize("value", [b"yes", b"", b"on off", b"on\r\nX-Seenby-Unsubscribe: off"])
def test_what_is_neither_on_nor_off_is_refused(value: bytes) -> None:
    with pytest.raises(PolicyError, match="on, or off"):
        parse_unsubscribe(scan_headers(b"X-Seenby-Unsubscribe: " + value + b"\r\n\r\n"))


def test_a_recipients_copy_offers_one_click() -> None:
    headers = scan_headers(made())
    [field] = headers.all("list-unsubscribe")
    assert headers.all("list-unsubscribe-post") == ("List-Unsubscribe=One-Click",)
    assert field.startswith("<https://t.test/u/")
    token = parse_token(field[1:-1].rpartition("/")[2], KEYS, kind=Kind.UNSUBSCRIBE)
    assert token == Token(kind=Kind.UNSUBSCRIBE, level=Level.COUNTED, message="m" * 16, recipient="r" * 10 + "w")


def test_a_copy_that_is_not_tracked_offers_it_as_well() -> None:
    copy = replace(COPY, policy=OFF, untracked=True)
    assert b"\r\nList-Unsubscribe: <https://t.test/u/" in made(copy=copy)
    assert made(copy=copy).endswith(MAIL)


def test_without_https_one_click_is_not_promised() -> None:
    headers = scan_headers(made(copy=replace(COPY, tracking_url="http://t.test")))
    assert headers.all("list-unsubscribe")
    assert not headers.all("list-unsubscribe-post")


def test_who_was_not_asked_for_it_offers_nothing() -> None:
    assert b"nsubscribe" not in made(copy=replace(COPY, unsubscribe=False))


@pytest.mark.parametrize(
    "own",
    [
        b"List-Unsubscribe: <mailto:leave@acme.test>\r\n",
        b"LIST-UNSUBSCRIBE: <https://acme.test/leave>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ],
)
def test_a_message_with_a_way_of_its_own_keeps_it(own: bytes) -> None:
    copy = made(own + MAIL)
    assert own in copy
    assert copy.lower().count(b"list-unsubscribe") == own.lower().count(b"list-unsubscribe")


SIGNED = b"DKIM-Signature: v=1; d=%s; s=s; h=From : Subject%s; bh=x; b=y\r\n"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
OWN_KEY = (DkimKey(domain="acme.test", selector="s", key=RSA),)


@pytest.mark.parametrize(
    ("signature", "keys", "added"),
    [
        pytest.param(SIGNED % (b"other.test", b""), (), True, id="somebody's, that does not cover it"),
        pytest.param(SIGNED % (b"other.test", b":List-Unsubscribe"), (), False, id="somebody's that covers it"),
        pytest.param(SIGNED % (b"other.test", b":\r\n list-unsubscribe-post"), OWN_KEY, False, id="folded"),
        pytest.param(SIGNED % (b"acme.test", b":List-Unsubscribe"), (), False, id="our own domain's, no key of ours"),
        pytest.param(SIGNED % (b"acme.test", b":List-Unsubscribe"), OWN_KEY, True, id="our own domain's, signed again"),
    ],
)
def test_nobodys_signature_is_broken_for_it(signature: bytes, keys: tuple[DkimKey, ...], added: bool) -> None:
    assert (b"\r\nList-Unsubscribe: " in made(signature + MAIL, dkim_keys=keys)) == added


def test_a_signed_message_gets_it_outside_of_what_is_signed() -> None:
    raw = (
        f"From: {ALICE}\r\nTo: {RITA}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b;\r\n"
        ' protocol="application/pkcs7-signature"; micalg=sha-256\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
        "Hello https://x.test/\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n"
    ).encode()
    copy = made(raw)
    assert b"\r\nList-Unsubscribe: " in copy
    assert copy.endswith(raw)


def test_our_signature_covers_it() -> None:
    copy = made(dkim_keys=OWN_KEY)
    public = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def record(_name: bytes, timeout: int = 5) -> bytes:
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    assert dkim.verify(copy, dnsfunc=record)
    for name in (b"List-Unsubscribe", b"List-Unsubscribe-Post"):
        lines = [line for line in copy.split(b"\r\n") if not line.startswith(name + b":")]
        assert not dkim.verify(b"\r\n".join(lines), dnsfunc=record), name
        assert not dkim.verify(name + b": x\r\n" + copy, dnsfunc=record), name


def test_lines_are_none_for_a_url_that_is_none() -> None:
    assert unsubscribe_url(replace(COPY, tracking_url="https://" + "t" * 2000), keys=KEYS) is None
    assert unsubscribe_lines(scan_headers(MAIL), url="http://t", untouched=None, is_signed_again=False) == (
        b"List-Unsubscribe: <http://t>\r\n"
    )


# ---- quoted ways to unsubscribe

EARLIER = Token(kind=Kind.UNSUBSCRIBE, level=Level.COUNTED, message="o" * 16, recipient="s" * 10 + "w")
QUOTED = f"{TRACKING}/u/{sign_token(EARLIER, KEYS)}"


def stamped(raw: bytes) -> tuple[bytes, list[Left]]:
    analysis = analyse(raw, tracking_url=TRACKING, keys=KEYS)
    copy = stamp(analysis, message="m" * 16, recipient="r" * 10 + "w", policy=FULL, keys=KEYS, tracking_url=TRACKING)
    return copy.message, [note.reason for note in analysis.notes]


def body_of(message: bytes, encoding: str) -> bytes:
    body = message.partition(b"\r\n\r\n")[2]
    return {"7bit": body, "quoted-printable": quopri.decodestring(body)}.get(encoding) or base64.b64decode(body)


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("kind", ["html", "plain"])
def test_whoever_gets_a_quoted_mail_cannot_unsubscribe_who_got_it_first(encoding: str, kind: str) -> None:
    content = f"Hi, https://x.test/ and {QUOTED} and so on.\r\n"
    if kind == "html":
        shown = f'<a class="a" href="{QUOTED}">{QUOTED}</a> <!-- {QUOTED} -->'
        content = f'<p><a href="https://x.test/">x</a> {shown} and so on.</p>\r\n'
    plain = content.encode()
    written = {"7bit": plain, "quoted-printable": quopri.encodestring(plain)}.get(encoding) or base64.encodebytes(plain)
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    message, notes = stamped(head + written.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    body = body_of(message, encoding)
    assert QUOTED.encode() not in body
    assert TRACKING.encode() + b"/u/" in body
    assert TRACKING.encode() + b"/c/" in body
    assert b"and so on." in body
    assert Left.QUOTED_UNSUBSCRIBE in notes


def test_one_inside_of_another_link_goes_with_it() -> None:
    text = f"<a href='https://x.test/?next={QUOTED}'>x</a> <a href='{QUOTED}'>leave</a><a href='{QUOTED}'>leave</a>"
    message, notes = stamped(f"Content-Type: text/html; charset=utf-8\r\n\r\n{text}\r\n".encode())
    assert QUOTED.encode() not in message
    assert message.count(b"href='https://t.test/u/'") == 2
    assert message.count(b"https://t.test/c/") == 1
    assert notes == [Left.QUOTED_UNSUBSCRIBE]


@pytest.mark.parametrize("pad", [0, 700, 900])
def test_one_in_the_same_tag_as_a_wrapped_link_spoils_nothing(pad: int) -> None:
    text = f"<p>{'x' * pad}<a title='{QUOTED}' href='https://x.test/'>x</a> <a href='{QUOTED}'>leave</a></p>"
    message, _notes = stamped(f"Content-Type: text/html; charset=utf-8\r\n\r\n{text}\r\n".encode())
    body = message.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 998
    assert body.count(b"<a") == body.count(b"href=") == 2
    assert body.count(b"title=") == 1
    assert body.count(b"leave") == 1
    assert b"href='https://t.test/u/'" in body


def test_an_oddly_written_one_goes_as_a_whole() -> None:
    odd = QUOTED.replace("/u/", "/&#117;/")
    message, notes = stamped(f"Content-Type: text/html; charset=utf-8\r\n\r\n<a href='{odd}'>leave</a>\r\n".encode())
    assert QUOTED.rpartition("/")[2].encode() not in message
    assert b"href=''" in message
    assert notes == [Left.QUOTED_UNSUBSCRIBE]


def test_a_message_that_is_left_alone_does_not_claim_to_have_been_changed() -> None:
    raw = f"Content-Type: text/plain\r\n\r\nleave: {QUOTED}\r\n".encode()
    message, notes = stamped(raw)
    assert message == raw
    assert Left.QUOTED_UNSUBSCRIBE not in notes


def test_what_we_did_not_sign_is_left_as_any_link_of_ours() -> None:
    text = f"<a href='{QUOTED[:-2]}'>leave</a> <a href='{TRACKING}/u/'>x</a>"
    message, notes = stamped(f"Content-Type: text/html; charset=utf-8\r\n\r\n{text}\r\n".encode())
    assert text.encode() in message
    assert notes == [Left.OWN_LINK]


# ---- the sender's own domain's signature


@pytest.mark.parametrize(
    ("domain", "wish", "untouched"),
    [
        pytest.param(b"acme.test", True, None, id="own, allowed"),
        pytest.param(b"acme.test", False, Untouched.SIGNATURE_KEPT, id="own, kept"),
        pytest.param(b"other.test", True, Untouched.DKIM_SIGNED, id="somebody else's"),
        pytest.param(b"other.test", False, Untouched.DKIM_SIGNED, id="somebody else's, and kept"),
    ],
)
def test_only_the_own_domains_signature_is_ever_broken_and_only_if_wished(
    domain: bytes, wish: bool, untouched: Untouched | None
) -> None:
    raw = SIGNED % (domain, b"") + MAIL
    wishes = Wishes(own_signatures=wish)
    assert analyse(raw, tracking_url=TRACKING, wishes=wishes, sender_domain="acme.test").untouched is untouched
    assert analyse(MAIL, tracking_url=TRACKING, wishes=wishes, sender_domain="acme.test").untouched is None

"""The door's parts: signatures, who is asking, what is kept."""

import re
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.tracker.answers import GIF, redirect
from seenby.tracker.client import what_is_told
from seenby.tracker.house import House
from seenby.tracker.kept import Kept, what_is_kept
from seenby.tracker.request import BadRequest, read_plain, read_strictly
from seenby.tracker.trust import Trust
from seenby.words.client import client_address, plain_address
from seenby.words.policy import Level
from seenby.words.token import (
    Keyring,
    Kind,
    Token,
    checker,
    decode_id,
    encode_id,
    level_of,
    parse_token,
    sign_token,
    target_of,
)

KEYS = Keyring(keys={7: b"k" * 32, 8: b"o" * 32}, current=7)
PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@st.composite
def signed(draw: st.DrawFn) -> tuple[Token, str]:
    kind = draw(st.sampled_from(Kind))
    is_link = kind is Kind.LINK
    token = Token(
        kind=kind,
        level=draw(st.sampled_from(Level)),
        message=encode_id(draw(st.binary(min_size=12, max_size=12))),
        recipient=draw(st.none() | st.binary(min_size=8, max_size=8).filter(any).map(encode_id)),
        link=draw(st.integers(0, 65535)) if is_link else None,
        target=draw(st.text(alphabet="abc/:?&=%#", max_size=300).map("https://x.test/".__add__)) if is_link else None,
        in_text=draw(st.booleans()) if is_link else False,
    )
    return token, sign_token(token, KEYS, key_id=draw(st.sampled_from([7, 8])), deflate=is_link and draw(st.booleans()))


@given(signed())
def test_the_door_believes_what_the_format_believes(given_token):
    token, text = given_token
    for kind in Kind:
        raw = checker(KEYS, kind)(text.encode())
        assert (raw is None) == (parse_token(text, KEYS, kind=kind) is None)
    raw = checker(KEYS, token.kind)(text.encode())
    assert raw == decode_id(text)
    assert raw is not None
    assert level_of(raw) is token.level
    if token.kind is Kind.LINK:
        assert target_of(raw) == (token.target or "").encode()


@given(signed(), st.data())
def test_whatever_is_changed_the_door_and_the_format_agree(given_token, data):
    token, text = given_token
    at = data.draw(st.integers(0, len(text)))
    spoilt = (
        text[:at] + data.draw(st.text(alphabet="A_-9+/=. ~\n", max_size=3)) + text[at + data.draw(st.integers(0, 2)) :]
    )
    assert (checker(KEYS, token.kind)(spoilt.encode()) is None) == (parse_token(spoilt, KEYS, kind=token.kind) is None)


@given(st.binary(max_size=3000))
def test_no_bytes_make_the_check_or_the_parsers_raise(text):
    assert checker(KEYS, Kind.LINK)(text) is None
    read_plain(text)
    read_strictly(text + b"\r\n\r\n")
    plain_address(text.decode("latin-1"))


def test_a_revoked_key_is_no_key():
    text = sign_token(Token(kind=Kind.PIXEL, level=Level.FULL, message="m" * 16, recipient=None), KEYS, key_id=8)
    assert checker(Keyring(keys={7: KEYS.keys[7]}, current=7), Kind.PIXEL)(text.encode()) is None


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        (Level.OFF, Kept.NOTHING),
        (Level.COUNTED, Kept.HIT),
        (Level.IDENTIFIED, Kept.CLIENT),
        (Level.FULL, Kept.CLIENT),
    ],
)
def test_the_level_decides_what_is_kept(level, kept):
    assert what_is_kept(level) is kept


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        pytest.param("", "10.0.0.1", id="says nothing"),
        pytest.param("192.0.2.7", "192.0.2.7", id="one"),
        pytest.param("6.6.6.6, 192.0.2.7", "192.0.2.7", id="the rightmost, not what the client wrote"),
        pytest.param("6.6.6.6, 192.0.2.7, 10.1.1.1", "192.0.2.7", id="behind two proxies"),
        pytest.param("192.0.2.7,unknown", "192.0.2.7", id="garbage on the right"),
        pytest.param("<script>,,;;, ", "10.0.0.1", id="garbage only"),
        pytest.param("10.3.3.3, 10.1.1.1", "10.3.3.3", id="proxies only"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.7", id="mapped"),
        pytest.param("6.6.6.6, ::ffff:10.1.1.1", "6.6.6.6", id="a mapped proxy"),
        pytest.param("[2001:db8::1]:443", "2001:db8::1", id="IPv6 with port"),
        pytest.param("192.0.2.7:1234", "192.0.2.7", id="IPv4 with port"),
        pytest.param("2001:DB8:0::1", "2001:db8::1", id="IPv6"),
    ],
)
def test_behind_a_trusted_proxy_the_rightmost_untrusted_address_is_the_client(forwarded, client):
    assert client_address("10.0.0.1", forwarded, PROXIES) == client


def test_only_evidence_is_read_from_headers_and_lines_of_one_name_are_joined():
    told = what_is_told(
        [
            (b"cookie", b"secret=1"),
            (b"referer", b"https://mail.test/inbox"),
            (b"accept", b"image/*"),
            (b"accept", b"text/html"),
            (b"user-agent", b"M" * 900),
            (b"x-forwarded-for", b"192.0.2.1"),
            (b"x-forwarded-for", b"192.0.2.2"),
        ]
    )
    assert dict(told.headers) == {"accept": "image/*, text/html"}
    assert told.agent == "M" * 500
    assert told.forwarded == "192.0.2.1,192.0.2.2"


@pytest.mark.parametrize(
    "target",
    [
        b"javascript:alert(1)",
        b"https://x.test/a\r\nX: 1",
        b"https://x.test/a b",
        b"//x.test",
        b"https://x\x80",
        b"ftp://x",
    ],
)
def test_no_answer_leads_to_a_target_that_is_not_plain_http(target):
    assert redirect(target) is None


def test_the_pixel_is_one_transparent_point():
    assert GIF[:6] == b"GIF89a"
    assert GIF[6:10] == bytes([1, 0, 1, 0])
    assert GIF[-1:] == b";"
    assert re.search(rb"!\xf9\x04[\x01\x05]..\x00\x00", GIF)  # colour 0 is transparent
    bits = int.from_bytes(GIF[-4:-2], "little")
    assert [bits & 7, bits >> 3 & 7, bits >> 6 & 7] == [4, 0, 5]  # clear, colour 0, end


@pytest.mark.parametrize(
    "head",
    [
        b"GET /o/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"GET /o/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /o/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /o/x HTTP/1.0\r\nHost: a\r\n\r\n",
        b"GET http://a/o/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /o/x HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /o/x HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        b"GET /o/x HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET /o/x HTTP/1.1\r\nHost: a\x00\r\n\r\n",
        b"HEAD /o/x HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_only_a_plain_get_takes_the_fast_way(head):
    assert read_plain(head) is None


def test_both_readers_read_the_same():
    head = b"GET /o/abc?x=/c/1 HTTP/1.1\r\nHost: a\r\nUSER-agent:  Mail\t\r\naccept:*/*\r\n\r\n"
    plain, strict = read_plain(head), read_strictly(head)
    assert plain is not None
    assert not isinstance(strict, BadRequest)
    assert plain == (strict.path, strict.told)
    assert plain[0] == b"/o/abc"


class Late:
    """A guest whose time is up, unless it was heard meanwhile."""

    def __init__(self) -> None:
        self.cuts = 0

    def is_overdue(self, now: float) -> bool:
        return True

    def cut_off(self) -> None:
        self.cuts += 1

    def finish(self) -> None:
        raise AssertionError


def test_after_a_pause_of_ours_nobody_is_cut_off_before_they_were_heard():
    house = House(trust=Trust(KEYS), journal=None, trusted_proxies=(), request_seconds=15.0, most_connections=9)
    guest = Late()
    assert house.let_in(guest)
    house.now -= 60
    house.sweep()
    assert guest.cuts == 0
    house.sweep()
    assert guest.cuts == 1

"""A copy's base64 is what encoding the whole body anew would give, though most lines were encoded beforehand."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.instrument import analyse, stamp
from seenby.words.policy import Level, Policy
from seenby.words.token import Keyring, encode_id

KEYS = Keyring(keys={7: b"k" * 32}, current=7)
URL = "https://t.test"
HEAD = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n"
words = st.integers(0, 200).map(lambda length: "w" * length)
links = st.integers(0, 90).map(lambda length: f'<a href="https://x.test/{"y" * length}">')


def _stamped(raw: bytes, pixels: Level, links: Level) -> bytes:
    analysis = analyse(raw, tracking_url=URL)
    return stamp(
        analysis,
        message=encode_id(b"m" * 12),
        recipient=encode_id(b"r" * 8),
        policy=Policy(pixels=pixels, links=links),
        keys=KEYS,
        tracking_url=URL,
    ).message


@pytest.mark.parametrize(
    ("pixels", "wrapped"), [(Level.FULL, Level.FULL), (Level.OFF, Level.FULL), (Level.FULL, Level.OFF)]
)
@given(st.lists(words | links, min_size=1, max_size=12), st.sampled_from([b"", b"\r\n", b"\r\n\r\n"]))
def test_a_base64_body_is_one_piece_of_base64(pixels, wrapped, parts, tail):
    page = ("<p>x" + "".join(parts)).encode()
    body = base64.encodebytes(page).rstrip().replace(b"\n", b"\r\n") + tail
    made = _stamped(HEAD + b"\r\n" + body, pixels, wrapped).partition(b"\r\n\r\n")[2]
    plain = _stamped(HEAD.replace(b"base64", b"binary") + b"\r\n" + page, pixels, wrapped).partition(b"\r\n\r\n")[2]
    assert made == base64.encodebytes(plain).rstrip().replace(b"\n", b"\r\n") + tail
    assert pixels is Level.OFF or b"https://t.test/o/" in plain

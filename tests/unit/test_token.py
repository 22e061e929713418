"""A token reads back as it was signed, and as nothing else."""

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.words.policy import Level
from seenby.words.token import (
    MAX_URL,
    PATHS,
    Keyring,
    Kind,
    Minter,
    Token,
    decode_id,
    encode_id,
    link_tail,
    parse_token,
    sign_token,
    token_url,
)

KEYS = Keyring(keys={7: b"k" * 32, 8: b"o" * 32}, current=7)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
targets = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=400).map(
    "https://x.test/".__add__
)


@st.composite
def tokens(draw: st.DrawFn) -> Token:
    kind = draw(st.sampled_from(Kind))
    is_link = kind is Kind.LINK
    return Token(
        kind=kind,
        level=draw(st.sampled_from(Level)),
        message=encode_id(draw(st.binary(min_size=12, max_size=12))),
        recipient=draw(st.none() | st.binary(min_size=8, max_size=8).filter(any).map(encode_id)),
        link=draw(st.integers(0, 65535)) if is_link else None,
        target=draw(targets) if is_link else None,
        in_text=draw(st.booleans()) if is_link else False,
    )


@given(tokens(), st.booleans(), st.sampled_from([7, 8]))
def test_what_was_signed_reads_back(token, deflate, key_id):
    text = sign_token(token, KEYS, key_id=key_id, deflate=deflate)
    assert parse_token(text, KEYS, kind=token.kind) == token
    for other in set(Kind) - {token.kind}:
        assert parse_token(text, KEYS, kind=other) is None


@given(tokens(), st.data())
def test_any_one_character_changed_is_nothing_of_ours(token, data):
    text = sign_token(token, KEYS)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(ALPHABET).filter(lambda letter: letter != text[at]))
    assert parse_token(text[:at] + other + text[at + 1 :], KEYS, kind=token.kind) is None


def _by_the_book(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


@given(st.text(ALPHABET, max_size=70) | st.text(ALPHABET + "+/=é \n", max_size=70))
def test_an_id_is_read_as_the_standard_library_reads_and_writes_it(text):
    assert decode_id(text) == _by_the_book(text)


@given(st.binary(max_size=70))
def test_an_id_is_written_as_the_standard_library_writes_it(raw):
    assert encode_id(raw) == base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(tokens(), st.sampled_from([7, 8]), st.sampled_from(["https://t.test", "https://mail.example.org:8443"]))
def test_a_minted_url_is_the_url_of_the_signed_token(token, key_id, base):
    minter = Minter(
        base, token.kind, token.level, message=token.message, recipient=token.recipient, keys=KEYS, key_id=key_id
    )
    tail: bytes | None = b""
    if token.kind is Kind.LINK:
        tail = link_tail(base, token.link, token.target, in_text=token.in_text)
    assert tail is not None
    url = base + PATHS[token.kind] + sign_token(token, KEYS, key_id=key_id)
    assert minter.url(tail) == url == token_url(base, token, KEYS, key_id=key_id)
    assert minter.url(tail) == url  # and again: minting leaves nothing behind


@given(st.integers(0, 1800), st.integers(0, 120))
def test_a_links_url_is_compressed_only_when_it_would_be_too_long(length, at):
    base = "https://t.test"
    token = _link("https://x.test/" + "x" * length + f"{at}")
    plain = base + PATHS[Kind.LINK] + sign_token(token, KEYS)
    small = base + PATHS[Kind.LINK] + sign_token(token, KEYS, deflate=True)
    assert token_url(base, token, KEYS) == (plain if len(plain) <= MAX_URL else small)


@given(st.text(max_size=200))
def test_strangers_cannot_make_it_raise(text):
    assert parse_token(text, KEYS, kind=Kind.PIXEL) is None


@pytest.mark.parametrize(
    "spoil", ["{}=", "{}==", " {}", "{}\n", "{}A"], ids=["padded", "padded twice", "space", "line", "longer"]
)
def test_only_canonical_base64url_is_believed(spoil):
    token = Token(kind=Kind.PIXEL, level=Level.FULL, message=encode_id(b"m" * 12), recipient=encode_id(b"r" * 8))
    assert parse_token(spoil.format(sign_token(token, KEYS)), KEYS, kind=Kind.PIXEL) is None


def test_an_unknown_key_is_nothing_of_ours():
    token = Token(kind=Kind.PIXEL, level=Level.FULL, message=encode_id(b"m" * 12), recipient=None)
    text = sign_token(token, KEYS, key_id=8)
    assert parse_token(text, Keyring(keys={7: b"k" * 32}, current=7), kind=Kind.PIXEL) is None


def _link(target: str) -> Token:
    return Token(
        kind=Kind.LINK,
        level=Level.FULL,
        message=encode_id(b"m" * 12),
        recipient=encode_id(b"r" * 8),
        link=0,
        target=target,
    )


def test_a_long_link_is_compressed_and_reads_back():
    token = _link("https://x.test/?q=" + "abc" * 2000)
    url = token_url("https://t.test", token, KEYS)
    assert url is not None
    assert len(url) <= MAX_URL
    assert parse_token(url.rpartition("/")[2], KEYS, kind=Kind.LINK) == token


def test_a_link_too_long_even_compressed_is_left_alone():
    noise = "".join(f"{n * n * 2654435761 % 2**32:08x}" for n in range(500))
    assert token_url("https://t.test", _link("https://x.test/" + noise), KEYS) is None

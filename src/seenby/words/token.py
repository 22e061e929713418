"""A token: what a pixel or link URL carries, signed, so that its hit needs no look-up.

Layout (bytes), written as canonical base64url without padding:

    version 1 | kind 1 | key id 2 | level 1 | message 12 | recipient 8 | [link 2 | flags 1 | target …] | MAC 16

The MAC is keyed BLAKE2b (RFC 7693) over everything before it, kind included, so that a token of
one kind is never good for another. Nothing in it is sequential and nothing is an address; a
recipient of eight zero bytes is nobody. Tokens are for ever: links in old mail must keep working,
so a new layout gets a new version number and this one stays readable.
"""

import base64
import binascii
import hmac
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Final

from seenby.words.policy import Level

VERSION: Final = 1
MAC_BYTES: Final = 16
MESSAGE_BYTES: Final = 12
RECIPIENT_BYTES: Final = 8
MAX_TARGET: Final = 8000  # bytes of a link's target, before compression
MAX_TOKEN: Final = 2700  # characters; a longer path is nothing of ours
MAX_URL: Final = 2000  # characters: longer ones are cut by some mail clients and scanners
_NOBODY: Final = bytes(RECIPIENT_BYTES)
_HEAD: Final = struct.Struct(">BBHB12s8s")
_LINK: Final = struct.Struct(">HB")
_FLAG_TEXT: Final = 1  # the link stood in the text/plain part
_FLAG_DEFLATED: Final = 2  # the target is raw DEFLATE (RFC 1951)
_PERSON: Final = b"seenby.token.1"


class Kind(IntEnum):
    """What a token opens. The numbers are part of the format."""

    PIXEL = 1
    LINK = 2
    UNSUBSCRIBE = 3
    PREFERENCES = 4


PATHS: Final[Mapping[Kind, str]] = {
    Kind.PIXEL: "/o/",
    Kind.LINK: "/c/",
    Kind.UNSUBSCRIBE: "/u/",
    Kind.PREFERENCES: "/p/",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What we promised ourselves when the message was sent.

    `message` and `recipient` are base64url texts of 12 and 8 random bytes; `recipient` is None for
    the counted level, where everybody shares one token. `link` is the link's number in the message,
    `target` the exact bytes of the redirect's Location, as ASCII text; both None unless kind is LINK.
    """

    kind: Kind
    level: Level
    message: str
    recipient: str | None
    link: int | None = None
    target: str | None = None
    in_text: bool = False


@dataclass(frozen=True, slots=True)
class Keyring:
    """The signing keys by id; `current` signs, all of them are believed."""

    keys: Mapping[int, bytes]
    current: int


def encode_id(raw: bytes) -> str:
    """Bytes as canonical base64url text without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_id(text: str) -> bytes | None:
    """The bytes of canonical, unpadded base64url, or None. Never raises."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if encode_id(raw) == text else None


def _mac(key: bytes, body: bytes) -> bytes:
    return blake2b(body, key=key, digest_size=MAC_BYTES, person=_PERSON).digest()


def _deflated(target: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(target) + squeeze.flush()


def sign_token(token: Token, keys: Keyring, *, key_id: int | None = None, deflate: bool = False) -> str:
    """The text of `token`, signed by `key_id` (the current key unless named)."""
    used = keys.current if key_id is None else key_id
    message, recipient = decode_id(token.message), decode_id(token.recipient or "") or _NOBODY
    if message is None or len(message) != MESSAGE_BYTES or len(recipient) != RECIPIENT_BYTES:
        raise ValueError("a token needs a message id of 12 bytes and a recipient id of 8, in base64url")
    body = _HEAD.pack(VERSION, token.kind, used, token.level, message, recipient)
    if token.kind is Kind.LINK:
        target = (token.target or "").encode("ascii")
        flags = (_FLAG_TEXT if token.in_text else 0) | (_FLAG_DEFLATED if deflate else 0)
        body += _LINK.pack(token.link or 0, flags) + (_deflated(target) if deflate else target)
    return encode_id(body + _mac(keys.keys[used], body))


def parse_token(text: str, keys: Keyring, *, kind: Kind) -> Token | None:
    """The token that `text` is, if we signed it for `kind`; else None. Never raises: anyone may send us anything."""
    raw = decode_id(text) if len(text) <= MAX_TOKEN and text.isascii() else None
    if raw is None or len(raw) < _HEAD.size + MAC_BYTES:
        return None
    body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    version, said, key_id, *_rest = _HEAD.unpack_from(body)
    key = keys.keys.get(key_id)
    if key is None or version != VERSION or said != kind or not hmac.compare_digest(mac, _mac(key, body)):
        return None
    return read_token(raw)


def read_token(raw: bytes) -> Token | None:
    """The fields of a token's bytes, its MAC not looked at: for tokens that were checked before."""
    body = raw[:-MAC_BYTES]
    try:
        version, said, _key_id, level, message, recipient = _HEAD.unpack_from(body)
        if version != VERSION:
            return None
        kind = Kind(said)
        person = None if recipient == _NOBODY else encode_id(recipient)
        token = Token(kind=kind, level=Level(level), message=encode_id(message), recipient=person)
        if kind is not Kind.LINK:
            return token if len(body) == _HEAD.size else None
        number, flags = _LINK.unpack_from(body, _HEAD.size)
        target = body[_HEAD.size + _LINK.size :]
        if flags & _FLAG_DEFLATED:
            target = _inflated(target)
        return Token(
            kind=kind,
            level=token.level,
            message=token.message,
            recipient=person,
            link=number,
            target=target.decode("ascii"),
            in_text=bool(flags & _FLAG_TEXT),
        )
    except (struct.error, ValueError, zlib.error):
        return None


def token_key_id(raw: bytes) -> int:
    """Under which key a token's bytes say they were signed."""
    key_id: int = _HEAD.unpack_from(raw)[2]
    return key_id


def _inflated(squeezed: bytes) -> bytes:
    """At most MAX_TARGET bytes out of raw DEFLATE; ValueError when there would be more."""
    inflate = zlib.decompressobj(-15)
    target = inflate.decompress(squeezed, MAX_TARGET + 1)
    if len(target) > MAX_TARGET or not inflate.eof or inflate.unused_data:
        raise ValueError("not the target we packed")
    return target


def token_url(base: str, token: Token, keys: Keyring, *, key_id: int | None = None) -> str | None:
    """The URL that carries `token` under `base` (no slash at its end); None when it would be too long.

    A URL past MAX_URL characters is tried compressed; the caller leaves the link alone on None.
    """
    for deflate in (False, True) if token.kind is Kind.LINK else (False,):
        url = base + PATHS[token.kind] + sign_token(token, keys, key_id=key_id, deflate=deflate)
        if len(url) <= MAX_URL:
            return url
    return None

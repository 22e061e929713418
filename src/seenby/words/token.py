"""A token: what a pixel or link URL carries, signed, so that its hit needs no look-up.

Layout (bytes), written as canonical base64url without padding:

    version 1 | kind 1 | key id 2 | level 1 | message 12 | recipient 8 | [link 2 | flags 1 | target …] | MAC 16

The MAC is keyed BLAKE2s (RFC 7693) over everything before it, kind included, so that a token of
one kind is never good for another. Nothing in it is sequential and nothing is an address; a
recipient of eight zero bytes is nobody. Tokens are for ever: links in old mail must keep working,
so a new layout gets a new version number and this one stays readable.
"""

import binascii
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2s
from hmac import compare_digest
from typing import Final

from seenby.words.policy import Level

VERSION: Final = 1
MAC_BYTES: Final = 16
MESSAGE_BYTES: Final = 12
RECIPIENT_BYTES: Final = 8
MAX_TARGET: Final = 8000  # bytes of a link's target, before compression
MAX_TOKEN: Final = 2700  # characters; a longer path is nothing of ours
HONEYPOT_LINK: Final = 0xFFFF  # the number of the link that nobody sees; those of a message are far below
MAX_URL: Final = 2000  # characters: longer ones are cut by some mail clients and scanners
_NOBODY: Final = bytes(RECIPIENT_BYTES)
_HEAD: Final = struct.Struct(">BBHB12s8s")
_LINK: Final = struct.Struct(">HB")
_ROUTE: Final = struct.Struct(">BBHB")  # the head's first fields: which key is to have signed it, and for what
KIND_AT: Final = 1  # where a token's bytes hold its kind
LEVEL_AT: Final = _ROUTE.size - 1  # and its level
_FLAGS_AT: Final = _HEAD.size + _LINK.size - 1
_TARGET_AT: Final = _HEAD.size + _LINK.size
_FLAG_TEXT: Final = 1  # the link stood in the text/plain part
_FLAG_DEFLATED: Final = 2  # the target is raw DEFLATE (RFC 1951)
_PERSON: Final = b"seenby.1"
_LEVELS: Final = {int(level): level for level in Level}
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")  # what is not of base64url becomes what is not of base64
_PADDING: Final = (b"", b"", b"==", b"=")
_ANY: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_FILL: Final = b"A"  # six bits that are zero
_LAST: Final = (_ANY, b"", b"AQgw", b"AEIMQUYcgkosw048")  # last characters without spare bits, by length modulo 4


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
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def decode_id(text: str) -> bytes | None:
    """The bytes of canonical, unpadded base64url, or None. Never raises."""
    return _decoded(text.encode("ascii")) if text.isascii() else None


def _decoded(text: bytes) -> bytes | None:
    """As `decode_id`: of the last character no bit may be spare and set (RFC 4648 3.5)."""
    over = len(text) % 4
    if not text or text[-1] not in _LAST[over]:
        return None if text else b""
    try:
        return binascii.a2b_base64(text.translate(_FROM_URL) + _PADDING[over], strict_mode=True)
    except ValueError:
        return None


def _decoded_together(texts: Sequence[bytes], octets: int) -> list[bytes] | None:
    """As `_decoded` each, of texts of `octets` bytes each; None when that is not true of all of them.

    One character more makes each of them whole bytes, so that what is spare is in a byte of its own.
    """
    try:
        read = binascii.a2b_base64(_FILL.join([*texts, b""]).translate(_FROM_URL), strict_mode=True)
    except ValueError:
        return None
    step = octets + 1
    return None if any(read[octets::step]) else [read[at : at + octets] for at in range(0, len(read), step)]


def _written_length(octets: int) -> int:
    """Characters of so many bytes in base64url without padding."""
    return math.ceil(octets * 4 / 3)


def _seed(key: bytes) -> blake2s:
    """The MAC's beginning, to be copied: setting the key up costs as much as hashing a token."""
    return blake2s(key=key, digest_size=MAC_BYTES, person=_PERSON)


def _head(kind: Kind, level: Level, message: str, recipient: str | None, key_id: int) -> bytes:
    who, whom = decode_id(message), decode_id(recipient or "") or _NOBODY
    if who is None or len(who) != MESSAGE_BYTES or len(whom) != RECIPIENT_BYTES:
        raise ValueError("a token needs a message id of 12 bytes and a recipient id of 8, in base64url")
    return _HEAD.pack(VERSION, kind, key_id, level, who, whom)


def _tail(number: int, target: str, *, in_text: bool, deflate: bool) -> bytes:
    flags = (_FLAG_TEXT if in_text else 0) | (_FLAG_DEFLATED if deflate else 0)
    written = target.encode("ascii")
    return _LINK.pack(number, flags) + (_deflated(written) if deflate else written)


def _deflated(target: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(target) + squeeze.flush()


def sign_token(token: Token, keys: Keyring, *, key_id: int | None = None, deflate: bool = False) -> str:
    """The text of `token`, signed by `key_id` (the current key unless named)."""
    used = keys.current if key_id is None else key_id
    body = _head(token.kind, token.level, token.message, token.recipient, used)
    if token.kind is Kind.LINK:
        body += _tail(token.link or 0, token.target or "", in_text=token.in_text, deflate=deflate)
    mac = _seed(keys.keys[used])
    mac.update(body)
    return encode_id(body + mac.digest())


def checker(keys: Keyring, kind: Kind) -> Callable[[bytes], bytes | None]:
    """A function from a token's text to its bytes, if we signed it for `kind`; else None. It never raises."""
    check = checker_of_many(keys, kind)
    return lambda text: check([text])[0]


def checker_of_many(keys: Keyring, kind: Kind) -> Callable[[Sequence[bytes]], list[bytes | None]]:
    """As `checker`, for as many texts as there are; the tracker gives it all that came in one turn of its loop.

    It builds no `Token`, because it is asked about every hit.
    """
    seeds = {
        _ROUTE.pack(VERSION, kind, key_id, level): _seed(key).copy
        for key_id, key in keys.keys.items()
        for level in Level
    }
    octets = (_TARGET_AT if kind is Kind.LINK else _HEAD.size) + MAC_BYTES
    least = _written_length(octets)
    most = MAX_TOKEN if kind is Kind.LINK else least
    route, mac_at = _ROUTE.size, -MAC_BYTES

    def decoded(texts: Sequence[bytes]) -> Sequence[bytes | None]:
        if least == most and least % 4 == 3 and {*map(len, texts)} == {least}:
            together = _decoded_together(texts, octets)
            if together is not None:
                return together
        return [_decoded(text) if least <= len(text) <= most else None for text in texts]

    def check(texts: Sequence[bytes]) -> list[bytes | None]:
        believed: list[bytes | None] = []
        for raw in decoded(texts):
            if raw is None or (seed := seeds.get(raw[:route])) is None:
                believed.append(None)
                continue
            mac = seed()
            mac.update(raw[:mac_at])
            believed.append(raw if compare_digest(mac.digest(), raw[mac_at:]) else None)
        return believed

    return check


def parse_token(text: str, keys: Keyring, *, kind: Kind) -> Token | None:
    """The token that `text` is, if we signed it for `kind`; else None. Never raises: anyone may send us anything."""
    raw = checker(keys, kind)(text.encode("ascii")) if text.isascii() else None
    return read_token(raw) if raw else None


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
        target = body[_TARGET_AT:]
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


def level_of(raw: bytes) -> Level:
    """The level in the checked bytes of a token."""
    return _LEVELS[raw[LEVEL_AT]]


def message_of(raw: bytes) -> bytes:
    """The message's id in the checked bytes of a token."""
    return raw[_ROUTE.size : _ROUTE.size + MESSAGE_BYTES]


def target_of(raw: bytes) -> bytes | None:
    """The target in the checked bytes of a link's token."""
    target = raw[_TARGET_AT:-MAC_BYTES]
    try:
        return _inflated(target) if raw[_FLAGS_AT] & _FLAG_DEFLATED else target
    except (ValueError, zlib.error):
        return None


def _inflated(squeezed: bytes) -> bytes:
    """At most MAX_TARGET bytes out of raw DEFLATE; ValueError when there would be more."""
    inflate = zlib.decompressobj(-15)
    target = inflate.decompress(squeezed, MAX_TARGET + 1)
    if len(target) > MAX_TARGET or not inflate.eof or inflate.unused_data:
        raise ValueError("not the target we packed")
    return target


def link_tail(base: str, number: int, target: str, *, in_text: bool) -> bytes | None:
    """What a link's tokens hold behind their heads, the same for every recipient; None when no URL can hold it.

    A target whose URL under `base` would be longer than MAX_URL characters is compressed.
    """
    room = MAX_URL - len(base) - len(PATHS[Kind.LINK])
    for deflate in (False, True):
        tail = _tail(number, target, in_text=in_text, deflate=deflate)
        if _written_length(_HEAD.size + len(tail) + MAC_BYTES) <= room:
            return tail
    return None


class Minter:
    """Makes the URLs of one kind for one message and recipient; what they share is packed and hashed once."""

    __slots__ = ("_head", "_prefix", "_seed")

    def __init__(
        self,
        base: str,
        kind: Kind,
        level: Level,
        *,
        message: str,
        recipient: str | None,
        keys: Keyring,
        key_id: int | None = None,
    ) -> None:
        used = keys.current if key_id is None else key_id
        self._head = _head(kind, level, message, recipient, used)
        self._prefix = base + PATHS[kind]
        self._seed = _seed(keys.keys[used])
        self._seed.update(self._head)

    def url(self, tail: bytes = b"") -> str:
        """The URL of the token that goes on with `tail`: a link's `link_tail`, nothing for the other kinds."""
        mac = self._seed.copy()
        mac.update(tail)
        return self._prefix + encode_id(self._head + tail + mac.digest())


def token_url(base: str, token: Token, keys: Keyring, *, key_id: int | None = None) -> str | None:
    """The URL that carries `token` under `base` (no slash at its end); None when it would be too long.

    The caller leaves the link alone on None.
    """
    is_link = token.kind is Kind.LINK
    tail = link_tail(base, token.link or 0, token.target or "", in_text=token.in_text) if is_link else b""
    if tail is None:
        return None
    minter = Minter(
        base, token.kind, token.level, message=token.message, recipient=token.recipient, keys=keys, key_id=key_id
    )
    url = minter.url(tail)
    return url if len(url) <= MAX_URL else None

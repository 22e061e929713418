"""Checking a token's bytes, and no more than that: what the door needs to answer.

`seenby.words.token` owns the format; this is its first half again, without building a Token, because the
tracker does it tens of thousands of times a second. A property test holds the two to the same answers.
"""

import binascii
import hmac
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from seenby.words.policy import Level
from seenby.words.token import MAC_BYTES, MAX_TOKEN, VERSION, Keyring, Kind, read_token

_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")  # what is not of base64url becomes what is not of base64
_PADDING: Final = (b"", b"", b"==", b"=")
_ANY: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST: Final = (_ANY, b"", b"AQgw", b"AEIMQUYcgkosw048")  # by length modulo 4
_LEVEL_AT: Final = 4
_HEAD_BYTES: Final = 25
_TARGET_AT: Final = 28
_FLAGS_AT: Final = 27
_DEFLATED: Final = 2
_PERSON: Final = b"seenby.token.1"
_LEVELS: Final = {int(level): level for level in Level}


def checker(keys: Keyring) -> Callable[[bytes, Kind], bytes | None]:
    """A function from a text and a kind to the token's bytes, if we signed it for that kind. It never raises."""
    seeds = {
        key_id.to_bytes(2, "big"): blake2b(key=key, digest_size=MAC_BYTES, person=_PERSON)
        for key_id, key in keys.keys.items()
    }
    starts = {kind: bytes((VERSION, kind)) for kind in Kind}

    def check(text: bytes, kind: Kind) -> bytes | None:
        raw = _decoded(text)
        if raw is None or len(raw) < _HEAD_BYTES + MAC_BYTES or raw[:2] != starts[kind]:
            return None
        seed = seeds.get(raw[2:4])
        if (
            seed is None
            or raw[_LEVEL_AT] not in _LEVELS
            or (kind is not Kind.LINK and len(raw) != _HEAD_BYTES + MAC_BYTES)
        ):
            return None
        mac = seed.copy()
        mac.update(raw[:-MAC_BYTES])
        return raw if hmac.compare_digest(mac.digest(), raw[-MAC_BYTES:]) else None

    return check


def level_of(raw: bytes) -> Level:
    """The level in the checked bytes of a token."""
    return _LEVELS[raw[_LEVEL_AT]]


def target_of(raw: bytes) -> bytes | None:
    """The target in the checked bytes of a link's token."""
    if len(raw) < _TARGET_AT + MAC_BYTES:
        return None
    if not raw[_FLAGS_AT] & _DEFLATED:
        return raw[_TARGET_AT:-MAC_BYTES]
    token = read_token(raw)
    return token.target.encode("ascii") if token and token.target else None


def _decoded(text: bytes) -> bytes | None:
    """The bytes of canonical, unpadded base64url: the last character's spare bits must be zero (RFC 4648, 3.5)."""
    spare = len(text) % 4
    if not text or len(text) > MAX_TOKEN or text[-1] not in _LAST[spare]:
        return None
    try:
        return binascii.a2b_base64(text.translate(_STANDARD) + _PADDING[spare], strict_mode=True)
    except ValueError:
        return None

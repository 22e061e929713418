"""A return address: the envelope sender of one recipient's copy, signed, so that what comes back finds its copy.

    b- | base32 of: recipient 8 | key id 2 | MAC 15          42 characters, then @ and our domain

The MAC is keyed BLAKE2b (RFC 7693) under a name of its own: no other token is good as a return
address, nor the other way round. Some mail systems fold the case of a local part, though only its own
host may (RFC 5321 2.4): so it is written in base32 (RFC 4648 6), which reads the same in any case. 25
bytes fill 40 characters without a spare bit, so that an address has one spelling and no other.
"""

import base64
import binascii
import hmac
import struct
from hashlib import blake2b
from typing import Final

from seenby.words.address import parse_address
from seenby.words.token import RECIPIENT_BYTES, Keyring, decode_id, encode_id

PREFIX: Final = "b-"  # a new layout gets another one
MAC_BYTES: Final = 15
_BODY: Final = struct.Struct(">8sH")
_LOCAL: Final = len(PREFIX) + (_BODY.size + MAC_BYTES) * 8 // 5
_PERSON: Final = b"seenby.return.1"


def sign_return_path(recipient: str, keys: Keyring, *, domain: str, key_id: int | None = None) -> str:
    """The return address of a recipient's copy, signed by `key_id` (the current key unless named)."""
    used = keys.current if key_id is None else key_id
    who = decode_id(recipient)
    if who is None or len(who) != RECIPIENT_BYTES:
        raise ValueError("a return address needs a recipient id of 8 bytes, in base64url")
    body = _BODY.pack(who, used)
    written = base64.b32encode(body + _mac(body, keys.keys[used])).decode("ascii").lower()
    return f"{PREFIX}{written}@{domain}"


def parse_return_path(text: str, keys: Keyring, *, domain: str) -> str | None:
    """The recipient whose return address at `domain` `text` is, if we signed it; else None. Never raises."""
    address = parse_address(text)
    if address is None or not domain or address.domain != domain or not address.local.isascii():
        return None
    local = address.local.lower()
    if len(local) != _LOCAL or not local.startswith(PREFIX):
        return None
    try:
        raw = base64.b32decode(local[len(PREFIX) :].upper())
    except binascii.Error:
        return None
    body, mac = raw[: _BODY.size], raw[_BODY.size :]
    who, key_id = _BODY.unpack(body) if len(raw) == _BODY.size + MAC_BYTES else (b"", 0)
    key = keys.keys.get(key_id)
    return encode_id(who) if key is not None and hmac.compare_digest(mac, _mac(body, key)) else None


def _mac(body: bytes, key: bytes) -> bytes:
    return blake2b(body, key=key, digest_size=MAC_BYTES, person=_PERSON).digest()

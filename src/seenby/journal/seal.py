"""A seal on what travels over the bus: whoever may write to it, but has no tracking key, moves nothing.

Without it, one leaked NATS password could invent hits, and could say for a store that it has what it has not: the
tracker would let go of answered hits. The seal is a MAC (keyed BLAKE2s, RFC 7693) with a tracking key, which every
tracker and worker has; what was sealed as a piece is never good as a word of the store.

    key id 2 | MAC 16 | what is sealed …
"""

import struct
import time
from collections.abc import Callable
from enum import Enum
from hashlib import blake2s
from hmac import compare_digest
from typing import Final

from seenby.words.errors import SeenbyError
from seenby.words.token import MAC_BYTES, Keyring

_HEAD: Final = struct.Struct(f">H{MAC_BYTES}s")
READ_AGAIN: Final = 1.0  # seconds between two looks for a key that we do not know


class Sealed(Enum):
    """What is sealed; the values are part of the format."""

    PIECE = b"sb.piece"
    STORED = b"sb.store"


class Seal:
    """Seals with the current key, and believes every key that `read` gives; keys may be rotated meanwhile."""

    def __init__(self, read: Callable[[], Keyring]) -> None:
        self._read = read
        self._keys = read()
        self._read_at = time.monotonic()

    def close(self, what: Sealed, data: bytes) -> bytes:
        """The data, sealed."""
        key_id = self._keys.current
        return _HEAD.pack(key_id, _mac(self._keys.keys[key_id], what, data)) + data

    def open(self, what: Sealed, sealed: bytes) -> bytes | None:
        """What was sealed, or None when it was not by one of us. Never raises."""
        if len(sealed) < _HEAD.size:
            return None
        key_id, mac = _HEAD.unpack_from(sealed)
        data = sealed[_HEAD.size :]
        if key_id not in self._keys.keys:
            self._look_again()
        key = self._keys.keys.get(key_id)
        return data if key is not None and compare_digest(_mac(key, what, data), mac) else None

    def _look_again(self) -> None:
        """Perhaps the keys were rotated; a stranger's nonsense makes us read the file once a second at most."""
        if time.monotonic() - self._read_at < READ_AGAIN:
            return
        self._read_at = time.monotonic()
        try:
            self._keys = self._read()
        except (SeenbyError, OSError):
            return  # a file just being written: the keys we have are still good


def _mac(key: bytes, what: Sealed, data: bytes) -> bytes:
    return blake2s(data, key=key, digest_size=MAC_BYTES, person=what.value).digest()

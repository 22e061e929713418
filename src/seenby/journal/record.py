"""A record: how the hits of one commit stand in a segment, and how the whole ones are told from the torn ones.

    marker 4 | length 4 | checksum 4 | body

The body is a list of packed hits in MessagePack. Nobody is answered for a part of a commit, so what is torn is torn as
a whole. The checksum is CRC-32 over the body, seeded with the segment's name, so that stale bytes of another
segment are never taken for ours. The marker holds a byte that no UTF-8 text contains, and the layout's
version; after damage, reading goes on at the next marker whose record is whole. A record without hits is the
end mark: nothing follows it. In the first version each hit was the body of a record of its own; such segments are read.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final

import msgspec

from seenby.words.hit import Hit
from seenby.words.token import encode_id, read_token

MARKER: Final = b"\xf7hj2"
ONE_HIT: Final = b"\xf7hj1"  # the marker of the first version
MARKERS: Final = MARKER[:-1]  # what both begin with
HEAD: Final = Struct(">4sII")
MOST: Final = 65_536  # bytes of a body
PackedClient = msgspec.Raw
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Client(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The packed form of what is kept of a client. A new field goes to the end, with a default."""

    address: str | None = None
    agent: str | None = None
    headers: dict[str, str] = {}


class _Payload(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The packed form of a hit. A new field goes to the end, with a default: old segments stay readable."""

    id: bytes
    at: int  # microseconds since 1970, UTC
    token: bytes
    method: str
    client: _Client = _Client()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Payload).decode
_decode_payloads = msgspec.msgpack.Decoder(list[bytes]).decode


def pack_client(
    address: str | None = None, agent: str | None = None, headers: Mapping[str, str] | None = None
) -> PackedClient:
    """What is kept of a client, ready for any number of its hits."""
    return msgspec.Raw(_encode((address, agent, headers or {})))


NOBODY: Final = pack_client()


def pack_hit(hit_id: bytes, at: int, token: bytes, method: str, client: PackedClient = NOBODY) -> bytes:
    """One hit as bytes: its 16 random bytes, its time in microseconds, and its token's checked bytes."""
    return _encode((hit_id, at, token, method, client))


def unpack_hit(payload: bytes) -> Hit | None:
    """The hit that `pack_hit` packed, or None when it is none. Never raises."""
    try:
        told = _decode(payload)
        at = _EPOCH + timedelta(microseconds=told.at)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError):  # text that is no UTF-8 is a ValueError
        return None
    token = read_token(told.token)
    if token is None or len(told.id) != 16 or not _is_text(told):
        return None
    return Hit(
        id=encode_id(told.id),
        at=at,
        token=token,
        method=told.method,
        address=told.client.address,
        agent=told.client.agent,
        headers=told.client.headers,
    )


def _is_text(told: _Payload) -> bool:
    """Whether a store takes it: PostgreSQL has no NUL in a text, and the tracker lets none in."""
    client = told.client
    return "\0" not in "".join(
        (told.method, client.address or "", client.agent or "", *sum(client.headers.items(), ()))
    )


def seed_of(segment: str) -> int:
    """What the checksums of the segment of that name begin with."""
    return zlib.crc32(segment.encode("ascii"))


def frame(payloads: Sequence[bytes], seed: int) -> bytes:
    """The record that holds `payloads`."""
    body = _encode(payloads)
    return HEAD.pack(MARKER, len(body), zlib.crc32(body, seed)) + body


@dataclass(frozen=True, slots=True)
class Whole:
    """A record that is all there, and where the next one begins."""

    payloads: Sequence[bytes]
    end: int


def read_record(data: bytes, offset: int, seed: int) -> Whole | None:
    """The record at `offset`, if it is whole."""
    if len(data) - offset < HEAD.size:
        return None
    marker, length, checksum = HEAD.unpack_from(data, offset)
    start = offset + HEAD.size
    if marker not in (MARKER, ONE_HIT) or length > MOST or len(data) - start < length:
        return None
    body = data[start : start + length]
    if zlib.crc32(body, seed) != checksum:
        return None
    payloads = _payloads(body) if marker == MARKER else [body] if body else []
    return None if payloads is None else Whole(payloads, start + length)


def _payloads(body: bytes) -> list[bytes] | None:
    try:
        return _decode_payloads(body)
    except msgspec.DecodeError:
        return None


def next_record(data: bytes, offset: int, seed: int) -> int | None:
    """Where the first whole record at or behind `offset` begins."""
    while (offset := data.find(MARKERS, offset)) >= 0:
        if read_record(data, offset, seed) is not None:
            return offset
        offset += 1
    return None

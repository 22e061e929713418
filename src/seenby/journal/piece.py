"""A piece: some packed hits of one segment, as they travel over the bus; and the word that the store has it.

A piece is named by its segment and place, so that the same piece sent twice is known as the same, and so
that whoever holds the segment knows which part of it is in the store.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from seenby.journal.segment import is_segment_name


class Place(NamedTuple):
    """The bytes of a segment from `start` up to `end`."""

    segment: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.segment}:{self.start}-{self.end}"


class Piece(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Packed hits, and where they stand. A new field goes to the end, with a default."""

    segment: str
    start: int
    end: int
    payloads: list[bytes]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.segment, self.start, self.end)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_piece: Final = msgspec.msgpack.Decoder(Piece).decode
_decode_places: Final = msgspec.msgpack.Decoder(list[tuple[str, int, int]]).decode


def pack_piece(place: Place, payloads: Sequence[bytes]) -> bytes:
    """A piece as bytes."""
    return _encode(Piece(*place, list(payloads)))


def read_piece(data: bytes) -> Piece | None:
    """The piece that `pack_piece` packed, or None when it is none. Never raises."""
    try:
        piece = _decode_piece(data)
    except (msgspec.DecodeError, ValueError, RecursionError):  # text that is no UTF-8 is a ValueError
        return None
    return piece if _is_sound(piece.place) else None


def pack_places(places: Iterable[Place]) -> bytes:
    """The word that these are in the store."""
    return _encode(list(places))


def read_places(data: bytes) -> list[Place]:
    """What `pack_places` packed; nothing when it is something else. Never raises."""
    try:
        told = _decode_places(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return []
    return [place for place in (Place(*one) for one in told) if _is_sound(place)]


def _is_sound(place: Place) -> bool:
    return is_segment_name(place.segment) and 0 <= place.start < place.end

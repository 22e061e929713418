"""Spans of addresses with the owner of each: searched by halves, packed small.

Sorted rows of whole numbers and nothing else: a hundred thousand spans take about a megabyte. An IPv6 address counts by
its first 64 bits, which is a subnet's own part (RFC 4291 2.5.4). Knows no file: bytes come in and go out.
"""

import json
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"SEENBY-SPANS\0001"
LARGEST: Final = 64_000_000  # bytes after unpacking; a country table has some twelve million
_WIDTHS: Final = ("I", "Q")  # of an IPv4 address and of an IPv6 subnet
Row = tuple[int, int, int]  # first, last, owner's number


class SpansError(ValueError):
    """The bytes are no table of spans."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Two tables, of IPv4 and of IPv6; `owners` are what a span's number means; `note` says where they are from."""

    note: str
    owners: tuple[tuple[str, ...], ...]
    starts: tuple[Sequence[int], Sequence[int]]
    ends: tuple[Sequence[int], Sequence[int]]
    numbers: tuple[Sequence[int], Sequence[int]]

    def find(self, number: int, *, version: int) -> tuple[str, ...] | None:
        """The owner of an address, given as a number."""
        table = version == 6
        key = number >> 64 if table else number
        at = bisect_right(self.starts[table], key) - 1
        if at < 0 or key > self.ends[table][at]:
            return None
        return self.owners[self.numbers[table][at]]

    def rows(self, *, version: int) -> Iterator[Row]:
        """One of the two tables, in order."""
        table = version == 6
        return zip(self.starts[table], self.ends[table], self.numbers[table], strict=True)

    def __len__(self) -> int:
        return len(self.starts[0]) + len(self.starts[1])


def spans_of(v4: Iterable[Row], v6: Iterable[Row], *, owners: Iterable[tuple[str, ...]], note: str) -> Spans:
    """A table of rows in any order. Neighbours of one owner are joined; where two overlap the first keeps its part."""
    tables = [_columns(_joined(rows), width) for rows, width in zip((v4, v6), _WIDTHS, strict=True)]
    starts, ends, numbers = zip(*tables, strict=True)
    return Spans(note, tuple(owners), starts, ends, numbers)


def less(rows: Iterable[Row], taken: Sequence[Row]) -> list[Row]:
    """What is left of the rows beside those that are taken, which are in order and do not overlap."""
    left: list[Row] = []
    firsts = [first for first, _, _ in taken]
    for first, last, owner in rows:
        start = first
        at = max(bisect_right(firsts, start) - 1, 0)
        while start <= last and at < len(taken) and taken[at][0] <= last:
            if taken[at][0] > start:
                left.append((start, taken[at][0] - 1, owner))
            start = max(start, taken[at][1] + 1)
            at += 1
        if start <= last:
            left.append((start, last, owner))
    return left


def _joined(rows: Iterable[Row]) -> list[Row]:
    joined: list[Row] = []
    for first, last, owner in sorted(rows):
        start = max(first, joined[-1][1] + 1) if joined else first
        if start > last:
            continue
        if joined and joined[-1][2] == owner and joined[-1][1] + 1 == start:
            joined[-1] = (joined[-1][0], last, owner)
        else:
            joined.append((start, last, owner))
    return joined


def _columns(rows: Sequence[Row], width: str) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    return (
        array(width, (first for first, _, _ in rows)),
        array(width, (last for _, last, _ in rows)),
        array("H", (owner for _, _, owner in rows)),
    )


def pack(spans: Spans) -> bytes:
    """The table as bytes: gaps and lengths as variable whole numbers, compressed."""
    out = bytearray()
    head = json.dumps({"note": spans.note, "owners": spans.owners}, ensure_ascii=False).encode()
    _put(out, len(head))
    out += head
    for starts, ends, numbers in zip(spans.starts, spans.ends, spans.numbers, strict=True):
        _put(out, len(starts))
        free = 0
        for first, last, owner in zip(starts, ends, numbers, strict=True):
            _put(out, first - free)
            _put(out, last - first)
            _put(out, owner)
            free = last + 1
    return MAGIC + zlib.compress(bytes(out), 9)


def unpack(data: bytes) -> Spans:
    """The table out of bytes; SpansError if they are none."""
    if not data.startswith(MAGIC):
        raise SpansError("this is no table of spans")
    plain = zlib.decompressobj()
    try:
        raw = plain.decompress(data[len(MAGIC) :], LARGEST)
        return _read(raw)
    except (zlib.error, IndexError, KeyError, ValueError, OverflowError, TypeError) as error:
        raise SpansError("this table of spans is damaged") from error


def _read(raw: bytes) -> Spans:
    length, at = _get(raw, 0)
    head = json.loads(raw[at : at + length])
    at += length
    owners = tuple(tuple(str(word) for word in owner) for owner in head["owners"])
    tables = []
    for width in _WIDTHS:
        count, at = _get(raw, at)
        starts, ends, numbers = array(width), array(width), array("H")
        free = 0
        for _ in range(count):
            gap, at = _get(raw, at)
            size, at = _get(raw, at)
            owner, at = _get(raw, at)
            if owner >= len(owners):
                raise SpansError("a span has an owner that the table does not name")
            starts.append(free + gap)
            ends.append(free + gap + size)
            numbers.append(owner)
            free += gap + size + 1
        tables.append((starts, ends, numbers))
    starts_, ends_, numbers_ = zip(*tables, strict=True)
    return Spans(str(head["note"]), owners, starts_, ends_, numbers_)


def _put(out: bytearray, number: int) -> None:
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def _get(raw: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = raw[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7

"""Reading segments back, those of dead processes and of living ones alike.

How far a segment is read is the caller's knowledge (`done`), kept in the same transaction as the hits;
nothing here writes into a segment. Damage is skipped to the next whole record and reported, never raised.
What the disk refuses to give is left where it is and holds up no other segment. A finished segment in which
nothing at all can be read is put aside as `.damaged`, for a human to look at.
"""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seenby.journal.port import Batch
from seenby.journal.record import HEAD, MARKERS, next_record, read_record, seed_of, unpack_hit
from seenby.journal.segment import BLOCK, DAMAGED, clear_unborn, is_growing, segment_names, sync_folder
from seenby.words.hit import Hit

WINDOW: Final = 1024 * 1024  # bytes read at a time; holds several of the longest records
_BLANK: Final = bytes(len(MARKERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one pass over a segment gave: the packed hits between `start` and `end`, and what was damaged."""

    segment: str
    start: int
    end: int
    payloads: Sequence[bytes] = ()
    torn: tuple[str, ...] = ()
    is_ended: bool = False


class FileReader:
    """Reader of all segments in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._refused: set[str] = set()  # segments of which it was told that the disk refuses them

    async def claim(self, done: Mapping[str, int], *, limit: int) -> Batch:
        """As `take`, in a thread: disks are slow."""
        return await asyncio.to_thread(self.take, done, limit=limit)

    async def settle(self, done: Mapping[str, int]) -> tuple[str, ...]:
        """As `forget`, in a thread."""
        return await asyncio.to_thread(self.forget, done)

    def take(self, done: Mapping[str, int], *, limit: int) -> Batch:
        """About `limit` hits behind `done`, oldest segment first; may be repeated."""
        hits: list[Hit] = []
        now_done: dict[str, int] = {}
        torn: list[str] = []
        for stretch in self.stretches(done, limit=limit):
            torn += stretch.torn
            for payload in stretch.payloads:
                hit = unpack_hit(payload)
                if hit is None:
                    torn.append(f"{stretch.segment}: a record is whole but holds no hit; it was left out")
                else:
                    hits.append(hit)
            if stretch.end != stretch.start or (stretch.is_ended and stretch.segment not in done):
                now_done[stretch.segment] = stretch.end
        return Batch(hits=tuple(hits), done=now_done, torn=tuple(torn))

    def stretches(self, done: Mapping[str, int], *, limit: int, room: int = sys.maxsize) -> Iterator[Stretch]:
        """What lies behind `done`, oldest segment first: about `limit` of them, of one segment about `room` bytes."""
        for name in segment_names(self._folder):
            if limit <= 0:
                return
            stretch = self.stretch(name, done.get(name, 0), limit=limit, room=room)
            if stretch is not None:
                limit -= len(stretch.payloads)
                yield stretch

    def stretch(self, name: str, start: int, *, limit: int, room: int) -> Stretch | None:
        """What lies behind `start` in the segment `name`; None when it is gone."""
        with _opened(self._folder / name) as file:
            if file is None:
                return None
            reading = _Reading(file, name, start)
            payloads = reading.take(limit, room)
        if reading.refusal and name not in self._refused:  # it is tried again all the time, and told once
            self._refused.add(name)
            reading.torn.append(f"{name}: the disk does not give it ({reading.refusal}); it is left where it is")
        if reading.is_unreadable:
            (self._folder / name).rename(self._folder / (name + DAMAGED))
            reading.torn.append(f"{name}: nothing in it could be read; it was renamed to {DAMAGED}")
        return Stretch(
            segment=name,
            start=start,
            end=start if reading.is_unreadable else reading.at,
            payloads=payloads,
            torn=tuple(reading.torn),
            is_ended=reading.is_ended and not reading.is_unreadable,
        )

    def waiting(self, done: Mapping[str, int], *, limit: int) -> Sequence[Hit]:
        """About `limit` hits that lie behind `done`, for those who want to know how many wait. Changes nothing."""
        hits: list[Hit] = []
        for name in segment_names(self._folder):
            if (room := limit - len(hits)) <= 0:  # below, when the last record held more
                break
            with _opened(self._folder / name) as file:
                payloads = _Reading(file, name, done.get(name, 0)).take(room, sys.maxsize) if file else []
            hits += [hit for payload in payloads if (hit := unpack_hit(payload)) is not None]
        return hits

    def forget(self, done: Mapping[str, int]) -> tuple[str, ...]:
        """Delete what will not grow and is wholly before `done`."""
        gone = tuple(name for name, offset in done.items() if self._is_gone(name, offset))
        if gone and self._folder.is_dir():
            clear_unborn(self._folder)
            sync_folder(self._folder)
        return gone

    def _is_gone(self, name: str, offset: int) -> bool:
        path = self._folder / name
        with _opened(path) as file:
            if file is None:
                return True
            if is_growing(file) or offset < os.fstat(file).st_size:
                return False
        path.unlink(missing_ok=True)
        return True


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        yield None
        return
    try:
        yield file
    finally:
        os.close(file)


class _Reading:
    """One pass over one segment. `at` is how far it is read: the file's size when it is finished with."""

    def __init__(self, file: int, name: str, at: int) -> None:
        # Asked before anything is read: what a writer adds after this is then not mistaken for all there will be.
        self._is_growing = is_growing(file)
        self._size = os.fstat(file).st_size
        self._file = file
        self._name = name
        self._seed = seed_of(name)
        self._was_finished_with = at >= self._size > 0
        self._is_marked = False
        self.at = at
        self.refusal = ""
        self.torn: list[str] = []
        self.is_unreadable = False
        self.is_ended = False
        self._is_full = False

    def take(self, limit: int, room: int) -> list[bytes]:
        """Whole records from `at` on: about `limit` payloads, in at most `room` bytes unless the first needs more."""
        payloads: list[bytes] = []
        most = self.at + room
        try:
            while self._read_on(payloads, limit, most) and self._skip_damage():
                pass
            if not self._is_full and not self._is_growing:
                self._end(is_all_bad=not payloads)
        except OSError as error:  # a bad block, or no file at all
            self.refusal = error.strerror or type(error).__name__
        return payloads

    def _read_on(self, payloads: list[bytes], limit: int, most: int) -> bool:
        """Whole records from `at` on, until one is not: whether there is room for more."""
        while window := os.pread(self._file, WINDOW, self.at):
            offset = 0
            while record := read_record(window, offset, self._seed):
                if len(payloads) >= limit or (payloads and self.at + record.end > most):
                    self.at += offset
                    self._is_full = True
                    return False
                payloads += record.payloads
                self._is_marked = self._is_marked or not record.payloads
                offset = record.end
            self.at += offset
            if not offset:
                break
        return True

    def _rest(self) -> bytes:
        """All behind `at`. A bad block first ends a read early and then fails the next one: it is no end."""
        rest = b""
        while more := os.pread(self._file, max(0, self._size - self.at - len(rest)), self.at + len(rest)):
            rest += more
        return rest

    def _skip_damage(self) -> bool:
        """Go to the next whole record, if there is one behind what is not.

        In a growing segment zeros are where the writer will go on. Something else may be half of a write that
        is going on; only if it is still not whole in a second look, which comes after a later record was seen
        whole, is it damage: one write shows its bytes in order.
        """
        if self._is_growing and os.pread(self._file, len(_BLANK), self.at) in (b"", _BLANK):
            return False
        found = next_record(self._rest(), 0, self._seed)
        if found is None or read_record(self._rest(), 0, self._seed):
            return found is not None
        self.torn.append(f"{self._name}: {found} bytes at {self.at} are damaged and were skipped")
        self.at += found
        return True

    def _end(self, *, is_all_bad: bool) -> None:
        """The segment will not grow and holds nothing more: say so by its size, and report what is not as it should be.

        A dead writer left its room blank behind the last record, or a part of one in it; any other end has its mark.
        """
        rest = self._rest()
        self.is_ended = True
        tail = len(rest.rstrip(b"\0"))
        if is_all_bad and self.at == 0 and tail >= HEAD.size and not rest.startswith(MARKERS):
            self.is_unreadable = True
            return
        if tail:
            self.torn.append(
                f"{self._name}: its last {tail} bytes are no whole record; "
                "nobody was answered for it, unless it was damaged later"
            )
        elif not (self._is_marked or self._was_finished_with or (rest and self._size % BLOCK == 0)):
            self.torn.append(f"{self._name}: its end is missing, and what stood before that")
        self.at = max(self.at, self._size)

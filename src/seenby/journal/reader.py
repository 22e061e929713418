"""Reading segments back, those of dead processes and of living ones alike.

How far a segment is read is the caller's knowledge (`done`), kept in the same transaction as the hits;
nothing here writes into a segment. Damage is skipped to the next whole record and reported, never raised;
a finished segment in which nothing at all can be read is put aside as `.damaged`, for a human to look at.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seenby.journal.port import Batch
from seenby.journal.record import HEAD, MARKER, Whole, next_record, read_record, seed_of, unpack_hit
from seenby.journal.segment import DAMAGED, clear_unborn, is_growing, segment_names, sync_folder
from seenby.words.hit import Hit

WINDOW: Final = 1024 * 1024  # bytes read at a time; holds several of the longest records
_BLANK: Final = bytes(len(MARKER))


class FileReader:
    """Reader of all segments in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, done: Mapping[str, int], *, limit: int) -> Batch:
        """Up to `limit` hits behind `done`, oldest segment first; may be repeated."""
        hits: list[Hit] = []
        now_done: dict[str, int] = {}
        torn: list[str] = []
        for name in segment_names(self._folder):
            if len(hits) >= limit:
                break
            was = done.get(name, 0)
            with _opened(self._folder / name) as file:
                if file is None:
                    continue
                reading = _Reading(file, name, was)
                hits += reading.take(limit - len(hits))
            torn += reading.torn
            if reading.is_unreadable:
                (self._folder / name).rename(self._folder / (name + DAMAGED))
                torn.append(f"{name}: nothing in it could be read; it was renamed to {DAMAGED}")
            elif reading.at != was or (reading.is_ended and name not in done):
                now_done[name] = reading.at
        return Batch(hits=tuple(hits), done=now_done, torn=tuple(torn))

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
        self.at = at
        self.torn: list[str] = []
        self.is_unreadable = False
        self.is_ended = False

    def take(self, limit: int) -> list[Hit]:
        """At most `limit` hits from `at` on."""
        hits: list[Hit] = []
        whole = self._read_on(hits, limit)
        while len(hits) < limit and self._skip_damage():
            whole += self._read_on(hits, limit)
        if len(hits) < limit and not self._is_growing:
            self._end(is_all_bad=not whole)
        return hits

    def _read_on(self, hits: list[Hit], limit: int) -> int:
        """Whole records from `at` on, until one is not; how many there were."""
        whole = 0
        while window := os.pread(self._file, WINDOW, self.at):
            offset = 0
            while len(hits) < limit and (record := read_record(window, offset, self._seed)):
                self._note(record, hits)
                offset = record.end
                whole += 1
            self.at += offset
            if not offset or len(hits) >= limit:
                break
        return whole

    def _note(self, record: Whole, hits: list[Hit]) -> None:
        hit = unpack_hit(record.payload)
        if hit is None:
            self.torn.append(f"{self._name}: a record is whole but holds no hit; it was left out")
        else:
            hits.append(hit)

    def _rest(self) -> bytes:
        return os.pread(self._file, max(0, self._size - self.at), self.at)

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
        """The segment will not grow and holds nothing more: say so by its size, and report a tail that is not blank."""
        self.is_ended = True
        rest = self._rest()
        tail = len(rest.rstrip(b"\0"))
        if is_all_bad and self.at == 0 and tail >= HEAD.size and not rest.startswith(MARKER):
            self.is_unreadable = True
            return
        if tail:
            self.torn.append(f"{self._name}: its last {tail} bytes are a record cut short; nobody was answered for it")
        self.at = max(self.at, self._size)

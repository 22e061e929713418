"""A segment: one file of records, written by one process and by nobody ever after.

Its writer holds a lock (flock) on it while it lives, so that a reader can tell a segment that may still
grow from one that will not. A segment gets its name only when it is locked and its room is on disk. Its room
is whole blocks; when it is finished it ends with a mark, and its size with that. So one that is neither has
lost something since.
"""

import errno
import fcntl
import os
import re
import secrets
from pathlib import Path
from typing import Final

from seenby.journal.record import END_MARK, HEAD, frame, seed_of

SUFFIX: Final = ".journal"
UNBORN: Final = ".new"
DAMAGED: Final = ".damaged"
BLOCK: Final = 4096
_ZEROS: Final = bytes(1024 * 1024)
_NAME: Final = re.compile(r"[0-9]{16}-([0-9a-f]{16})-[0-9]{6}\.journal")


def is_segment_name(name: str) -> bool:
    """Whether a segment may be called that."""
    return _NAME.fullmatch(name) is not None


def writer_of(name: str) -> str:
    """The name of the process that wrote the segment of that name."""
    found = _NAME.fullmatch(name)
    assert found is not None
    return found[1]


def segment_names(folder: Path) -> list[str]:
    """The segments in `folder`, oldest first."""
    try:
        return sorted(name for name in os.listdir(folder) if is_segment_name(name))  # noqa: PTH208 - names only
    except FileNotFoundError:
        return []


def is_growing(file: int) -> bool:
    """Whether the writer of the open segment `file` is still there."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def clear_unborn(folder: Path) -> None:
    """Delete what writers left behind that died while making a segment."""
    for path in folder.glob(f"*{SUFFIX}{UNBORN}"):
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            if not is_growing(file):
                path.unlink(
                    missing_ok=True
                )  # its writer, should it be there after all, fails to name it and starts anew
        finally:
            os.close(file)


class Segment:
    """A segment being written. Every method may raise OSError; after that the segment is to be abandoned.

    It is made of zeros that are on disk, not of room that is only promised: then a commit changes bytes of the file and
    nothing else of the file system, which takes half as long. It is no segment for anybody until `begin`.
    """

    def __init__(self, folder: Path, *, writer: str, room: int) -> None:
        self.name = ""
        self._seed = self._used = 0
        self._folder = folder
        self._writer = writer
        self._size = -(-room // BLOCK) * BLOCK
        self._unborn = folder / f"{writer}-{secrets.token_hex(8)}{SUFFIX}{UNBORN}"
        self._file = os.open(self._unborn, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.posix_fallocate(self._file, 0, self._size)  # a disk without so much room says so here
            self._fill()
        except OSError:
            self.discard()
            raise

    def _fill(self) -> None:
        at = 0
        while at < self._size:
            at += os.pwrite(self._file, _ZEROS[: self._size - at], at)
            os.fdatasync(self._file)  # little by little: whoever commits meanwhile waits for this too
        os.fsync(self._file)

    def begin(self, *, started: int, number: int) -> None:
        """From now on it is a segment, by its name."""
        self.name = f"{started:016d}-{self._writer}-{number:06d}{SUFFIX}"
        self._seed = seed_of(self.name)
        try:
            self._unborn.rename(self._folder / self.name)
            sync_folder(self._folder)
        except OSError:
            self.discard()
            raise

    def discard(self) -> None:
        """Delete what has not begun."""
        self.abandon()
        self._unborn.unlink(missing_ok=True)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written yet."""
        return self._used == 0

    @property
    def is_half_full(self) -> bool:
        """Whether another one will be needed before long."""
        return self._used * 2 > self._size

    def write(self, payloads: list[bytes], start: int) -> int:
        """Put payloads from `start` on as far as there is room, on disk when this returns; where the next one is."""
        seed, room = self._seed, self._size - self._used - HEAD.size  # there is always room for the end mark
        records = []
        for payload in payloads[start:] if start else payloads:
            record = frame(payload, seed)
            room -= len(record)
            if room < 0:
                break
            records.append(record)
        if records:
            self._put(b"".join(records))
        return start + len(records)

    def _put(self, blob: bytes) -> None:
        if os.pwrite(self._file, blob, self._used) != len(blob):
            raise OSError(errno.ENOSPC, "only a part was written")
        os.fdatasync(self._file)
        self._used += len(blob)

    def finish(self) -> None:
        """Mark the end, give back the room that was not needed, and let go."""
        try:
            self._put(frame(END_MARK, self._seed))
            os.ftruncate(self._file, self._used)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of a file that is not trusted any more, as it is. Syncing it again would say yes to lost pages."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def new_writer() -> str:
    """A name for one writing process that no other has."""
    return secrets.token_hex(8)

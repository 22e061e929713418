"""A segment: one file of records, written by one process and by nobody ever after.

Its writer holds a lock (flock) on it while it lives, so that a reader can tell a segment that may still
grow from one that will not. A segment gets its name only when it is locked and its room is on disk. Its room
is whole blocks; when it is finished it ends with a mark, and its size with that. So one that is neither has
lost something since.
"""

import errno
import fcntl
import mmap
import os
import re
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from seenby.journal.record import HEAD, MOST, frame, seed_of

SUFFIX: Final = ".journal"
UNBORN: Final = ".new"
DAMAGED: Final = ".damaged"
BLOCK: Final = 4096
_RECORD_BYTES: Final = HEAD.size + MOST  # the longest
_END_BYTES: Final = len(frame((), 0))
_NOT_DIRECT: Final = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # said where there is no such way
_DSYNC: Final[int] = getattr(os, "RWF_DSYNC", 0)  # 0 in a Python built for a glibc before 2.26, such as uv's
_YOUNG: Final = 10.0  # seconds
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
    """Delete what writers left behind that died while making a segment.

    Not what is young: its writer may be alive and just about to lock it.
    """
    for path in folder.glob(f"*{SUFFIX}{UNBORN}"):
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            if not is_growing(file) and time.time() - os.fstat(file).st_mtime > _YOUNG:
                path.unlink(missing_ok=True)
        finally:
            os.close(file)


class Segment:
    """A segment being written. Every method may raise OSError; after that the segment is to be abandoned.

    It is made of zeros that are on disk, not of room that is only promised: then a commit changes bytes of the file and
    nothing else of the file system, which takes half as long. Where the file system lets us it is written past the
    page cache (O_DIRECT), which takes a third less. So whole blocks are written: the last one again with the next
    commit, what stood in it unchanged. It is no segment for anybody until `begin`.
    """

    def __init__(self, folder: Path, *, writer: str, room: int) -> None:
        self.name = ""
        self._seed = self._used = 0
        self._folder = folder
        self._writer = writer
        self._size = -(-room // BLOCK) * BLOCK
        self._blocks = mmap.mmap(-1, _RECORD_BYTES + 2 * BLOCK)  # at a page's beginning, as O_DIRECT wants it
        self._unborn = folder / f"{writer}-{secrets.token_hex(8)}{SUFFIX}{UNBORN}"
        self._file = os.open(self._unborn, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.posix_fallocate(self._file, 0, self._size)  # a disk without so much room says so here
            self._fill()
            self._is_direct = self._may_be_direct()
        except OSError:
            self.discard()
            raise

    def _fill(self) -> None:
        at = 0
        while at < self._size:
            at += os.pwrite(self._file, _ZEROS[: self._size - at], at)
            os.fdatasync(self._file)  # little by little: whoever commits meanwhile waits for this too
        os.fsync(self._file)

    def _may_be_direct(self) -> bool:
        """Whether it can be written past the page cache, each write durable when it returns: a first one tells."""
        if not _DSYNC:
            return False
        flags = fcntl.fcntl(self._file, fcntl.F_GETFL)
        try:
            fcntl.fcntl(self._file, fcntl.F_SETFL, flags | os.O_DIRECT)
            os.pwritev(self._file, [memoryview(self._blocks)[:BLOCK]], 0, _DSYNC)
        except (OSError, NotImplementedError) as error:  # the second where Python knows the flag and not the call
            if isinstance(error, OSError) and error.errno not in _NOT_DIRECT:
                raise
            fcntl.fcntl(self._file, fcntl.F_SETFL, flags)
            return False
        return True

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

    def write(self, payloads: Sequence[bytes], start: int) -> int:
        """Put payloads from `start` on as far as there is room, on disk when this returns; where the next one is.

        Most often as one record; as several when it would be too long, one after the other, so that nobody who reads
        meanwhile sees a later one before an earlier one.
        """
        at, many = start, len(payloads) - start
        while at < len(payloads):
            record = frame(payloads[at : at + many], self._seed)
            if len(record) <= min(self._size - self._used - _END_BYTES, _RECORD_BYTES):
                self._put(record)
                at += many
            elif many > 1:
                many = -(-many // 2)
            else:
                break
        return at

    def _put(self, record: bytes) -> None:
        """The whole blocks that it touches go to disk; the last one is kept, for what comes behind it."""
        inside = self._used % BLOCK
        end = inside + len(record)
        whole = -(-end // BLOCK) * BLOCK
        self._blocks[inside:end] = record
        self._blocks[end:whole] = bytes(whole - end)
        if self._commit(memoryview(self._blocks)[:whole], self._used - inside) != whole:
            raise OSError(errno.ENOSPC, "only a part was written")
        self._used += len(record)
        self._blocks.move(0, end // BLOCK * BLOCK, end % BLOCK)

    def _commit(self, blocks: memoryview, at: int) -> int:
        """Write them and wait until they are on disk: in one call (as with O_DSYNC, pwritev2(2)) or in two."""
        if self._is_direct:
            return os.pwritev(self._file, [blocks], at, _DSYNC)
        written = os.pwrite(self._file, blocks, at)
        os.fdatasync(self._file)
        return written

    def finish(self) -> None:
        """Mark the end, give back the room that was not needed, and let go."""
        try:
            self._put(frame((), self._seed))
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

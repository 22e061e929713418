"""The journal in local files: group commit by a thread, and answers only when all is on disk.

The loop collects hits while the thread is on the disk, and hands them over in one batch when it comes
back: one hand-over, one write and one wake-up for all of them. A segment whose write or sync failed is never
touched again, because Linux may report a lost page once and then call the file clean; its last batch is
written again into a new segment, and the hits' ids make that harmless.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from seenby import maillog
from seenby.journal.segment import Segment, new_writer, segment_names

SEGMENT_BYTES: Final = 16 * 1024 * 1024
MAX_BYTES: Final = 4 * 1024 * 1024 * 1024
SEGMENT_SECONDS: Final = 3600.0  # a segment is ended after this, however empty: what it holds must become deletable
RETRY_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 5.0
GATHER_ROUNDS: Final = 4  # rounds of the loop that a batch may wait for hits that are just being read
_log = logging.getLogger(__name__)


class _Flight:
    """A batch on its way to disk, and who waits for it."""

    __slots__ = ("payloads", "thens")

    def __init__(self, payloads: list[bytes], thens: list[Callable[[], None]]) -> None:
        self.payloads = payloads
        self.thens = thens


class FileJournal:
    """Journal in `folder`, at most about `max_bytes` of it. One per process and event loop."""

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        max_bytes: int = MAX_BYTES,
        segment_seconds: float = SEGMENT_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._disk = _Disk(
            folder,
            segment_bytes=segment_bytes,
            max_bytes=max_bytes,
            segment_seconds=segment_seconds,
            retry_seconds=retry_seconds,
        )
        self._patience = patience_seconds
        self._handed: queue.SimpleQueue[_Flight | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._payloads: list[bytes] = []
        self._thens: list[Callable[[], None]] = []
        self._flying: _Flight | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_idle = True
        self._is_stalled = False
        self._ended = asyncio.Event()
        self._landed_all = asyncio.Event()
        self.lost = 0

    @property
    def kept_bytes(self) -> int:
        """How much room the segments take that are not in the store yet, of all writers in the folder."""
        return self._disk.bytes_kept()

    @property
    def healthy(self) -> bool:
        """Whether there is a segment to write to and the disk answers."""
        return self._disk.is_good and not self._is_stalled

    def start(self) -> None:
        """Open the first segment, in the background."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._thread.start()

    def append(self, payloads: Sequence[bytes], then: Callable[[], None]) -> None:
        """Keep packed hits; `then` follows when they are on disk, or counted as lost."""
        loop = self._loop
        if loop is None:
            self.start()
            loop = asyncio.get_running_loop()
        if self._is_stalled:
            self.lost += len(payloads)
            loop.call_soon(then)
            return
        self._payloads += payloads
        self._thens.append(then)
        if self._is_idle:
            self._is_idle = False
            self._landed_all.clear()
            loop.call_soon(self._gather)  # not now: the other connections that are ready may join this batch

    async def close(self) -> None:
        """Commit what is under way, make its calls, end the segment."""
        if not self._is_idle:
            await self._landed_all.wait()
        if self._loop is not None and self._thread.is_alive():
            self._handed.put(None)
            await self._ended.wait()
            self._thread.join()

    def _gather(self, had: int = 0, rounds: int = 1) -> None:
        """Hand over what came together, once the loop came round without another hit."""
        have = len(self._payloads)
        if have > had and rounds < GATHER_ROUNDS:
            assert self._loop is not None
            self._loop.call_soon(self._gather, have, rounds + 1)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        self._flying = _Flight(self._payloads, self._thens)
        self._payloads, self._thens = [], []
        self._handed.put(self._flying)
        assert self._loop is not None
        self._timer = self._loop.call_later(self._patience, self._out_of_patience)

    def _landed(self, flight: _Flight, lost: int) -> None:
        """A batch came back from the disk: let the answers go, then send the next one off.

        Not the other way round, and not at once: what is read until the loop comes round joins that batch, and
        fewer, larger batches cost less of everything.
        """
        assert self._loop is not None
        self._is_stalled = False
        thens, flight.thens = flight.thens, []
        if thens:  # else they were answered, and counted, when patience ended
            self.lost += lost
        if self._timer is not None:
            self._timer.cancel()
        _follow(thens)
        if self._payloads:
            self._loop.call_soon(self._gather)
        else:
            self._flying, self._timer, self._is_idle = None, None, True
            self._landed_all.set()

    def _out_of_patience(self) -> None:
        """The disk hangs. Readers do not wait for it: answer everybody, count them as lost, turn red."""
        thens, lost = self._thens, len(self._payloads)
        if self._flying is not None and self._flying.thens:  # else they were answered, and counted, before
            thens, lost = self._flying.thens + thens, len(self._flying.payloads) + lost
            self._flying.thens = []
        self._payloads, self._thens = [], []
        self._is_stalled = True
        self.lost += lost
        _follow(thens)

    def _work(self) -> None:
        """The thread: what is handed over goes to disk; between, a red journal is mended and an old segment ended."""
        disk = self._disk
        disk.look_after()
        while True:
            try:
                flight = self._handed.get(timeout=disk.next_look())
            except queue.Empty:
                disk.look_after()
                continue
            if flight is None:
                disk.close()
                self._tell(self._ended.set)
                return
            began = time.perf_counter()
            lost = disk.keep(flight.payloads)
            maillog.committed(time.perf_counter() - began)
            self._tell(self._landed, flight, lost)

    def _tell(self, what: Callable[..., None], *args: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(what, *args)
        except RuntimeError:  # the loop was closed: nobody is left to be answered
            return


def _follow(thens: Sequence[Callable[[], None]]) -> None:
    """What was to follow. One that raises keeps back neither the others nor the next batch."""
    for then in thens:
        try:
            then()
        except Exception as error:  # noqa: BLE001 - a slip of whoever waited
            maillog.failed("journal", error)


class _Disk:
    """The thread's half: the segment in use, and what to do when there is none. Never raises OSError."""

    def __init__(
        self, folder: Path, *, segment_bytes: int, max_bytes: int, segment_seconds: float, retry_seconds: float
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self._segment_seconds = segment_seconds
        self._retry_seconds = retry_seconds
        self._writer = new_writer()
        self._number = 0
        self._segment: Segment | None = None
        self._spare: Segment | None = None  # the next one
        self._making: threading.Thread | None = None
        self._ends = 0.0  # when the segment in use is old enough, monotonic
        self._retry = 0.0  # before this no new segment is tried, monotonic
        self.is_good = True

    def keep(self, payloads: list[bytes]) -> int:
        """Put all on disk; how many were lost."""
        at = failures = 0
        while at < len(payloads):
            segment = self._segment or self._open()
            if segment is None:
                return len(payloads) - at
            try:
                was, at = at, segment.write(payloads, at)
                if segment.is_half_full:
                    self._make_spare()
            except OSError as error:
                _log.warning("journal: writing %s failed (%s); going on in a new segment", segment.name, error.strerror)
                failures += 1
                self._abandon()
                if failures > 1:
                    self._turn_red("writing failed twice")
                continue
            if at == was and segment.is_empty:
                return 1 + self.keep(payloads[at + 1 :])  # one that fits into no segment at all
            if at < len(payloads):
                self.finish()
        return 0

    def next_look(self) -> float:
        """Seconds until `look_after` is due."""
        if not self.is_good:
            return self._retry_seconds
        return max(0.05, self._ends - time.monotonic())

    def look_after(self) -> None:
        """Without a segment, try to open one; end one that holds hits and is old."""
        segment = self._segment
        if segment is not None and time.monotonic() >= self._ends:
            if segment.is_empty:
                self._ends = time.monotonic() + self._segment_seconds
            else:
                self.finish()
        if self._segment is None:
            self._open()

    def finish(self) -> None:
        """End the segment in use as it should be."""
        segment, self._segment = self._segment, None
        if segment is not None:
            try:
                segment.finish()
            except OSError:
                return  # what was answered is on disk; only spare room was not given back

    def close(self) -> None:
        """End the segment in use, and leave no spare one behind."""
        self.finish()
        if (spare := self._take_spare()) is not None:
            with contextlib.suppress(OSError):
                spare.discard()

    def _abandon(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.abandon()

    def _turn_red(self, why: str) -> None:
        if self.is_good:
            _log.error("journal: hits cannot be kept and are being counted as lost: %s", why)
        self.is_good = False
        self._retry = time.monotonic() + self._retry_seconds

    def _open(self) -> Segment | None:
        now = time.monotonic()
        if now < self._retry:
            return None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.bytes_kept() + self._segment_bytes > self._max_bytes:
                self._turn_red("it is as large as it may be")
                return None
            segment = self._take_spare() or self._make()
            self._number += 1
            segment.begin(started=time.time_ns() // 1000, number=self._number)
            self._segment = segment
        except OSError as error:
            self._turn_red(error.strerror or "no segment could be made")
            return None
        self._ends = now + self._segment_seconds
        if not self.is_good:
            _log.warning("journal: hits are kept again")
        self.is_good = True
        return self._segment

    def _make(self) -> Segment:
        return Segment(self._folder, writer=self._writer, room=self._segment_bytes)

    def _make_spare(self) -> None:
        """Have the next segment ready before this one is full: nobody is to wait while it is made."""
        if self._spare is None and self._making is None:
            self._making = threading.Thread(target=self._keep_spare, name="journal spare", daemon=True)
            self._making.start()

    def _keep_spare(self) -> None:
        with contextlib.suppress(OSError):  # then it is tried again when it is needed, and that is told
            self._spare = self._make()

    def _take_spare(self) -> Segment | None:
        if self._making is not None:
            self._making.join()
        spare, self._spare, self._making = self._spare, None, None
        return spare

    def bytes_kept(self) -> int:
        """The size of all segments in the folder."""
        return sum(_size(self._folder / name) for name in segment_names(self._folder))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # drained and deleted just now
        return 0

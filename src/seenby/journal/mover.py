"""The mover: carries the local journal over the bus, beside the tracker and never in its way.

A thread with a loop of its own reads the segments that trackers of this machine write, publishes them
piece by piece, and deletes a segment only when the store has said that it has all of it. A bus that is
away, full, emptied or made anew costs time and nothing else: what the store has not confirmed is still
here and is sent again. One process moves a folder at a time; when it dies, another takes over.
"""

import asyncio
import fcntl
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from nats.aio.msg import Msg
from nats.js.errors import APIError, NotFoundError

from seenby import maillog
from seenby.folder import open_folder
from seenby.journal.bus import ANSWER_SECONDS, FAULTS, OLDEST_SERVER, Bus, Link, server_version
from seenby.journal.ledger import Ledger
from seenby.journal.piece import Place, pack_piece, read_places
from seenby.journal.reader import FileReader, Stretch
from seenby.journal.seal import Seal, Sealed
from seenby.journal.segment import writer_of
from seenby.settings import Settings

PIECE_HITS: Final = 250
PIECE_BYTES: Final = 96 * 1024  # a record more than fits is 64 KiB at most, and any NATS takes both
EVERY: Final = 0.05  # seconds; with many pieces on the bus fewer and larger ones are sent
SLOWEST: Final = 5.0
MOST_WAITING: Final = 10_000  # pieces on the bus and not in the store; what is more waits in its files
LOOK_SECONDS: Final = 5.0
LOOK_SELDOM: Final = 600.0
FORGET_EVERY: Final = 1.0
HELD_EVERY: Final = 1.0
REFUSED_LONGEST: Final = 15.0
LAST_SECONDS: Final = 1.0  # at the end, for what nobody has sent yet


@contextmanager
def moving(settings: Settings) -> Iterator[None]:
    """Move the data folder's journal to the bus that the settings name, for as long as this is open."""
    folder = open_folder(settings.data)
    mover = Mover(folder.journal, Bus(settings), Seal(folder.keyring))
    mover.start()
    try:
        yield
    finally:
        mover.stop()


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process moves `folder`, for as long as this is open. The lock needs no room on a full disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        yield False
        return
    try:
        yield True
    finally:
        os.close(file)


class Mover:
    """Moves the segments in `folder` over `bus`, which must be nobody else's, from `start` to `stop`."""

    def __init__(
        self, folder: Path, bus: Bus, seal: Seal, *, piece_hits: int = PIECE_HITS, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._folder = folder
        self._reader = FileReader(folder)
        self._bus = bus
        self._seal = seal
        self._piece_hits = piece_hits
        self._look_seconds = self._patience = look_seconds
        self._ledger = Ledger()
        self._thread = threading.Thread(target=self._run, name="mover", daemon=True)
        self._told = threading.Event()
        self._next: Stretch | None = None
        self._link: Link | None = None
        self._listening: set[str] = set()
        self._first = 0  # of the numbers that the bus still held when it was last looked at
        self._look_at = self._forget_at = 0.0
        self._refusals = 0
        self._times = 0  # how often something had to be sent again: then under another name, or it would be dropped
        self.moved = 0  # hits that the bus took

    @property
    def waiting(self) -> int:
        """How many pieces the bus took and the store has not confirmed."""
        return self._ledger.waiting

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is there if the bus takes it at once, and end; what is left is found by whoever comes next."""
        self._told.set()
        self._thread.join(1.5 * LAST_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        while not self._told.is_set():
            try:
                with _alone(self._folder) as is_ours:
                    if is_ours:
                        await self._work()
                    else:
                        await self._rest(HELD_EVERY)
            except Exception as error:  # noqa: BLE001 - the files are as they were, and the next try may succeed
                maillog.failed("mover", error)
                await self._rest(HELD_EVERY)
        await self._bus.close()

    async def _work(self) -> None:
        last = float("inf")
        while time.monotonic() < last:
            if self._told.is_set() and last == float("inf"):
                last = time.monotonic() + LAST_SECONDS
                self._forget_at = 0.0  # what the store has need not wait for whoever comes next
            link = await self._bus.link()
            try:
                is_busy = link is not None and await self._round(link)
            except FAULTS as error:
                await self._bus.lose(error)
                is_busy = False
            if self._told.is_set() and not is_busy:
                return
            if not is_busy:
                await self._rest(self._pause())

    async def _round(self, link: Link) -> bool:
        """Send one piece; whether there may be more."""
        if link is not self._link:
            self._greet(link)
        if time.monotonic() >= self._look_at:
            await self._look(link)
        is_full = await self._send(link)
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + FORGET_EVERY
            maillog.on_the_bus(self._ledger.waiting)
            for segment in self._reader.forget(self._ledger.covered()):
                self._ledger.gone(segment)
        return is_full

    def _greet(self, link: Link) -> None:
        """A new connection; perhaps to another stream than the one that took what we sent."""
        if self._link is None or self._link.born != link.born:
            self._first = 0
            self._send_again(self._ledger.all_again())
        if server_version(link) < OLDEST_SERVER:
            maillog.process("bus_is_old", version=".".join(map(str, server_version(link))))
        self._link = link
        self._listening.clear()

    async def _look(self, link: Link) -> None:
        """What the bus holds no more since we last looked, and the store has not confirmed, is sent again.

        Either the word was lost, or the bus lost what it had taken: power went before it was on its disks,
        or somebody emptied the stream. When no word ever comes it is sent less and less often.
        """
        info = await link.stream.stream_info(self._bus.name)
        if info.created is not None and info.created != link.born:
            raise ConnectionResetError  # somebody else was quicker to make it anew: begin anew as well
        state = info.state
        again = self._ledger.missing_again(first=self._first, last=state.last_seq)
        self._first = state.first_seq
        self._send_again(again)
        if again:
            self._patience = min(2 * self._patience, LOOK_SELDOM)
        self._look_at = time.monotonic() + self._patience

    def _send_again(self, parts: int) -> None:
        if parts:
            self._times += 1
            maillog.process("sent_again", parts=parts)

    async def _send(self, link: Link) -> bool:
        """Publish the next piece, if there is one; whether it was a full one."""
        self._next = self._next or self._read_on()
        if self._next is None:
            return False
        stretch, place = self._next, Place(self._next.segment, self._next.start, self._next.end)
        await self._listen(link, writer_of(place.segment))
        name = f"{place}#{self._times}" if self._times else str(place)
        try:
            receipt = await link.stream.publish(
                self._bus.hits,
                self._seal.close(Sealed.PIECE, pack_piece(place, stretch.payloads)),
                timeout=ANSWER_SECONDS,
                stream=self._bus.name,
                headers={"Nats-Msg-Id": name},
            )
        except NotFoundError:
            raise
        except APIError as error:
            await self._refused(error)
            return False
        self._refusals = 0
        self._next = None
        self._ledger.sent(place, receipt.seq)
        self.moved += len(stretch.payloads)
        maillog.moved(len(stretch.payloads))
        return len(stretch.payloads) >= self._piece_hits or stretch.end - stretch.start > PIECE_BYTES // 2

    async def _refused(self, error: APIError) -> None:
        """The stream is full, or has no leader for now: it is asked again, and the first time it is told."""
        if not self._refusals:
            maillog.process("bus_refuses", code=error.err_code, why=error.description)
        self._refusals += 1
        longest = min(REFUSED_LONGEST, EVERY * 2 ** min(self._refusals, 10))
        await self._rest(random.uniform(longest / 2, longest))  # noqa: S311 - to spread, not to hide

    async def _listen(self, link: Link, writer: str) -> None:
        """Hear what the store says of this writer's segments, before it can say anything."""
        if writer not in self._listening:
            await link.client.subscribe(self._bus.stored(writer), cb=self._hear)
            await link.client.flush(int(ANSWER_SECONDS))
            self._listening.add(writer)

    async def _hear(self, message: Msg) -> None:
        told = self._seal.open(Sealed.STORED, message.data)
        if told is None:
            return  # no store of ours said so
        for place in read_places(told):
            self._ledger.stored(place)
        self._patience = self._look_seconds

    def _read_on(self) -> Stretch | None:
        """What is to be sent next: parts that were lost on the way, then what nobody has sent yet."""
        while (place := self._ledger.next_again()) is not None:
            stretch = self._reader.stretch(
                place.segment, place.start, limit=self._piece_hits, room=place.end - place.start
            )
            if stretch is None:
                self._ledger.gone(place.segment)
            elif self._holds_hits(stretch):
                return stretch
        if self._ledger.waiting >= MOST_WAITING:
            return None
        stretches = self._reader.stretches(self._ledger.read, limit=self._piece_hits, room=PIECE_BYTES)
        return next(filter(self._holds_hits, stretches), None)

    def _holds_hits(self, stretch: Stretch) -> bool:
        """Whether there is anything to send; the store needs no word of what is blank or damaged."""
        for report in stretch.torn:
            maillog.torn(report)
        if not stretch.payloads and stretch.end > stretch.start:
            self._ledger.stored(Place(stretch.segment, stretch.start, stretch.end))
        return bool(stretch.payloads)

    def _pause(self) -> float:
        return min(SLOWEST, EVERY * (1 + self._ledger.waiting / 50))

    async def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._told.is_set() and time.monotonic() < until:  # noqa: ASYNC110 - the event is a thread's
            await asyncio.sleep(min(EVERY, until - time.monotonic()))

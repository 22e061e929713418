"""Live pages: one tail over the events table for the whole process, and a bounded queue to each listening page.

Pages are told *which* message changed and fetch it themselves, so a name that is already waiting in
a queue is not put there again: however many hits arrive, a page has at most one note per message, and
one that cannot keep up is told once to renew everything. The table is read only while somebody listens.

Numbers of events are given before their transactions commit, so on PostgreSQL a lower number may
appear after a higher one; there the last few seconds are read again, and what was seen is skipped.
"""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from seenby import maillog
from seenby.store import Store
from seenby.tell.latency import Measured
from seenby.words.event import EventKind

POLL: Final = 0.25  # seconds between two looks at the table
PACE: Final = 0.5  # seconds between two notes to one page
HEARTBEAT: Final = 15.0  # seconds of silence after which a stream says that it lives
OVERLAP: Final = 5.0  # seconds that are read again where numbers may come late
BATCH: Final = 1000
SEEN: Final = 20_000  # ids remembered for the overlap
WAITING: Final = 500  # names one page may have waiting
RENEW: Final = "all"  # the name that every live part of a page listens to
NEW_MESSAGE: Final = "sent"
DELIVERED: Final = "delivered"
UNSUBSCRIBED: Final = "unsubscribed"
BELL: Final = "bell"
FEED: Final = "feed"
HOT: Final = "hot"
_SIGNS: Final = frozenset({EventKind.OPENED, EventKind.CLICKED, EventKind.REPLIED, EventKind.UNSUBSCRIBED})
# A verdict that changes may take an entry out of the feed.
_FED: Final = _SIGNS | {
    EventKind.MESSAGE_ACCEPTED,
    EventKind.MESSAGE_BOUNCED,
    EventKind.MESSAGE_FAILED,
    EventKind.COMPLAINED,
    EventKind.HIT_JUDGED,
}

log = logging.getLogger(__name__)


def names_of(event: RowMapping) -> Iterable[str]:
    """What the parts of a page that this event changes listen to."""
    yield f"m-{event['message']}"
    if event["kind"] == EventKind.MESSAGE_ACCEPTED:
        yield NEW_MESSAGE
    if event["kind"] == EventKind.MESSAGE_SENT:
        yield DELIVERED
    if event["kind"] == EventKind.UNSUBSCRIBED:
        yield UNSUBSCRIBED
    if event["bell"]:
        yield BELL
    if event["kind"] in _FED:
        yield FEED
    if event["kind"] in _SIGNS:
        yield HOT


class Listener:
    """One page's queue: names in the order they first came, each once, with the newest event's number."""

    def __init__(self, *, team: str, seq: int) -> None:
        self.team = team
        self.seq = seq
        self.ended = False
        self.knows: frozenset[str] = frozenset()  # events it was told of when it joined
        self._names: dict[str, None] = {}
        self._woken = asyncio.Event()

    def put(self, names: Iterable[str], *, seq: int) -> None:
        """Note that these changed."""
        self.seq = max(self.seq, seq)
        if RENEW not in self._names:
            self._names.update(dict.fromkeys(names))
            if len(self._names) > WAITING:
                self._names = {RENEW: None}
        self._woken.set()

    def end(self) -> None:
        """Let the stream finish."""
        self.ended = True
        self._woken.set()

    async def rest(self, seconds: float) -> None:
        """Let news gather for a while, each name once: a page that renews all the time shows nothing sooner."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.ended:
                    await self._woken.wait()
                    self._woken.clear()
        if self._names or self.ended:
            self._woken.set()

    async def take(self, *, patience: float) -> tuple[str, ...]:
        """What changed since the last call; nothing after `patience` seconds without a change."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._woken.wait()
        self._woken.clear()
        taken, self._names = tuple(self._names), {}
        return taken


class Live:
    """The tail. It runs while there are listeners and ends by itself with the last of them."""

    def __init__(
        self,
        store: Store,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
        poll: float = POLL,
        pace: float = PACE,
    ) -> None:
        self.measured = Measured(monotonic=monotonic)
        self._clock = clock
        self._store = store
        self._monotonic = monotonic
        self._poll = poll
        self._pace = pace
        self._listeners: set[Listener] = set()
        self._joining = asyncio.Lock()
        self._tail: asyncio.Task[None] | None = None
        self._stopped = False
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._marks: deque[tuple[float, int]] = deque()  # (when, the highest number read by then)
        self._seq = 0

    def stop(self) -> None:
        """End every stream at once; whoever asks for one from now on gets an empty one."""
        self._stopped = True
        for listener in self._listeners:
            listener.end()
        if self._tail is not None:
            self._tail.cancel()

    @contextlib.asynccontextmanager
    async def listen(self, *, team: str, after: int) -> AsyncIterator[Listener]:
        """A listener that misses nothing of its team's since event number `after`."""
        listener = Listener(team=team, seq=after)
        if self._stopped:
            listener.end()
        try:
            async with self._joining:  # two first listeners would each set where the tail begins
                self._listeners.add(listener)
                await self._catch_up(listener, after=after)
                self._follow()
            yield listener
        finally:
            self._listeners.discard(listener)

    async def stream(self, *, team: str, after: int) -> AsyncIterator[str]:
        """The text of a server-sent event stream (WHATWG HTML 9.2), until the page or the server goes."""
        yield "retry: 1000\n\n"
        async with self.listen(team=team, after=after) as listener:
            while not listener.ended:
                names = await listener.take(patience=HEARTBEAT)
                for name in names:
                    yield f"event: {name}\nid: {listener.seq}\ndata: {listener.seq}\n\n"
                if not names and not listener.ended:
                    yield ": still here\n\n"
                elif not listener.ended:
                    await listener.rest(self._pace)

    async def _catch_up(self, listener: Listener, *, after: int) -> None:
        """Tell what happened between the making of the page and now; too much of it is one `all`."""
        async with self._store.read() as tx:
            row = await tx.one("last_event")
            last = row["seq"] if row else 0
            behind = last if self._store.is_sqlite else max(0, last - BATCH // 2)
            late = await tx.all("events_after", seq=behind, limit=BATCH)
            # In this order: what the tail takes for told must be among what is told here.
            missed = await tx.all("events_after", seq=min(after, last), limit=BATCH)
        if not self._listening_tail():
            self._marks.clear()
            self._seen.clear()
            self._remember(late)
            self._seq = last
            self._marks.append((self._monotonic(), behind))
        if len(missed) == BATCH:
            listener.put([RENEW], seq=last)
        listener.knows = frozenset(event["id"] for event in missed)
        for event in missed:
            if event["team"] == listener.team:
                listener.put(names_of(event), seq=event["seq"])

    def _listening_tail(self) -> bool:
        return self._tail is not None and not self._tail.done()

    def _follow(self) -> None:
        if not self._listening_tail() and not self._stopped:
            self._tail = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._listeners:
            await asyncio.sleep(self._poll)
            try:
                await self._look()
            except (SQLAlchemyError, OSError) as error:
                log.warning("live pages wait: the store cannot be read (%s)", type(error).__name__)

    async def _look(self) -> None:
        """Read what is new and hand it out."""
        place = self._start()
        while True:
            async with self._store.read() as tx:
                events = await tx.all("events_after", seq=place, limit=BATCH)
            for event in self._remember(events):
                self._hand_out(event)
            if len(events) < BATCH:
                return
            place = events[-1]["seq"]

    def _start(self) -> int:
        """Where to read from: where we were, or on PostgreSQL where we were a few seconds ago."""
        if self._store.is_sqlite:
            return self._seq  # one writer at a time: numbers appear in order
        now = self._monotonic()
        self._marks.append((now, self._seq))
        while len(self._marks) > 1 and self._marks[1][0] <= now - OVERLAP:
            self._marks.popleft()
        return self._marks[0][1]

    def _remember(self, events: Iterable[RowMapping]) -> list[RowMapping]:
        """Those of `events` that we had not seen."""
        new = [event for event in events if event["id"] not in self._seen]
        for event in new:
            self._seen[event["id"]] = None
            self._seq = max(self._seq, event["seq"])
        while len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        return new

    def _hand_out(self, event: RowMapping) -> None:
        told = [one for one in self._listeners if one.team == event["team"] and event["id"] not in one.knows]
        for listener in told:
            listener.put(names_of(event), seq=event["seq"])
        if told and _is_new_hit(event):
            seconds = self._clock() - event["at"] / 1_000_000
            self.measured.add(seconds)
            maillog.shown(seconds)


def _is_new_hit(event: RowMapping) -> bool:
    """Whether pages learn of a fetch by this event: by its first verdict, not by one that was revised later."""
    return bool(event["kind"] == EventKind.HIT_JUDGED) and event["id"].split(":")[2:3] == ["1"]

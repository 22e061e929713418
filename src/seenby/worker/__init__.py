"""The worker: goes round the steps of the story for as long as the process lives. What a step is, flow.py says."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from seenby import flow, maillog
from seenby.journal import Reader
from seenby.mailed import mail_reports
from seenby.steps.house import House
from seenby.store.times import micros
from seenby.tell.digest import write_digests
from seenby.tell.push import Pusher, push_due
from seenby.tell.reminders import remind

SEND_EVERY: Final = 0.2  # seconds; how long a fresh message may lie before its first attempt
POST_EVERY: Final = 0.5
FILE_EVERY: Final = 5.0
LOOK_UP_EVERY: Final = 0.5
DRAIN_EVERY: Final = 0.1  # a hit is to be on the live page within two seconds
JUDGE_EVERY: Final = 0.1
JUDGE_AT_ONCE: Final = 50
JUDGES: Final = 8
REST: Final = 5  # a message is judged a sixth of the time at the most
LONGEST_REST: Final = 30.0  # seconds; a machine that was suspended seems to have judged for as long
TELL_EVERY: Final = 1.0
SWEEP_EVERY: Final = 60.0
REMIND_EVERY: Final = 30.0
PUSH_EVERY: Final = 1.0
LAST_COPIES: Final = 1.0  # seconds that sending may go on after a stop
AFTER_FAULT: Final = 1.0
CONNECTIONS_PER_HOP: Final = (
    4  # once it has been reached; one until then: a server that hangs keeps nobody else waiting
)
CONNECTIONS: Final = 64
HOP_REST: Final = 20.0  # seconds before another batch is tried at a next hop that could not be reached


class Worker:
    """Rounds of the steps, each at its own pace; what fails is tried again.

    `pusher` tells browsers; `app_url` is where people reach the pages, for the links in our own mail.
    """

    def __init__(self, house: House, journal: Reader, *, pusher: Pusher | None = None, app_url: str = "") -> None:
        self._house = house
        self._journal = journal
        self._pusher = pusher
        self._app_url = app_url
        self._stop = asyncio.Event()
        self._busy: Counter[str] = Counter()
        self._reached: set[str] = set()
        self._avoided: dict[str, float] = {}
        self._resting: dict[str, float] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what was begun is finished or given back."""
        self._stop = stop
        async with asyncio.TaskGroup() as rounds:
            rounds.create_task(self._round("send", self._send_round, SEND_EVERY, stop))
            rounds.create_task(self._round("post", lambda: flow.post(self._house), POST_EVERY, stop))
            rounds.create_task(self._round("file", lambda: flow.file(self._house), FILE_EVERY, stop))
            rounds.create_task(self._round("look_up", lambda: flow.look_up(self._house), LOOK_UP_EVERY, stop))
            rounds.create_task(self._round("drain", self._drain_round, DRAIN_EVERY, stop))
            rounds.create_task(self._round("judge", self._judge_round, JUDGE_EVERY, stop))
            rounds.create_task(self._round("tell", lambda: flow.tell(self._house), TELL_EVERY, stop))
            rounds.create_task(self._round("sweep", lambda: flow.sweep(self._house), SWEEP_EVERY, stop))
            rounds.create_task(self._round("remind", self._remind_round, REMIND_EVERY, stop))
            rounds.create_task(self._round("push", self._push_round, PUSH_EVERY, stop))
        if self._sending:  # a copy that a server is just taking would otherwise be sent twice
            await asyncio.wait(self._sending, timeout=LAST_COPIES)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _round(self, what: str, step: Callable[[], Awaitable[object]], every: float, stop: asyncio.Event) -> None:
        while not stop.is_set():
            pause = every
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - the next round finds the same work again
                maillog.failed(what, error)
                pause = max(every, AFTER_FAULT)
            await _sleep(pause, stop)

    async def _send_round(self) -> None:
        async with self._house.store.read() as tx:
            due = [row["hop"] for row in await tx.all("due_hops", now=micros(self._house.now()))]
        for hop in due:
            if self._has_room(hop):
                self._busy[hop] += 1
                task = asyncio.create_task(self._send(hop))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    def _has_room(self, hop: str) -> bool:
        """Whether another connection to this next hop may be opened now."""
        most = CONNECTIONS_PER_HOP if hop in self._reached else 1
        rested = self._avoided.get(hop, 0.0) <= asyncio.get_running_loop().time()
        return rested and self._busy[hop] < most and len(self._sending) < CONNECTIONS

    async def _send(self, hop: str) -> None:
        """Batches to one next hop until none is due, or it cannot be reached."""
        try:
            while not self._stop.is_set() and (batch := await flow.send(self._house, hop=hop)).copies:
                if not batch.reached:
                    self._reached.discard(hop)
                    self._avoided[hop] = asyncio.get_running_loop().time() + HOP_REST
                    return
                self._reached.add(hop)
        except Exception as error:  # noqa: BLE001 - the claims run out and the copies come back
            maillog.failed("send", error)
        finally:
            self._busy[hop] -= 1

    async def _remind_round(self) -> None:
        house = self._house
        await remind(house.store, now=house.now())
        await write_digests(house.store, house.letterhead, app_url=self._app_url, now=house.now())
        await mail_reports(house.store, house.letterhead, app_url=self._app_url, now=house.now())

    async def _push_round(self) -> None:
        if self._pusher is not None:
            await push_due(self._house.store, self._pusher, now=self._house.now())

    async def _drain_round(self) -> None:
        while await flow.drain(self._house, self._journal) > flow.BATCH_HITS // 2:
            pass  # a batch of whole pieces may be a little short of full

    async def _judge_round(self) -> None:
        """Judge what is due, several at a time: one waits for the disk while another is thought about."""
        async with self._house.store.read() as tx:
            due = await tx.all("due_judgements", now=micros(self._house.now()), limit=JUDGE_AT_ONCE)
        clock = asyncio.get_running_loop().time
        waiting = [row["id"] for row in due if self._resting.get(row["id"], 0.0) <= clock()]
        await asyncio.gather(*(self._judge_some(waiting) for _ in range(min(JUDGES, len(waiting)))))
        self._resting = {message: until for message, until in self._resting.items() if until > clock()}

    async def _judge_some(self, waiting: list[str]) -> None:
        """Judge from the list until it is empty; a message that takes long rests, and keeps no others waiting."""
        clock = asyncio.get_running_loop().time
        while waiting:
            message, began, rest = waiting.pop(0), clock(), 0.0
            try:
                await flow.judge(self._house, message=message)
            except Exception as error:  # noqa: BLE001 - one message that fails keeps no other waiting
                maillog.failed("judge", error)
                rest = AFTER_FAULT
            self._resting[message] = clock() + max(rest, min(LONGEST_REST, REST * (clock() - began)))


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

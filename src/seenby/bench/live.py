"""How long from a hit to the pages that show it: many open pages, and hits that come all the time.

Seenby runs whole, as `seenby up` runs it, over SQLite. The pages are clients that do what the pages' script does: each
listens to the live stream, fetches whatever part of it has changed, and never has more than one request for one part
under way. A hit counts as shown on a page when the answer that was asked for after its news has come.
"""

import asyncio
import itertools
import math
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from seenby import flow
from seenby.accounts import Accounts
from seenby.bench.figures import BenchError, Spread, Tell, columns, how_often, shown, spread
from seenby.bench.load import AGENT
from seenby.bench.mailservers import SENDER
from seenby.bench.servers import free_port
from seenby.folder import Folder, find_folder, open_folder
from seenby.settings import Settings
from seenby.steps.house import House
from seenby.store import Store, open_store, people
from seenby.wiring import make_house, mint, now
from seenby.words.address import parse_address
from seenby.words.message import Accepted, Sender, Submission
from seenby.words.policy import Level
from seenby.words.token import Kind, Token, token_url

PAGES: Final = {"sent": 25, "feed": 10, "message": 15}
RATE: Final = 100  # hits a second
SECONDS: Final = 20.0
MESSAGES: Final = 400  # each is hit every four seconds, so that news can be told from the news before
ROWS: Final = 30
_WARMUP: Final = 3.0
_START: Final = 30.0
_ROWS: Final = "/rows"
_GATHER: Final = 0.03
_FEED: Final = {"HX-Request": "true", "HX-Target": "feed-list"}
_MAIL: Final = (
    "From: {0}\r\nTo: {1}\r\nSubject: Offer {2}\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n"
)


@dataclass(slots=True)
class _Board:
    """When what was hit, and how long it took to be shown."""

    hit_at: dict[str, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)  # until the news came, without fetching
    fetches: int = 0
    failed: int = 0
    under_way: set[asyncio.Task[None]] = field(default_factory=set)


class _Part:
    """One part of a page that renews itself, at most one request under way; the list's rows are one part together."""

    def __init__(self, client: httpx2.AsyncClient, path: str, board: _Board) -> None:
        self._client, self._path, self._board = client, path, board
        self._waiting: list[tuple[str, float]] = []  # what has changed, and when it was hit
        self._task: asyncio.Task[None] | None = None

    def renew(self, name: str, hit_at: float | None) -> None:
        """There is news of `name`; `hit_at`: of a hit whose showing is timed."""
        self._waiting.append((name, math.nan if hit_at is None else hit_at))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._fetch())
            self._board.under_way.add(self._task)
            self._task.add_done_callback(self._board.under_way.discard)

    async def _fetch(self) -> None:
        await asyncio.sleep(_GATHER)
        while self._waiting:
            taken, self._waiting = self._waiting, []
            messages = {name.removeprefix("m-"): None for name, _ in taken}
            asked = "&".join(f"message={message}" for message in messages)
            path = f"{self._path}?{asked}" if self._path == _ROWS else self._path
            answer = await self._client.get(path, headers=_FEED if path == "/feed" else None)
            self._board.fetches += 1
            self._board.failed += answer.status_code != 200
            at = time.perf_counter()
            self._board.took += [at - hit_at for _, hit_at in taken if not math.isnan(hit_at)]


async def _page(client: httpx2.AsyncClient, parts: Mapping[str, _Part], timed: frozenset[str], board: _Board) -> None:
    """One open page: the stream, and the parts by the name of the news that each listens to."""
    async with client.stream("GET", "/live?after=0", timeout=None) as stream:
        async for line in stream.aiter_lines():
            name = line.removeprefix("event: ")
            if name == line or name not in parts:
                continue
            hit_at = board.hit_at.get(name) if name in timed else None
            if hit_at is not None:
                board.told.append(time.perf_counter() - hit_at)
            parts[name].renew(name, hit_at)


def bench_live(*, rounds: int, tell: Tell) -> dict[str, Any]:
    """Medians of `rounds` of twenty seconds each."""
    measured = []
    for turn in range(rounds):
        tell(f"round {turn + 1} of {rounds}", turn / rounds)
        with tempfile.TemporaryDirectory(prefix="seenby-bench-") as folder:
            measured.append(asyncio.run(_measure(Path(folder))))
    return {
        "bench": "live",
        "rounds": rounds,
        "python": sys.version.split()[0],
        "pages": PAGES,
        "hits_per_second": RATE,
        **{name: spread([one[name] for one in measured]) for name in measured[0]},
    }


async def _measure(data: Path) -> dict[str, float]:
    paths, link = await _prepared(data)
    board = _Board()
    async with running(data) as (app, tracker):
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(base_url=app, limits=limits, timeout=60.0) as client:
            await client.get(link)
            open_pages = [asyncio.create_task(page) for page in _pages(client, list(paths), board)]
            await asyncio.sleep(_WARMUP)
            await _hits(tracker, paths, board)
            await asyncio.sleep(_WARMUP)
            for page in open_pages:
                page.cancel()
            await asyncio.gather(*open_pages, return_exceptions=True)
            await asyncio.gather(*board.under_way, return_exceptions=True)
    if not board.took or board.failed:
        raise BenchError(f"{len(board.took)} changes were shown and {board.failed} requests failed: no figures.")
    took, told = sorted(board.took), sorted(board.told)
    return {
        "p50_ms": 1000 * took[len(took) // 2],
        "p99_ms": 1000 * took[int(len(took) * 0.99)],
        "told_p99_ms": 1000 * told[int(len(told) * 0.99)],
        "shown": len(took),
        "requests_per_second": board.fetches / SECONDS,
    }


def _pages(client: httpx2.AsyncClient, messages: Sequence[str], board: _Board) -> Iterator[Any]:
    def page(parts: Mapping[str, str]) -> Any:  # noqa: ANN401 - a coroutine
        paths = {"bell": "/bell/count", **parts}
        one_each = {path: _Part(client, path, board) for path in paths.values()}
        made = {name: one_each[path] for name, path in paths.items()}
        return _page(client, made, frozenset(name for name in parts if name.startswith("m-")), board)

    newest = messages[-ROWS:]
    for _ in range(PAGES["sent"]):
        yield page({f"m-{message}": _ROWS for message in newest})
    for _ in range(PAGES["feed"]):
        yield page({"feed": "/feed", "hot": "/feed/hot"})
    for number in range(PAGES["message"]):
        yield page({f"m-{messages[number]}": f"/messages/{messages[number]}"})


async def _hits(tracker: str, paths: Mapping[str, str], board: _Board) -> None:
    """Each message in turn, by the clock, whether the tracker keeps up or not."""
    limits = httpx2.Limits(max_connections=16)
    async with httpx2.AsyncClient(base_url=tracker, headers={"User-Agent": AGENT}, limits=limits) as reader:
        began, tasks = time.perf_counter(), []
        for number, message in zip(range(int(RATE * SECONDS)), itertools.cycle(paths), strict=False):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            board.hit_at[f"m-{message}"] = time.perf_counter()
            tasks.append(asyncio.create_task(reader.get(paths[message])))
        answers = await asyncio.gather(*tasks)
    board.failed += sum(answer.status_code != 200 for answer in answers)


@asynccontextmanager
async def inhabited(data: Path) -> AsyncIterator[tuple[Folder, Store, Sender]]:
    """A new data folder whose store has one sender."""
    folder = open_folder(data)
    store = await open_store(database_url="", data=folder.path)
    try:
        await _accounts(store).add_sender(SENDER)
        async with store.read() as tx:
            sender = await people.sender_by_address(tx, SENDER)
        if sender is None:
            raise BenchError("The sender could not be made.")
        yield folder, store, sender
    finally:
        await store.close()


async def sign_in_link(store: Store) -> str:
    """A path that signs the sender in, once."""
    return (await _accounts(store).sign_in_link(SENDER))["link"]


def _accounts(store: Store) -> Accounts:
    return Accounts(store=store, app_url="", now=now, mint=mint)


async def _prepared(data: Path) -> tuple[Mapping[str, str], str]:
    """A data folder with mail of an hour ago: the pixel's path of each message, and a link that signs in."""
    async with inhabited(data) as (folder, store, sender):
        house = make_house(Settings(data=data, tracking_url="http://t.seenby.test"), folder=folder, store=store)
        house = replace(house, now=lambda: now() - timedelta(hours=1))
        found: dict[str, str] = {}
        for number in range(MESSAGES):
            found.update(await _sent(house, sender, number))
        while (await flow.send(house, hop="")).copies:
            pass
        return found, await sign_in_link(store)


async def _sent(house: House, sender: Sender, number: int) -> Mapping[str, str]:
    to = parse_address(f"reader{number}@customer.test")
    from_ = parse_address(SENDER)
    assert to is not None
    assert from_ is not None
    taken = await flow.accept(
        house,
        Submission(
            sender=sender,
            envelope_from=from_,
            recipients=(to,),
            raw=_MAIL.format(SENDER, to, number).encode(),
            at=house.now(),
        ),
    )
    if not isinstance(taken, Accepted):
        raise BenchError(f"The mail was refused: {taken.why}")
    async with house.store.read() as tx:
        [row] = await tx.all("recipients_of", message=taken.message)
    pixel = Token(kind=Kind.PIXEL, level=Level.FULL, message=taken.message, recipient=row["id"])
    url = token_url("", pixel, house.keys)
    assert url is not None
    return {taken.message: url}


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[tuple[str, str]]:
    """`seenby up` on the folder: the pages' address, and the tracker's."""
    tracker = f"127.0.0.1:{free_port()}"
    settings = {f"SEENBY_{name}_LISTEN": "127.0.0.1:0" for name in ("SMTP", "APP", "PREVIEW")}
    settings |= {"SEENBY_DATA": str(data), "SEENBY_OWNER": SENDER, "SEENBY_TRACKER_LISTEN": tracker}
    settings |= {"SEENBY_APP_METRICS_LISTEN": "", "SEENBY_TRACKER_METRICS_LISTEN": "", "SEENBY_LOG_LEVEL": "warning"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "seenby", "up"),
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        where = await _until(lambda: find_folder(data).whereabouts())
        async with httpx2.AsyncClient() as asking:
            await _until_answered(asking, f"http://{tracker}/")
        yield where["app_url"], f"http://{tracker}"
    finally:
        process.terminate()
        await process.wait()


async def _until(ask: Callable[[], dict[str, str]]) -> dict[str, str]:
    for _ in range(int(_START * 10)):
        if found := ask():
            return found
        await asyncio.sleep(0.1)
    raise BenchError("Seenby did not start.")


async def _until_answered(client: httpx2.AsyncClient, url: str) -> None:
    for _ in range(int(_START * 10)):
        try:
            await client.get(url)
        except httpx2.TransportError:
            await asyncio.sleep(0.1)
        else:
            return
    raise BenchError("The tracker did not start.")


def live_text(figures: dict[str, Any]) -> str:
    """The figures for people."""
    found: Mapping[str, Spread] = figures
    rows = [
        ("from a hit to the page, p50", f"{shown(found['p50_ms'])} ms"),
        ("from a hit to the page, p99", f"{shown(found['p99_ms'])} ms"),
        ("of this until the page is told, p99", f"{shown(found['told_p99_ms'])} ms"),
        ("pages' requests a second", shown(found["requests_per_second"])),
    ]
    pages = ", ".join(f"{count} of {name}" for name, count in figures["pages"].items())
    return "\n".join(
        [
            f"{figures['hits_per_second']} hits a second; open pages: {pages}. {how_often(figures['rounds'])}.",
            columns(rows),
        ]
    )

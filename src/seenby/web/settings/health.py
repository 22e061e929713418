"""How the installation is: a line for each thing that can go wrong, looked at just now.

Everybody sees which lines are well. Numbers are for who answers for the installation.
"""

import asyncio
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import httpx2
from fastapi import APIRouter, Request
from fastapi.responses import Response

from seenby import __version__, maillog
from seenby.delivery.domain_check import State
from seenby.folder import Folder
from seenby.journal import FileReader
from seenby.store import Transaction, hits
from seenby.store.times import micros, moment
from seenby.tell.latency import PROMISED
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import ago
from seenby.web.settings.frame import draw_page, draw_piece, is_administrator, is_part

router = APIRouter(prefix="/settings/health")
COUNTED: Final = 1000  # hits of the journal that are looked at
BEHIND: Final = timedelta(seconds=30)
LONG: Final = timedelta(hours=4)
ROOM: Final = 1024**3  # bytes
SECONDS: Final = 1.5
WORDS: Final = {
    State.GOOD: ("circle-check", "OK"),
    State.NOTE: ("alert-triangle", "Look at it"),
    State.WRONG: ("circle-x", "Problem"),
    State.UNKNOWN: ("help-circle", "Not known"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing: how it is, in numbers, and what to do."""

    what: str
    state: State
    found: str = ""
    cure: str = ""


@router.get("")
async def health_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The page, or its lines when it renews itself."""
    knows = await is_administrator(parts, sender)
    lines = await _lines(parts)
    if not knows:
        lines = [replace(line, found="", cure="") for line in lines]
    values = {"lines": lines, "words": WORDS, "knows": knows, "at": parts.now()}
    if is_part(request):
        return draw_piece(request, sender, "settings_health_lines.html", **values)
    return await draw_page(request, parts, sender, "settings_health.html", **values)


async def _lines(parts: Parts) -> list[Line]:
    now = parts.now()
    async with parts.store.read() as tx:
        stored = [await _copies(tx, now), await _judging(tx, now), await _database(tx)]
        done = await hits.positions(tx)
    journal, disk, tracker = await asyncio.gather(
        asyncio.to_thread(_journal, parts, done, now), asyncio.to_thread(_disk, parts), _tracker(parts)
    )
    backup = Line(
        what="Backup", state=State.UNKNOWN, found="Seenby makes none and cannot know of yours.",
        cure="Keep copies of the store and of the keys folder: without the keys, links in old mail are dead.",
    )  # fmt: skip
    versions = Line(what="Versions", state=State.GOOD, found=f"Seenby {__version__}, Python {sys.version.split()[0]}")
    return [_latency(parts), tracker, journal, *stored[:2], _faults(), disk, stored[2], versions, backup]


def _latency(parts: Parts) -> Line:
    what, lately = "From a fetch to the page", parts.live.measured.lately()
    if lately is None:
        found = f"No fetch reached an open page in the last hour. Promised: {PROMISED:.0f} s for 99 of 100."
        return Line(what=what, state=State.GOOD, found=found)
    found = (
        f"{lately.median:.1f} s for half of them, {lately.p99:.1f} s for 99 of 100 "
        f"({lately.count:,} in the last hour). Promised: {PROMISED:.0f} s for 99 of 100."
    )
    if lately.p99 <= PROMISED:
        return Line(what=what, state=State.GOOD, found=found)
    cure = "Is the machine busy, or was Seenby just started with hits waiting? Look at the lines below."
    return Line(what=what, state=State.NOTE, found=found, cure=cure)


async def _tracker(parts: Parts) -> Line:
    what = "Tracker"
    if not parts.settings.tracker_metrics_listen:
        return Line(what=what, state=State.UNKNOWN, found="SEENBY_TRACKER_METRICS_LISTEN is empty, so it is not asked.")
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS) as client:
            answer = await client.get(f"http://{parts.settings.tracker_metrics_listen}/readyz")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
        found = f"No answer at {parts.settings.tracker_metrics_listen}."
        cure = "On this machine: look at what “seenby up” says. On another one: ask its own port there."
        return Line(what=what, state=State.UNKNOWN, found=found, cure=cure)
    if answer.status_code == 200:
        return Line(what=what, state=State.GOOD, found="It answers, and keeps every hit on disk first.")
    cure = "Its disk is full or broken. Readers are served all the same; make room, and it mends itself."
    return Line(what=what, state=State.WRONG, found="It answers readers, but cannot keep hits.", cure=cure)


def _journal(parts: Parts, done: dict[str, int], now: datetime) -> Line:
    what = "Hits on their way into the store"
    if parts.settings.nats_url:
        return Line(what=what, state=State.UNKNOWN, found="They travel over NATS; ask its own monitoring.")
    waiting = FileReader(Folder(parts.settings.data.absolute()).journal).waiting(done, limit=COUNTED)
    if not waiting:
        return Line(what=what, state=State.GOOD, found="None waits.")
    oldest = min(hit.at for hit in waiting)
    number = f"{len(waiting):,}" if len(waiting) < COUNTED else f"{COUNTED:,} or more"
    found = f"{number} wait, the oldest since {ago(oldest, now=now)}."
    if now - oldest < BEHIND:
        return Line(what=what, state=State.GOOD, found=found)
    cure = "Does the worker run? Its log says if a step fails. Nothing is lost: they wait on disk."
    return Line(what=what, state=State.WRONG, found=found, cure=cure)


async def _copies(tx: Transaction, now: datetime) -> Line:
    what, row = "Mail that waits to be sent", await tx.one("waiting")
    if row is None or not row["copies"]:
        return Line(what=what, state=State.GOOD, found="None.")
    since = moment(row["oldest"]) if row["oldest"] else now
    found = f"{row['copies']:,} copies, the oldest since {ago(since, now=now)}."
    if now - since < LONG:
        return Line(what=what, state=State.GOOD, found=found)
    cure = "The next hop takes nothing, or only some. Each message's page has its words; test it under Next hop."
    return Line(what=what, state=State.NOTE, found=found, cure=cure)


async def _judging(tx: Transaction, now: datetime) -> Line:
    what, row = "Messages with fetches to be read", await tx.one("waiting_judgements", now=micros(now))
    if row is None or not row["messages"]:
        return Line(what=what, state=State.GOOD, found="None.")
    since = moment(row["oldest"])
    found = f"{row['messages']:,}, the oldest due {ago(since, now=now)}."
    if now - since < BEHIND:
        return Line(what=what, state=State.GOOD, found=found)
    cure = "Does the worker run? After rules were read again for many messages this takes a while."
    return Line(what=what, state=State.NOTE, found=found, cure=cure)


def _faults() -> Line:
    what, faults = "Steps that failed", maillog.faults()
    if not faults:
        return Line(what=what, state=State.GOOD, found="None in this process since it started.")
    kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(faults.items()))
    cure = "Each is tried again. The log says what failed and where; one that goes on growing needs a look."
    return Line(what=what, state=State.NOTE, found=f"In this process since it started: {kinds}.", cure=cure)


def _disk(parts: Parts) -> Line:
    what = "Disk"
    try:
        usage = shutil.disk_usage(parts.settings.data)
    except OSError as error:
        found = f"{parts.settings.data} cannot be looked at ({error.strerror})."
        return Line(what=what, state=State.UNKNOWN, found=found)
    found = f"{_bytes(usage.free)} of {_bytes(usage.total)} free where the data folder is."
    if usage.free >= ROOM:
        return Line(what=what, state=State.GOOD, found=found)
    cure = "Make room: with a full disk mail is refused for now (452) and hits are served but not kept."
    return Line(what=what, state=State.WRONG, found=found, cure=cure)


async def _database(tx: Transaction) -> Line:
    row = await tx.one("database_size")
    assert row is not None
    kind = "SQLite" if tx.is_sqlite else "PostgreSQL"
    return Line(what="Store", state=State.GOOD, found=f"{kind} {row['version']}, {_bytes(row['bytes'])}.")


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"

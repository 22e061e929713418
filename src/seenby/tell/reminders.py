"""Reminders that come due ring the bell of whoever asked, and nobody else's; those that became needless end quietly."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from seenby.store import Store, Transaction, hits
from seenby.store.times import micros
from seenby.words.event import Event, EventKind

BATCH: Final = 500  # a transaction holds up others that write


async def remind(store: Store, *, now: datetime) -> int:
    """End what is needless, and tell of what is due; of how many was told. Doing it twice tells nothing twice.

    What there is to do is found by reading, which holds up nobody.
    """
    at = micros(now)
    async with store.read() as tx:
        needless = await tx.all("needless_reminders", limit=BATCH)
        is_more = len(needless) == BATCH
        due = [] if is_more else await tx.all("due_reminders", now=at, limit=BATCH)  # some of these may be needless
    if not needless and not due:
        return 0
    told = 0
    async with store.write() as tx:
        for row in needless:
            await _end(tx, row, why=row["why"], at=at)
        for row in due:
            if not await _end(tx, row, why="due", at=at):
                continue
            event = Event(
                id=f"{EventKind.REMINDED.value}:{row['sender']}:{row['message']}:{row['made_at']}",
                team=row["team"],
                kind=EventKind.REMINDED,
                message=row["message"],
                recipient=None,
                at=now,
                bell=True,
                detail=row["sender"],  # the bell of nobody else rings
            )
            await hits.put_event(tx, event)
            told += 1
    return told


async def _end(tx: Transaction, row: Mapping[Any, Any], *, why: str, at: int) -> bool:
    which = {name: row[name] for name in ("sender", "message", "made_at")}
    return bool(await tx.run("end_reminder", why=why, now=at, **which))

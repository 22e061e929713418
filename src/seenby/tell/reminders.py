"""Reminders that come due ring the bell of whoever asked, and nobody else's; those that became needless end quietly."""

from datetime import datetime
from typing import Final

from seenby.store import Store, hits
from seenby.store.times import micros
from seenby.words.event import Event, EventKind

BATCH: Final = 500  # a transaction holds up others that write


async def remind(store: Store, *, now: datetime) -> int:
    """End what is needless, and tell of what is due; of how many was told. Doing it twice tells nothing twice."""
    at = micros(now)
    async with store.write() as tx:
        await tx.run("end_answered", now=at)
        await tx.run("end_seen", now=at)
        due = await tx.all("due_reminders", now=at, limit=BATCH)
        told = 0
        for row in due:
            if not await tx.run("end_due", sender=row["sender"], message=row["message"], now=at):
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

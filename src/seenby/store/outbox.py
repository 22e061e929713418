"""Events that a channel has still to tell: claimed for a while, settled when told; all of it may happen twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from seenby.store.store import Transaction
from seenby.store.times import micros


async def put(tx: Transaction, *, event: str, channel: str, team: str, at: datetime) -> None:
    """Have `channel` tell `event`."""
    await tx.run("add_outbox", event=event, channel=channel, team=team, due_at=micros(at))


async def claim(tx: Transaction, *, channel: str, now: datetime, lease: timedelta, limit: int) -> Sequence[str]:
    """Up to `limit` events that nobody else holds; they come back after `lease` if not settled."""
    taken = await tx.all("claim_outbox", channel=channel, now=micros(now), until=micros(now + lease), limit=limit)
    return [row["event"] for row in taken]


async def settle(tx: Transaction, *, channel: str, event: str) -> None:
    """The event was told. Doing so twice changes nothing."""
    await tx.run("settle_outbox", channel=channel, event=event)

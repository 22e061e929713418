"""Which browsers want notifications, and what is still to be told to them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from sqlalchemy import RowMapping

from seenby.store import outbox
from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.message import Sender

PUSH: Final = "push:"  # and a sender's id: the channel of what their browsers are to be told


class Pushed(Enum):
    """What became of a notification."""

    TAKEN = auto()
    GONE = auto()  # the browser wants none any more
    LATER = auto()  # the service did not take it this time


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One browser that wants notifications (Push API): where to send them, and the keys that only it can read by."""

    endpoint: str
    p256dh: str
    auth: str
    agent: str = ""


async def put_subscription(tx: Transaction, sender: Sender, one: Subscription, *, at: datetime, most: int) -> bool:
    """A browser wants notifications; False when this sender has too many already."""
    kept = await tx.all("push_subscriptions_of", sender=sender.id)
    if len(kept) >= most and one.endpoint not in {row["endpoint"] for row in kept}:
        return False
    await tx.run(
        "put_push_subscription",
        endpoint=one.endpoint,
        team=sender.team,
        sender=sender.id,
        p256dh=one.p256dh,
        auth=one.auth,
        agent=one.agent,
        at=micros(at),
    )
    return True


async def subscriptions(tx: Transaction, sender: str) -> Sequence[Subscription]:
    """The browsers of one sender."""
    return [
        Subscription(endpoint=row["endpoint"], p256dh=row["p256dh"], auth=row["auth"], agent=row["agent"])
        for row in await tx.all("push_subscriptions_of", sender=sender)
    ]


async def who_is_due(tx: Transaction, *, now: datetime) -> Sequence[str]:
    """The senders whose browsers are to be told something."""
    rows = await tx.all("push_due", now=micros(now), first=PUSH, after=PUSH[:-1] + chr(ord(PUSH[-1]) + 1))
    return [row["channel"].removeprefix(PUSH) for row in rows]


async def take_due(
    tx: Transaction, *, sender: str, now: datetime, lease: timedelta, limit: int
) -> Mapping[str, RowMapping]:
    """What one sender's browsers are to be told, by event, ours until `lease` is over; the rest is dropped."""
    claimed = await outbox.claim(tx, channel=PUSH + sender, now=now, lease=lease, limit=limit)
    rows = await tx.all("events_to_tell", events=json.dumps(claimed), sender=sender) if claimed else []
    told = {row["id"]: row for row in rows}
    await forget(tx, sender=sender, events=[event for event in claimed if event not in told])
    return {event: told[event] for event in claimed if event in told}


async def put_off(tx: Transaction, *, sender: str, events: Sequence[str], until: datetime) -> None:
    """Tell it then."""
    at = micros(until)
    await tx.many("put_off_outbox", [{"channel": PUSH + sender, "event": event, "until": at} for event in events])


async def forget(tx: Transaction, *, sender: str, events: Sequence[str]) -> None:
    """It was told, or need not be any more."""
    await tx.many("drop_outbox", [{"channel": PUSH + sender, "event": event} for event in events])

"""Which browsers want notifications, and what is still to be told to them."""

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
    found = {}
    for event in await outbox.claim(tx, channel=PUSH + sender, now=now, lease=lease, limit=limit):
        row = await tx.one("event_to_tell", event=event, sender=sender)
        if row is None:
            await forget(tx, sender=sender, events=[event])
        else:
            found[event] = row
    return found


async def put_off(tx: Transaction, *, sender: str, events: Sequence[str], until: datetime) -> None:
    """Tell it then."""
    for event in events:
        await tx.run("put_off_outbox", channel=PUSH + sender, event=event, until=micros(until))


async def forget(tx: Transaction, *, sender: str, events: Sequence[str]) -> None:
    """It was told, or need not be any more."""
    for event in events:
        await tx.run("drop_outbox", channel=PUSH + sender, event=event)

"""Reminders: a sender asks to be told of a message after some days, unless something came of it before.

A reminder is its sender's alone: colleagues are neither told nor shown it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, or_, select

from seenby.store.store import Transaction
from seenby.store.tables import reminders
from seenby.store.times import micros


class Unless(StrEnum):
    """What makes a reminder needless."""

    ANSWERED = "answered"  # somebody is known to have answered
    SEEN = "seen"  # or a person has opened or clicked since it was asked for, certainly or probably
    NOTHING = "nothing"


async def ask(
    tx: Transaction, *, team: str, sender: str, messages: Sequence[str], unless: Unless, after: timedelta, at: datetime
) -> None:
    """Remind the sender of these messages of their team, in place of what was asked before."""
    for message in messages:
        await tx.run(
            "remind",
            team=team,
            sender=sender,
            message=message,
            unless=unless.value,
            due_at=micros(at + after),
            at=micros(at),
        )


async def forget(tx: Transaction, *, sender: str, messages: Sequence[str], at: datetime) -> None:
    """Take reminders back, or be done with those that came due."""
    for message in messages:
        await tx.run("forget_reminder", sender=sender, message=message, at=micros(at))


async def reminders_of(tx: Transaction, found: Sequence[Mapping[Any, Any]], *, sender: str) -> Mapping[str, RowMapping]:
    """What one sender asked for these messages, while it waits or has come due, by message."""
    query = select(reminders.c.message, reminders.c.unless, reminders.c.due_at, reminders.c.ended).where(
        reminders.c.sender == sender,
        reminders.c.message.in_([row["id"] for row in found]),
        or_(reminders.c.ended_at.is_(None), reminders.c.ended == "due"),
    )
    return {row["message"]: row for row in (await tx.connection.execute(query)).mappings()}

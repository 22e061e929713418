"""What was asked of a device or a provider, to be answered once and soon. Only a hash of the question is kept."""

from datetime import datetime, timedelta
from enum import StrEnum

from seenby.store.people import secret_hash
from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.limits import CHALLENGES


class Asked(StrEnum):
    """What for. An answer to one is none to another."""

    PASSKEY_NEW = "passkey_new"
    PASSKEY = "passkey"
    PROVIDER_DONE = "provider_done"  # a way back from the provider that was gone, and is not gone twice


async def ask(tx: Transaction, kind: Asked, question: str, *, now: datetime, lasts: timedelta, value: str = "") -> bool:
    """Remember the question; False when it is known already, or too many wait for their answer."""
    waiting = await tx.one("open_challenges", now=micros(now))
    if waiting is not None and waiting["n"] >= CHALLENGES:
        return False
    ends_at = micros(now + lasts)
    return bool(
        await tx.run("put_challenge", hash=secret_hash(f"{kind}:{question}"), kind=kind, value=value, ends_at=ends_at)
    )


async def answered(tx: Transaction, kind: Asked, question: str, *, now: datetime) -> str | None:
    """Spend the question; what was kept with it, or None where it was not asked, was spent, or is too old."""
    row = await tx.one("take_challenge", hash=secret_hash(f"{kind}:{question}"), kind=kind, now=micros(now))
    return None if row is None else str(row["value"])

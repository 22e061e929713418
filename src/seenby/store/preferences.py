"""What a sender has chosen for themselves, by name: a text each. Whoever keeps one says what it means."""

from seenby.store.store import Transaction
from seenby.words.message import Sender


async def get(tx: Transaction, sender: Sender, name: str) -> str:
    """What was chosen; empty for nothing."""
    row = await tx.one("preference", sender=sender.id, name=name)
    return str(row["value"]) if row else ""


async def put(tx: Transaction, sender: Sender, name: str, value: str) -> None:
    """Choose it."""
    await tx.run("put_preference", sender=sender.id, team=sender.team, name=name, value=value)

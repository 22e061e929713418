"""What a sender has chosen for themselves, by name: a text each. Whoever keeps one says what it means."""

from collections.abc import Mapping, Sequence

from seenby.store.store import Transaction
from seenby.words.message import Sender


async def get(tx: Transaction, sender: Sender, name: str) -> str:
    """What was chosen; empty for nothing."""
    row = await tx.one("preference", sender=sender.id, name=name)
    return str(row["value"]) if row else ""


async def put(tx: Transaction, sender: Sender, name: str, value: str) -> None:
    """Choose it."""
    await tx.run("put_preference", sender=sender.id, team=sender.team, name=name, value=value)


async def chosen(tx: Transaction, sender: str) -> Mapping[str, str]:
    """Everything that the sender with this id has chosen, by name."""
    return {row["name"]: row["value"] for row in await tx.all("preferences_of", sender=sender)}


async def choose(tx: Transaction, sender: Sender, among: Sequence[str], values: Mapping[str, str]) -> None:
    """Of the names `among`, keep those that have a value, and forget the others."""
    for name in among:
        if values.get(name):
            await put(tx, sender, name, values[name])
        else:
            await tx.run("drop_preference", sender=sender.id, name=name)

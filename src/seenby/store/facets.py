"""What reports are cut by: for one message, and for the day on which its sender had it accepted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from seenby.store.store import Transaction
from seenby.store.times import DAY

FACETS: Final = ("opens", "clicks", "machines")
Counts = Mapping[tuple[str, str], Mapping[str, int]]


async def put(tx: Transaction, message: Mapping[Any, Any], now: Counts) -> None:
    """Have the message's facets, by dimension and value, be `now`; its day moves by the difference."""
    rows = await tx.all("facets_of", message=message["id"])
    was = {(row["dimension"], row["value"]): {name: int(row[name]) for name in FACETS} for row in rows}
    changed = [key for key in sorted(was.keys() | now.keys()) if was.get(key) != now.get(key)]
    if not changed:
        return
    whose = {"team": message["team"], "sender": message["sender"], "day": message["accepted_at"] // DAY}
    nothing = dict.fromkeys(FACETS, 0)
    keys: Sequence[dict[str, Any]] = [{"dimension": dimension, "value": value} for dimension, value in changed]
    tx.later(
        "put_facet",
        [
            {"message": message["id"], **whose, **names, **now.get(key, nothing)}
            for key, names in zip(changed, keys, strict=True)
        ],
    )
    tx.later(
        "add_to_day_facet",
        [
            {**whose, **names} | {name: now.get(key, nothing)[name] - was.get(key, nothing)[name] for name in FACETS}
            for key, names in zip(changed, keys, strict=True)
        ],
    )

"""What reports are cut by: for one message, and for the day on which its sender had it accepted."""

import json
from collections.abc import Mapping
from typing import Any, Final

from seenby.store.store import Transaction
from seenby.store.tables import DIMENSIONS
from seenby.store.times import DAY

FACETS: Final = ("opens", "clicks", "machines")
NOTHING: Final = (0, 0, 0)
Counts = Mapping[tuple[str, str], tuple[int, int, int]]  # by dimension and value, in the order of FACETS


async def put(tx: Transaction, message: Mapping[Any, Any], now: Counts) -> None:
    """Have the message's facets be `now`; its day moves by the difference."""
    row = await tx.one("facets_of", message=message["id"])
    was = read_counts(row) if row else {}
    changed = [key for key in sorted(was.keys() | now.keys()) if was.get(key, NOTHING) != now.get(key, NOTHING)]
    if not changed:
        return
    whose = {"team": message["team"], "sender": message["sender"], "day": message["accepted_at"] // DAY}
    tx.later("put_facets", {"message": message["id"], **whose, **write_counts(now)})
    tx.later(
        "add_to_day_facets",
        [
            {"message": message["id"], **whose, "dimension": key[0], "value": key[1]}
            | _difference(was.get(key, NOTHING), now.get(key, NOTHING))
            for key in changed
        ],
    )


def write_counts(counts: Counts) -> Mapping[str, str]:
    """As the table holds them, by dimension."""
    written: dict[str, dict[str, tuple[int, int, int]]] = {dimension: {} for dimension in DIMENSIONS}
    for (dimension, value), count in sorted(counts.items()):
        written[dimension][value] = count
    return {dimension: json.dumps(values, separators=(",", ":")) for dimension, values in written.items()}


def read_counts(row: Mapping[Any, Any]) -> Counts:
    """What a row of the table holds."""
    return {
        (dimension, value): (count[0], count[1], count[2])
        for dimension in DIMENSIONS
        for value, count in json.loads(row[dimension]).items()
    }


def _difference(was: tuple[int, int, int], now: tuple[int, int, int]) -> dict[str, int]:
    return {name: now[at] - was[at] for at, name in enumerate(FACETS)}

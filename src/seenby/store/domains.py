"""What became of the copies to each domain: for one message, and for the day on which its sender had it accepted.

A message remembers what it counts for by domain, and its days move by the difference, as they do for its sums. No row
is left of a domain that nobody counts for any more: of somebody who was erased it may have been the name.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from seenby.store.store import Transaction
from seenby.store.tables import DOMAIN_SUMS

MOST: Final = 30  # domains of one message
ERASED: Final = "erased.invalid"  # whose copies were to people who were erased, as the statements have it
REST: Final = ""  # those of its other copies, together
EVERYBODY: Final = ""  # all senders, together
NOTHING: Final = (0,) * len(DOMAIN_SUMS)
_KEY: Final = ("team", "day", "domain", "sender")
_as_json: Final = json.JSONEncoder(separators=(",", ":")).encode  # `dumps` makes one of these each time
Sums = tuple[int, ...]  # in the order of DOMAIN_SUMS
Counts = Mapping[str, Sums]  # by domain
Change = Mapping[str, Any]


def counted(copies: Iterable[tuple[str, Sums]]) -> Counts:
    """What copies come to by domain: each a domain and what it adds. Of very many domains those with most copies."""
    found: dict[str, Sums] = {}
    for domain, sums in copies:
        found[domain] = _plus(found[domain], sums) if domain in found else sums
    if len(found) <= MOST:
        return found
    ordered = sorted(found.items(), key=lambda one: (-one[1][0], one[0]))
    kept, rest = dict(ordered[:MOST]), ordered[MOST:]
    for _, sums in rest:
        kept[REST] = _plus(kept.get(REST, NOTHING), sums)
    return kept


def write_counts(counts: Counts) -> str:
    """As the table holds them."""
    return _as_json(dict(sorted(counts.items())))


def read_counts(written: str) -> Counts:
    """What the table holds."""
    return {domain: tuple(sums) for domain, sums in json.loads(written).items()}


def changes(whose: Change, was: Counts, now: Counts) -> Sequence[Change]:
    """By how much a message's domains changed. `whose`: its id, team, sender and day."""
    keys = [key for key in was.keys() | now.keys() if was.get(key, NOTHING) != now.get(key, NOTHING)]
    return [
        {**whose, "domain": key} | _named(_plus(now.get(key, NOTHING), was.get(key, NOTHING), times=-1)) for key in keys
    ]


def add_later(tx: Transaction, changed: Iterable[Change]) -> None:
    """Have the days of these changes move by them, before whatever comes next.

    After all sums of days, and in one order, as labelling does: else, on PostgreSQL, each waits for the other.
    """
    ordered = sorted(changed, key=_place)
    tx.later("add_to_day_domains", ordered)
    tx.later("drop_empty_day_domains", [one for one in ordered if one["copies"] < 0])


async def add_label(tx: Transaction, written: Iterable[Mapping[Any, Any]], *, label: str, times: int) -> None:
    """Add what messages count for, as rows of `domains_of_several`, to a label's days; with -1 take it off again."""
    found: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row in written:
        for domain, sums in read_counts(row["domains"]).items():
            for sender in (EVERYBODY, row["sender"]):
                found[row["team"], row["day"], domain, sender].update(_named(sums))
    rows = [
        {**dict(zip(("team", "day", "domain", "sender"), key, strict=True)), "label": label}
        | {name: times * one[name] for name in DOMAIN_SUMS}
        for key, one in sorted(found.items())
    ]
    await tx.many("add_to_day_domain", rows)
    if times < 0:
        await tx.many("drop_empty_day_domain", [{name: row[name] for name in (*_KEY, "label")} for row in rows])


def _place(change: Change) -> tuple[Any, ...]:
    return tuple(change[name] for name in _KEY)


def _named(sums: Sums) -> dict[str, int]:
    return dict(zip(DOMAIN_SUMS, sums, strict=True))


def _plus(one: Sums, other: Sums, *, times: int = 1) -> Sums:
    return tuple(mine + times * theirs for mine, theirs in zip(one, other, strict=True))

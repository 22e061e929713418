"""What a team calls some of its messages. Reports of a label are sums of its days, as those of all mail are."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import RowMapping, select

from seenby.store import domains
from seenby.store.facets import FACETS, read_counts
from seenby.store.mail import hold
from seenby.store.store import Transaction
from seenby.store.tables import SUMS, labels

ALL_MAIL: Final = ""


async def of_team(tx: Transaction, *, team: str) -> Sequence[str]:
    """Every label the team uses, in the order of the alphabet."""
    return [row["label"] for row in await tx.all("labels_of_team", team=team)]


async def of_messages(tx: Transaction, found: Sequence[RowMapping]) -> Mapping[str, Sequence[str]]:
    """What these messages are called, by message."""
    query = select(labels.c.message, labels.c.label).where(labels.c.message.in_([row["id"] for row in found]))
    called: dict[str, list[str]] = {row["id"]: [] for row in found}
    for message, label in await tx.connection.execute(query.order_by(labels.c.label)):
        called[message].append(label)
    return called


async def put_on(tx: Transaction, messages: Sequence[str], *, team: str, label: str) -> None:
    """Call these messages of the team so; those of others are left alone."""
    await hold(tx, messages)  # who judges or counts them would else not see the label, or not be seen
    new = await tx.all("add_label", team=team, label=label, messages=json.dumps(messages))
    await add_to_days(tx, [row["message"] for row in new], label=label)


async def take_off(tx: Transaction, messages: Sequence[str], *, team: str, label: str) -> None:
    """Call these messages of the team so no longer."""
    await hold(tx, messages)
    gone = await tx.all("drop_label", team=team, label=label, messages=json.dumps(messages))
    await add_to_days(tx, [row["message"] for row in gone], label=label, times=-1)


async def add_to_days(tx: Transaction, messages: Sequence[str], *, label: str, times: int = 1) -> None:
    """Add what these messages came to so far to the days of a label, or with -1 take it off again.

    Facets first, then sums, then domains, each from day to day, as who judges and counts does: in another order each
    would wait for the other.
    """
    listed = json.dumps(messages)
    whose = ("team", "day", "sender")
    cut: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row in await tx.all("facets_of_several", messages=listed):
        for key, counts in read_counts(row).items():
            cut[*(row[name] for name in whose), *key].update(dict(zip(FACETS, counts, strict=True)))
    facets = [
        dict(zip((*whose, "dimension", "value"), key, strict=True))
        | {"label": label, **{name: times * counts[name] for name in FACETS}}
        for key, counts in sorted(cut.items())
    ]
    await tx.many("add_to_day_facet", facets)
    days = [
        {"label": label, **{name: row[name] for name in whose}}
        | {name: times * int(row[name]) for name in ("messages", *SUMS)}
        for row in await tx.all("sums_by_day", messages=listed)
    ]
    await tx.many("add_to_day", days)
    await domains.add_label(tx, await tx.all("domains_of_several", messages=listed), label=label, times=times)

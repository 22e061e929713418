"""A message's hits as the store has them, each with what we think and thought of it: what a timeline is made of."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from seenby.report.timeline import Moment, Opinion
from seenby.store import Transaction
from seenby.store.hits import verdict_of
from seenby.store.times import moment
from seenby.words.policy import Level
from seenby.words.token import HONEYPOT_LINK


async def moments_of(tx: Transaction, message_id: str) -> Sequence[Moment]:
    """The message's hits, oldest first, each with what we thought and think of it."""
    opinions: dict[str, list[Opinion]] = {}
    for row in await tx.all("verdicts_of", message=message_id):
        opinions.setdefault(row["hit"], []).append(_opinion(row))
    return [_moment(row, opinions.get(row["id"], [])) for row in await tx.all("hits_of", message=message_id)]


def _opinion(row: Mapping[Any, Any]) -> Opinion:
    verdict = verdict_of(row)
    return Opinion(
        label=verdict.label,
        permille=row["permille"],
        reasons=verdict.reasons,
        rules=verdict.rules,
        counted=bool(row["counted"]),
        at=moment(row["at"]),
        until=moment(row["until"]),
    )


def _moment(row: Mapping[Any, Any], opinions: Sequence[Opinion]) -> Moment:
    # Below `full` the client is kept for the judge alone, and for as long as it needs it: nobody is shown it.
    is_full = row["level"] == Level.FULL
    return Moment(
        hit=row["id"],
        at=moment(row["at"]),
        channel=row["channel"],
        reader=row["recipient"],
        link=None if row["link"] == HONEYPOT_LINK else row["link"],
        in_text=bool(row["in_text"]),
        method=row["method"],
        address=row["address"] if is_full else None,
        network=row["network"] if is_full else None,
        agent=row["agent"] if is_full else None,
        headers=json.loads(row["headers"]) if is_full else {},
        settled=bool(row["settled"]),
        opinion=opinions[-1] if opinions else None,
        earlier=tuple(reversed(opinions[:-1])),
        is_honeypot=row["link"] == HONEYPOT_LINK,
    )

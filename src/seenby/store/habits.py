"""Hits that settle, and what their verdicts come to by domain, by mail host, and for everybody.

Counted once for each hit, in the transaction that settles it; and for each copy once as a person's and once as a
machine's, for opens and clicks, early and later ones apart: of a copy that was fetched a thousand times the first that
settle are heard. So a scanner that follows twenty links is one machine, and a stranger who fetches their own copy all
day teaches what one copy teaches.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from seenby.store.hits import verdict_of
from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.habit import EARLY_SECONDS, EVERYBODY, Habit, HabitKey, mail_host_name
from seenby.words.limits import HABIT_COPIES
from seenby.words.verdict import Verdict

_FIRST: Final = int(EARLY_SECONDS * 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """A hit that has its last verdict, and the copy it was of. `teaches`: it was on a copy that people may read."""

    hit: str
    team: str
    message: str
    recipient: str | None
    domain: str
    mail_host: str
    channel: str
    early: bool
    teaches: bool
    verdict: Verdict | None  # None: another version's words, which we cannot read


async def due(tx: Transaction, *, before: datetime, limit: int) -> Sequence[Settling]:
    """Up to `limit` judged hits from before that moment that have not settled, the oldest first."""
    rows = await tx.all("hits_to_settle", before=micros(before), first=_FIRST, limit=limit)
    return [_settling(row) for row in rows]


def _settling(row: Mapping[Any, Any]) -> Settling:
    domain = (row["address"] or "").rpartition("@")[2].lower()
    return Settling(
        hit=row["id"],
        team=row["team"],
        message=row["message"],
        recipient=row["recipient"],
        domain=domain,
        mail_host=row["mail_host"] or "",
        channel=row["channel"],
        early=bool(row["early"]),
        teaches=bool(domain) and not row["seed"],  # nobody reads a seed, so its hits say nothing about a share
        verdict=_verdict(row),
    )


def _verdict(row: Mapping[Any, Any]) -> Verdict | None:
    """What is believed of the hit; damage to it keeps no evidence from being erased."""
    try:
        return verdict_of(row)
    except (ValueError, TypeError):
        return None


async def settle(tx: Transaction, hits: Sequence[Settling], *, lessons: Mapping[str, bool]) -> None:
    """Erase what was kept only to judge these hits, and count what they teach: by hit, whether it was a person's."""
    heard = await _heard(tx, {one.message for one in hits})
    await tx.many("settle_hit", [{"id": one.hit} for one in hits])
    told = {
        (one.recipient, one.channel, one.early, lessons[one.hit]): one
        for one in reversed(hits)
        if one.hit in lessons and one.teaches and (one.recipient, one.channel, one.early) not in heard
    }
    await _count(tx, ((one, person) for (_, _, _, person), one in told.items()))


async def _heard(tx: Transaction, messages: Collection[str]) -> set[tuple[str, str, bool]]:
    """Whose copies' hits have settled before."""
    rows = await tx.all("copies_settled", messages=json.dumps(sorted(messages)), first=_FIRST) if messages else []
    return {(row["recipient"], row["channel"], bool(row["early"])) for row in rows}


async def _count(tx: Transaction, told: Iterable[tuple[Settling, bool]]) -> None:
    people: Counter[tuple[str, str, str, bool]] = Counter()
    machines: Counter[tuple[str, str, str, bool]] = Counter()
    hosts: dict[tuple[str, str], str] = {}
    for one, person in told:
        if one.mail_host:
            hosts[one.team, one.domain] = one.mail_host
        for name in (one.domain, EVERYBODY, *([mail_host_name(one.mail_host)] if one.mail_host else ())):
            (people if person else machines)[one.team, name, one.channel, one.early] += 1
    rows = [
        {
            "team": key[0],
            "name": key[1],
            "channel": key[2],
            "early": int(key[3]),
            "mail_host": hosts.get((key[0], key[1]), ""),
            "people": people[key],
            "machines": machines[key],
            "most": HABIT_COPIES,
        }
        for key in sorted({*people, *machines})  # in one order, so that two workers never wait for each other
    ]
    await tx.many("count_habit", rows)


async def habits_of(tx: Transaction, *, team: str, readers: Iterable[tuple[str, str]]) -> Mapping[HabitKey, Habit]:
    """What was learned that concerns these readers, each a domain and its mail host, empty if not known."""
    names = {EVERYBODY}
    for domain, mail_host in readers:
        names.add(domain)
        if mail_host:
            names.add(mail_host_name(mail_host))
    rows = await tx.all("habits_of", team=team, names=json.dumps(sorted(names)))
    return {
        (row["name"], row["channel"], bool(row["early"])): Habit(people=row["people"], machines=row["machines"])
        for row in rows
    }

"""All history judged once more, under the rules and lists of today: first to see what would change, then to write it.

A hit whose evidence was erased is judged by what its policy kept, if that is enough; else its verdict stays. Nobody is
told of history: no bell rings, but pages and figures show what is believed now, and each hit what was believed before.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from seenby import maillog
from seenby.report import sums
from seenby.report.reading import Decision, Facts, decide, gather, is_current, write
from seenby.store import Store
from seenby.words.errors import SeenbyError

PAGE: Final = 50  # messages between two looks at what is left
_TRIES: Final = 5  # when hits come in, or another worker judges, at the same moment


@dataclass(slots=True, kw_only=True)
class Restated:
    """What came of it so far."""

    of: int  # messages with hits
    messages: int = 0
    hits: int = 0
    people: int = 0  # hits read as a person's until now
    people_now: int = 0
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)  # hits by (label until now, label now)
    eyes: Counter[tuple[str, str]] = field(default_factory=Counter)  # recipients by (opened until now, now)
    clicks: Counter[tuple[str, str]] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """For programs: changes as lists of {from, to, count}, most first."""
        return {
            "messages": self.messages,
            "of": self.of,
            "hits": self.hits,
            "people": self.people,
            "people_now": self.people_now,
            "labels": _changes(self.labels),
            "opened": _changes(self.eyes),
            "clicked": _changes(self.clicks),
        }


def _changes(counts: Counter[tuple[str, str]]) -> list[dict[str, str | int]]:
    return [{"from": old, "to": new, "count": count} for (old, new), count in counts.most_common()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How to do it: `now` for places that the team was seen at lately, `window` in which hits of one reader are one."""

    now: datetime
    window: timedelta
    apply: bool  # write what changed


async def judge_again(store: Store, again: Again) -> AsyncIterator[Restated]:
    """Judge every message with hits once more. What came of it so far, page by page."""
    async with store.read() as tx:
        row = await tx.one("count_messages_with_hits")
    restated = Restated(of=row["n"] if row else 0)
    yield restated
    after = ""
    while True:
        async with store.read() as tx:
            page = [row["id"] for row in await tx.all("messages_with_hits", after=after, limit=PAGE)]
        for message in page:
            await _restate(store, again, message, restated)
        if not page:
            return
        after = page[-1]
        yield restated


async def _restate(store: Store, again: Again, message: str, restated: Restated) -> None:
    for _ in range(_TRIES):
        async with store.read() as tx:
            row = await tx.one("message_of_token", id=message)
            if row is None:
                return
            facts = await gather(tx, message=row, now=again.now, again=True)
        decision = await asyncio.to_thread(decide, facts, window=again.window)
        if not again.apply or await _write(store, again, facts, decision):
            _count(restated, facts, decision)
            return
    maillog.failed("judge_again", SeenbyError("the message would not stand still"))


async def _write(store: Store, again: Again, facts: Facts, decision: Decision) -> bool:
    """Whether it could be written: not if somebody else judged the message meanwhile."""
    try:
        async with store.write() as tx:
            if not await tx.run("hold_message", id=facts.message["id"]) or not await is_current(tx, facts):
                return False
            await write(tx, facts, decision, now=again.now, burst_wait=timedelta(0))
            await sums.count(tx, facts.message["id"])
    except IntegrityError:  # two at the same moment, on PostgreSQL
        return False
    return True


def _count(restated: Restated, facts: Facts, decision: Decision) -> None:
    was = {hit: standing.verdict.label for hit, standing in facts.standing.items()}
    now = was | {hit.id: verdict.label for hit, verdict, _ in decision.changed}
    restated.messages += 1
    restated.hits += len(facts.kept)
    restated.people += sum(label.is_person for label in was.values())
    restated.people_now += sum(label.is_person for label in now.values())
    restated.labels.update((was[hit].value, now[hit].value) for hit in was if was[hit] is not now[hit])
    for person in facts.recipients:
        tally = decision.tallies[person["id"]]
        if person["opened"] != tally.opened.value:
            restated.eyes[person["opened"], tally.opened.value] += 1
        if person["clicked"] != tally.clicked.value:
            restated.clicks[person["clicked"], tally.clicked.value] += 1

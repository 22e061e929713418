"""What is known of who fetched, whatever the judge thinks: seed mailboxes, what the team said, and who answered.

Read from the newest copies back, up to so many; no hit is looked at but those of messages that went to a seed, or that
somebody answered.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from seenby.store.hits import verdict_of
from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.address import Address, parse_address
from seenby.words.errors import SeenbyError
from seenby.words.verdict import Verdict

COPIES: Final = 1000  # the newest that are looked at, of those to seeds and of those to people who answered
ROWS: Final = 100_000  # whoever has a copy can fetch it as often as they like
MOST_SEEDS: Final = 100
# Verdicts with one of these knew what they are to be measured by.
_KNEW: Final = frozenset({"own_said", "person_said", "replied"})


class SeedError(SeenbyError):
    """An address cannot be a seed mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One hit on one copy, and what was thought of it by who did not know better."""

    recipient: str | None
    channel: str
    verdict: Verdict


async def add_seed(tx: Transaction, *, team: str, address: str, at: datetime) -> Address:
    """A mailbox that nobody reads, for mail from now on. Raises SeedError."""
    parsed = parse_address(address)
    if parsed is None:
        raise SeedError(f"'{address[:80]}' is no address: write it as name@domain.")
    domains = {row["domain"] for row in await tx.all("team_domains", team=team)}
    own = {row["address"] for row in await tx.all("addresses_of_team", team=team)}
    if parsed.key in own or parsed.domain.casefold() in domains:
        raise SeedError("Mail to your own team is not tracked, so nothing could be measured there.")
    if len(await seeds_of(tx, team=team)) >= MOST_SEEDS:
        raise SeedError(f"{MOST_SEEDS} seed mailboxes are the most.")
    await tx.run("add_seed", team=team, address=parsed.key, at=micros(at))
    return parsed


async def remove_seed(tx: Transaction, *, team: str, address: str) -> bool:
    """It is a recipient like any other again; False when it was none."""
    parsed = parse_address(address)
    return parsed is not None and await tx.run("drop_seed", team=team, address=parsed.key) > 0


async def seeds_of(tx: Transaction, *, team: str) -> Sequence[Mapping[Any, Any]]:
    """The team's seed mailboxes, and since when."""
    return await tx.all("seeds_of", team=team)


async def on_seeds(tx: Transaction, *, team: str) -> Sequence[Fetched]:
    """Every fetch of copies that went to a seed mailbox since it was one."""
    rows = await tx.all("hits_on_seeds", team=team, limit=COPIES, rows=ROWS)
    return await asyncio.to_thread(_fetched, rows)


async def before_answers(tx: Transaction, *, team: str) -> Sequence[Sequence[Fetched]]:
    """For each recipient who answered, the fetches of their copy before that."""
    rows = await tx.all("hits_before_answers", team=team, limit=COPIES, rows=ROWS)
    fetched = await asyncio.to_thread(_fetched, rows)
    return [list(theirs) for _, theirs in groupby(fetched, key=lambda one: one.recipient)]


async def spoken_of(tx: Transaction, *, team: str, what: str) -> Sequence[Fetched]:
    """The hits of which somebody of the team said that it was them (`me`), or the recipient (`person`)."""
    rows = await tx.all("hits_spoken_of", team=team, what=what, rows=ROWS)
    return await asyncio.to_thread(_fetched, rows)


def _fetched(rows: Iterable[Mapping[Any, Any]]) -> Sequence[Fetched]:
    """One for each hit: of its verdicts the last that did not know what it is measured by; none if all did."""
    found = []
    for _, theirs in groupby(rows, key=lambda row: row["hit"]):
        revisions = list(theirs)
        verdicts = [verdict_of(row) for row in revisions]
        fair = [one for one in verdicts if not _KNEW & {reason.code for reason in one.reasons}]
        if fair:
            first = revisions[0]
            found.append(Fetched(recipient=first["recipient"], channel=first["channel"], verdict=fair[-1]))
    return found

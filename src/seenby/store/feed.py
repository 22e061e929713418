"""What happened in a team's mail, newest first, and people's signs of the last days.

A page looks at some hundred events and no further: where most of them are of no kind that is asked for, it is short
and there is an older one. An open or a click whose verdict has changed since is none any more.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping, exists, func, or_, select

from seenby.store.lists import END
from seenby.store.store import Transaction
from seenby.store.tables import events, messages, recipients, verdicts

STEP: Final = 500  # events looked at in one go
STEPS: Final = 4
SIGNS: Final = 5000  # events among which signs are looked for
COPIES: Final = 200  # of one person
_PEOPLE: Final = ("human", "proxy_human")
_copies = recipients.alias("copies")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some events, newest first, and before which the next older ones are; None at the end."""

    events: Sequence[RowMapping]
    older: int | None


async def happened(tx: Transaction, *, team: str, kinds: Collection[str], before: int, limit: int) -> Page:
    """Up to `limit` events of these kinds, each with its message and its person."""
    chosen, wanted = list[int](), json.dumps(sorted(kinds))
    for _ in range(STEPS):
        *found, end = await tx.all("team_events", team=team, before=before, limit=STEP, kinds=wanted)
        chosen += [row["seq"] for row in found]
        if len(chosen) > limit:
            return Page(events=await _told(tx, chosen[:limit]), older=chosen[limit - 1])
        if end["looked"] < STEP:
            return Page(events=await _told(tx, chosen), older=None)
        before = end["seq"]
    return Page(events=await _told(tx, chosen), older=before)


async def _told(tx: Transaction, chosen: Sequence[int]) -> Sequence[RowMapping]:
    """These events with what their sentences need."""
    query = (
        select(
            events.c.seq, events.c.kind, events.c.message, events.c.at, messages.c.subject, messages.c.from_address,
            recipients.c.address, recipients.c.name,
            select(verdicts.c.permille).where(verdicts.c.hit == events.c.hit, verdicts.c.until.is_(None))
            .scalar_subquery().label("permille"),
            select(func.count()).where(_copies.c.message == events.c.message).scalar_subquery().label("copies"),
            select(func.min(_copies.c.address)).where(_copies.c.message == events.c.message).scalar_subquery()
            .label("first"),
        )
        .select_from(
            events.join(messages, messages.c.id == events.c.message)
            .outerjoin(recipients, recipients.c.id == events.c.recipient)
        )
        .where(
            events.c.seq.in_(chosen),
            or_(
                events.c.hit.is_(None),
                exists().where(
                    verdicts.c.hit == events.c.hit, verdicts.c.until.is_(None), verdicts.c.counted == 1,
                    verdicts.c.label.in_(_PEOPLE),
                ),
            ),
        )
        .order_by(events.c.seq.desc())
    )  # fmt: skip
    return (await tx.connection.execute(query)).mappings().all()


async def signs_since(tx: Transaction, *, team: str, since: int) -> Sequence[RowMapping]:
    """People's opens, clicks and answers since then, newest first; of very many the latest."""
    return await tx.all("team_signs", team=team, since=since, limit=SIGNS)


async def signs_before(
    tx: Transaction, *, team: str, addresses: Sequence[str], before: int = END
) -> Mapping[str, int | None]:
    """When each of these people last opened or clicked before that; None for never, as far as is known."""
    listed = json.dumps(addresses)
    rows = await tx.all("signs_before", team=team, addresses=listed, before=before, copies=COPIES)
    return {row["address"]: row["at"] for row in rows}

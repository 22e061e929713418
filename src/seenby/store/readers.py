"""Whom a team writes to: the latest people first, and what is known of one of them.

A page of people comes from the latest messages: their recipients, each shown at the newest message they got, so that
nobody stands on two pages. Neither sorts nor groups what is old: a page costs what its messages cost, and looks at no
more than some hundred of them. Where the same few people got all of these, a page may be short and there is an older.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, exists, or_, select, tuple_

from seenby.store import lists
from seenby.store.lists import END, Wanted
from seenby.store.store import Transaction
from seenby.store.tables import recipients

LOOKS: Final = (30, 300, 300, 300)  # messages looked at for one page, a step after the other
COUNTED: Final = 200  # of a person in a list: their latest copies
WHOLE: Final = 1000  # of a person on their own page
SIGN_COPIES: Final = 200  # copies whose opens and clicks a person's page speaks of
SIGNS: Final = 1000
OF_DOMAIN: Final = 5000
_newer = recipients.alias("newer")
_WORD: Final = re.compile(r"[^\W_]+", re.UNICODE)
LAST_ID: Final = "~"  # after every id


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Some people, last written first, and where the next older ones begin; None at the end."""

    people: Sequence[RowMapping]
    older: tuple[int, str] | None


async def find_people(tx: Transaction, wanted: Wanted, *, limit: int) -> People:
    """People whom the team's messages went to, by words in name or address or by domain: `limit` or somewhat more."""
    found: list[RowMapping] = []
    for size in LOOKS:
        messages = await lists.find(tx, wanted, limit=size)
        everybody = await _people_of(tx, messages, wanted)
        for message in messages:
            found += [person for person in everybody[message["id"]] if _is_meant(person, wanted)]
            if len(found) >= limit:
                return People(people=found, older=(message["accepted_at"], message["id"]))
        if len(messages) < size:
            return People(people=found, older=None)
        wanted = replace(wanted, before=messages[-1]["accepted_at"], before_id=messages[-1]["id"])
    return People(people=found, older=(wanted.before, wanted.before_id))


async def _people_of(
    tx: Transaction, messages: Sequence[RowMapping], wanted: Wanted
) -> Mapping[str, Sequence[RowMapping]]:
    """Recipients outside the team whose newest message this is, by message."""
    query = (
        select(*(recipients.c[name] for name in ("message", "address_key", "address", "name", "domain", "accepted_at")))
        .where(recipients.c.message.in_([row["id"] for row in messages]), _is_outside(recipients))
        .where(
            ~exists().where(
                _newer.c.team == recipients.c.team,
                _newer.c.address_key == recipients.c.address_key,
                tuple_(_newer.c.accepted_at, _newer.c.message) > tuple_(recipients.c.accepted_at, recipients.c.message),
                _is_outside(_newer),
            )
        )
        .order_by(recipients.c.address_key)
    )
    if wanted.domain:
        query = query.where(recipients.c.domain == wanted.domain)
    people: dict[str, dict[str, RowMapping]] = {row["id"]: {} for row in messages}
    for row in (await tx.connection.execute(query)).mappings():
        people[row["message"]].setdefault(row["address_key"], row)  # one person under two spellings is one
    return {message: list(theirs.values()) for message, theirs in people.items()}


def _is_outside(table: Any) -> ColumnElement[bool]:  # noqa: ANN401 - the table or another name of it
    return or_(table.c.untracked.is_(None), table.c.untracked == "off")


def _is_meant(person: Mapping[Any, Any], wanted: Wanted) -> bool:
    """Whether every word begins one of this person's: the message was found by anybody's."""
    if wanted.words and not person["address_key"].startswith(wanted.words.casefold()):
        theirs = _WORD.findall(f"{person['name']} {person['address_key']}".casefold())
        return all(any(one.startswith(word) for one in theirs) for word in _WORD.findall(wanted.words.casefold()))
    return True


async def counts_of(tx: Transaction, *, team: str, address: str) -> RowMapping:
    """What came of the latest copies to this person: messages, seen, clicked, answered, and the last signs."""
    row = await tx.one("person_counts", team=team, address=address, limit=COUNTED)
    assert row is not None  # a count always has a row
    return row


async def copies_to(
    tx: Transaction, *, team: str, address: str, before: int = END, before_id: str = LAST_ID, limit: int = WHOLE
) -> Sequence[RowMapping]:
    """The team's copies to this person, newest first, each with its message."""
    return await tx.all("copies_to", team=team, address=address, before=before, before_id=before_id, limit=limit)


async def signs_of(tx: Transaction, *, team: str, address: str) -> Sequence[RowMapping]:
    """When this person opened and clicked, newest first."""
    return await tx.all("signs_of", team=team, address=address, copies=SIGN_COPIES, limit=SIGNS)


async def days_of_domain(tx: Transaction, *, team: str, domain: str, since: int) -> Sequence[RowMapping]:
    """What came of the copies to a domain, by day; of very many the latest. `days` knows of no domain."""
    return await tx.all("domain_days", team=team, domain=domain, since=since, limit=OF_DOMAIN)


async def keep_note(tx: Transaction, *, team: str, address: str, text: str, sender: str, at: int) -> None:
    """What the team has written down of this person; nothing takes it away."""
    if text:
        await tx.run("put_note", team=team, address=address, text=text, sender=sender, at=at)
    else:
        await tx.run("drop_note", team=team, address=address)

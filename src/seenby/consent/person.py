"""One person's rights over what a team keeps of them: to see all of it (GDPR 15), and to have it erased (GDPR 17).

Erasing leaves counts: that a copy was sent and opened stays a number, and nobody can say whose it was. A wish to get no
more mail stays as well, because without the address it could not be honoured. What people wrote into subjects, texts
and links is not searched.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seenby.store import Store, Transaction, mail
from seenby.store.times import moment

BATCH: Final = 100  # copies in one transaction, which holds up others that write
_OF_COPY: Final = ("erase_reasons", "erase_hits", "erase_events", "erase_attempts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody a team writes to; `address` is an Address.key."""

    team: str
    address: str


async def copies(tx: Transaction, person: Person) -> int:
    """How many copies of the team's messages went to them."""
    row = await tx.one("count_person", team=person.team, address=person.address)
    return int(row["copies"]) if row else 0


async def erase_some(tx: Transaction, person: Person) -> Sequence[str]:
    """Erase a batch of their copies, with everything kept of each; the message of each, whose sums are to be made anew.

    Doing it twice is harmless.
    """
    found = await tx.all("copies_of_person", team=person.team, address=person.address, limit=BATCH + 1)
    found, are_all = found[:BATCH], len(found) <= BATCH
    await mail.hold(tx, [copy["message"] for copy in found])  # who takes hits in would else keep what is erased here
    for copy in found:
        of_copy = {"message": copy["message"], "recipient": copy["id"]}
        for statement in _OF_COPY:
            await tx.run(statement, **of_copy)
        await tx.run("erase_recipient", recipient=copy["id"])
    for message, address in {copy["message"]: copy["address"] for copy in found}.items():
        await tx.run("erase_caught", message=message)
        await tx.run("erase_spool", message=message)
        await tx.run("erase_sent_copy", message=message, team=person.team)
        await tx.run("erase_draft", message=message, team=person.team)
        await _find_otherwise(tx, person.team, message, was=address)
    if are_all:
        await tx.run("drop_note", team=person.team, address=person.address)
        written = {copy["address"].rpartition("@")[2].lower() for copy in found}
        await _forget_domain(tx, person, written=written)
    return [copy["message"] for copy in found]


async def _forget_domain(tx: Transaction, person: Person, *, written: Iterable[str]) -> None:
    """What is kept by a domain at which nobody is known any more; also as it was `written`: the key may differ."""
    domain = person.address.rpartition("@")[2]
    for name in sorted({domain, *written}):
        of_domain = {"team": person.team, "domain": domain, "name": name}
        for statement in ("erase_habits_of_host", "erase_habits", "erase_mail_host"):
            await tx.run(statement, **of_domain)


async def _find_otherwise(tx: Transaction, team: str, message: str, *, was: str) -> None:
    rows = await tx.all("found_by", message=message, team=team)
    if not rows:
        return
    words = [rows[0]["subject"], rows[0]["from_address"]]
    words += [part for row in rows for part in (row["name"], row["address"])]
    matches = f'team:{team.encode().hex().upper()} AND words:"{was}"'
    await tx.run("find_by", message=message, words=" ".join(words), matches=matches)


async def export(store: Store, person: Person) -> AsyncIterator[str]:
    """Everything kept of them, as JSON in pieces."""
    async with store.read() as tx:
        note = await tx.one("export_note", team=person.team, address=person.address)
        left = await tx.one("export_unsubscribed", team=person.team, address=person.address)
    head = {"address": person.address, "note": _plain(note), "unsubscribed": _plain(left)}
    yield _json(head, indent=1)[:-2] + ',\n "messages": ['
    after, comma = "", ""
    while True:
        async with store.read() as tx:
            rows = await tx.all("export_copies", team=person.team, address=person.address, after=after, limit=BATCH)
            told = [await _copy(tx, row) for row in rows]
        for one in told:
            yield f"{comma}\n{_json(one)}"
            comma = ","
        if len(rows) < BATCH:
            break
        after = rows[-1]["id"]
    yield "\n]}\n"


def _json(told: Mapping[str, object], *, indent: int | None = None) -> str:
    """As UTF-8 can say it: in JSON that is kept there may be half a surrogate pair."""
    return json.dumps(told, ensure_ascii=False, indent=indent).encode("utf-8", "replace").decode()


async def _copy(tx: Transaction, row: Mapping[Any, Any]) -> dict[str, object]:
    of_copy = {"message": row["message"], "recipient": row["id"]}
    names = (
        "message",
        "message_id",
        "subject",
        "from_address",
        "address",
        "name",
        "role",
        "state",
        "reply",
        "attempts",
    )
    more = ("mail_host", "opened", "clicked", "opens", "clicks", "machines")
    times = ("accepted_at", "sent_at", "replied_at", "opened_at", "clicked_at")
    return {
        **{name: row[name] for name in (*names, *more)},
        **{name: _at(row[name]) for name in times},
        "fetches": [_fetch(one) for one in await tx.all("export_hits", **of_copy)],
        "events": [_plain(one) for one in await tx.all("export_events", **of_copy)],
    }


def _fetch(row: Mapping[Any, Any]) -> dict[str, object]:
    told = {name: value for name, value in row.items() if name not in ("id", "headers", "reasons")}
    return {
        **told,
        "at": _at(row["at"]),
        "headers": json.loads(row["headers"] or "{}"),
        "reasons": json.loads(row["reasons"] or "[]"),
    }


def _plain(row: Mapping[Any, Any] | None) -> dict[str, object] | None:
    if row is None:
        return None
    return {name: _at(value) if name == "at" or name.endswith("_at") else value for name, value in row.items()}


def _at(micros: int | None) -> str | None:
    at = moment(micros)
    return at.isoformat() if at else None

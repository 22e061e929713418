"""Accepted messages, their copies, and what became of each."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seenby.store.store import Transaction
from seenby.store.times import micros, moment
from seenby.words.address import parse_address
from seenby.words.message import ClaimedCopy, Delivery, Message, Recipient, Untracked
from seenby.words.policy import Level, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLink:
    """Where one link of a message leads; `part` is html or text."""

    number: int
    part: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of one attempt; `due_at` is when to try again, None when the copy has its fate."""

    state: Delivery
    reply: str
    due_at: datetime | None


async def put_message(
    tx: Transaction, *, message: Message, recipients: Sequence[Recipient], links: Sequence[KeptLink], raw: bytes
) -> None:
    """Keep an accepted message, everybody it goes to, its links, and its bytes."""
    common = {"team": message.team, "message": message.id}
    at = micros(message.accepted_at)
    await tx.run(
        "add_message",
        id=message.id,
        team=message.team,
        sender=message.sender,
        message_id=message.message_id,
        thread=message.thread,
        subject=message.subject,
        from_address=message.from_address,
        size=message.size,
        key_id=message.key_id,
        tracking_url=message.tracking_url,
        wishes=message.wishes,
        unsubscribe=int(message.unsubscribe),
        untouched=message.untouched,
        notes=json.dumps(message.notes),
        link_count=len({link.target for link in links}),  # one link in two parts is one link to a reader
        honeypot=int(message.honeypot),
        at=at,
    )
    await tx.many("add_recipient", [_recipient_row(person) | common | {"due_at": at} for person in recipients])
    await tx.many(
        "add_link", [{"number": link.number, "part": link.part, "target": link.target} | common for link in links]
    )
    await tx.run("add_spool", **common, raw=raw)
    if message.sender is not None:
        await tx.run("add_search", **common, words=_words(message, recipients))


def _words(message: Message, recipients: Sequence[Recipient]) -> str:
    people = [part for person in recipients for part in (person.name, person.address)]
    return " ".join([message.subject, message.from_address, *people])


def _recipient_row(person: Recipient) -> dict[str, object]:
    return {
        "id": person.id,
        "address": person.address,
        "address_key": _key(person.address),
        "domain": _key(person.address).rpartition("@")[2],
        "name": person.name,
        "role": person.role.value,
        "pixels": int(person.policy.pixels),
        "links": int(person.policy.links),
        "untracked": person.untracked.value if person.untracked else None,
        "hop": person.hop,
    }


async def thread_of(tx: Transaction, *, team: str, message_ids: Sequence[str]) -> str | None:
    """The thread of the first of these Message-IDs that we know."""
    for message_id in message_ids:
        if row := await tx.one("thread_of", team=team, message_id=message_id):
            return str(row["thread"])
    return None


async def hold(tx: Transaction, messages: Iterable[str]) -> None:
    """Nobody else judges, counts, sends or erases of these messages until the transaction ends.

    In one order, and before any of their copies: else, on PostgreSQL, each waits for the other. On SQLite one writes
    at a time anyway.
    """
    if not tx.is_sqlite:
        await tx.many("hold_message", [{"id": message} for message in sorted(set(messages))])


async def claim_copies(
    tx: Transaction, *, hop: str, holder: str, now: datetime, until: datetime, limit: int
) -> Sequence[ClaimedCopy]:
    """Take up to `limit` due copies of one next hop; they come back by themselves after `until`."""
    taken = await tx.all("claim_copies", hop=hop, holder=holder, now=micros(now), until=micros(until), limit=limit)
    rows = [
        await tx.one("claimed_copy", recipient=row["id"], holder=holder, address=_key(row["address"])) for row in taken
    ]
    return [_claimed(row) for row in rows if row is not None]


def _key(address: str) -> str:
    parsed = parse_address(address)
    return parsed.key if parsed else ""


async def renew_claims(tx: Transaction, *, copies: Sequence[ClaimedCopy], holder: str, until: datetime) -> None:
    """Hold what of these is still held, until `until`."""
    await tx.many("renew_claim", [_claim_of(copy, holder) | {"until": micros(until)} for copy in copies])


async def release_copies(tx: Transaction, *, copies: Sequence[ClaimedCopy], holder: str, now: datetime) -> None:
    """Give back what of these is still held: due at once, and as if it had not been tried."""
    await tx.many("release_copy", [_claim_of(copy, holder) | {"now": micros(now)} for copy in copies])


def _claim_of(copy: ClaimedCopy, holder: str) -> dict[str, object]:
    return {"recipient": copy.recipient, "holder": holder}


def _claimed(row: Mapping[Any, Any]) -> ClaimedCopy:
    is_team = row["untracked"] is not None and Untracked(row["untracked"]).is_team
    return ClaimedCopy(
        recipient=row["recipient"],
        team=row["team"],
        message=row["message"],
        address=row["address"],
        policy=Policy(pixels=Level(row["pixels"]), links=Level(row["links"])),
        untracked=row["untracked"] is not None,
        hop=row["hop"],
        attempts=row["attempts"],
        from_address=row["from_address"],
        message_id=row["message_id"],
        subject=row["subject"],
        sender=row["sender"],
        key_id=row["key_id"],
        tracking_url=row["tracking_url"],
        accepted_at=moment(row["accepted_at"]),
        wishes=row["wishes"],
        unsubscribe=bool(row["unsubscribe"]) and not is_team,
        unwanted=bool(row["unwanted"]) and not is_team,
        returned=row["untracked"] == Untracked.RETURNED,
    )


async def settle_copy(
    tx: Transaction, *, copy: ClaimedCopy, holder: str, attempt: str, settled: Settled, at: datetime, keep: timedelta
) -> bool:
    """Write down what came of an attempt; False when the claim had run out and another holds it.

    Once every copy has its fate the message itself is kept for `keep`, to be looked at by whoever sent it.
    """
    changed = await tx.run(
        "settle_copy",
        recipient=copy.recipient,
        holder=holder,
        state=settled.state.value,
        reply=settled.reply,
        due_at=micros(settled.due_at) if settled.due_at else None,
        sent_at=micros(at) if settled.state is Delivery.SENT else None,
    )
    if not changed:
        return False
    await tx.run(
        "add_attempt",
        id=attempt,
        team=copy.team,
        message=copy.message,
        recipient=copy.recipient,
        at=micros(at),
        outcome=settled.state.value,
        reply=settled.reply,
    )
    await tx.run("touch_message", message=copy.message, at=micros(at))
    until = at + keep if copy.sender else at  # nobody looks at what Seenby itself wrote, or what came back
    await tx.run("end_spool", message=copy.message, until=micros(until))
    return True


async def spooled(tx: Transaction, *, message: str) -> bytes | None:
    """The message's bytes as they were submitted; None when every copy has its fate."""
    row = await tx.one("spool", message=message)
    return bytes(row["raw"]) if row else None


async def catch(tx: Transaction, *, copy: ClaimedCopy, raw: bytes, at: datetime) -> None:
    """Keep a copy in the built-in mailbox."""
    await tx.run("catch", recipient=copy.recipient, team=copy.team, message=copy.message, raw=raw, at=micros(at))

"""Messages being written: a draft is its writer's alone, and becomes a message at most once.

States: `draft` (being written), `waiting` (to go at its time), `sent`, `failed` (with why), `deleted` (for a while).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import RowMapping

from seenby.compose.mime import Attached
from seenby.compose.written import Written, read_draft, write_draft
from seenby.store.store import Transaction
from seenby.store.times import micros, moment
from seenby.words.limits import ATTACHED_BYTES, ATTACHMENTS, DRAFT_BYTES, DRAFTS
from seenby.words.message import Sender

FILED: Final = "sent_copy"  # the outbox's channel for copies that go into a Sent folder


class State(StrEnum):
    """Where a draft stands."""

    DRAFT = "draft"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One that is due, ours until the claim ends."""

    id: str
    team: str
    sender: str
    written: Written


async def save(tx: Transaction, sender: Sender, draft: str, written: Written, *, at: datetime) -> bool:
    """Keep what was typed; False when there are too many drafts, or this one is no longer the sender's to change."""
    values = {"id": draft, "sender": sender.id, "content": write_draft(written), "at": micros(at)}
    if await tx.run("save_draft", **values):
        return True
    return bool(await tx.run("add_draft", team=sender.team, most=DRAFTS, **values))


async def one(tx: Transaction, sender: Sender, draft: str) -> RowMapping | None:
    """One of the sender's own."""
    return await tx.one("draft", id=draft, sender=sender.id)


async def attach(tx: Transaction, sender: Sender, draft: str, file: Attached, *, identity: str, at: datetime) -> str:
    """Put a file to a draft; why not, in words, or nothing when it is there."""
    row = await one(tx, sender, draft)
    if row is None or row["state"] not in (State.DRAFT, State.FAILED):
        return "This draft is no longer there to be changed."
    there = await tx.all("attachments_of", draft=draft)
    if len(there) >= ATTACHMENTS:
        return f"{ATTACHMENTS} files are the most."
    if sum(one["size"] for one in there) + len(file.raw) > ATTACHED_BYTES:
        return f"“{file.name}” is too much: all files together may have {ATTACHED_BYTES // 1_048_576} MB."
    whole = await tx.one("attached_bytes", sender=sender.id)
    if whole is not None and whole["n"] + len(file.raw) > DRAFT_BYTES:
        return f"Your drafts hold {DRAFT_BYTES // 1_048_576} MB of files. Delete some drafts first."
    await tx.run(
        "add_attachment",
        id=identity,
        draft=draft,
        team=sender.team,
        name=file.name,
        type=file.type,
        size=len(file.raw),
        raw=file.raw,
        at=micros(at),
    )
    return ""


async def files(tx: Transaction, draft: str) -> tuple[Attached, ...]:
    """What goes along with a draft."""
    rows = await tx.all("files_of", draft=draft)
    return tuple(Attached(name=row["name"], type=row["type"], raw=bytes(row["raw"])) for row in rows)


async def claim(tx: Transaction, *, holder: str, now: datetime, until: datetime, limit: int) -> Sequence[Draft]:
    """Take drafts whose time has come; they come back by themselves after `until`."""
    rows = await tx.all("claim_drafts", holder=holder, now=micros(now), until=micros(until), limit=limit)
    return [
        Draft(id=row["id"], team=row["team"], sender=row["sender"], written=read_draft(row["content"])) for row in rows
    ]


async def finish(tx: Transaction, draft: Draft, *, holder: str, at: datetime) -> bool:
    """It becomes messages in this transaction; False when it was taken back meanwhile, or is another worker's."""
    if not await tx.run("draft_sent", id=draft.id, holder=holder, at=micros(at)):
        return False
    await tx.run("drop_attachments", draft=draft.id)
    return True


async def name_message(tx: Transaction, draft: Draft, *, message: str) -> None:
    """What it became; the first of several."""
    await tx.run("name_message_of_draft", id=draft.id, message=message)


async def fail(tx: Transaction, draft: Draft, *, holder: str, problem: str, at: datetime) -> None:
    """It cannot be sent; all of it is kept."""
    await tx.run("draft_failed", id=draft.id, holder=holder, problem=problem, at=micros(at))


async def keep_copy(tx: Transaction, *, event: str, team: str, sender: str, raw: bytes, at: datetime) -> None:
    """Have a sent message filed in its sender's own mailbox, as it was written."""
    await tx.run(
        "add_attachment",
        id=event,
        draft=shelf(sender),
        team=team,
        name="",
        type="message/rfc822",
        size=len(raw),
        raw=raw,
        at=micros(at),
    )
    await tx.run("add_outbox", event=event, channel=FILED, team=team, due_at=micros(at))


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCopy:
    """A message that waits to be filed; `url` is empty when its writer's mailbox is no longer connected."""

    sender: str
    raw: bytes
    at: datetime
    attempts: int
    url: str
    folder: str


async def sent_copy(tx: Transaction, event: str) -> SentCopy | None:
    """What is to be filed, and where."""
    row = await tx.one("sent_copy", event=event, channel=FILED)
    if row is None:
        return None
    sender = str(row["draft"]).partition(":")[2]
    mailbox = await tx.one("mailbox_of", sender=sender)
    return SentCopy(
        sender=sender,
        raw=bytes(row["raw"]),
        at=moment(row["made_at"]),
        attempts=row["attempts"],
        url=mailbox["url"] if mailbox else "",
        folder=mailbox["folder"] if mailbox else "",
    )


def shelf(sender: str) -> str:
    """Where a sender's messages wait to be filed; no draft's id holds a colon."""
    return f"sent:{sender}"


async def sweep(tx: Transaction, *, before: datetime) -> None:
    """Forget drafts that were sent or deleted before a moment."""
    await tx.run("drop_files_of_old_drafts", before=micros(before))
    await tx.run("sweep_drafts", before=micros(before))

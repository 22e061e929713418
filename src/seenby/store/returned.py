"""Mail that came to the return address of a copy: what it changes, each mail once however often it is brought."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from seenby.store import hits, unsubscribed
from seenby.store.domains import ERASED
from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.address import parse_address
from seenby.words.event import Event, EventKind
from seenby.words.message import ClaimedCopy, Untracked
from seenby.words.report import Report, ReportKind

Row = Mapping[Any, Any]
_SUPPRESSES: Final = "abuse"  # of the kinds of complaint (RFC 5965 7.3): the recipient wants no more of this mail


async def held_copy(tx: Transaction, *, recipient: str) -> Row | None:
    """The copy with its message and sender, ours until the transaction ends; None when there is none."""
    await tx.run("hold_message_of", recipient=recipient)  # the message first, as everybody who counts it does
    await tx.run("hold_copy", recipient=recipient)  # it may be settled at this very moment
    return await tx.one("returned_copy", recipient=recipient)


async def is_known(tx: Transaction, *, identity: str) -> bool:
    """Whether this very mail has come before."""
    return await tx.one("is_known_return", id=identity) is not None


async def count(tx: Transaction, copy: Row) -> int:
    """How many mails have come to this copy's return address."""
    row = await tx.one("count_returned", message=copy["message"], recipient=copy["recipient"])
    return int(row["n"]) if row else 0


async def write(tx: Transaction, copy: Row, report: Report, *, identity: str, at: datetime) -> None:
    """It becomes part of the delivery story, an event, and, if it says so in so many words, the copy's fate.

    What it says of somebody who was erased since is not kept: servers name them.
    """
    is_of_erased = copy["address"].endswith(f"@{ERASED}")
    words = "" if is_of_erased and report.kind is not ReportKind.COMPLAINT else report.words
    await tx.run(
        "add_attempt",
        id=identity,
        team=copy["team"],
        message=copy["message"],
        recipient=copy["recipient"],
        at=micros(at),
        outcome=report.kind.value,
        reply=words,
    )
    await tx.run("touch_message", message=copy["message"], at=micros(at))
    if report.kind is ReportKind.COMPLAINT:
        await _complaint(tx, copy, words=words, identity=identity, at=at)
    elif report.kind is not ReportKind.FAILED or not await _bounce(tx, copy, words=words, at=at):
        event = _event(copy, EventKind.MESSAGE_REPORTED, identity=identity, at=at, detail=words)
        await hits.put_event(tx, event)


async def came_back_before(tx: Transaction, copy: ClaimedCopy, *, at: datetime) -> None:
    """A copy that was just sent: its bounce may have come before the next hop's 250 was written down."""
    back = await tx.one("came_back", message=copy.message, recipient=copy.recipient)
    row = await tx.one("returned_copy", recipient=copy.recipient) if back else None
    if back is not None and row is not None:
        await _bounce(tx, row, words=back["reply"], at=at)


async def _bounce(tx: Transaction, copy: Row, *, words: str, at: datetime) -> bool:
    """A copy that was sent came back; False when it has another fate, or none yet."""
    if not await tx.run("bounce_copy", recipient=copy["recipient"], reply=words):
        return False
    await tx.run("set_judge_at", id=copy["message"], at=micros(at))  # whoever fetched it now was no recipient
    await hits.put_event(tx, _event(copy, EventKind.MESSAGE_BOUNCED, identity="returned", at=at, detail=words))
    return True


async def _complaint(tx: Transaction, copy: Row, *, words: str, identity: str, at: datetime) -> None:
    await hits.put_event(tx, _event(copy, EventKind.COMPLAINED, identity=identity, at=at, detail=words))
    is_team = copy["untracked"] is not None and Untracked(copy["untracked"]).is_team
    address = parse_address(copy["address"])
    if words == _SUPPRESSES and address is not None and not is_team:
        await unsubscribed.put(tx, team=copy["team"], address=address.key, message=copy["message"], at=at)


def _event(copy: Row, kind: EventKind, *, identity: str, at: datetime, detail: str) -> Event:
    return Event(
        id=f"{kind.value}:{copy['recipient']}:{identity}",
        team=copy["team"],
        kind=kind,
        message=copy["message"],
        recipient=copy["recipient"],
        bell=kind is not EventKind.MESSAGE_REPORTED and bool(copy["notify"]),
        at=at,
        detail=detail,
    )

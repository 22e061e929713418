"""Who has answered a message: a recipient's own act, so a person has had it by then.

Seenby reads nobody's mailbox. It learns of an answer when its sender answers that in turn, or when a program that
reads the mailbox says so. The first time that is known stays; a later one changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from seenby.store import hits
from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.address import Address, parse_address
from seenby.words.errors import SeenbyError
from seenby.words.event import Event, EventKind
from seenby.words.message import Delivery
from seenby.words.policy import Level

Row = Mapping[Any, Any]
LATEST: Final = "at the latest"  # in the event's detail: they answered by then, nobody knows when


class AnswerError(SeenbyError):
    """What was said of an answer fits no message of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """A message that may answer somebody's answer: to whom, which Message-IDs, nearest first, and about what."""

    to: Address
    answers: tuple[str, ...]  # In-Reply-To
    references: tuple[str, ...]
    about: str


async def find_answer(tx: Transaction, answering: Answering, *, team: str, at: datetime) -> None:
    """Write down that a recipient has answered, if `answering` shows it beyond doubt.

    What it answers must not be ours (people answer their own sent mail, too), but must descend from a message of
    ours, under the same subject; and the one it goes to must be a recipient of that.
    """
    if any([await tx.one("thread_of", team=team, message_id=one) for one in answering.answers]):
        return
    for message_id in answering.references:
        copies = await tx.all("copies_with_message_id", team=team, message_id=message_id)
        if not copies:
            continue
        theirs = [copy for copy in copies if _is_of(copy, answering)]
        if len(theirs) == 1:
            await _write(tx, theirs[0], at=at, is_exact=False, rings=False)
        return


def _is_of(copy: Row, answering: Answering) -> bool:
    address = parse_address(copy["address"])
    return (
        address is not None
        and address.key == answering.to.key
        and may_be_told(copy)
        and about(copy["subject"]) == answering.about
    )


def may_be_told(copy: Row) -> bool:
    """Whether anything may be known of this recipient: their copy was sent, and the policy speaks of single people."""
    is_one = max(copy["pixels"], copy["links"]) >= Level.IDENTIFIED
    return copy["untracked"] is None and copy["state"] == Delivery.SENT and is_one


def about(subject: str) -> str:
    """A subject for comparing: case and spaces do not count."""
    return " ".join(subject.casefold().split())


async def tell_answer(tx: Transaction, name: str, address: str, *, at: datetime | None, now: datetime) -> bool:
    """Somebody knows of an answer: to the message with this id or Message-ID, by its recipient `address`.

    False when it was known already. Raises AnswerError.
    """
    message = await tx.one("message_named", name=name)
    if message is None:
        raise AnswerError("There is no such message: give the id in its page's address, or its Message-ID with <>.")
    parsed = parse_address(address)
    copies = await tx.all("copies_of", message=message["id"])
    theirs = [copy for copy in copies if parsed and (one := parse_address(copy["address"])) and one.key == parsed.key]
    if not theirs:
        raise AnswerError(f"The message did not go to '{address[:80]}'.")
    if not may_be_told(theirs[0]):
        raise AnswerError(f"Nothing is written down: {address[:80]}'s copy was not sent, or is not tracked one by one.")
    when = at or now
    if not message["accepted_at"] <= micros(when) <= micros(now):
        raise AnswerError("An answer comes after the message and not in the future. Is the time right?")
    return await _write(tx, theirs[0], at=when, is_exact=at is not None, rings=bool(theirs[0]["notify"]))


async def _write(tx: Transaction, copy: Row, *, at: datetime, is_exact: bool, rings: bool) -> bool:
    if not await tx.run("set_replied", recipient=copy["recipient"], at=micros(at)):
        return False
    event = Event(
        id=f"{EventKind.REPLIED.value}:{copy['recipient']}",
        team=copy["team"],
        kind=EventKind.REPLIED,
        message=copy["message"],
        recipient=copy["recipient"],
        at=at,
        bell=rings,
        detail="" if is_exact else LATEST,
    )
    await hits.put_event(tx, event)
    await tx.run("touch_message", message=copy["message"], at=micros(at))
    await tx.run("set_judge_at", id=copy["message"], at=micros(at))
    return True


async def known_times(tx: Transaction, *, message: str) -> Mapping[str, int]:
    """When recipients of a message answered, of those of whom that is known exactly."""
    return {row["recipient"]: row["at"] for row in await tx.all("replies_of", message=message)}

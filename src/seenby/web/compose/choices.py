"""What the form of a new message begins with: what somebody chose last, their signature, the message they follow up."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from seenby.compose.people import as_typed
from seenby.compose.written import Written
from seenby.store import Transaction, preferences
from seenby.words.message import Role, Sender
from seenby.words.policy import Level

COMPOSE, SIGNATURE = "compose", "signature"
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]{1,250}>")
_ANSWER: Final = re.compile(r"\s*re\s*:", re.IGNORECASE)


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen for the last message, and what the settings' switches were then: changed since, they count."""

    from_: str = ""
    name: str = ""
    zone: str = ""
    pixels: bool = True
    links: bool = True
    notify: bool = True
    was: tuple[bool, bool, bool] = (True, True, True)


def switches_of(sender: Sender) -> tuple[bool, bool, bool]:
    """The three switches as the settings have them."""
    return sender.policy.pixels > Level.OFF, sender.policy.links > Level.OFF, sender.notify


async def last_of(tx: Transaction, sender: Sender) -> Last:
    """What they chose last, or the settings'."""
    pixels, links, notify = now = switches_of(sender)
    try:
        last = msgspec.json.decode(await preferences.get(tx, sender, COMPOSE), type=Last)
    except (msgspec.DecodeError, msgspec.ValidationError):
        last = Last()
    if last.was == now and last.from_:
        return last
    return msgspec.structs.replace(last, pixels=pixels, links=links, notify=notify, was=now)


async def remember(tx: Transaction, sender: Sender, written: Written) -> None:
    """What was chosen for a message that goes is the default of the next."""
    last = Last(
        from_=written.from_,
        name=written.name,
        zone=written.zone,
        pixels=written.pixels,
        links=written.links,
        notify=written.notify,
        was=switches_of(sender),
    )
    await preferences.put(tx, sender, COMPOSE, msgspec.json.encode(last).decode())


async def blank(tx: Transaction, sender: Sender, *, own: Sequence[str]) -> Written:
    """A new message."""
    last = await last_of(tx, sender)
    signature = await preferences.get(tx, sender, SIGNATURE)
    return Written(
        from_=last.from_ if last.from_ in own else sender.address,
        name=last.name,
        zone=last.zone,
        pixels=last.pixels,
        links=last.links,
        notify=last.notify,
        html=f"<p></p><p>--</p>{signature}" if signature else "",
    )


def following(written: Written, message: Mapping[Any, Any], people: Sequence[Mapping[Any, Any]]) -> Written:
    """A message that follows up another: to the same people, in its thread. Nothing is quoted."""
    subject, answers, thread = message["subject"], message["message_id"], message["thread"]

    def typed(role: Role) -> str:
        return as_typed([(one["name"], one["address"]) for one in people if one["role"] == role])

    return msgspec.structs.replace(
        written,
        to=typed(Role.TO),
        cc=typed(Role.CC),
        bcc=typed(Role.BCC),
        subject=subject if _ANSWER.match(subject) else f"Re: {subject}",
        answers=answers if _MESSAGE_ID.fullmatch(answers) else "",
        references=tuple(one for one in (thread,) if _MESSAGE_ID.fullmatch(one)),
    )

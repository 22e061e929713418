"""What we can honestly say of one recipient, as a mark: a word, an icon, a colour by state, and why.

Never a bare tick, and colour never speaks alone. "No sign" is not "not opened".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from seenby.instrument.reasons import Untouched
from seenby.report.audience import NO_PIXEL
from seenby.words.message import UNWANTED, Delivery, Untracked
from seenby.words.policy import Level
from seenby.words.report import ReportKind
from seenby.words.verdict import State

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark as the page draws it."""

    state: State
    word: str
    icon: str
    why: str
    off: bool = False  # nothing was there to be fetched: the quiet form of "cannot know"
    implied: str = ""  # what an open was concluded from, when nobody was seen to open it


_EYE: Final[Mapping[State, Mark]] = {
    State.SEEN: Mark(
        state=State.SEEN, word="Seen", icon="eye-check", why="Seen: a person loaded the images, or clicked a link."
    ),
    State.PROBABLY: Mark(
        state=State.PROBABLY,
        word="Probably",
        icon="eye",
        why="Probably seen: more likely a person than a machine, but we are not sure.",
    ),
    State.CANNOT_KNOW: Mark(
        state=State.CANNOT_KNOW,
        word="Cannot know",
        icon="eye-question",
        why="Cannot know: the images were fetched, but it cannot be told whether by a person. Apple fetches images for "
        "everyone, read or not.",
    ),
    State.NO_SIGN: Mark(
        state=State.NO_SIGN,
        word="No sign",
        icon="eye-off",
        why="No sign so far that a person opened it. It may still have been read: many mail programs load no images.",
    ),
}
_LINK: Final[Mapping[State, Mark]] = {
    State.SEEN: Mark(state=State.SEEN, word="Clicked", icon="pointer", why="Clicked: a person followed a link."),
    State.PROBABLY: Mark(
        state=State.PROBABLY,
        word="Probably",
        icon="pointer",
        why="Probably clicked: more likely a person than a machine, but we are not sure.",
    ),
    State.CANNOT_KNOW: Mark(
        state=State.CANNOT_KNOW,
        word="Cannot know",
        icon="question-mark",
        why="Cannot know: a link was followed, but it cannot be told whether by a person or a machine.",
    ),
    State.NO_SIGN: Mark(
        state=State.NO_SIGN, word="No sign", icon="link", why="No sign so far that a person followed a link."
    ),
}


def eye_mark(message: Row, recipient: Row) -> Mark:
    """What we can say of opening."""
    state = State(recipient["opened"])
    why = why_not_tracked(message, recipient, level=recipient["pixels"], channel="opens")
    why = why or next((note for note in json.loads(message["notes"]) if note in NO_PIXEL), None)
    if why is not None and state is State.NO_SIGN:
        return Mark(state=State.CANNOT_KNOW, word="Not tracked", icon="eye-off", why=why, off=True)
    return _implied(_EYE[state], recipient)


def _implied(mark: Mark, recipient: Row) -> Mark:
    """Whoever clicks or answers has had it open, whatever became of the images."""
    if mark.state not in (State.SEEN, State.PROBABLY) or recipient["opens"]:
        return mark
    if recipient["replied_at"] is not None:
        why = "Seen, implied by an answer: they wrote back, so they had it open. Nobody was seen to load the images."
        return replace(mark, why=why, implied="implied by an answer")
    if State(recipient["clicked"]) in (State.SEEN, State.PROBABLY):
        why = f"{mark.word}, implied by a click: who follows a link has it open. Nobody was seen to load the images."
        return replace(mark, why=why, implied="implied by a click")
    return mark


def link_mark(message: Row, recipient: Row) -> Mark | None:
    """What we can say of clicking; None when the message holds no link that we track."""
    state = State(recipient["clicked"])
    why = why_not_tracked(message, recipient, level=recipient["links"], channel="clicks")
    if why is not None and state is State.NO_SIGN:
        return Mark(state=State.CANNOT_KNOW, word="Not tracked", icon="link-off", why=why, off=True)
    return _LINK[state] if message["link_count"] else None


def why_not_tracked(message: Row, recipient: Row, *, level: int, channel: str) -> str | None:
    """Why this recipient's opens or clicks cannot be told, or None when they can."""
    if recipient["untracked"]:
        return Untracked(recipient["untracked"]).sentence
    if message["untouched"]:
        return untouched_sentence(message["untouched"])
    match Level(level):
        case Level.OFF:
            return f"Not tracked: {channel} were switched off."
        case Level.COUNTED:
            return f"Not tracked one by one: {channel} of this message are counted for all recipients together."
        case Level.IDENTIFIED | Level.FULL:
            return None


def untouched_sentence(reason: str) -> str:
    """Why a whole message went out as it came."""
    try:
        return Untouched(reason).sentence
    except ValueError:
        return "The message went out as it came."


# The delivery story of a message: our own attempts, and what came to its return addresses; colour, icon, words.
STORY: Final[Mapping[str, tuple[str, str, str]]] = {
    Delivery.SENT: ("ok", "send", "Handed on for"),
    Delivery.DEFERRED: ("wait", "clock", "Delayed, will try again for"),
    Delivery.BOUNCED: ("bad", "alert-triangle", "Refused for good for"),
    Delivery.FAILED: ("bad", "alert-triangle", "Given up for"),
    ReportKind.FAILED: ("bad", "alert-triangle", "Came back undelivered from"),
    ReportKind.DELAYED: ("wait", "clock", "A mail server says it is delayed for"),
    ReportKind.DELIVERED: ("ok", "check", "A mail server says it was delivered to"),
    ReportKind.RELAYED: ("ok", "send", "A mail server says it was passed on, without word of delivery, for"),
    ReportKind.EXPANDED: ("ok", "users", "A mail server says it was passed on to several addresses for"),
    ReportKind.COMPLAINT: ("bad", "alert-triangle", "A mail provider reports a complaint of"),
    ReportKind.NOT_SPAM: ("ok", "check", "A mail provider reports that it is no spam to"),
    ReportKind.AUTO_REPLY: ("ok", "mailbox", "An automatic answer, forwarded to the sender, to the copy for"),
    ReportKind.OTHER: ("ok", "mailbox", "Other mail, forwarded to the sender, to the copy for"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMark:
    """Where a copy stands, when that matters: `kind` is bad or wait."""

    kind: str
    word: str
    why: str


def delivery_mark(recipient: Row) -> DeliveryMark | None:
    """Delivery where it needs attention; None for a copy that was sent."""
    reply = recipient["reply"]
    match Delivery(recipient["state"]):
        case Delivery.SENT:
            return None
        case Delivery.QUEUED:
            return DeliveryMark(kind="wait", word="Waiting to be sent", why="")
        case Delivery.DEFERRED:
            return DeliveryMark(kind="wait", word="Delayed, will try again", why=reply)
        case Delivery.BOUNCED:
            return DeliveryMark(kind="bad", word="Bounced", why=reply)
        case Delivery.FAILED if reply == UNWANTED:
            return DeliveryMark(kind="bad", word="Not sent, unsubscribed", why=reply)
        case Delivery.FAILED:
            return DeliveryMark(kind="bad", word="Not delivered, given up", why=reply)

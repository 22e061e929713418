"""An event: one thing worth telling. A closed set, past tense."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """The kinds; the values are what the store and webhooks carry."""

    MESSAGE_ACCEPTED = "message_accepted"
    MESSAGE_SENT = "message_sent"
    MESSAGE_DEFERRED = "message_deferred"
    MESSAGE_BOUNCED = "message_bounced"
    MESSAGE_FAILED = "message_failed"
    OPENED = "opened"
    CLICKED = "clicked"
    MESSAGE_REPORTED = "message_reported"  # mail came to its return address that changes no copy's fate
    COMPLAINED = "complained"  # a mailbox provider reports that a recipient called it spam
    UNSUBSCRIBED = "unsubscribed"  # a recipient's wish; never a click
    REPLIED = "replied"  # a recipient is known to have answered
    REMINDED = "reminded"  # a reminder came due; `detail` is the sender who asked, and nobody else is told
    HIT_JUDGED = "hit_judged"  # a hit that is no open or click of its own, or a revised verdict: for live pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `id` is the same however often it is found out; `bell`: worth a bell."""

    id: str
    team: str
    kind: EventKind
    message: str
    recipient: str | None
    at: datetime
    hit: str | None = None
    bell: bool = False
    detail: str = ""

"""An event: one thing worth telling. A closed set, past tense."""

from enum import StrEnum


class EventKind(StrEnum):
    """The kinds; the values are what webhooks and the store carry."""

    MESSAGE_ACCEPTED = "message_accepted"
    MESSAGE_SENT = "message_sent"
    MESSAGE_DEFERRED = "message_deferred"
    MESSAGE_BOUNCED = "message_bounced"
    MESSAGE_FAILED = "message_failed"
    OPENED = "opened"
    CLICKED = "clicked"
    HIT_JUDGED = "hit_judged"  # for live pages only: a hit that is no open or click, or a revision

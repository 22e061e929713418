"""What becomes of a copy after an attempt. Arithmetic only."""

from datetime import datetime
from typing import assert_never

from seenby.delivery.retry import Patience, next_attempt
from seenby.delivery.smtp import Answer, Outcome
from seenby.store.mail import Settled
from seenby.words.event import EventKind
from seenby.words.message import ClaimedCopy, Delivery


def settle(answer: Answer, copy: ClaimedCopy, *, now: datetime, patience: Patience) -> Settled:
    """The copy's new state, and when to try again if it has not met its fate."""
    match answer.outcome:
        case Outcome.TAKEN:
            return Settled(state=Delivery.SENT, reply=answer.reply, due_at=None)
        case Outcome.UNWANTED:
            return Settled(state=Delivery.FAILED, reply=answer.reply, due_at=None)
        case Outcome.NEVER:
            return Settled(state=Delivery.BOUNCED, reply=answer.reply, due_at=None)
        case Outcome.LATER | Outcome.BROKEN:
            wait = next_attempt(age=now - copy.accepted_at, patience=patience)
            if wait is None:
                return Settled(state=Delivery.FAILED, reply=answer.reply, due_at=None)
            return Settled(state=Delivery.DEFERRED, reply=answer.reply, due_at=now + wait)
        case _:
            assert_never(answer.outcome)


def event_kind(state: Delivery) -> EventKind:
    """What is told of a copy that came to this."""
    match state:
        case Delivery.SENT:
            return EventKind.MESSAGE_SENT
        case Delivery.BOUNCED:
            return EventKind.MESSAGE_BOUNCED
        case Delivery.FAILED:
            return EventKind.MESSAGE_FAILED
        case Delivery.DEFERRED | Delivery.QUEUED:
            return EventKind.MESSAGE_DEFERRED
        case _:
            assert_never(state)

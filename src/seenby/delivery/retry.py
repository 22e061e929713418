"""When to try again. Arithmetic only."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The first wait, the longest, and the age at which we give up (RFC 5321 4.5.4.1 asks for 4-5 days)."""

    first: timedelta
    longest: timedelta
    give_up: timedelta


def next_attempt(*, age: timedelta, patience: Patience) -> timedelta | None:
    """How long to wait before the next attempt at a message of this age; None means give up.

    Waiting as long as it has waited already doubles the age with every attempt, up to the longest wait.
    """
    wait = min(max(patience.first, age), patience.longest)
    return wait if age + wait <= patience.give_up else None

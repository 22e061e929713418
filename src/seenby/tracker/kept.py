"""What is kept of the client behind a hit. The one place where the token's level decides that."""

from enum import Enum, auto
from typing import assert_never

from seenby.words.policy import Level


class Kept(Enum):
    """How much of a request goes into the journal."""

    NOTHING = auto()  # no record at all
    HIT = auto()  # that there was one, and when; nothing about the client
    CLIENT = auto()  # and the client's address, agent and evidence headers


def what_is_kept(level: Level) -> Kept:
    """What may be journalled of a hit of this level.

    At the identified level the judge still sees the client, to tell a person from a machine; no page shows it, and the
    store erases it once verdicts are settled.
    """
    match level:
        case Level.OFF:
            return Kept.NOTHING
        case Level.COUNTED:
            return Kept.HIT
        case Level.IDENTIFIED | Level.FULL:
            return Kept.CLIENT
        case _:
            assert_never(level)

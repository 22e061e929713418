"""What is kept of the client behind a hit. The one place where the token's level decides that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from seenby.words.policy import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What a request tells of its sender."""

    address: str | None = None
    agent: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


NOTHING: Final = Client()


def is_recorded(level: Level) -> bool:
    """Whether a hit of this level leaves any record. Nobody signs tokens of level off; should one turn up, none."""
    return level is not Level.OFF


def what_is_kept(level: Level, client: Client) -> Client:
    """The part of `client` that may be journalled.

    At the identified level the judge may still see the client, to tell a person from a machine; the drain
    drops it with the verdict, and the store never gets it.
    """
    match level:
        case Level.OFF | Level.COUNTED:
            return NOTHING
        case Level.IDENTIFIED | Level.FULL:
            return client
        case _:
            assert_never(level)

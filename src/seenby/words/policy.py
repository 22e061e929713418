"""Policy: how much may be learnt about one recipient of one message, for pixels and links apart.

Levels are ordered, `off < counted < identified < full`; several sides have a say and the most
restrictive wins. Asking for more than the ceiling is an error, so that nobody believes to have
what they were not given.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from typing import Final

from seenby.words.errors import PolicyError


class Level(IntEnum):
    """What one channel may do. The numbers are part of the token format: never renumber them."""

    OFF = 0  # the message is not rewritten at all
    COUNTED = 1  # one token for everybody: totals only, nothing about a person
    IDENTIFIED = 2  # one token per recipient: who and when; no address, device or place
    FULL = 3  # client, device and country as well

    @property
    def word(self) -> str:
        """The name on screens, in settings and in headers."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One level for the pixel and one for the links."""

    pixels: Level = Level.FULL
    links: Level = Level.FULL

    def within(self, ceiling: "Policy") -> "Policy":
        """Whichever is stricter, channel by channel."""
        return Policy(pixels=min(self.pixels, ceiling.pixels), links=min(self.links, ceiling.links))


OFF: Final = Policy(pixels=Level.OFF, links=Level.OFF)
FULL: Final = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one message asks for, channel by channel; None: as much as is allowed."""

    pixels: Level | None = None
    links: Level | None = None


def parse_level(text: str) -> Level:
    """The level that `text` names. Raises PolicyError."""
    try:
        return Level[text.strip().upper()]
    except KeyError:
        raise PolicyError(f"'{text[:40]}' is no tracking level: use off, counted, identified or full.") from None


def strictest(policies: Iterable[Policy]) -> Policy:
    """The policy that all of `policies` allow; everything, when there are none."""
    return reduce(Policy.within, policies, FULL)

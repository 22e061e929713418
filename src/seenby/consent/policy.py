"""Which policy a message gets.

Everybody may only restrict: the installation, the team, the sender's own switches, the message. A
message that asks for a level above what those before it allow is refused, so that nobody believes
to have what they were not given.
"""

from collections.abc import Sequence

from seenby.words.errors import PolicyError
from seenby.words.policy import Asked, Level, Policy, strictest


def decide_policy(*, ceilings: Sequence[Policy], asked: Asked) -> Policy:
    """The strictest of `ceilings`, restricted as `asked`. Raises PolicyError when more was asked for."""
    ceiling = strictest(ceilings)
    return Policy(
        pixels=_restricted("pixel", ceiling.pixels, asked.pixels),
        links=_restricted("links", ceiling.links, asked.links),
    )


def switched(default: Policy, ceiling: Policy, *, pixels: bool, links: bool) -> Policy:
    """What two switches come to: off; or as by default; or, switched on afresh, as much as `ceiling` allows."""
    return Policy(
        pixels=_level(default.pixels, ceiling.pixels, is_on=pixels),
        links=_level(default.links, ceiling.links, is_on=links),
    )


def _level(default: Level, ceiling: Level, *, is_on: bool) -> Level:
    if not is_on:
        return Level.OFF
    return ceiling if default is Level.OFF else min(default, ceiling)


def _restricted(channel: str, ceiling: Level, asked: Level | None) -> Level:
    if asked is None:
        return ceiling
    if asked > ceiling:
        raise PolicyError(f"X-Seenby asks for {channel}={asked.word}, but no more than {ceiling.word} is allowed here.")
    return asked

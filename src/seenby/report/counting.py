"""How many opens a row of hits is. Pure.

A repeat is a hit inside the window of the *first* counted one, not of the one before it: somebody who keeps a message
in view all morning opened it more than once, and a chain of repeats must not swallow the day. The window is closed on
the left and open on the right: a hit exactly one window later counts again. All raw hits stay as they are; counting is
a way of reading them.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A hit that was read as human: by whom, through which channel, at which link."""

    hit: str
    reader: str | None
    channel: str
    link: int | None
    at: datetime


def firsts(looks: Iterable[tuple[Hashable, datetime, str]], *, window: timedelta) -> frozenset[str]:
    """The ids that count, of (what is folded together, when, id): the first of each kind in each window."""
    since: dict[Hashable, datetime] = {}
    own: set[str] = set()
    for kind, at, hit in sorted(looks, key=lambda look: look[1]):
        began = since.get(kind)
        if began is None or at - began >= window:
            since[kind] = at
            own.add(hit)
    return frozenset(own)


def counted(looks: Iterable[Look], *, window: timedelta) -> frozenset[str]:
    """The hits that are an open or click of their own: by reader, and a click by its link."""
    return firsts((((look.reader, look.channel, look.link), look.at, look.hit) for look in looks), window=window)


def thread_opens(opens: Iterable[tuple[str, datetime]], *, window: timedelta) -> Mapping[str, int]:
    """How often each reader opened anything of a thread. A window of zero means however far apart: once."""
    count: dict[str, int] = {}
    began: dict[str, datetime] = {}
    for reader, at in sorted(opens, key=lambda one: one[1]):
        if reader not in began or (window and at - began[reader] >= window):
            began[reader] = at
            count[reader] = count.get(reader, 0) + 1
    return count

"""Which hits count, and what they come to for one recipient. Pure.

A repeat inside the window is the same look: a person who scrolls back, or a client that draws the
message twice, has not read it twice. Nothing is thrown away: a repeat stays visible as a hit.
"""

from collections.abc import Iterable, Mapping
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


def counted(looks: Iterable[Look], *, window: timedelta) -> frozenset[str]:
    """The hits that are an open or click of their own: the first of each reader (and link) in each window.

    The window runs from the first look that counts, not from the last repeat, so that someone who
    keeps a message open all day is seen again every `window`.
    """
    since: dict[tuple[str | None, str, int | None], datetime] = {}
    own: set[str] = set()
    for look in sorted(looks, key=lambda look: look.at):
        what = (look.reader, look.channel, look.link)
        began = since.get(what)
        if began is None or look.at - began >= window:
            since[what] = look.at
            own.add(look.hit)
    return frozenset(own)


def thread_opens(opens: Iterable[tuple[str, datetime]], *, window: timedelta) -> Mapping[str, int]:
    """How often each address opened anything of a thread; opens inside the window are one, with no window all are."""
    began: dict[str, datetime] = {}
    count: dict[str, int] = {}
    for address, at in sorted(opens, key=lambda one: one[1]):
        first = began.get(address)
        if first is None or (window and at - first >= window):
            began[address] = at
            count[address] = count.get(address, 0) + 1
    return count

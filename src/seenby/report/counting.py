"""How many opens a row of hits is. Pure.

A repeat is a hit inside the window of the *first* counted one, not of the one before it: somebody who keeps a message
in view all morning opened it more than once, and a chain of repeats must not swallow the day. The window is closed on
the left and open on the right: a hit exactly one window later counts again; a window of zero folds nothing, and none
at all folds everything, however far apart. All raw hits stay as they are; counting is a way of reading them.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A hit that may count: who looked, through which channel, at which link."""

    hit: str
    reader: str | None
    channel: str
    link: int | None
    at: datetime


def firsts(looks: Iterable[tuple[Hashable, datetime, str]], *, window: timedelta | None) -> Mapping[str, Hashable]:
    """What counts, of (what is folded together, when, id): the first of each kind in each window, id to kind."""
    since: dict[Hashable, datetime] = {}
    own: dict[str, Hashable] = {}
    for kind, at, hit in sorted(looks, key=lambda look: look[1:]):
        began = since.get(kind)
        if began is None or (window is not None and at - began >= window):
            since[kind] = at
            own[hit] = kind
    return own


def counted(looks: Iterable[Look], *, window: timedelta | None) -> frozenset[str]:
    """The hits that are an open or click of their own: by reader, and a click by its link."""
    return frozenset(firsts((((one.reader, one.channel, one.link), one.at, one.hit) for one in looks), window=window))


def thread_opens(opens: Iterable[tuple[str, datetime]], *, window: timedelta | None) -> Mapping[str, int]:
    """How often each reader opened anything of a thread."""
    looks = [(reader, at, str(number)) for number, (reader, at) in enumerate(opens)]
    return Counter(str(reader) for reader in firsts(looks, window=window).values())

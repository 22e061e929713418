"""How many opens a row of hits is.

A repeat is a hit inside the window of the *first* counted one, not of the one before it: somebody who keeps a message
in view all morning opened it more than once, and a chain of repeats must not swallow the day. The window is closed on
the left and open on the right: a hit exactly one window later counts again. All raw hits stay as they are; counting is
a way of reading them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta


def fold(times: Sequence[datetime], *, window: timedelta) -> int:
    """How many of these hits count, when repeats inside the window of the last counted one do not."""
    counted = 0
    first: datetime | None = None
    for at in sorted(times):
        if first is None or at - first >= window:
            counted += 1
            first = at
    return counted


def thread_opens(opens: Mapping[str, Iterable[tuple[str, datetime]]], *, window: timedelta = timedelta(0)) -> int:
    """The opens of a thread: per reader, whichever of the thread's messages they opened.

    `opens` has each message's opens as (reader, time). A window of zero means however far apart: then a reader counts
    once in a thread.
    """
    by_reader: dict[str, list[datetime]] = {}
    for row in opens.values():
        for reader, at in row:
            by_reader.setdefault(reader, []).append(at)
    if window <= timedelta(0):
        return len(by_reader)
    return sum(fold(times, window=window) for times in by_reader.values())

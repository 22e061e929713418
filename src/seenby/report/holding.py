"""When the bell may tell of an open or click: at once, or when the burst that it may be part of is over.

A scanner's first fetch looks like a person's until its second comes. So what happens in a copy's first minute is
held until nothing more has come for a while; a page shows it at once, with what is believed so far.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

FIRST: Final = timedelta(minutes=1)  # after a copy left; scanners look at mail when it arrives
_QUIET: Final = 3  # a third of the longest wait without another hit ends a burst


def told_at(at: datetime, *, others: Iterable[datetime], longest: timedelta) -> datetime:
    """When to tell of a hit that came at `at`, in a copy's first minute; `others` are the copy's hits."""
    quiet, last = longest / _QUIET, at
    for other in sorted(one for one in others if one > at):
        if other - last > quiet:
            break
        last = other
    return min(at + longest, last + quiet)

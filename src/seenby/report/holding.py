"""When the bell may tell of an open or click: at once, or when the burst that it may be part of is over.

A scanner's first fetch looks like a person's until its second comes. So what happens in a copy's first minute is
held until nothing more has come for a while; a page shows it at once, with what is believed so far.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

FIRST: Final = timedelta(minutes=1)  # after a copy left; scanners look at mail when it arrives
LAST: Final = datetime.max.replace(tzinfo=UTC)
_QUIET: Final = 3  # a third of the longest wait without another hit ends a burst


def tellings(times: Iterable[datetime], *, longest: timedelta) -> Mapping[datetime, datetime]:
    """When to tell of a hit that came at each of these moments of a copy's first minute.

    All in one pass: whoever has a copy can fetch it ten thousand times in its first minute.
    """
    quiet = longest / _QUIET
    told: dict[datetime, datetime] = {}
    later = over = None
    for at in sorted(set(times), reverse=True):
        if later is None or over is None or later - at > quiet:
            over = _after(at, quiet)
        told[at] = min(_after(at, longest), over)
        later = at
    return told


def _after(at: datetime, span: timedelta) -> datetime:
    """Then; at the calendar's end, where only a broken clock comes to, no later than there is."""
    return at + min(span, LAST - at)

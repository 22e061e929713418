"""As Gong counts: opens of a message within an hour are one, whoever opened; it tells no machines from people.

Its help page names the causes of false opens and leaves them in. Own opens are left out there when the sender's
browser carries its extension; here they always are.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from seenby.report.counting import firsts
from seenby.report.timeline import OPEN, Moment
from seenby.report.views.cause import Cause, cause_of
from seenby.report.views.view import Figures, sum_up
from seenby.words.verdict import Label

HOUR: Final = timedelta(hours=1)


def gong(hits: Sequence[Moment]) -> Figures:
    """Opens folded by the hour, whoever opened; every click but the sender's own."""
    others = [hit for hit in hits if cause_of(hit) is not Cause.OWN]
    opens = firsts((("", hit.at, hit.hit) for hit in others if hit.channel == OPEN), window=HOUR)
    return sum_up(hit for hit in others if hit.channel != OPEN or hit.hit in opens)


def gong_thread(opens: Iterable[tuple[datetime, Label | None]]) -> int:
    """A thread's opens: one, however many of its messages were opened, by whom and how often."""
    others = ((at, str(number)) for number, (at, label) in enumerate(opens) if label is not Label.SELF)
    return len(firsts((("", at, name) for at, name in others), window=None))

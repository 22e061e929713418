"""As Gong counts: opens of a message within an hour are one, whoever opened; it tells no machines from people.

Its help page names the causes of false opens and leaves them in. Own opens are left out there when the sender's
browser carries its extension; here they always are.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from seenby.report.counting import firsts
from seenby.report.timeline import OPEN, Moment
from seenby.report.views.cause import Cause, cause_of
from seenby.report.views.view import Figures, Part, part, sum_up

HOUR: Final = timedelta(hours=1)


def gong(hits: Sequence[Moment]) -> Figures:
    """Opens folded by the hour. The thread's column is one as soon as anything of this message was opened."""
    others = [hit for hit in hits if cause_of(hit) is not Cause.OWN]
    opens = firsts((("", hit.at, hit.hit) for hit in others if hit.channel == OPEN), window=HOUR)
    shown = [hit for hit in others if hit.channel != OPEN or hit.hit in opens]
    return sum_up(shown, parts=[part("once an hour", shown), Part(name="once a thread", opens=min(1, len(opens)))])


def gong_thread(messages: Sequence[Sequence[Moment]]) -> int:
    """Opens of a whole thread as Gong counts them: one, however many of its messages were opened and how often."""
    opens = (
        ("", hit.at, f"{number}:{hit.hit}")
        for number, hits in enumerate(messages)
        for hit in hits
        if hit.channel == OPEN and cause_of(hit) is not Cause.OWN
    )
    return len(firsts(opens, window=None))

"""Seenby's own ways of counting: people only, everything, and each recipient once."""

from collections.abc import Sequence

from seenby.report.counting import Look, counted
from seenby.report.timeline import Moment
from seenby.report.views.view import Figures, sum_up


def people(hits: Sequence[Moment]) -> Figures:
    """Opens and clicks that were read as a person's, repeats folded: what Seenby itself shows everywhere."""
    return sum_up(hit for hit in hits if hit.opinion is not None and hit.opinion.counted)


def raw(hits: Sequence[Moment]) -> Figures:
    """Every fetch counts, whoever it was."""
    return sum_up(hits)


def unique(hits: Sequence[Moment]) -> Figures:
    """Every fetch, but a recipient's opens once and their clicks once a link.

    A fetch on a token that all copies share belongs to nobody in particular and is left out.
    """
    looks = [
        Look(hit=hit.hit, reader=hit.reader, channel=hit.channel, link=hit.link, at=hit.at)
        for hit in hits
        if hit.reader is not None
    ]
    own = counted(looks, window=None)
    return sum_up(hit for hit in hits if hit.hit in own)

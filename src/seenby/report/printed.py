"""A report on paper: the figures that the page of reports shows, and whom most of the mail went to, as PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seenby.report.insights import Figures, Share
from seenby.report.organisations import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What is printed. `days`: what was delivered and what was opened by people, day by day."""

    title: str
    of: str
    sentence: str  # the honest rate, in words
    figures: Figures
    shares: Mapping[str, Share]
    days: Sequence[tuple[str, int, int]]
    organisations: Sequence[Row]  # most mail first
    made: str  # when, in words


def printed(sheet: Sheet) -> bytes:
    """The PDF. Only the fonts that every reader has are used, so letters beyond Latin-1 become question marks."""
    from seenby.report.paper import drawn  # noqa: PLC0415 - its library would be a sixth of every start

    return drawn(sheet)

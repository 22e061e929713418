"""Figures of many messages: what became of the mail of some days, and whether two lots of mail really differ. Pure.

Everything is a sum of day sums (`report.sums`). Recipients who could not be measured stand in no rate of opens; how
many could stands beside it. Every share says of what it is one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seenby.report.interval import wilson
from seenby.report.rate import Counts, Rate, open_rate
from seenby.store.tables import SUMS

ENOUGH: Final = 10  # recipients on each side, before two shares are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a whole, with what both are, and its 95 % interval after Wilson (1927)."""

    name: str
    part: int
    whole: int
    of: str  # the formula, in words

    @property
    def share(self) -> float | None:
        """None of nobody."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float]:
        """What the share may be where these are a sample of such mail."""
        return wilson(self.part, self.whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The sums of some mail, and what follows from them."""

    sums: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.sums[name]

    @property
    def rate(self) -> Rate | None:
        """The honest open rate; None for too few recipients."""
        return open_rate(self.counts)

    @property
    def counts(self) -> Counts:
        """What the honest rate is estimated from."""
        sums = self.sums
        apple = sums["apple_proven"] + sums["apple_silent"]
        seen = sums["pixel_and_link"] + sums["pixel"] + sums["link"]
        return Counts(
            both=sums["pixel_and_link"],
            pixel=sums["pixel"],
            link=sums["link"],
            silent=sums["measured"] - seen - apple,
            apple_proven=sums["apple_proven"],
            apple_clicked=sums["apple_clicked"],
            apple_silent=sums["apple_silent"],
            scanned=sums["scanned"],
            unmeasured=sums["sent"] - sums["measured"],
        )

    def shares(self, *, of_sent: bool = False) -> Mapping[str, Share]:
        """Every share the page shows, by name; of those to whom it was delivered, or of all to whom it was sent."""
        sums, people = self.sums, self.counts.proven
        clicked = sums["pixel_and_link"] + sums["link"] + sums["apple_clicked"]
        everybody = sums["copies"] if of_sent else sums["sent"]
        measured = sums["measurable"] if of_sent else sums["measured"]
        whom = f"of all to whom it was {'sent' if of_sent else 'delivered'}"
        imaged = f"whose copy was {'sent' if of_sent else 'delivered'} with an image of its own"
        rows = (
            ("people", people, measured, f"recipients of whom a person's open or click was read, of those {imaged}"),
            ("unique", sums["fetched"], measured, "recipients whose image was fetched, by whomever, of the same"),
            ("clicked", sums["clicked"], everybody, f"recipients of whom a person's click was read, {whom}"),
            ("click_to_open", clicked, people, "those who clicked, of the recipients who opened, as far as is known"),
            ("replied", sums["replied"], everybody, f"recipients known to have answered, {whom}; there may be more"),
            ("bounced", sums["bounced"], sums["copies"], "copies refused, returned or given up, of all that were sent"),
            ("unsubscribed", sums["unsubscribed"], everybody, f"recipients who want no more mail, {whom}"),
            ("complained", sums["complained"], everybody, f"recipients who called it spam at their provider, {whom}"),
            ("coverage", measured, everybody, f"recipients {imaged}, {whom}"),
        )  # fmt: skip
        return {name: Share(name=name, part=part, whole=whole, of=of) for name, part, whole, of in rows}

    def funnel(self) -> Sequence[tuple[str, int]]:
        """How many recipients got how far, each step of the one before."""
        sums = self.sums
        return (
            ("Sent to", sums["copies"]),
            ("Delivered", sums["sent"]),
            ("Measurable", sums["measured"]),
            ("Opened by a person", min(self.counts.proven, sums["measured"])),
            ("Clicked", sums["clicked"]),
            ("Answered", sums["replied"]),
        )


def add_up(rows: Iterable[Mapping[Any, Any]]) -> Figures:
    """The sums of some days."""
    sums = dict.fromkeys(("messages", *SUMS), 0)
    for row in rows:
        for name in sums:
            sums[name] += int(row[name] or 0)
    return Figures(sums=sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two shares, the second less the first, with its 95 % interval (Newcombe 1998, method 10)."""

    before: Share
    after: Share
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether chance alone would seldom (1 in 20) make as much of a difference."""
        return self.low > 0 or self.high < 0

    @property
    def points(self) -> float:
        """In percentage points."""
        return 100 * ((self.after.share or 0.0) - (self.before.share or 0.0))


def compare(before: Share, after: Share) -> Difference | None:
    """Whether two shares differ; None where there are too few on either side to say so."""
    if before.whole < ENOUGH or after.whole < ENOUGH:
        return None
    one, other = before.part / before.whole, after.part / after.whole
    (low_one, high_one), (low_other, high_other) = before.interval, after.interval
    difference = other - one
    return Difference(
        before=before,
        after=after,
        low=difference - math.hypot(other - low_other, high_one - one),
        high=difference + math.hypot(high_other - other, one - low_one),
    )

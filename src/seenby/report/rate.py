"""The honest open rate: what share of a message's recipients have opened it, as far as that can be known.

A pixel misses people (their program loads no images), Apple hides people (it loads every image, read or not), and the
judge errs. So the rate is an estimate with a 95 % interval. What is assumed, and how it would mislead:

- **Who clicks has opened.** Of people who clicked, the share whose images were seen too tells how many openers images
  miss (capture and recapture). People who never click may block images more or less often than those who do; that
  cannot be observed, so the odds of the two may differ by the factor that LIKENESS allows.
- **Behind Apple's prefetch only clicks can be observed.** The share of openers there is taken to be like elsewhere, and
  so is the willingness to click, each within a span (APPLE_OPENS, APPLE_CLICKS); the clicks then narrow it.
- **A machine at a recipient's copy is sometimes taken for the person** (MISTAKEN); such people are taken off again.

Every unknown is drawn from its posterior, conjugate where the data speak and from the named spans where they do not;
who is known to have opened is known, and only the others are drawn. The draws are seeded by the counts: the same
counts always give the same answer. docs/adr/0022 has the argument.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Final

DRAWS: Final = 800
FEWEST: Final = 10  # recipients; of fewer, the marks beside their names say everything there is to say
LEVEL: Final = 0.95

# Of people who open, how many load images: most do, and nobody publishes a figure. Worth three clickers or four.
IMAGES_SEEN: Final = (2.5, 1.0)
SHOWN: Final = (0.5, 1.2)  # before anything is seen, the share of recipients whose images load is anybody's guess
LIKENESS: Final = 0.6  # spread of the log-odds between those who click and those who do not
APPLE_OPENS: Final = 0.5  # spread of the log-odds of opening, Apple's readers against the others
APPLE_CLICKS: Final = 0.25  # spread of the logarithm of clicks per open, likewise
MISTAKEN: Final = (1.0, 30.0)  # of copies that machines fetched, how many count as a person's by mistake: about 3 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What is known of a message's recipients; everybody stands in exactly one count but `scanned`.

    `both`, `pixel`, `link`: recipients whom a person's open and click, open alone, click alone was read of. `silent`:
    nothing. Behind Apple's prefetch, where an open cannot be seen: `apple_proven` by a click or on another device,
    `apple_silent`; `apple_clicked` of the proven did click. `scanned`: recipients whose copy a scanner fetched.
    `unmeasured`: copies that carry no pixel of their own.
    """

    both: int = 0
    pixel: int = 0
    link: int = 0
    silent: int = 0
    apple_proven: int = 0
    apple_clicked: int = 0
    apple_silent: int = 0
    scanned: int = 0
    unmeasured: int = 0

    @property
    def proven(self) -> int:
        """Recipients of whom a person's open or click was read."""
        return self.both + self.pixel + self.link + self.apple_proven

    @property
    def tracked(self) -> int:
        """Recipients the rate speaks of: their copy carries a pixel of their own."""
        return self.proven + self.silent + self.apple_silent

    @property
    def measurable(self) -> int:
        """Recipients of whom an open can be seen, or was."""
        return self.tracked - self.apple_silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The estimate, its 95 % interval, and the share of all recipients of whom an open can be seen."""

    estimate: float
    low: float
    high: float
    coverage: float
    recipients: int  # that it speaks of


def open_rate(counts: Counts) -> Rate | None:
    """The honest open rate; None for too few recipients to speak of a rate."""
    return _estimate(counts) if counts.tracked >= FEWEST else None


@lru_cache(maxsize=1024)
def _estimate(counts: Counts) -> Rate:
    # Chance with a seed of its own: an answer that changed at every look would be believed by nobody.
    draws = sorted(_draws(counts, Random(repr(counts))))  # noqa: S311 - no secret hangs on it
    everybody = counts.tracked + counts.unmeasured
    return Rate(
        estimate=_quantile(draws, 0.5),
        low=_quantile(draws, (1 - LEVEL) / 2),
        high=_quantile(draws, (1 + LEVEL) / 2),
        coverage=counts.measurable / everybody,
        recipients=counts.tracked,
    )


def _draws(counts: Counts, chance: Random) -> Sequence[float]:
    return [_draw(counts, chance) / counts.tracked for _ in range(DRAWS)]


def _draw(counts: Counts, chance: Random) -> float:
    """How many recipients have opened, in one of the worlds that fit what was seen."""
    mistaken = chance.betavariate(*MISTAKEN) * counts.scanned
    share, clicks, hidden = _others(counts, chance, mistaken=mistaken)
    opened = counts.proven - min(counts.proven, _some(mistaken, 1.0, chance)) + hidden
    return opened + _behind_apple(counts, chance, share=share, clicks=clicks)


def _others(counts: Counts, chance: Random, *, mistaken: float) -> tuple[float, float, float]:
    """Of recipients whom Apple does not hide: the share that opens, clicks per open, how many openers are unseen."""
    clicked = counts.both + counts.link
    quiet = counts.pixel + counts.silent
    # A mistaken machine mostly clicks without having shown the image like a person; taken off there, never below zero.
    wrong = min(mistaken, float(counts.link))
    seen_of_clickers = chance.betavariate(counts.both + IMAGES_SEEN[0], counts.link - wrong + IMAGES_SEEN[1])
    seen = _expit(_logit(seen_of_clickers) + chance.gauss(0, LIKENESS))
    clicking = chance.betavariate(clicked - wrong + 0.5, quiet + wrong + 0.5)
    showing = min(chance.betavariate(counts.pixel + SHOWN[0], counts.silent + SHOWN[1]), seen)
    share = clicking + (1 - clicking) * showing / seen
    unseen = showing * (1 - seen) / seen / (1 - showing) if showing < 1 else 0.0
    return share, clicking / share, _some(counts.silent, unseen, chance)


def _behind_apple(counts: Counts, chance: Random, *, share: float, clicks: float) -> float:
    """How many of those behind Apple's prefetch have opened beyond the proven: two opinions, weighed by precision."""
    everybody = counts.apple_proven + counts.apple_silent
    if not counts.apple_silent:
        return 0.0
    like_others = chance.gauss(_logit(share), APPLE_OPENS)
    by_clicks = math.log((counts.apple_clicked + 0.5) / (everybody + 1) / clicks) + chance.gauss(0, APPLE_CLICKS)
    # On the scale of logarithms the first is narrower where almost everybody opens.
    one, one_spread = math.log(_expit(like_others)), APPLE_OPENS * (1 - share) + 1e-6
    other_spread = math.hypot(APPLE_CLICKS, 1 / math.sqrt(counts.apple_clicked + 0.5))
    trust = other_spread**2 / (one_spread**2 + other_spread**2)
    theirs = min(1.0, math.exp(trust * one + (1 - trust) * by_clicks))
    unproven = (theirs * everybody - counts.apple_proven) / counts.apple_silent
    return _some(counts.apple_silent, unproven, chance)


def _some(people: float, share: float, chance: Random) -> float:
    """How many of these people do it, when each does with this chance: the normal curve, kept within its bounds."""
    share = min(1.0, max(0.0, share))
    mean = people * share
    return min(float(people), max(0.0, chance.gauss(mean, math.sqrt(mean * (1 - share)))))


def _quantile(ordered: Sequence[float], at: float) -> float:
    return ordered[min(len(ordered) - 1, int(at * len(ordered)))]


def _logit(share: float) -> float:
    share = min(1 - 1e-6, max(1e-6, share))
    return math.log(share / (1 - share))


def _expit(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))

"""The honest open rate, against worlds whose truth we know: the interval holds it, also where we assume wrongly."""

import math
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seenby.report.rate import FEWEST, Counts, Rate, open_rate
from seenby.report.summary import rate_words


@dataclass(frozen=True, kw_only=True)
class World:
    """How people and machines behave. The factors in the second half are what the model assumes to be near nothing."""

    opens: float = 0.35
    images: float = 0.8  # of openers who click, those whose images load
    clicks: float = 0.15  # of openers
    apple: float = 0.4  # share of recipients behind Apple's prefetch
    scanned: float = 0.0  # share of copies that a scanner goes through
    mistaken: float = 0.03  # of these, read as a person's click
    lost: float = 0.02  # of a person's opens and clicks, read as a machine's
    apple_opens: float = 0.0  # log-odds, against the others
    apple_clicks: float = 1.0  # times the others'
    quiet_images: float = 0.0  # log-odds of images loading, of openers who do not click against those who do


WORLDS = {
    "ordinary": World(),
    "no Apple at all": World(apple=0),
    "most behind Apple": World(apple=0.8),
    "all but a few behind Apple": World(apple=0.95),
    "images mostly blocked": World(images=0.3),
    "images half blocked": World(images=0.5),
    "few click": World(clicks=0.02),
    "many click": World(clicks=0.5),
    "half is scanned": World(scanned=0.5),
    "all is scanned and few click": World(scanned=1.0, clicks=0.05),
    "scanners taken for people twice as often": World(scanned=0.6, mistaken=0.06),
    "the judge loses a tenth of the people": World(lost=0.1),
    "Apple's readers are keener": World(apple=0.6, apple_opens=0.5),
    "Apple's readers are lazier": World(apple=0.6, apple_opens=-0.5),
    "Apple's readers click less": World(apple=0.6, apple_clicks=0.7),
    "Apple's readers click more": World(apple=0.6, apple_clicks=1.4),
    "who clicks sees images more": World(quiet_images=-0.8),
    "who clicks sees images less": World(quiet_images=0.8),
    "hardly anybody opens": World(opens=0.05),
    "nearly everybody opens": World(opens=0.8),
    "nearly everybody opens, images blocked": World(opens=0.8, images=0.4),
    "images blocked and few click": World(images=0.4, clicks=0.03),
    "few open, images blocked, much Apple": World(opens=0.15, images=0.5, apple=0.6, clicks=0.08),
    "a little wrong everywhere": World(
        apple=0.5, scanned=0.4, mistaken=0.05, apple_opens=-0.35, apple_clicks=1.25, quiet_images=-0.5
    ),
}
LEAST_COVERED = 0.85


def shifted(share: float, odds: float) -> float:
    return 1 / (1 + (1 - share) / share * math.exp(-odds)) if 0 < share < 1 else share


def live(world: World, recipients: int, chance: Random) -> tuple[Counts, float]:
    """One message in this world: what would be counted, and the share that did open."""
    seen: dict[str, int] = dict.fromkeys(asdict(Counts()), 0)
    opened = 0
    for _ in range(recipients):
        apple = chance.random() < world.apple
        opens = chance.random() < (shifted(world.opens, world.apple_opens) if apple else world.opens)
        clicks = opens and chance.random() < world.clicks * (world.apple_clicks if apple else 1)
        shows = opens and chance.random() < (world.images if clicks else shifted(world.images, world.quiet_images))
        scanned = chance.random() < world.scanned
        link = (clicks and chance.random() >= world.lost) or (scanned and chance.random() < world.mistaken)
        # of Apple's readers a few look on another device as well, where the image tells
        pixel = (chance.random() < 0.05 and opens) if apple else (shows and chance.random() >= world.lost)
        opened += opens
        seen["scanned"] += scanned
        seen["apple_clicked"] += apple and link
        if apple:
            seen["apple_proven" if link or pixel else "apple_silent"] += 1
        else:
            seen[{(1, 1): "both", (1, 0): "pixel", (0, 1): "link", (0, 0): "silent"}[int(pixel), int(link)]] += 1
    return Counts(**seen), opened / recipients


def covered(world: World, *, recipients: int, runs: int, seed: str) -> float:
    chance, held = Random(seed), 0
    for _ in range(runs):
        counts, truth = live(world, recipients, chance)
        rate = open_rate(counts)
        assert rate is not None
        held += rate.low - 1e-9 <= truth <= rate.high + 1e-9
    return held / runs


@pytest.mark.slow
@pytest.mark.parametrize(("recipients", "runs"), [(10, 120), (200, 80), (2000, 20)])
@pytest.mark.parametrize("name", WORLDS)
def test_the_interval_holds_the_truth_in_every_world(name: str, recipients: int, runs: int) -> None:
    assert covered(WORLDS[name], recipients=recipients, runs=runs, seed=f"{name} {recipients}") >= LEAST_COVERED


@pytest.mark.parametrize("name", ["ordinary", "images half blocked", "most behind Apple", "a little wrong everywhere"])
def test_the_interval_holds_the_truth(name: str) -> None:
    assert covered(WORLDS[name], recipients=100, runs=25, seed=name) >= LEAST_COVERED


# ---------------------------------------------------------------- what is certain whatever is drawn

counts = st.builds(
    Counts,
    both=st.integers(0, 300),
    pixel=st.integers(0, 3000),
    link=st.integers(0, 300),
    silent=st.integers(0, 3000),
    apple_proven=st.integers(0, 300),
    apple_silent=st.integers(0, 3000),
    unmeasured=st.integers(0, 300),
).map(lambda made: replace(made, apple_clicked=made.apple_proven // 2))


def rate_of(**given: Any) -> Rate:
    rate = open_rate(Counts(**given))
    assert rate is not None
    return rate


@settings(max_examples=25, deadline=None)
@given(counts)
def test_the_estimate_lies_in_its_interval_and_never_below_what_is_proven(made: Counts) -> None:
    rate = open_rate(made)
    assert (rate is None) == (made.tracked < FEWEST)
    if rate is not None:
        assert made.proven / made.tracked - 1e-9 <= rate.low <= rate.estimate <= rate.high <= 1 + 1e-9
        assert 0 <= rate.coverage <= 1


@pytest.mark.parametrize("silent", [0, FEWEST - 1])
def test_of_fewer_than_ten_recipients_there_is_no_rate(silent: int) -> None:
    assert open_rate(Counts(silent=silent, unmeasured=100)) is None


def test_the_same_counts_always_give_the_same_answer() -> None:
    made = Counts(both=5, pixel=20, link=2, silent=40, apple_silent=9)
    assert open_rate(made) == open_rate(replace(made)) is not None


def test_when_everybody_is_proven_nothing_is_left_to_guess() -> None:
    rate = rate_of(both=10, pixel=10)
    assert (rate.low, rate.estimate, rate.high, rate.coverage) == (1, 1, 1, 1)


def test_where_no_click_says_how_many_images_are_blocked_the_interval_is_wide() -> None:
    with_clicks, without = rate_of(both=60, pixel=100, link=5, silent=235), rate_of(pixel=160, silent=240)
    assert without.high - without.low > 1.5 * (with_clicks.high - with_clicks.low)


def test_openers_whom_images_miss_are_added() -> None:
    rate = rate_of(both=30, link=30, pixel=70, silent=270)
    assert 130 / 400 < 0.4 < rate.estimate < 0.65  # half of the clickers' images did not load


def test_scanners_at_many_copies_take_something_off_what_looks_proven() -> None:
    assert rate_of(link=30, silent=970, scanned=1000).low < 0.03


def test_coverage_is_the_share_of_all_recipients_whose_open_could_be_seen() -> None:
    rate = rate_of(pixel=30, silent=32, apple_silent=30, unmeasured=8)
    assert rate.coverage == 0.62
    assert rate.recipients == 92


def test_the_sentence_names_estimate_interval_and_coverage() -> None:
    words = rate_words(Rate(estimate=0.41, low=0.33, high=0.52, coverage=0.62, recipients=1200))
    assert [number for number in words.split() if "%" in number] == ["41%", "33%", "52%,", "95%", "62%"]
    assert "1,200 recipients" in words

"""Figures of many messages: shares say of what they are one, and two lots differ only where chance would not do it."""

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.report.asked import Asked
from seenby.report.insights import Share, add_up, compare
from seenby.report.interval import wilson
from seenby.report.overview import bars_of
from seenby.store.tables import SUMS


def row(**sums: int) -> dict[str, int]:
    return {**dict.fromkeys(("messages", *SUMS), 0), **sums}


def share(part: int, whole: int) -> Share:
    return Share(name="x", part=part, whole=whole, of="")


def test_days_add_up_and_nobody_is_in_two_counts() -> None:
    one = row(messages=1, sent=10, measured=8, pixel_and_link=1, pixel=2, link=1, apple_proven=1, apple_silent=2)
    figures = add_up([one, one])
    counts = figures.counts
    assert figures["messages"] == 2
    assert counts.tracked == figures["measured"] == 16
    assert counts.silent == 2
    assert counts.proven == 10
    assert counts.unmeasured == 4
    assert figures.shares()["people"].share == 10 / 16


def test_of_nobody_there_is_no_share() -> None:
    shares = add_up([]).shares()
    assert {one.share for one in shares.values()} == {None}
    assert add_up([]).rate is None
    assert all(compare(one, one) is None for one in shares.values())


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share_and_stays_between_none_and_all(part: int, whole: int) -> None:
    part = min(part, whole)
    low, high = wilson(part, whole)
    assert 0 <= low <= part / whole <= high <= 1


def test_a_difference_of_nothing_is_not_sure_and_a_great_one_is() -> None:
    same = compare(share(30, 100), share(33, 100))
    assert same is not None
    assert not same.is_sure
    great = compare(share(30, 1000), share(90, 1000))
    assert great is not None
    assert great.is_sure
    assert great.points == pytest.approx(6.0)
    assert great.low < 0.06 < great.high


def test_where_nothing_differs_it_is_seldom_said_that_something_does() -> None:
    """One in twenty by its making; here of a thousand pairs that chance alone made."""
    chance = random.Random(7)
    wrong = 0
    for _ in range(1000):
        rate, whole = chance.uniform(0.02, 0.98), chance.randint(20, 400)
        lots = [share(sum(chance.random() < rate for _ in range(whole)), whole) for _ in range(2)]
        difference = compare(*lots)
        assert difference is not None
        wrong += difference.is_sure
    assert wrong < 80


@pytest.mark.parametrize("days", [1, 7, 30, 59, 60, 61, 365, 3660])
def test_every_day_stands_in_one_column_and_the_columns_fill_the_picture(days: int) -> None:
    until = date(2026, 11, 23)
    since = date.fromordinal(until.toordinal() - days)
    epoch = date(1970, 1, 1).toordinal()
    rows = [{**row(messages=1, sent=day % 7), "day": since.toordinal() - epoch + day} for day in range(days)]
    bars, highest = bars_of(rows, since=since, until=until)
    assert sum(bar.figures["messages"] for bar in bars) == days
    assert bars[0].since == since
    assert bars[-1].until == date.fromordinal(until.toordinal() - 1)
    assert bars[-1].x + bars[-1].width == pytest.approx(100)
    assert len(bars) <= 60
    assert highest == max(bar.figures["sent"] for bar in bars)


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ({}, (date(2026, 10, 24), date(2026, 11, 23))),
        ({"days": "7"}, (date(2026, 11, 16), date(2026, 11, 23))),
        ({"days": "nonsense"}, (date(2026, 10, 24), date(2026, 11, 23))),
        ({"since": "2026-01-01", "until": "2026-01-31"}, (date(2026, 1, 1), date(2026, 2, 1))),
        ({"since": "2026-12-24"}, (date(2026, 11, 22), date(2026, 11, 23))),
        ({"since": "2026-02-01", "until": "2026-01-01"}, (date(2026, 1, 1), date(2026, 1, 2))),
        ({"since": "0001-01-01", "until": "9999-12-31"}, (date(2026, 10, 24), date(2026, 11, 23))),
    ],
)
def test_a_time_is_made_of_what_was_asked_or_is_a_month(asked: dict[str, str], span: tuple[date, date]) -> None:
    assert Asked(**asked).span(today=date(2026, 11, 22)) == span


@pytest.mark.parametrize(
    ("sent", "query"),
    [
        ({"days": "30", "since": "2026-10-24", "until": "2026-11-22", "label": "fair"}, "?label=fair"),
        ({"days": "7", "since": "2026-11-16", "until": "2026-11-22"}, "?days=7"),
        ({"days": "7", "since": "2026-11-15", "until": "2026-11-22"}, "?since=2026-11-15&until=2026-11-22"),
        ({"days": "30", "since": "2026-10-24", "until": "2026-11-21"}, "?since=2026-10-24&until=2026-11-21"),
        ({"days": "90"}, "?days=90"),
    ],
)
def test_an_untouched_form_asks_for_days_that_go_on(sent: dict[str, str], query: str) -> None:
    assert Asked(**sent).settled(today=date(2026, 11, 22)).query() == query


def test_a_kept_report_says_whether_its_days_go_on() -> None:
    today = date(2026, 11, 22)
    told: dict[str, Any] = {"senders": {}, "me": "a@b.test", "today": today}
    assert Asked(days="365", label="fair").lasting(**told) == "the last year, fair"
    assert Asked(days="7", who="me").lasting(**told) == "the last 7 days, sent by a@b.test"
    fixed = Asked(since="2026-01-01", until="2026-01-31")
    assert fixed.lasting(**told) == fixed.title(**told) == "1 Jan to 31 Jan 2026"

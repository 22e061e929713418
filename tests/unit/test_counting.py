from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.report.counting import fold, thread_opens

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(*minutes: int) -> list[datetime]:
    return [START + timedelta(minutes=one) for one in minutes]


@pytest.mark.parametrize(
    ("minutes", "counted"),
    [
        pytest.param((), 0, id="nothing"),
        pytest.param((0,), 1, id="one"),
        pytest.param((0, 59), 1, id="two within the hour"),
        pytest.param((0, 60), 2, id="exactly an hour later counts again"),
        pytest.param((0, 40, 80), 2, id="a chain of repeats does not stretch the window"),
        pytest.param((80, 0, 40), 2, id="order does not matter"),
        pytest.param((0, 0, 0), 1, id="the same moment"),
    ],
)
def test_a_repeat_inside_the_window_of_the_first_counts_once(minutes: Any, counted: Any) -> None:
    assert fold(at(*minutes), window=HOUR) == counted


def test_without_a_window_every_hit_counts() -> None:
    assert fold(at(0, 0, 1), window=timedelta(0)) == 3


def test_two_messages_of_one_thread_opened_by_one_reader_are_one_thread_open() -> None:
    first, second = at(0, 300)
    assert thread_opens({"m1": [("rita", first)], "m2": [("rita", second)]}) == 1


def test_each_reader_of_a_thread_counts() -> None:
    moment = START
    assert thread_opens({"m1": [("rita", moment), ("sam", moment)], "m2": [("rita", moment)]}) == 2


def test_a_thread_may_have_a_window_of_its_own() -> None:
    first, second = at(0, 300)
    assert thread_opens({"m1": [("rita", first)], "m2": [("rita", second)]}, window=HOUR) == 2


@given(st.lists(st.integers(0, 10_000)), st.integers(1, 600))
def test_counting_never_invents_and_never_forgets(minutes: Any, width: Any) -> None:
    times = at(*minutes)
    counted = fold(times, window=timedelta(minutes=width))
    assert (counted == 0) == (not times)
    assert counted <= len(set(times))
    assert counted >= fold(times, window=timedelta(minutes=2 * width))

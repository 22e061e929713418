from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.report.counting import Look, counted, thread_opens

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

EVER = None


def fold(times: list[datetime], *, window: timedelta) -> int:
    looks = [Look(hit=str(n), reader="r", channel="open", link=None, at=time) for n, time in enumerate(times)]
    return len(counted(looks, window=window))


def at(*minutes: int) -> list[datetime]:
    return [START + timedelta(minutes=one) for one in minutes]


@pytest.mark.parametrize(
    ("minutes", "count"),
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
def test_a_repeat_inside_the_window_of_the_first_counts_once(minutes: Any, count: Any) -> None:
    assert fold(at(*minutes), window=HOUR) == count


def test_without_a_window_every_hit_counts() -> None:
    assert fold(at(0, 0, 1), window=timedelta(0)) == 3


def test_two_messages_of_one_thread_opened_by_one_reader_are_one_thread_open() -> None:
    assert thread_opens([("rita", time) for time in at(0, 300)], window=EVER) == {"rita": 1}


def test_each_reader_of_a_thread_counts() -> None:
    assert thread_opens([("rita", START), ("sam", START), ("rita", START)], window=EVER) == {"rita": 1, "sam": 1}


def test_a_thread_may_have_a_window_of_its_own() -> None:
    assert thread_opens([("rita", time) for time in at(0, 59, 300)], window=HOUR) == {"rita": 2}


def test_two_readers_and_two_links_are_not_repeats_of_each_other() -> None:
    looks = [
        Look(hit=f"{reader}{link}", reader=reader, channel="click", link=link, at=START)
        for reader in ("rita", "rob")
        for link in (0, 1)
    ]
    assert len(counted(looks, window=HOUR)) == 4


@given(st.lists(st.integers(0, 10_000)), st.integers(1, 600))
def test_counting_never_invents_and_never_forgets(minutes: Any, width: Any) -> None:
    times = at(*minutes)
    count = fold(times, window=timedelta(minutes=width))
    assert (count == 0) == (not times)
    assert count <= len(set(times))
    assert count >= fold(times, window=timedelta(minutes=2 * width))

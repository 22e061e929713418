"""Who is hot and what is worth a look: pure, over made-up signs."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.report.highlights import highlights
from seenby.report.hot import SHOWN, Hot, hot_list
from seenby.store.times import micros

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NONE: Mapping[str, int | None] = {}


def sign(kind: str, *, ago: timedelta = timedelta(0), who: str = "rita@x.test", **more: Any) -> dict[str, Any]:
    row = {"kind": kind, "message": "m1", "at": micros(NOW - ago), "link": None, "subject": "Offer", "name": ""}
    return row | {"address_key": who, "domain": who.rpartition("@")[2], "has_left": 0} | more


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def only(found: Any) -> Hot:
    [one] = found
    assert isinstance(one, Hot)
    return one


def test_every_point_has_its_reason_and_they_come_to_the_score() -> None:
    one = only(
        hot_list(
            [sign("clicked", link=0), sign("clicked", link=1), sign("opened"), sign("opened"), sign("replied")], now=NOW
        )
    )
    assert [(reason.what, reason.points) for reason in one.reasons] == [
        ("answered", 8.0), ("clicked 2 links in", 6.0), ("opened twice", 3.0),
    ]  # fmt: skip
    assert one.points == 17.0


def test_half_of_a_point_is_gone_after_three_days() -> None:
    assert only(hot_list([sign("clicked", ago=timedelta(days=3))], now=NOW)).points == 1.5
    assert only(hot_list([sign("replied", ago=timedelta(days=6))], now=NOW)).points == 2.0


def test_one_link_counts_once_and_opening_without_end_comes_to_nothing_more() -> None:
    assert only(hot_list([sign("clicked", link=0)] * 9, now=NOW)).points == 3.0
    one = only(hot_list([sign("opened")] * 40, now=NOW))
    assert (one.points, one.reasons[0].what) == (4.5, "opened 40 times")


def test_who_unsubscribed_is_never_hot() -> None:
    assert hot_list([sign("replied", has_left=1)], now=NOW) == []


def test_the_list_is_short_and_the_most_comes_first() -> None:
    found = hot_list([sign("opened", who=f"p{number}@x.test", ago=hours(number)) for number in range(30)], now=NOW)
    assert len(found) == SHOWN
    assert [one.points for one in found] == sorted((one.points for one in found), reverse=True)


@given(st.lists(st.tuples(st.sampled_from(["opened", "clicked", "replied", "hit_judged"]), st.integers(0, 1000),
                          st.integers(0, 4), st.sampled_from(["a@x.test", "b@x.test"]))))  # fmt: skip
def test_time_alone_never_makes_anybody_hotter(made: list[tuple[str, int, int, str]]) -> None:
    signs = [sign(kind, ago=hours(ago), link=link, who=who) for kind, ago, link, who in made]
    now = {one.address: one.points for one in hot_list(signs, now=NOW)}
    later = {one.address: one.points for one in hot_list(signs, now=NOW + timedelta(days=1))}
    assert later.keys() <= now.keys()
    assert all(later[who] <= now[who] for who in later)


def whys(*signs: dict[str, Any], before: Mapping[str, int | None] = NONE) -> list[str]:
    return [one.why for one in highlights(signs, before=before)]


def test_an_answer_and_a_second_link_are_worth_a_look_and_a_single_click_is_not() -> None:
    assert whys(sign("clicked", link=0), sign("clicked", link=0)) == []
    assert whys(sign("clicked", link=0), sign("clicked", link=1)) == ["clicked 2 different links"]
    assert whys(sign("replied")) == ["answered"]


@pytest.mark.parametrize(("days", "is_back"), [(6.9, False), (7.1, True), (12, True)])
def test_coming_back_takes_a_week_of_silence(days: float, is_back: bool) -> None:
    ago = timedelta(days=days)
    said = [f"came back after {int(days)} days without a sign"] if is_back else []
    assert whys(sign("opened"), sign("opened", ago=ago)) == said
    assert whys(sign("opened"), before={"rita@x.test": micros(NOW - ago)}) == said
    assert whys(sign("opened"), before={"rita@x.test": None}) == [], "the first sign of all is no coming back"


def test_three_people_of_one_organisation_on_one_day_and_never_of_a_mailbox_provider() -> None:
    three = [sign("opened", who=f"p{number}@x.test", ago=hours(number)) for number in range(3)]
    assert whys(*three) == ["3 people of x.test opened mail on 22 Nov (UTC)"]
    assert whys(*three[:2], three[0]) == []
    assert whys(*(one | {"domain": "gmail.com"} for one in three)) == []
    assert whys(*three[:2], sign("opened", who="p9@x.test", ago=hours(30))) == []

"""How somebody wants to be told: kept and read back, quiet hours by their own clock, and when the daily mail is due."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.tell.wanted import Wanted, WantedError, asked_for, digest_day, quiet_until, read_wanted, write_wanted

TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0))
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(
    st.builds(
        Wanted,
        of_team=st.booleans(),
        first_only=st.booleans(),
        sound=st.booleans(),
        quiet=st.none() | st.tuples(TIMES, TIMES),
        zone=st.sampled_from(["UTC", BERLIN, "Asia/Kolkata"]),
        digest=st.none() | TIMES,
    )
)
def test_what_is_kept_is_read_back(wanted):
    assert read_wanted(write_wanted(wanted)) == wanted


@given(st.dictionaries(st.sampled_from(["quiet", "zone", "digest", "sound"]), st.text(max_size=20)))
def test_whatever_is_kept_can_be_read(kept):
    read_wanted(kept)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"zone": "Mars/Base"}, "zone"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "22:00"),
        ({"quiet_from": "22:00"}, "both"),
        ({"digest": "noon"}, "22:00"),
    ],
)
def test_what_is_no_time_is_said(form, words):
    with pytest.raises(WantedError, match=words):
        asked_for(form)


def test_quiet_hours_over_midnight_are_by_the_readers_clock():
    wanted = Wanted(quiet=(time(22), time(7)), zone=BERLIN)
    assert quiet_until(wanted, at("2026-11-22T20:59:59")) is None
    assert quiet_until(wanted, at("2026-11-22T21:00")) == at("2026-11-23T06:00")
    assert quiet_until(wanted, at("2026-11-23T05:59")) == at("2026-11-23T06:00")
    assert quiet_until(wanted, at("2026-11-23T06:00")) is None


def test_quiet_hours_within_a_day():
    wanted = Wanted(quiet=(time(12), time(13)))
    assert quiet_until(wanted, at("2026-11-22T11:59")) is None
    assert quiet_until(wanted, at("2026-11-22T12:30")) == at("2026-11-22T13:00")
    assert quiet_until(wanted, at("2026-11-22T13:00")) is None


@given(st.datetimes(datetime(2026, 3, 28), datetime(2026, 3, 31)), TIMES, TIMES)  # noqa: DTZ001 - UTC is put on below
def test_quiet_hours_end_in_the_future_also_when_the_clock_is_changed(moment, begins, ends):
    now = moment.replace(tzinfo=UTC)
    until = quiet_until(Wanted(quiet=(begins, ends), zone=BERLIN), now)
    assert until is None or now < until <= now + timedelta(hours=26)


def test_each_day_has_one_digest_at_its_time():
    wanted = Wanted(digest=time(8), zone=BERLIN)
    assert digest_day(wanted, at("2026-11-22T06:59"), last="2026-11-21") is None
    assert digest_day(wanted, at("2026-11-22T07:00"), last="2026-11-21") == date(2026, 11, 22)
    assert digest_day(wanted, at("2026-11-22T23:00"), last="2026-11-22") is None
    assert digest_day(wanted, at("2026-11-22T07:00"), last="") is None
    assert digest_day(Wanted(), at("2026-11-22T07:00"), last="2026-11-21") is None

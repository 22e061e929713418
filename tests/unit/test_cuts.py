"""Reports cut by one dimension: nothing is lost on the way, hours are the reader's, and hostile values stay values."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from seenby.report.cuts import WARMEST, WEEK, filtered, rows_of, warmth, week_of
from seenby.report.facets import LONGEST, VALUES, Dimension, facets_of
from seenby.report.schedule import Every, next_due
from seenby.store.hits import KeptHit
from seenby.words.policy import Level
from seenby.words.verdict import Label, Reason, Verdict

WINTER = datetime(2026, 11, 22, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)


def hit(number: int, *, level: Level = Level.FULL, agent: str | None = CHROME, channel: str = "open") -> KeptHit:
    return KeptHit(
        id=str(number),
        recipient="r",
        channel=channel,
        link=None,
        in_text=False,
        at=WINTER,
        method="GET",
        address=None,
        network="198.51.100.0/24",
        agent=agent,
        headers={},
        level=level,
        settled=False,
    )


def verdict(label: Label, *reasons: Reason) -> Verdict:
    return Verdict(label=label, probability=0.9, reasons=reasons, rules="r")


def cut(
    hits: list[KeptHit], label: Label = Label.HUMAN, *reasons: Reason
) -> dict[tuple[str, str], tuple[int, int, int]]:
    verdicts = {one.id: verdict(label, *reasons) for one in hits}
    own = {one.id for one in hits} if label.is_person else set[str]()
    found = facets_of(hits, verdicts, own=own, left_out=())
    return dict(found)


def test_a_person_is_counted_by_program_system_and_hour():
    assert cut([hit(1), hit(2, channel="click")]) == {
        ("client", "Chrome"): (1, 1, 0),
        ("system", "Windows"): (1, 1, 0),
        ("country", ""): (1, 1, 0),
        ("hour", str(6 * 24 + 12)): (1, 1, 0),
    }


def test_below_full_nothing_is_counted_by_program_or_place():
    found = cut([hit(1, level=Level.IDENTIFIED)])
    assert {key for key in found if key[0] != "hour"} == {
        ("client", "not kept"),
        ("system", "not kept"),
        ("country", "not kept"),
    }


def test_a_machine_is_counted_by_what_gave_it_away():
    reasons = (Reason(code="too_soon", weight=-1.0), Reason(code="mail_security", weight=-3.0, detail="Proof:point"))
    assert cut([hit(1)], Label.SCANNER, *reasons) == {("cause", "scanner:mail_security:Proof point"): (0, 0, 1)}


def test_what_a_stranger_calls_a_program_has_an_end():
    hits = [
        hit(number, agent=f"Mozilla/5.0 (X11; Linux) Evil{number}Bot{'x' * 200} Thunderbird/1") for number in range(500)
    ]
    found = cut(hits)
    for dimension in Dimension:
        values = [value for name, value in found if name == dimension]
        assert len(values) <= VALUES + 1
        assert all(len(value) <= LONGEST for value in values)
    assert sum(opens for (name, _), (opens, _, _) in found.items() if name == "client") == 500


def test_repeats_and_those_who_are_left_out_count_nowhere():
    one = hit(1)
    assert facets_of([one], {"1": verdict(Label.HUMAN)}, own=(), left_out=()) == {}
    assert facets_of([one], {"1": verdict(Label.HUMAN)}, own={"1"}, left_out={"r"}) == {}


counts = st.integers(0, 10_000)
rows = st.lists(st.tuples(st.text(max_size=12), counts, counts), max_size=40, unique_by=lambda one: one[0]).map(
    lambda found: [{"value": value, "opens": opens, "clicks": clicks, "machines": 0} for value, opens, clicks in found]
)


@given(rows, st.sampled_from([Dimension.CLIENT, Dimension.SYSTEM, Dimension.COUNTRY]))
def test_every_open_stands_in_one_row_and_shares_add_up(found, dimension):
    shown = rows_of(dimension, found)
    assert sum(row.opens for row in shown) == sum(row["opens"] for row in found)
    assert abs(sum(row.share for row in shown) - (1 if shown else 0)) < 1e-9
    told = [row.is_told for row in shown]
    assert told == sorted(told, reverse=True)


@given(st.lists(st.tuples(st.integers(0, WEEK - 1), counts), max_size=60, unique_by=lambda one: one[0]))
def test_a_week_loses_no_hour(found):
    week = week_of(
        [{"value": str(hour), "opens": count, "clicks": 0} for hour, count in found], zone=BERLIN, now=WINTER
    )
    assert sum(one.opens for one in week) == sum(count for _, count in found)
    assert max(one.warmth for one in week) == (WARMEST if any(count for _, count in found) else 0)


def test_sunday_late_by_utc_is_monday_in_berlin():
    [one] = [
        hour for hour in week_of([{"value": "167", "opens": 2, "clicks": 0}], zone=BERLIN, now=WINTER) if hour.opens
    ]
    assert one.words == "Monday 00:00 to 01:00: 2 opens, 0 clicks"


@given(st.lists(st.text(max_size=60), max_size=20, unique=True))
def test_whatever_the_store_holds_can_be_shown(values):
    shown = filtered([{"value": value, "machines": 1} for value in values])
    assert sum(row.machines for row in shown) == len(values)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_something_is_never_as_cold_as_nothing(count, most):
    assert 0 <= warmth(min(count, most), most) <= WARMEST
    assert (warmth(min(count, most), most) == 0) is (count == 0)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.sampled_from(Every))  # noqa: DTZ001
def test_a_report_is_due_in_the_morning_after(moment, every):
    now = moment.replace(tzinfo=UTC)
    due = next_due(every, after=now, clock=BERLIN)
    local = due.astimezone(BERLIN)
    assert due > now
    assert (local.hour, local.minute) == (7, 0)
    assert {Every.DAY: True, Every.WEEK: local.weekday() == 0, Every.MONTH: local.day == 1}[every]

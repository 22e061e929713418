"""A message's hits in order: nothing lost, people first, machines folded."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.report.timeline import LinkCount, Moment, Opinion, link_counts, timeline
from seenby.words.verdict import Label, Reason

START = datetime(2026, 11, 22, 9, tzinfo=UTC)


def moment(
    name: str, label: Label | None = Label.HUMAN, *, at: float = 0, code: str = "had_time", **given: Any
) -> Moment:
    when = START + timedelta(minutes=at)
    counted = given.pop("counted", label in (Label.HUMAN, Label.PROXY_HUMAN))
    opinion = Opinion(
        label=label or Label.UNKNOWN,
        permille=900,
        reasons=(Reason(code=code, weight=1.0),),
        rules="1",
        counted=counted,
        at=when,
        until=None,
    )
    fields: dict[str, Any] = {"channel": "open", "reader": "rita", "link": None, **given}
    return Moment(
        hit=name,
        at=when,
        in_text=False,
        method="GET",
        address=None,
        network=None,
        agent=None,
        headers={},
        settled=False,
        opinion=opinion if label else None,
        **fields,
    )


moments = st.builds(
    moment,
    st.uuids().map(str),
    st.sampled_from([*Label, None]),
    at=st.floats(min_value=0, max_value=10_000),
    code=st.sampled_from(["burst", "too_soon"]),
    channel=st.sampled_from(["open", "click"]),
    reader=st.sampled_from(["rita", "omar", None]),
    link=st.sampled_from([None, 0, 1]),
    counted=st.booleans(),
)


@given(st.lists(moments, max_size=40, unique_by=lambda one: one.hit))
def test_every_hit_is_shown_in_exactly_one_place(hits: list[Moment]) -> None:
    arranged = timeline(hits)
    shown = Counter(
        one.hit
        for entries in (arranged.people, arranged.unsure, arranged.machines)
        for entry in entries
        for one in (entry.lead, *entry.others)
    )
    assert shown == Counter(one.hit for one in hits)
    assert arranged.hits == len(hits)
    assert all(entry.lead.label.is_person for entry in arranged.people)
    assert all(entry.lead.label.is_machine for entry in arranged.machines)


@given(st.lists(moments, max_size=40, unique_by=lambda one: one.hit))
def test_newest_comes_first(hits: list[Moment]) -> None:
    for entries in (timeline(hits).people, timeline(hits).machines, timeline(hits).unsure):
        leads = [entry.lead.at for entry in entries]
        assert leads == sorted(leads, reverse=True)


def test_a_repeat_is_folded_under_what_it_repeats() -> None:
    people = timeline(
        [
            moment("first", at=0),
            moment("again", at=5, counted=False),
            moment("others", at=6, reader="omar"),
            moment("later", at=90),
        ]
    ).people
    assert [(entry.lead.hit, [one.hit for one in entry.others]) for entry in people] == [
        ("later", []),
        ("others", []),
        ("first", ["again"]),
    ]


def test_machines_of_one_kind_for_one_reason_are_one_entry() -> None:
    machines = timeline(
        [
            *(moment(f"scan{n}", Label.SCANNER, at=n, code="burst", channel="click", link=n) for n in range(4)),
            moment("ahead", Label.PREFETCH, at=9, code="apple_prefetch"),
        ]
    ).machines
    assert [(entry.lead.hit, entry.count) for entry in machines] == [("ahead", 1), ("scan3", 4)]


@pytest.mark.parametrize(
    ("label", "counted", "count"),
    [
        pytest.param(Label.HUMAN, True, LinkCount(people=1), id="a person"),
        pytest.param(Label.HUMAN, False, LinkCount(), id="a repeat counts once, and that was before"),
        pytest.param(Label.SCANNER, False, LinkCount(machines=1), id="a machine"),
        pytest.param(Label.UNKNOWN, False, LinkCount(unknown=1), id="nobody can tell"),
    ],
)
def test_clicks_are_counted_by_who_made_them(label: Label, counted: bool, count: LinkCount) -> None:
    assert link_counts([moment("x", label, channel="click", link=2, counted=counted), moment("y")]) == {2: count}

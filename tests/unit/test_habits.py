"""What is learned from verdicts: how it is weighed, that it does not feed on itself, and how it is counted."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from seenby import flow
from seenby.judge import Evidence, Reader, judge, lesson
from seenby.judge.cases import read_case
from seenby.judge.lists.mail_hosts import MAIL_HOSTS
from seenby.judge.weights import CAPS, HABIT_FROM, Family
from seenby.report.reading import gather
from seenby.steps.house import House
from seenby.store import Store, habits, hits, mail_hosts
from seenby.wiring import mint
from seenby.words.habit import EARLY_SECONDS, EVERYBODY, Habit, HabitKey, mail_host_name
from seenby.words.hit import Hit
from seenby.words.limits import HABIT_COPIES
from seenby.words.policy import Level
from seenby.words.token import Kind, Token
from seenby.words.verdict import Label, Reason, Verdict
from tests.accuracy import CASES, counted, judged, without_labels
from tests.house import RITA, ROB, START, Clock, add_sender, make_house, rows, submitted
from tests.unit.judge_evidence import CHROME, FULL, IMAGE, evidence, seen
from tests.unit.test_judge_laws import EVIDENCE
from tests.unit.test_report_reading import Feed

pytestmark = pytest.mark.anyio
Habits = Mapping[HabitKey, Habit]
NAMES: Final = ("one.example", "two.example", EVERYBODY, "@mimecast.com", "@plain.example")
COUNTS = st.builds(Habit, people=st.integers(0, 5000), machines=st.integers(0, 5000))
HABITS = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["open", "click"]), st.booleans()), COUNTS, max_size=12
)
READERS = st.tuples(
    st.builds(Reader, id=st.just("r1"), domain=st.just("one.example"), mail_host=st.just("mimecast.com")),
    st.builds(Reader, id=st.just("r2"), domain=st.just("two.example"), mail_host=st.just("plain.example")),
)


def early_click(people: int, machines: int, name: str = "firm.example") -> Habits:
    return {(name, "click", True): Habit(people=people, machines=machines)}


def weight(learned: Habits, *, t: float = 20.0, host: str = "", channel: str = "click") -> float:
    shown = evidence(
        seen("h", t, channel),
        recipients=(Reader(id="r1", domain="firm.example", mail_host=host),),
        habits=learned,
    )
    return sum(reason.weight for reason in judge(shown)["h"].reasons if reason.code == "habit")


# ---------------------------------------------------------------- how it is weighed


def test_without_anything_learned_the_rule_is_silent() -> None:
    assert weight({}) == 0
    assert weight(early_click(0, HABIT_FROM - 1)) == 0
    assert weight(early_click(0, HABIT_FROM)) < 0


@pytest.mark.parametrize("machines", range(0, 2000, 97))
def test_more_machines_never_speak_for_a_person(machines: int) -> None:
    assert weight(early_click(50, machines + 97)) <= weight(early_click(50, machines))


@given(HABITS, READERS)
def test_whatever_was_learned_stays_within_its_cap(learned: Habits, readers: tuple[Reader, ...]) -> None:
    low, high = CAPS[Family.RECIPIENT]
    hits = [seen(f"{n}", t, channel, reader=f"r{1 + n % 2}", address=f"84.112.{n}.4")
            for n, (t, channel) in enumerate([(5.0, "open"), (20.0, "click"), (50.0, "click"), (900.0, "open"),
                                              (30.0, "open"), (2000.0, "click")])]  # fmt: skip
    for verdict in judge(evidence(*hits, recipients=readers, habits=learned)).values():
        said = sum(reason.weight for reason in verdict.reasons if reason.code in ("habit", "mail_host"))
        assert low - 0.02 <= said <= high + 0.02


def test_the_nearer_circle_speaks_louder_the_more_it_has_seen() -> None:
    scanned = early_click(20, 980, mail_host_name("plain.example"))
    few, many = ({**scanned, **early_click(n, 0)} for n in (15, 300))
    assert weight(scanned, host="plain.example") < weight(few, host="plain.example") < 0
    assert weight(many, host="plain.example") > 0


def test_what_a_vendors_name_says_is_not_said_twice() -> None:
    learned = early_click(20, 980, mail_host_name("mimecast.com"))
    plain = early_click(20, 980, mail_host_name("plain.example"))
    assert "mimecast.com" in MAIL_HOSTS
    assert weight(learned, host="mimecast.com") - 0.5 == pytest.approx(weight(plain, host="plain.example"), abs=0.02)


def test_a_domains_first_minute_says_nothing_of_its_later_hits() -> None:
    assert weight(early_click(0, 500), t=EARLY_SECONDS + 1) == 0
    assert weight(early_click(0, 500), channel="open") == 0


def test_a_person_who_opened_before_they_clicked_is_never_hidden_by_what_others_did() -> None:
    learned = {(name, channel, True): Habit(people=0, machines=9999) for name in ("firm.example", "@mimecast.com", "@")
               for channel in ("open", "click")}  # fmt: skip
    readers = (Reader(id="r1", domain="firm.example", mail_host="mimecast.com"),)
    for t in (10.0, 20.0, 40.0):
        hits = (seen("open", t), seen("click", t + 5, "click"))
        verdicts = judge(evidence(*hits, recipients=readers, habits=learned))
        assert {verdict.label for verdict in verdicts.values()} == {Label.HUMAN}


def test_the_reason_names_the_mail_host_but_no_domain_of_a_reader() -> None:
    said = [
        reason.detail
        for learned, host in ((early_click(0, 99), ""), (early_click(12, 400, "@plain.example"), "plain.example"))
        for verdict in judge(
            evidence(
                seen("h", 20.0, "click"),
                recipients=(Reader(id="r1", domain="firm.example", mail_host=host),),
                habits=learned,
            )
        ).values()
        for reason in verdict.reasons
        if reason.code == "habit"
    ]
    assert said == [
        "their domain: 100% of clicks in the first minute were machines', of 99",
        "plain.example: 97% of clicks in the first minute were machines', of 412",
    ]


# ---------------------------------------------------------------- it does not feed on itself


def alone(verdict: Verdict) -> list[Reason]:
    return sorted((reason for reason in verdict.reasons if reason.code != "habit"), key=lambda one: one.code)


@settings(deadline=None)
@given(EVIDENCE, HABITS, READERS)
def test_without_its_own_reason_the_judge_says_what_it_says_with_nothing_learned(
    shown: Any, learned: Habits, readers: tuple[Reader, ...]
) -> None:
    shown = replace(shown, recipients=readers)
    before, after = judge(shown), judge(replace(shown, habits=learned))
    for hit in shown.hits:
        assert alone(after[hit.id]) == alone(before[hit.id])
        assert lesson(after[hit.id]) == lesson(before[hit.id])
        assert after[hit.id].label in (before[hit.id].label, Label.UNKNOWN), "it puts in doubt and never decides"


@pytest.mark.parametrize("domain", ["each its own", "one for all"])
def test_fed_its_own_verdicts_for_fifty_rounds_it_does_not_drift(domain: str) -> None:
    cases = deepcopy([without_labels(case) | {"hits": case["hits"]} for case in CASES])
    for case in cases if domain == "one for all" else ():
        for one in case["message"]["recipients"]:
            one["domain"] = "all.example"
    shown = [replace(read_case(without_labels(case)), habits={}) for case in cases]
    first, taught = None, None
    learned: dict[HabitKey, Habit] = {}
    for _round in range(50):
        labels, lessons = [], Counter[tuple[HabitKey, bool]]()
        for one in shown:
            verdicts = judge(replace(one, habits=learned))
            labels.append([verdicts[hit.id].label.value for hit in one.hits])
            lessons.update(_lessons(one, verdicts))
        turn = iter(labels)
        errors = counted(cases, lambda _case, turn=turn: next(turn))  # type: ignore[misc]
        first, taught = first or errors, taught or lessons
        assert (errors[0], errors[2]) <= (first[0], first[2])
        assert lessons == taught, "what it learns is what it would have known anyway"
        for (key, person), count in lessons.items():
            was = learned.get(key, Habit(people=0, machines=0))
            fade = 2 if was.copies >= HABIT_COPIES else 1
            learned[key] = Habit(
                people=was.people // fade + count * person, machines=was.machines // fade + count * (not person)
            )
    assert max(one.copies for one in learned.values()) > HABIT_FROM


def _lessons(shown: Evidence, verdicts: Mapping[str, Verdict]) -> Counter[tuple[HabitKey, bool]]:
    readers = {reader.id: reader for reader in shown.recipients}
    told: Counter[tuple[HabitKey, bool]] = Counter()
    for hit in shown.hits:
        person, reader = lesson(verdicts[hit.id]), readers.get(hit.reader or "")
        if person is not None and reader is not None:
            for name in (reader.domain, EVERYBODY):
                told[(name, hit.channel, hit.t < EARLY_SECONDS), person] += 1
    return told


def said(*reasons: tuple[str, float], label: Label = Label.HUMAN) -> Verdict:
    return Verdict(
        label=label,
        probability=0.5,
        reasons=tuple(Reason(code=code, weight=weight) for code, weight in reasons),
        rules="1",
    )


@pytest.mark.parametrize(
    ("verdict", "teaches"),
    [
        pytest.param(said(("usual_open", 1.0), ("full_headers", 1.0)), True, id="surely a person"),
        pytest.param(said(("usual_click", 0.6), ("burst", -3.0)), False, id="surely a machine"),
        pytest.param(said(("usual_open", 1.0)), None, id="a person, not surely"),
        pytest.param(said(("usual_open", 1.0), ("habit", 0.4)), None, id="surely only by habit"),
        pytest.param(said(("usual_open", 1.0), ("ordinary_line", 0.4), ("habit", -1.0)), True, id="surely but for it"),
        pytest.param(said(("own_view", -2.5), label=Label.SELF), None, id="the sender"),
        pytest.param(said(("own_said", -4.5), label=Label.SELF), None, id="the sender, who says so"),
        pytest.param(said(("person_said", 4.5)), True, id="the team says that it was the recipient"),
        pytest.param(said(("image_proxy", 2.0), label=Label.PROXY_HUMAN), None, id="decided by identity"),
        pytest.param(said(("judge_failed", 0.0), label=Label.UNKNOWN), None, id="no verdict"),
        pytest.param(said(), None, id="no reason"),
    ],
)
def test_only_what_is_sure_without_anything_learned_teaches(verdict: Verdict, teaches: bool | None) -> None:
    assert lesson(verdict) is teaches


# ---------------------------------------------------------------- how it is counted


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def mailed(house: House, *to: str) -> tuple[str, dict[str, str]]:
    message = await submitted(house, await add_sender(house), to=to)
    await flow.send(house, hop="")
    return message, {row["address"]: row["id"] for row in await rows(house.store, "recipients_of", message=message)}


def hit_of(
    message: str,
    copy: str | None,
    seconds: float,
    *,
    link: int | None = None,
    agent: str = CHROME,
    level: Level = Level.FULL,
    address: str = "84.112.9.41",
) -> Hit:
    kind = Kind.PIXEL if link is None else Kind.LINK
    target = None if link is None else "https://x.test/"
    return Hit(
        id=mint(16),
        at=START + timedelta(seconds=seconds),
        token=Token(kind=kind, level=level, message=message, recipient=copy, target=target, link=link),
        method="GET",
        address=address,
        agent=agent,
        headers=IMAGE if link is None else FULL,
    )


async def taken_in(house: House, message: str, *seen_: Hit) -> None:
    async with house.store.write() as tx:
        await tx.run("drop_drained", segment="feed")
    while await flow.drain(house, Feed(seen_)):
        pass
    await flow.judge(house, message=message)


async def counts(store: Store) -> dict[tuple[str, str, int], tuple[int, int]]:
    async with store.read() as tx:
        found = (await tx.connection.execute(text("select * from habits"))).mappings().all()
    return {(row["domain"], row["channel"], row["early"]): (row["people"], row["machines"]) for row in found}


async def test_a_hit_is_counted_once_when_it_settles(store: Store, clock: Clock) -> None:
    house = make_house(store, clock=clock)
    message, people = await mailed(house, RITA, ROB)
    async with store.write() as tx:
        await mail_hosts.put_of_copies(tx, [(people[RITA], "plain.example")])
    await taken_in(
        house,
        message,
        hit_of(message, people[RITA], 600),
        hit_of(message, people[RITA], 20, link=0, agent="curl/8"),
        hit_of(message, people[ROB], 700),
        hit_of(message, None, 800, level=Level.COUNTED),
    )
    assert await flow.sweep(house) == 0
    assert await counts(store) == {}
    clock.forward(timedelta(days=2))
    assert await flow.sweep(house) == 4
    once = {
        ("out.test", "open", 0): (2, 0),
        ("@", "open", 0): (2, 0),
        ("@plain.example", "open", 0): (1, 0),
        ("out.test", "click", 1): (0, 1),
        ("@", "click", 1): (0, 1),
        ("@plain.example", "click", 1): (0, 1),
    }
    assert await counts(store) == once
    assert await flow.sweep(house) == 0
    await flow.judge(house, message=message)
    await flow.sweep(house)
    assert await counts(store) == once


async def test_a_copy_is_heard_once_however_often_it_is_fetched(store: Store, clock: Clock) -> None:
    house = make_house(store, clock=clock)
    message, people = await mailed(house, RITA)
    scanner = [hit_of(message, people[RITA], 5 + n * 0.3, link=0, agent="curl/8") for n in range(50)]
    await taken_in(house, message, *scanner, hit_of(message, people[RITA], 40), hit_of(message, people[RITA], 4000))
    clock.forward(timedelta(days=2))
    await flow.sweep(house)
    heard = await counts(store)
    assert heard["out.test", "click", 1] == (0, 1)
    assert heard["out.test", "open", 1] == (1, 0)
    assert heard["out.test", "open", 0] == (1, 0)
    later = [hit_of(message, people[RITA], 5000 + n, agent="curl/8") for n in range(50)]
    await taken_in(house, message, *scanner, *later)
    await flow.sweep(house)
    assert await counts(store) == heard


@pytest.mark.parametrize("damage", ["reasons = '{'", "reasons = '[1]'", "label = 'martian'"])
async def test_damage_to_a_verdict_keeps_no_evidence_from_being_erased(store: Store, clock: Clock, damage: str) -> None:
    house = make_house(store, clock=clock)
    message, people = await mailed(house, RITA)
    await taken_in(house, message, hit_of(message, people[RITA], 600), hit_of(message, people[RITA], 601, link=0))
    async with store.write() as tx:
        hit = (await tx.all("hits_of", message=message))[0]["id"]
        await tx.connection.execute(text(f"update verdicts set {damage} where hit = :hit"), {"hit": hit})
    clock.forward(timedelta(days=2))
    assert await flow.sweep(house) == 2
    assert {row["address"] for row in await rows(store, "hits_of", message=message)} == {None}


async def test_mailboxes_that_nobody_reads_teach_nothing(store: Store, clock: Clock) -> None:
    house = make_house(store, clock=clock)
    message, people = await mailed(house, RITA)
    [row] = await rows(store, "recipients_of", message=message)
    async with store.write() as tx:
        await tx.connection.execute(
            text("insert into seeds (team, address, made_at) values (:team, :address, 0)"),
            {"team": row["team"], "address": RITA},
        )
    await taken_in(house, message, hit_of(message, people[RITA], 600))
    clock.forward(timedelta(days=2))
    assert await flow.sweep(house) == 1
    assert await counts(store) == {}


async def test_two_workers_settle_each_hit_once(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "BATCH_SETTLED", 3)
    house = make_house(store, clock=clock)
    message, people = await mailed(house, *(f"p{n}@out.test" for n in range(20)))
    await taken_in(house, message, *(hit_of(message, copy, 600, address=f"84.112.{n}.7")
                                     for n, copy in enumerate(people.values())))  # fmt: skip
    clock.forward(timedelta(days=2))
    await asyncio.gather(flow.sweep(house), flow.sweep(house), flow.sweep(house))
    await flow.sweep(house)
    assert await counts(store) == {("out.test", "open", 0): (20, 0), ("@", "open", 0): (20, 0)}


async def test_old_habits_fade(store: Store) -> None:
    async with store.write() as tx:
        for people, machines in ((HABIT_COPIES, 0), (0, 7), (0, 1)):
            values = {
                "team": "t",
                "name": "x.test",
                "channel": "open",
                "early": 0,
                "mail_host": "h",
                "most": HABIT_COPIES,
            }
            await tx.run("count_habit", **values, people=people, machines=machines)
    assert await counts(store) == {("x.test", "open", 0): (HABIT_COPIES // 2, 8)}


async def test_what_was_learned_and_the_mail_host_are_evidence_and_belong_to_the_team(
    store: Store, clock: Clock
) -> None:
    house = make_house(store, clock=clock)
    message, people = await mailed(house, RITA, "ann@firm.test")
    [team] = {row["team"] for row in await rows(store, "recipients_of", message=message)}
    async with store.write() as tx:
        await mail_hosts.put_of_copies(tx, [(people[RITA], "mimecast.com")])
        await mail_hosts.put(tx, {"firm.test": "answered.example"}, at=clock())
        for owner, name in ((team, "@mimecast.com"), (team, "@"), ("another", "out.test"), (team, "unasked.test")):
            values = {"team": owner, "name": name, "channel": "open", "early": 1, "mail_host": "", "most": 2000}
            await tx.run("count_habit", **values, people=1, machines=400)
    await taken_in(
        house, message, hit_of(message, people[RITA], 30), hit_of(message, people[RITA], 35, level=Level.IDENTIFIED)
    )
    async with store.read() as tx:
        row = await tx.one("message_of_token", id=message)
        assert row is not None
        facts = await gather(tx, message=row, now=clock())
    known = {reader.address: reader.mail_host for reader in facts.evidence.recipients}
    assert known == {RITA: "mimecast.com", "ann@firm.test": "answered.example"}
    assert set(facts.evidence.habits) == {("@mimecast.com", "open", True), ("@", "open", True)}
    async with store.read() as tx:
        standing = await hits.standing_verdicts(tx, message=message)
    details = {
        hit.level: reason.detail
        for hit in facts.kept
        for reason in standing[hit.id].verdict.reasons
        if reason.code == "habit"
    }
    assert details == {
        Level.FULL: "mimecast.com: 100% of opens in the first minute were machines', of 401",
        Level.IDENTIFIED: "",
    }


class _Asked:
    """A transaction that notes which statements it ran."""

    def __init__(self, tx: Any) -> None:
        self._tx, self.ran = tx, []  # type: ignore[var-annotated]

    async def all(self, name: str, /, **values: object) -> Sequence[Any]:
        self.ran.append(name)
        return await self._tx.all(name, **values)  # type: ignore[no-any-return]


async def test_habits_of_ten_thousand_readers_are_one_query(store: Store) -> None:
    async with store.write() as tx:
        values = {"team": "t", "channel": "open", "early": 0, "mail_host": "", "most": 2000, "people": 1, "machines": 2}
        await tx.many("count_habit", [{"name": f"d{n}.test", **values} for n in range(500)])
    async with store.read() as tx:
        asked = _Asked(tx)
        readers = [(f"d{n}.test", f"h{n % 9}.test") for n in range(10_000)]
        found = await habits.habits_of(asked, team="t", readers=readers)  # type: ignore[arg-type]
    assert asked.ran == ["habits_of"]
    assert len(found) == 500


def test_cases_judge_as_before_when_nothing_is_learned() -> None:
    bare = [case for case in CASES if not case["context"].get("habits")]
    assert len(bare) > 280
    assert counted(bare, judged)[::2] == (0, 0)

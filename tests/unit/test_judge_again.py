"""What is believed changes when evidence comes: a burst's rest, what the team says, newer rules. History shows it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from seenby import flow
from seenby.report import sums
from seenby.report.again import Again, Restated, judge_again
from seenby.report.holding import tellings
from seenby.steps.house import House
from seenby.store import Store, open_store
from seenby.store.times import micros
from seenby.wiring import mint
from seenby.words.hit import Hit
from seenby.words.policy import Level
from seenby.words.token import Kind, Token
from tests.house import RITA, ROB, START, Clock, add_sender, make_house, rows, submitted
from tests.unit.test_report_reading import CHROME, Feed
from tests.world import PERSON

pytestmark = pytest.mark.anyio
HOME = "84.112.9.41"
HOUR = timedelta(hours=1)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await open_store(database_url="", data=tmp_path)
    yield make_house(store, clock=Clock())
    await store.close()


async def sent(house: House, *, to: tuple[str, ...] = (RITA,)) -> tuple[str, list[str]]:
    """A message whose copies have left, and its recipients' ids."""
    message = await submitted(house, await add_sender(house), to=list(to))
    await flow.send(house, hop="")
    return message, [row["id"] for row in await rows(house.store, "recipients_of", message=message)]


def hit(message: str, person: str, seconds: float, **more: Any) -> Hit:
    link = more.pop("link", None)
    target = None if link is None else "https://x.test/"
    token = Token(
        kind=Kind.PIXEL if link is None else Kind.LINK,
        level=more.pop("level", Level.FULL),
        message=message,
        recipient=person,
        link=link,
        target=target,
    )
    usual = {"method": "GET", "address": HOME, "agent": PERSON, "headers": CHROME}
    return Hit(id=mint(16), at=START + timedelta(seconds=seconds), token=token, **{**usual, **more})


async def fetched(house: House, *hits: Hit, after: float = 1.0) -> None:
    """They come in, `after` seconds later, and are judged."""
    clock = house.now
    assert isinstance(clock, Clock)
    clock.at = max(clock.at, max(one.at for one in hits) + timedelta(seconds=after))
    async with house.store.write() as tx:
        await tx.run("drop_drained", segment="feed")
    await flow.drain(house, Feed(hits))
    await due(house)


async def due(house: House) -> list[str]:
    """Judge what is due, as a worker does."""
    messages = [row["id"] for row in await rows(house.store, "due_judgements", now=micros(house.now()), limit=9)]
    for message in messages:
        await flow.judge(house, message=message)
    return messages


async def labels(house: House, message: str) -> dict[str, str]:
    return {row["hit"]: row["label"] for row in await rows(house.store, "standing_verdicts", message=message)}


async def bell(house: House) -> list[str]:
    """The hits that the bell told of."""
    events = await rows(house.store, "events_after", seq=0, limit=1000)
    return [row["id"].partition(":")[2] for row in events if row["kind"] in ("opened", "clicked")]


async def say(house: House, one: Hit, what: str) -> None:
    """What somebody of the team says of a hit; nothing takes it back."""
    async with house.store.write() as tx:
        if what:
            at = micros(house.now())
            await tx.run("say", hit=one.id, team="t", message=one.token.message, what=what, sender="s", at=at)
        else:
            await tx.run("unsay", hit=one.id)
        await tx.run("set_judge_at", id=one.token.message, at=micros(house.now()))
    await due(house)


# ---------------------------------------------------------------- waiting for the rest of a burst


async def test_an_open_later_than_the_first_minute_is_told_of_at_once(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 61)
    await fetched(house, one)
    assert await bell(house) == [one.id]
    assert await rows(house.store, "due_judgements", now=2**62, limit=9) == []


async def test_an_open_in_the_first_minute_is_shown_at_once_and_told_of_when_nothing_follows(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 40)
    await fetched(house, one)
    assert await labels(house, message) == {one.id: "human"}
    assert await bell(house) == []
    house.now.forward(timedelta(seconds=28))  # type: ignore[attr-defined]
    assert await due(house) == []
    house.now.forward(timedelta(seconds=3))  # type: ignore[attr-defined]
    assert await due(house) == [message]
    assert await bell(house) == [one.id]
    assert await rows(house.store, "due_judgements", now=2**62, limit=9) == []


async def test_what_turns_out_to_be_a_burst_is_never_told_of(house: House) -> None:
    message, [rita] = await sent(house)
    first = hit(message, rita, 40)
    await fetched(house, first)
    assert await labels(house, message) == {first.id: "human"}
    await fetched(house, *(hit(message, rita, 41 + at / 10, link=at) for at in range(6)))
    assert (await labels(house, message))[first.id] != "human"
    house.now.forward(HOUR)  # type: ignore[attr-defined]
    await due(house)
    assert await bell(house) == []


async def test_what_this_machine_fetches_waits_for_nothing(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 20, address="127.0.0.1")
    await fetched(house, one)
    assert await bell(house) == [one.id]


async def test_the_first_minute_is_that_of_the_reader_s_own_copy(house: House) -> None:
    """A copy that a server took an hour late is scanned an hour late."""
    message, [rita] = await sent(house)
    async with house.store.write() as tx:
        late = {"at": micros(START + HOUR), "id": rita}
        await tx.connection.execute(text("update recipients set sent_at = :at where id = :id"), late)
    one = hit(message, rita, 3601, link=0)
    await fetched(house, one)
    [verdict] = await rows(house.store, "standing_verdicts", message=message)
    assert "1.0 s after sending" in verdict["reasons"]
    assert await bell(house) == []


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((), 30),
        ((5,), 35),
        ((31,), 30),
        ((20, 40, 60), 90),
        ((29, 58, 87, 116), 90),
        ((-5,), 30),
    ],
)
def test_a_burst_ends_with_half_a_minute_of_silence_or_after_a_minute_and_a_half(
    others: tuple[int, ...], told: int
) -> None:
    at = [START + timedelta(seconds=one) for one in (0, *others)]
    assert tellings(at, longest=timedelta(seconds=90))[START] == START + timedelta(seconds=told)


@given(st.lists(st.integers(0, 200), max_size=12))
def test_each_of_many_is_told_of_as_if_it_were_looked_at_by_itself(seconds: list[int]) -> None:
    told = tellings([START + timedelta(seconds=one) for one in seconds], longest=timedelta(seconds=90))
    for one in seconds:
        last = one
        while near := [other for other in seconds if last < other <= last + 30]:
            last = max(near)
        assert told[START + timedelta(seconds=one)] == START + timedelta(seconds=min(one + 90, last + 30))


# ---------------------------------------------------------------- what the team says


async def test_that_was_me_takes_an_open_out_of_the_count_and_can_be_taken_back(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 600)
    await fetched(house, one)
    [person] = await rows(house.store, "recipients_of", message=message)
    assert (person["opened"], person["opens"]) == ("seen", 1)
    await say(house, one, "me")
    assert await labels(house, message) == {one.id: "self"}
    [person] = await rows(house.store, "recipients_of", message=message)
    assert (person["opened"], person["opens"]) == ("no_sign", 0)
    await say(house, one, "")
    assert await labels(house, message) == {one.id: "human"}
    history = await rows(house.store, "verdicts_of", message=message)
    assert [row["label"] for row in history] == ["human", "self", "human"]
    assert await bell(house) == [one.id], "told once, however often it changes"


async def test_that_was_a_person_counts_what_we_had_read_as_a_machine_s(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 600, agent="curl/8.5.0", headers={})
    await fetched(house, one)
    assert await labels(house, message) == {one.id: "scanner"}
    await say(house, one, "person")
    assert await labels(house, message) == {one.id: "human"}
    assert await bell(house) == [one.id]


async def test_it_is_one_hit_that_was_said_and_no_other(house: House) -> None:
    message, people = await sent(house, to=(RITA, ROB))
    one, other = (hit(message, person, 600) for person in people)
    await fetched(house, one, other)
    await say(house, one, "me")
    assert await labels(house, message) == {one.id: "self", other.id: "human"}


async def test_what_was_said_holds_when_the_evidence_is_gone_and_taking_it_back_too(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 600)
    await fetched(house, one)
    house.now.forward(timedelta(days=2))  # type: ignore[attr-defined]
    assert await flow.sweep(house) == 1
    for what, label in (("me", "self"), ("person", "human"), ("", "human")):
        await say(house, one, what)
        assert await labels(house, message) == {one.id: label}
    [verdict] = await rows(house.store, "standing_verdicts", message=message)
    assert "_said" not in verdict["reasons"]
    assert "full_headers" in verdict["reasons"], "what was believed while there was something to judge by"


# ---------------------------------------------------------------- judging all history again


async def judged_again(house: House, *, apply: bool) -> Restated:
    again = Again(now=house.now(), window=house.repeat_window, apply=apply)
    last = None
    async for restated in judge_again(house.store, again):
        last = restated
    assert last is not None
    return last


async def misread(store: Store, one: Hit, *, label: str = "scanner") -> None:
    """As if rules of an earlier version had read this hit."""
    async with store.write() as tx:
        wrong = {"hit": one.id, "label": label}
        await tx.connection.execute(
            text("update verdicts set label = :label, permille = 50, rules = 'old', counted = 0 where hit = :hit"),
            wrong,
        )


async def test_judging_again_says_what_would_change_and_changes_nothing(house: House) -> None:
    message, people = await sent(house, to=(RITA, ROB))
    one, other = (hit(message, person, 600) for person in people)
    await fetched(house, one, other)
    await misread(house.store, one)
    before = await rows(house.store, "verdicts_of", message=message)
    restated = await judged_again(house, apply=False)
    assert (restated.messages, restated.of, restated.hits) == (1, 1, 2)
    assert restated.labels == {("scanner", "human"): 1}
    assert (restated.people, restated.people_now) == (1, 2)
    assert await rows(house.store, "verdicts_of", message=message) == before


async def test_applied_it_stands_with_its_history_and_rings_no_bell(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 600)
    await fetched(house, one)
    await misread(house.store, one)
    async with house.store.write() as tx:
        await tx.connection.execute(text("delete from events"))
    assert (await judged_again(house, apply=True)).labels == {("scanner", "human"): 1}
    assert [row["label"] for row in await rows(house.store, "verdicts_of", message=message)] == ["scanner", "human"]
    assert await bell(house) == []
    assert (await judged_again(house, apply=True)).labels == {}
    [person] = await rows(house.store, "recipients_of", message=message)
    assert (person["opened"], person["opens"]) == ("seen", 1)


async def test_lists_and_reports_count_what_is_believed_now(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 600)
    await fetched(house, one)
    [told] = await rows(house.store, "message_of_token", id=message)
    of_all_time = {"team": told["team"], "label": "", "since": 0, "until": 2**31}
    right = await rows(house.store, "sums_of_days", **of_all_time)
    assert (right[0]["opens"], right[0]["machines"]) == (1, 0)
    await misread(house.store, one)
    async with house.store.write() as tx:
        await tx.connection.execute(text("update recipients set opened = 'no_sign', opens = 0, machines = 1"))
        await sums.count(tx, message)
    assert await rows(house.store, "sums_of_days", **of_all_time) != right
    await judged_again(house, apply=True)
    assert await rows(house.store, "sums_of_days", **of_all_time) == right


async def test_a_hit_that_nobody_has_read_yet_is_left_to_who_tells_of_it(house: House) -> None:
    message, [rita] = await sent(house)
    one, late = hit(message, rita, 600), hit(message, rita, 90_000)
    await fetched(house, one)
    house.now.forward(timedelta(days=1))  # type: ignore[attr-defined]
    async with house.store.write() as tx:
        await tx.run("drop_drained", segment="feed")
    await flow.drain(house, Feed([one, late]))
    await judged_again(house, apply=True)
    assert set(await labels(house, message)) == {one.id}
    await due(house)
    assert set(await labels(house, message)) == {one.id, late.id}
    assert await bell(house) == [one.id, late.id]


async def test_a_settled_hit_is_judged_by_what_its_policy_kept(house: House) -> None:
    message, people = await sent(house, to=(RITA, ROB))
    kept, bare = hit(message, people[0], 600), hit(message, people[1], 600, level=Level.IDENTIFIED)
    await fetched(house, kept, bare)
    house.now.forward(timedelta(days=2))  # type: ignore[attr-defined]
    assert await flow.sweep(house) == 2
    await misread(house.store, kept)
    await misread(house.store, bare)
    assert (await judged_again(house, apply=True)).labels == {("scanner", "human"): 1}
    assert await labels(house, message) == {kept.id: "human", bare.id: "scanner"}


async def test_where_the_team_works_today_says_nothing_about_then(house: House) -> None:
    message, [rita] = await sent(house)
    one = hit(message, rita, 600)
    await fetched(house, one)
    house.now.forward(timedelta(days=2))  # type: ignore[attr-defined]
    await flow.sweep(house)
    async with house.store.write() as tx:
        [row] = await rows(house.store, "message_of_token", id=message)
        await tx.run("put_place", team=row["team"], address="84.112.9.7", at=micros(house.now()))
    assert (await judged_again(house, apply=True)).labels == {}


async def test_what_rested_on_the_whole_address_stays(house: House) -> None:
    message, [rita] = await sent(house)
    async with house.store.write() as tx:
        [row] = await rows(house.store, "message_of_token", id=message)
        await tx.run("put_place", team=row["team"], address=HOME, at=micros(house.now()))
    one = hit(message, rita, 600)
    await fetched(house, one)
    assert await labels(house, message) == {one.id: "self"}
    house.now.forward(timedelta(days=2))  # type: ignore[attr-defined]
    await flow.sweep(house)
    assert (await judged_again(house, apply=True)).labels == {}


async def test_hits_that_come_in_meanwhile_are_not_lost(house: House) -> None:
    message, [rita] = await sent(house)
    early = [hit(message, rita, 600 + at) for at in range(3)]
    await fetched(house, *early)
    await misread(house.store, early[0])
    late = hit(message, rita, 9000)
    house = replace(house, now=Clock(at=START + timedelta(hours=4)))
    await asyncio.gather(judged_again(house, apply=True), fetched(house, *early, late))
    await due(house)
    await judged_again(house, apply=True)
    assert set(await labels(house, message)) == {one.id for one in [*early, late]}
    assert set((await labels(house, message)).values()) == {"human"}

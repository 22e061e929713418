"""How often the judge is wrong on a team's own mail: what is counted, what is not, and what is said of it."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from seenby.judge import REASONS
from seenby.report import sums
from seenby.report.accuracy import (
    OTHERS,
    SOURCES,
    Share,
    accuracy,
    accuracy_json,
    accuracy_of,
    accuracy_text,
    change_seeds,
    percent,
    source_of,
    words,
)
from seenby.report.summary import report_of
from seenby.store import Store
from seenby.store import accuracy as kept
from seenby.store.accuracy import Fetched, SeedError
from seenby.store.times import micros
from seenby.words.verdict import Label, Reason, Verdict
from tests.browser.lively import ALICE, NOW, OTHER_TEAM, RITA, TEAM, Fetch, Mail, Person, add_mail, minutes
from tests.unit.test_web_pages import OURS, team

__all__ = ["team"]  # a fixture
SEED = "nobody@seeds.test"


def fetched(label: Label, *codes: str, said: float = 0.5, channel: str = "open") -> Fetched:
    reasons = tuple(Reason(code=code, weight=1.0) for code in codes)
    return Fetched(
        recipient="r", channel=channel, verdict=Verdict(label=label, probability=said, reasons=reasons, rules="1")
    )


PERSON = fetched(Label.HUMAN, "mail_client", said=0.9)
ROBOT = fetched(Label.SCANNER, "cloud", said=0.1)
UNSURE = fetched(Label.UNKNOWN, "hosting", said=0.5)
APPLE = fetched(Label.PREFETCH, "apple_prefetch", said=0.3)


def told(**given: Any) -> Any:
    every: dict[str, Any] = {"seeds": 0, "machines": [], "own": [], "people": [], "answered": []}
    return accuracy(**every | given)


def test_a_machine_read_as_a_person_is_counted_and_an_unsure_one_is_not() -> None:
    found = told(machines=[ROBOT, UNSURE, PERSON], own=[PERSON, ROBOT])
    assert (found.on_seeds, found.own) == (Share(part=1, of=3), Share(part=1, of=2))
    assert found.false_human == Share(part=2, of=5)
    assert found.lost_human == Share(part=0, of=0)


def test_a_person_is_lost_when_only_machines_were_seen() -> None:
    found = told(answered=[[ROBOT, ROBOT], [ROBOT, PERSON], [ROBOT, UNSURE], [APPLE]], people=[ROBOT, PERSON, UNSURE])
    assert found.answered == Share(part=1, of=4)
    assert found.vouched == Share(part=1, of=3)
    assert found.left_open == 3


def test_an_unsure_click_leaves_it_open() -> None:
    assert told(answered=[[replace(UNSURE, channel="click")]]).left_open == 1


def test_the_table_holds_every_known_fetch_once() -> None:
    found = told(machines=[ROBOT, replace_said(ROBOT, 1.0)], people=[PERSON], answered=[[ROBOT, UNSURE]])
    assert [one.people.of for one in found.bins] == [1, 0, 1, 0, 2]
    assert [one.people.part for one in found.bins] == [0, 0, 1, 0, 1]
    assert found.brier == pytest.approx((0.1**2 + 1.0 + 0.1**2 + 0.5**2) / 4)
    assert sum(one.false_human.of + one.lost_human.of for one in found.sources) == found.known == 4
    assert [one.name for one in found.sources] == ["Clouds and rented servers", "Mail programs"]


def replace_said(one: Fetched, said: float) -> Fetched:
    return replace(one, verdict=replace(one.verdict, probability=said))


def test_of_nothing_nothing_is_said() -> None:
    found = told()
    assert found.brier is None
    assert accuracy_json(found)["false_human"]["share"] is None
    shown = accuracy_text(accuracy_json(found))
    assert shown.count("Not enough yet: 0 ") == 2
    assert "%" not in shown


def test_from_thirty_on_it_says_something() -> None:
    assert words(Share(part=1, of=29), what="fetches").startswith("Not enough yet: 29 fetches; from 30 on")
    assert words(Share(part=1, of=30), what="fetches") == (
        "3.3%: 1 of 30 fetches. With 95% certainty between 0.6% and 17%."
    )
    shown = accuracy_text(accuracy_json(told(machines=[ROBOT] * 40)))
    assert "0 to 20%" in shown
    assert "Brier score: 0.010" in shown


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_an_interval_holds_its_share_and_stays_a_share(part: int, of: int) -> None:
    share = Share(part=min(part, of), of=of)
    low, high = share.interval
    assert 0.0 <= low <= share.value + 1e-12
    assert share.value - 1e-12 <= high <= 1.0
    assert not math.isnan(low + high)
    assert percent(share.value).endswith("%")


def test_the_interval_is_wilsons() -> None:
    low, high = Share(part=1, of=234).interval  # as docs/explanation/what-an-open-means.md has it
    assert (round(low * 100, 1), round(high * 100, 1)) == (0.1, 2.4)


def test_sources_are_told_by_reasons_that_there_are() -> None:
    for _, codes in SOURCES:
        assert codes <= set(REASONS)
    assert source_of(fetched(Label.SCANNER, "burst").verdict) == OTHERS
    assert source_of(fetched(Label.PREFETCH, "cloud", "apple_prefetch").verdict) == "Apple's prefetch"


# ---------------------------------------------------------------- over the store

SCANNED: dict[str, Any] = {"label": "scanner", "permille": 60, "counted": 0, "reasons": (("cloud", -2.0, ""),)}
THEIRS = Fetch(after=minutes(20), reader=RITA)


SAID = "insert into said (hit, team, message, what, sender, at) values (:hit, 'team-blue', 'm-1', :what, 'id', :at)"


def mail(name: str, *fetches: Fetch, ago: timedelta = timedelta(days=1)) -> Mail:
    people = (Person(address=RITA), Person(address="No" + SEED[2:]))
    return Mail(id=name, subject="News", ago=ago, people=people, fetches=fetches, links=("https://a.test/",))


async def plant(store: Store, *, at: timedelta = timedelta(days=30)) -> None:
    async with store.write() as tx:
        await kept.add_seed(tx, team=TEAM, address=SEED, at=NOW - at)


async def found_in(store: Store, whose: str = TEAM) -> Any:
    async with store.read() as tx:
        return await accuracy_of(tx, whose)


def on_seed(after: float = 1, **given: Any) -> Fetch:
    return Fetch(after=minutes(after), reader="No" + SEED[2:], **given)


@pytest.mark.anyio
async def test_every_fetch_on_a_seed_is_a_machines(team: Store) -> None:
    await plant(team)
    await add_mail(team, mail("m-1", on_seed(**SCANNED), on_seed(2), on_seed(3, channel="click", link=65535), THEIRS))
    found = await found_in(team)
    assert (found.seeds, found.on_seeds) == (1, Share(part=1, of=2))
    assert (await found_in(team, OTHER_TEAM)).on_seeds.of == 0


@pytest.mark.anyio
async def test_what_came_before_it_was_a_seed_may_have_been_read(team: Store) -> None:
    await plant(team, at=timedelta(hours=2))
    await add_mail(team, mail("m-1", on_seed()))
    assert (await found_in(team)).on_seeds.of == 0


@pytest.mark.anyio
async def test_what_was_thought_before_they_said_so_counts(team: Store) -> None:
    before: dict[str, Any] = {"label": "scanner", "permille": 100, "reasons": '[["cloud", -2.0, ""]]'}
    spoken = Fetch(after=minutes(1), reader=RITA, earlier=before, reasons=(("person_said", 4.0, ""),))
    only = Fetch(after=minutes(2), reader=RITA, reasons=(("replied", 1.0, ""),))
    mine = Fetch(
        after=minutes(3),
        reader=RITA,
        label="self",
        earlier=before | {"label": "human"},
        reasons=(("own_said", -4.0, ""),),
    )
    await add_mail(team, mail("m-1", spoken, only, mine))
    async with team.write() as tx:
        for number, what in ((0, "person"), (1, "person"), (2, "me")):
            values = {"hit": f"m-1-hit-{number}", "what": what, "at": micros(NOW)}
            await tx.connection.execute(text(SAID), values)
    found = await found_in(team)
    assert found.vouched == Share(part=1, of=1)
    assert found.own == Share(part=1, of=1)


@pytest.mark.anyio
async def test_who_answered_is_looked_for_before_the_answer(team: Store) -> None:
    scan = Fetch(after=minutes(1), reader=RITA, **SCANNED)
    await add_mail(team, mail("m-lost", scan, Fetch(after=minutes(90), reader=RITA)))
    await add_mail(team, mail("m-found", scan, Fetch(after=minutes(9), reader=RITA)))
    await add_mail(team, mail("m-nothing"))
    for name in ("m-lost", "m-found", "m-nothing"):
        async with team.write() as tx:
            at = NOW - timedelta(days=1) + minutes(30)
            await tx.run("set_replied", recipient=f"{name}-0", at=micros(at))
            await sums.count(tx, name)
    assert (await found_in(team)).answered == Share(part=1, of=2)


@pytest.mark.anyio
async def test_a_seed_is_in_nobodys_rate(team: Store) -> None:
    await plant(team)
    await add_mail(team, mail("m-1", on_seed(), THEIRS))
    async with team.read() as tx:
        report = await report_of(tx, "m-1", view="people")
    assert report is not None
    assert report["recipients"] == 1
    assert report["people"]["opens"] == 1
    assert report["counts"]["pixel"] == 1


@pytest.mark.anyio
async def test_seeds_are_added_once_removed_and_listed(team: Store) -> None:
    async with team.write() as tx:
        await change_seeds(tx, "add", SEED.upper(), at=NOW)
        again = await change_seeds(tx, "add", SEED, at=NOW + minutes(1))
        assert again["seeds"] == [{"address": SEED, "since": NOW.isoformat(timespec="seconds")}]
        assert (await change_seeds(tx, "remove", SEED, at=NOW))["seeds"] == []
        for wrong in ("nonsense", ALICE, "somebody@blue.test"):
            with pytest.raises(SeedError):
                await change_seeds(tx, "add", wrong, at=NOW)
        with pytest.raises(SeedError):
            await change_seeds(tx, "remove", SEED, at=NOW)


@pytest.mark.anyio
async def test_the_page_says_when_there_is_not_enough_and_takes_seeds(team: Store, alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/accuracy")).text
    assert page.count("Not enough yet: ") == 3
    assert '<svg class="plot"' not in page
    page = (await alice.post("/accuracy/seeds", data={"address": SEED}, headers=OURS)).text
    assert "Added." in page
    assert "Not added." in (await alice.post("/accuracy/seeds", data={"address": ALICE}, headers=OURS)).text
    await add_mail(team, mail("m-1", *(on_seed(n, **SCANNED) for n in range(1, 40)), ago=timedelta(hours=-1)))
    page = (await alice.get("/accuracy")).text
    assert "0.0%: 0 of 39 fetches" in page
    assert page.count("<circle") == 1
    assert "A seed mailbox" in (await alice.get("/messages/m-1")).text
    assert (
        "like any other again"
        in (await alice.post("/accuracy/seeds/remove", data={"address": SEED}, headers=OURS)).text
    )
    assert "Not changed" in (await alice.post("/accuracy/seeds/remove", data={"address": SEED}, headers=OURS)).text

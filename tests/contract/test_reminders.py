"""Reminders over both databases: they ring once, for whoever asked, and not for what became needless."""

import asyncio
from datetime import datetime, timedelta

import pytest

from seenby.journal.memory import MemoryJournal
from seenby.store import Store, reminders
from seenby.store.reminders import Unless
from seenby.store.times import micros
from seenby.tell.reminders import remind
from seenby.worker import Worker
from tests.browser.lively import (
    ALICE,
    BOB,
    CHARLIE,
    NOW,
    OTHER_TEAM,
    RITA,
    TEAM,
    Mail,
    Person,
    add_mail,
    add_people,
)
from tests.house import make_house, rows

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)


@pytest.fixture
async def team(store: Store) -> Store:
    await add_people(store)
    for name, person in (
        ("quiet", Person(address=RITA)),
        ("apple", Person(address=RITA, opened="cannot_know")),
        ("opened", Person(address=RITA, opened="probably", opens=1)),
    ):
        await add_mail(store, Mail(id=name, subject=name, ago=timedelta(hours=1), people=(person,)), now=NOW)
    return store


async def ask(
    store: Store, *messages: str, unless: Unless = Unless.ANSWERED, days: int = 3, sender: str = ALICE
) -> None:
    async with store.write() as tx:
        await reminders.ask(
            tx,
            team=OTHER_TEAM if sender == CHARLIE else TEAM,
            sender=f"id-{sender}",
            messages=messages,
            unless=unless,
            after=days * DAY,
            at=NOW,
        )


async def answer(store: Store, message: str) -> None:
    async with store.write() as tx:
        await tx.run("set_replied", recipient=f"{message}-0", at=micros(NOW))
        await tx.run("set_best", message=message, opened=0, clicked=0, replied=1)


async def see(store: Store, message: str, *, at: datetime) -> None:
    states = {"opened": "seen", "clicked": "no_sign", "opens": 2, "clicks": 0, "machines": 0, "fetched": 1}
    states |= {"apple": 0, "scanned": 0, "opened_at": micros(at), "clicked_at": None}
    async with store.write() as tx:
        await tx.run("set_states", recipient=f"{message}-0", **states)


async def rung(store: Store, sender: str = ALICE) -> list[str]:
    team = OTHER_TEAM if sender == CHARLIE else TEAM
    found = await rows(store, "bell_events", team=team, sender=f"id-{sender}", limit=99)
    unread = await rows(store, "unread_bell", team=team, sender=f"id-{sender}", seen=0)
    assert unread[0]["n"] == len(found)
    return sorted(row["message"] for row in found if row["kind"] == "reminded")


async def standing(store: Store, message: str, sender: str = ALICE) -> str | None:
    async with store.read() as tx:
        row = await tx.one("reminder_of", sender=f"id-{sender}", message=message)
    return (row["ended"] or "waits") if row else None


async def test_a_reminder_rings_when_it_is_due_once_and_for_nobody_else(team: Store) -> None:
    await ask(team, "quiet")
    assert await remind(team, now=NOW + 2 * DAY) == 0
    assert (await standing(team, "quiet"), await rung(team)) == ("waits", [])
    assert await remind(team, now=NOW + 3 * DAY) == 1
    assert await remind(team, now=NOW + 4 * DAY) == 0
    assert (await standing(team, "quiet"), await rung(team)) == ("due", ["quiet"])
    assert await rung(team, BOB) == []
    assert await standing(team, "quiet", BOB) is None


async def test_it_rings_even_if_the_bell_is_off_for_the_message(team: Store) -> None:
    await ask(team, "quiet")
    async with team.write() as tx:
        await tx.run("unwatch", sender=f"id-{ALICE}", team=TEAM, message="quiet")
    await remind(team, now=NOW + 3 * DAY)
    assert await rung(team) == ["quiet"]


@pytest.mark.parametrize(
    ("unless", "message", "is_answered", "rings"),
    [
        (Unless.ANSWERED, "quiet", False, True),
        (Unless.ANSWERED, "quiet", True, False),
        (Unless.ANSWERED, "opened", False, True),
        (Unless.SEEN, "quiet", False, True),
        (Unless.SEEN, "quiet", True, False),
        (Unless.SEEN, "opened", False, True),
        (Unless.SEEN, "apple", False, True),
        (Unless.NOTHING, "opened", True, True),
    ],
)
async def test_what_became_needless_ends_quietly(
    team: Store, unless: Unless, message: str, *, is_answered: bool, rings: bool
) -> None:
    await ask(team, message, unless=unless)
    if is_answered:
        await answer(team, message)
    await remind(team, now=NOW + DAY)
    assert await standing(team, message) == ("waits" if rings else None)
    await remind(team, now=NOW + 30 * DAY)
    assert await rung(team) == ([message] if rings else [])


@pytest.mark.parametrize(("unless", "rings"), [(Unless.SEEN, False), (Unless.ANSWERED, True), (Unless.NOTHING, True)])
async def test_a_sign_after_it_was_asked_for_is_one(team: Store, unless: Unless, *, rings: bool) -> None:
    await ask(team, "opened", unless=unless)
    await see(team, "opened", at=NOW + DAY)
    assert await remind(team, now=NOW + 3 * DAY) == int(rings)


async def test_asking_again_replaces_what_was_asked_and_rings_again(team: Store) -> None:
    await ask(team, "quiet", days=1)
    await ask(team, "quiet", days=7)
    assert await remind(team, now=NOW + 2 * DAY) == 0
    assert await remind(team, now=NOW + 7 * DAY) == 1
    async with team.write() as tx:
        await reminders.ask(
            tx, team=TEAM, sender=f"id-{ALICE}", messages=["quiet"], unless=Unless.NOTHING, after=DAY, at=NOW + 8 * DAY
        )
    assert await remind(team, now=NOW + 9 * DAY) == 1
    assert await rung(team) == ["quiet", "quiet"]


async def test_what_was_taken_back_never_rings_and_what_is_done_stays_done(team: Store) -> None:
    await ask(team, "quiet", "apple", days=1)
    async with team.write() as tx:
        await reminders.forget(tx, sender=f"id-{BOB}", messages=["quiet"], at=NOW)
        await reminders.forget(tx, sender=f"id-{ALICE}", messages=["apple"], at=NOW)
    assert await remind(team, now=NOW + 2 * DAY) == 1
    assert await rung(team) == ["quiet"], "a colleague takes back nothing of Alice's"
    async with team.write() as tx:
        await reminders.forget(tx, sender=f"id-{ALICE}", messages=["quiet"], at=NOW)
    assert await standing(team, "quiet") is None


async def test_nobody_is_reminded_of_another_team_s_mail(team: Store) -> None:
    await ask(team, "quiet", "no-such-message", days=1, sender=CHARLIE)
    assert await remind(team, now=NOW + 9 * DAY) == 0
    assert await standing(team, "quiet", CHARLIE) is None


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_the_worker_reminds_by_itself(team: Store) -> None:
    await ask(team, "quiet")
    stop = asyncio.Event()
    house = make_house(team, clock=lambda: NOW + 4 * DAY)
    working = asyncio.create_task(Worker(house, MemoryJournal()).run(stop))
    async with asyncio.timeout(30):
        while await rung(team) != ["quiet"]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        stop.set()
        await working

"""Reading twice is reading once: the laws of drain and judge over a real store, with hits at random."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from seenby import flow
from seenby.journal import Batch
from seenby.report.reading import decide, gather, write
from seenby.steps.house import House
from seenby.store import Store, open_store
from seenby.wiring import mint
from seenby.words.hit import Hit
from seenby.words.policy import Level
from seenby.words.token import Kind, Token
from tests.house import RITA, ROB, START, Clock, add_sender, make_house, rows, submitted
from tests.world import PERSON

pytestmark = pytest.mark.anyio
CHROME = {"accept": "image/avif,image/webp,*/*;q=0.8", "accept-language": "en", "sec-fetch-dest": "image"}
AGENTS = (
    PERSON,
    "curl/8.5.0",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "",
)
ADDRESSES = ("203.0.113.5", "198.51.100.7", "2001:db8::1")


class Feed:
    """A journal whose one segment holds these hits."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = hits

    async def claim(self, done: Mapping[str, int], *, limit: int) -> Batch:
        start = done.get("feed", 0)
        batch = tuple(self.hits[start : start + limit])
        return Batch(hits=batch, done={"feed": start + len(batch)}) if batch else Batch()

    async def settle(self, done: Mapping[str, int]) -> tuple[str, ...]:
        return ()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await open_store(database_url="", data=tmp_path)
    clock = Clock()
    clock.forward(timedelta(days=2))
    yield make_house(store, clock=clock)
    await store.close()


async def sent(house: House) -> tuple[str, list[str]]:
    clock = Clock()
    early = replace(house, now=clock)
    message = await submitted(early, await add_sender(early), to=[RITA, ROB])
    return message, [row["id"] for row in await rows(house.store, "recipients_of", message=message)]


def hits_at_random(seed: int, message: str, people: list[str], *, count: int = 40) -> list[Hit]:
    chance = random.Random(seed)
    return [one_hit(chance, message, people) for _ in range(count)]


def one_hit(chance: random.Random, message: str, people: list[str]) -> Hit:
    kind = chance.choice((Kind.PIXEL, Kind.LINK))
    level = chance.choice((Level.COUNTED, Level.IDENTIFIED, Level.FULL))
    return Hit(
        id=mint(16),
        at=START + timedelta(seconds=chance.choice((1, 2, 60, 3000, 4000, 90_000)) + chance.random()),
        token=Token(
            kind=kind,
            level=level,
            message=message,
            recipient=None if level is Level.COUNTED else chance.choice(people),
            target="https://x.test/" if kind is Kind.LINK else None,
            link=0 if kind is Kind.LINK else None,
        ),
        method=chance.choice(("GET", "GET", "GET", "HEAD")),
        address=chance.choice(ADDRESSES),
        agent=chance.choice(AGENTS),
        headers=chance.choice((CHROME, {})),
    )


async def drained(house: House, hits: Sequence[Hit]) -> None:
    async with house.store.write() as tx:
        await tx.run("drop_drained", segment="feed")
    while await flow.drain(house, Feed(hits)):
        pass


async def everything(store: Store) -> dict[str, list[Any]]:
    """Every row that judging may write."""
    tables = ("hits", "verdicts", "events", "recipients", "messages", "outbox")
    async with store.read() as tx:
        return {
            name: sorted(map(repr, (await tx.connection.execute(text(f"select * from {name}"))).all()))
            for name in tables
        }


async def standing(house: House, message: str) -> dict[str, tuple[str, int]]:
    return {
        row["hit"]: (row["label"], row["counted"])
        for row in await rows(house.store, "standing_verdicts", message=message)
    }


@pytest.mark.parametrize("seed", range(5))
async def test_reading_twice_is_reading_once(house: House, seed: int) -> None:
    message, people = await sent(house)
    await drained(house, hits_at_random(seed, message, people))
    await flow.judge(house, message=message)
    before = await everything(house.store)
    assert before["verdicts"]
    await flow.judge(house, message=message)
    async with house.store.write() as tx:
        row = await tx.one("message_of_token", id=message)
        assert row is not None
        facts = await gather(tx, message=row, now=house.now())
        decision = decide(facts, window=house.repeat_window)
        assert decision.changed == []
        await write(tx, facts, decision, now=house.now() + timedelta(hours=1), burst_wait=timedelta(0))
    assert await everything(house.store) == before


@pytest.mark.parametrize("seed", range(5))
async def test_every_hit_drained_has_one_verdict_that_stands_and_draining_again_changes_nothing(
    house: House, seed: int
) -> None:
    message, people = await sent(house)
    hits = hits_at_random(seed, message, people)
    strangers = hits_at_random(seed, mint(12), people, count=5)
    chance = random.Random(seed)
    for _ in range(3):
        chance.shuffle(hits)
        await drained(house, [*hits[: chance.randrange(len(hits))], *strangers])
        await flow.judge(house, message=message)
    await drained(house, hits)
    await flow.judge(house, message=message)
    before = await everything(house.store)
    assert set(await standing(house, message)) == {hit.id for hit in hits}
    assert len(before["hits"]) == len(hits)
    await drained(house, hits * 2)
    await flow.judge(house, message=message)
    assert await everything(house.store) == before


@pytest.mark.parametrize("seed", range(3))
async def test_in_whatever_order_hits_come_in_we_come_to_believe_the_same(
    house: House, tmp_path: Path, seed: int
) -> None:
    message, people = await sent(house)
    hits = hits_at_random(seed, message, people)
    await drained(house, hits)
    await flow.judge(house, message=message)
    at_once = await standing(house, message)
    tallies = [(row["id"], row["opened"], row["clicked"], row["opens"], row["clicks"], row["machines"])
               for row in await rows(house.store, "recipients_of", message=message)]  # fmt: skip
    async with house.store.write() as tx:
        for table in ("verdicts", "hits"):
            await tx.connection.execute(text(f"delete from {table}"))
    random.Random(seed).shuffle(hits)
    for start in range(0, len(hits), 7):
        await drained(house, hits[start : start + 7])
        await flow.judge(house, message=message)
    assert await standing(house, message) == at_once
    assert tallies == [(row["id"], row["opened"], row["clicked"], row["opens"], row["clicks"], row["machines"])
                       for row in await rows(house.store, "recipients_of", message=message)]  # fmt: skip


async def test_what_is_told_is_told_once_and_of_every_open_that_counts(house: House) -> None:
    message, people = await sent(house)
    hits = hits_at_random(7, message, people, count=60)
    for start in range(0, len(hits), 10):
        await drained(house, hits[start : start + 10])
        await flow.judge(house, message=message)
    events = await rows(house.store, "events_after", seq=0, limit=10_000)
    ids = [row["id"] for row in events]
    assert len(ids) == len(set(ids))
    counted = {hit for hit, (_label, is_own) in (await standing(house, message)).items() if is_own}
    told = {row["id"].partition(":")[2] for row in events if row["kind"] in ("opened", "clicked")}
    assert counted
    assert counted <= told


async def test_hits_that_come_in_while_one_judges_are_judged_too(house: House) -> None:
    message, people = await sent(house)
    first, late = hits_at_random(1, message, people, count=3), hits_at_random(2, message, people, count=3)
    await drained(house, first)
    async with house.store.read() as tx:
        row = await tx.one("message_of_token", id=message)
        assert row is not None
        facts = await gather(tx, message=row, now=house.now())
    await drained(replace(house, now=lambda: START + timedelta(days=3)), late)
    async with house.store.write() as tx:
        await write(tx, facts, decide(facts, window=house.repeat_window), now=house.now(), burst_wait=timedelta(0))
        await tx.run("judged", id=message, seen=row["judge_at"], again=None)
    assert await rows(house.store, "due_judgements", now=2**62, limit=9) == [{"id": message}]
    await flow.judge(house, message=message)
    assert set(await standing(house, message)) == {hit.id for hit in first + late}
    assert await rows(house.store, "due_judgements", now=2**62, limit=9) == []


async def test_what_was_settled_keeps_its_verdict_when_its_evidence_is_gone(house: House) -> None:
    message, people = await sent(house)
    await drained(house, hits_at_random(3, message, people))
    await flow.judge(house, message=message)
    before = await standing(house, message)
    assert await flow.sweep(house) > 0
    async with house.store.read() as tx:
        left = (await tx.connection.execute(text("select count(*) from hits where address is not null"))).scalar()
    assert left == len([1 for row in await rows(house.store, "hits_of", message=message) if not row["settled"]])
    await flow.judge(house, message=message)
    assert {hit: label for hit, (label, _counted) in (await standing(house, message)).items()} == {
        hit: label for hit, (label, _counted) in before.items()
    }

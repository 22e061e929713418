"""What is counted while mail goes its way is what a recount of the rows comes to, on both databases."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from seenby import flow
from seenby.report import sums as sums_of_mail
from seenby.report.again import Again, judge_again
from seenby.report.audience import audience, counts_of, has_pixel
from seenby.report.moments import moments_of
from seenby.steps.house import House
from seenby.store import Store, Transaction, facets, labels
from seenby.store.facets import FACETS, read_counts
from seenby.store.tables import SUMS
from seenby.store.times import DAY, micros
from seenby.words.hit import Hit
from seenby.words.policy import Level
from seenby.words.token import Kind
from tests.contract.test_migrations import to_version
from tests.house import MAIL, RITA, ROB, START, Clock, add_sender, make_house, rows, submitted
from tests.unit.test_report_reading import Feed, hits_at_random, one_hit

pytestmark = pytest.mark.anyio
COLLEAGUE = "bert@acme.test"


async def counted(store: Store) -> list[dict[str, int]]:
    async with store.read() as tx:
        found = (await tx.connection.execute(text("select * from days where label = '' order by day"))).mappings().all()
    return [dict(row) for row in found]


async def recounted(store: Store) -> dict[str, int]:
    """The sums over all mail, from messages, recipients, hits and verdicts, by other words than the product's."""
    outside = "from recipients r join messages m on m.id = r.message where r.untracked is null or r.untracked = 'off'"
    questions = {
        "messages": "select count(*) from messages where sender is not null",
        "copies": f"select count(*) {outside}",
        "measurable": "select count(*) from recipients r join messages m on m.id = r.message "
        "where r.untracked is null and r.pixels > 1 and m.untouched is null",
        **{
            name: f"select count(*) from recipients where untracked is null and state {state}"
            for name, state in {"sent": "= 'sent'", "bounced": "in ('bounced', 'failed')"}.items()
        },
        **{
            name: f"select count(*) from recipients where opened = '{state}'"
            for name, state in {"opened": "seen", "probably": "probably", "cannot_know": "cannot_know"}.items()
        },
        "clicked": "select count(*) from recipients where clicked in ('seen', 'probably')",
        "replied": "select count(replied_at) from recipients",
        "unsubscribed": "select count(*) from unsubscribed",
        "complained": "select count(*) from events where kind = 'complained'",
        "opens": "select coalesce(sum(opens), 0) from recipients",
        "clicks": "select coalesce(sum(clicks), 0) from recipients",
        "raw_opens": "select count(*) from hits where channel = 'open'",
        "raw_clicks": "select count(*) from hits where channel = 'click'",
        "machines": "select count(*) from verdicts where until is null "
        "and label in ('prefetch', 'scanner', 'preview_bot', 'self')",
    }
    async with store.read() as tx:
        sums = {name: int((await tx.connection.execute(text(sql))).scalar() or 0) for name, sql in questions.items()}
    return sums | await rated(store)


async def rated(store: Store) -> dict[str, int]:
    """What the honest rate rests on, as a message's own page counts it."""
    async with store.read() as tx:
        ids = [row["id"] for row in (await tx.connection.execute(text("select id from messages"))).mappings()]
        counts = []
        for message in ids:
            [row] = await tx.all("message_named", name=message)
            if row["sender"] is None:
                continue
            people, moments = await tx.all("recipients_of", message=message), await moments_of(tx, message)
            measured = [person["id"] for person in audience(people) if has_pixel(row, person)]
            fetched = {one.reader for one in moments if one.channel == "open" and one.reader in measured}
            counts.append((counts_of(row, people, moments), len(measured), len(fetched)))
    names = ("pixel", "link", "apple_proven", "apple_clicked", "apple_silent", "scanned")
    return {
        **{name: sum(getattr(one, name) for one, _, _ in counts) for name in names},
        "pixel_and_link": sum(one.both for one, _, _ in counts),
        "measured": sum(measured for _, measured, _ in counts),
        "fetched": sum(fetched for _, _, fetched in counts),
    }


async def lived(house: House, *, seed: int) -> None:
    """Three days of mail, hits, refusals and people who unsubscribe, in whatever order."""
    chance, clock = random.Random(seed), house.now
    assert isinstance(clock, Clock)
    sender = await add_sender(house)
    for day in range(3):
        clock.at = START + timedelta(days=day)
        to = chance.sample([RITA, ROB, COLLEAGUE, "eve@else.test"], k=chance.randint(1, 4))
        raw = MAIL.replace(b"offer@", f"offer{day}@".encode())
        message = await submitted(house, sender, raw, to=to)
        await flow.send(house, hop="")
        everybody = await rows(house.store, "recipients_of", message=message)
        people = [row["id"] for row in everybody if row["untracked"] is None]  # others have no token
        if not people:
            continue
        hits = hits_at_random(seed + day, message, people, count=chance.randint(0, 30))
        hits += [one_leaves(chance, message, people) for _ in range(chance.randint(0, 2))]
        clock.forward(timedelta(hours=30))
        for start in range(0, len(hits), 9):
            async with house.store.write() as tx:
                await tx.run("drop_drained", segment="feed")
            await flow.drain(house, Feed(hits[start : start + 9]))
            await flow.judge(house, message=message)
    await flow.sweep(house)


def one_leaves(chance: random.Random, message: str, people: list[str]) -> Hit:
    hit = one_hit(chance, message, people)
    token = replace(
        hit.token, kind=Kind.UNSUBSCRIBE, level=Level.FULL, recipient=chance.choice(people), link=None, target=None
    )
    return replace(hit, token=token, method="POST")


@pytest.mark.parametrize("seed", [3, 5, 8])
async def test_the_sums_are_what_a_recount_comes_to(store: Store, seed: int) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=seed)
    days = await counted(store)
    assert [row["day"] * DAY for row in days] == sorted({row["day"] * DAY for row in days})
    assert {name: sum(row[name] for row in days) for name in ("messages", *SUMS)} == await recounted(store)


async def test_what_was_there_before_is_counted_like_new_mail(store: Store) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=13)
    before = await counted(store)
    async with store.read() as tx:
        list_before = (await tx.connection.execute(text("select id, opened, clicked from messages order by id"))).all()
    async with store.write() as tx:
        await tx.connection.run_sync(to_version, "0003")
    await store.upgrade()
    assert await counted(store) == before
    async with store.read() as tx:
        assert (
            await tx.connection.execute(text("select id, opened, clicked from messages order by id"))
        ).all() == list_before
        [found] = (await tx.connection.execute(text("select count(*) as n from search"))).all()
        keys = (await tx.connection.execute(text("select distinct address_key, domain from recipients"))).all()
    assert found.n == 3
    assert all(key.endswith("@" + domain) for key, domain in keys)


async def test_a_message_is_found_by_the_best_of_its_recipients(store: Store) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=21)
    rank = {"no_sign": 0, "cannot_know": 1, "probably": 2, "seen": 3}
    async with store.read() as tx:
        messages = (await tx.connection.execute(text("select id, opened, clicked, sender from messages"))).all()
        people = (await tx.connection.execute(text("select message, opened, clicked from recipients"))).all()
    for message in messages:
        theirs = [one for one in people if one.message == message.id]
        assert message.opened == max(rank[one.opened] for one in theirs)
        assert message.clicked == max(rank[one.clicked] for one in theirs)
    assert any(message.opened == 3 for message in messages)


async def test_what_reports_are_cut_by_adds_up_to_the_same(store: Store) -> None:
    """Every open and click by a person has one client, system, country and hour, every machine one cause."""
    house = make_house(store, clock=Clock())
    await lived(house, seed=21)
    sums = await recounted(store)
    by_message: Counter[tuple[str, str]] = Counter()
    for row in await everything(store, "select * from facets"):
        for (dimension, _), count in read_counts(row).items():
            by_message.update({(dimension, name): count[at] for at, name in enumerate(FACETS)})
    by_day = await everything(
        store,
        "select dimension, sum(opens) as opens, sum(clicks) as clicks, sum(machines) as machines from day_facets "
        "where label = '' group by dimension",
    )
    cut = {row["dimension"]: tuple(int(row[name]) for name in FACETS) for row in by_day}
    assert cut == {one: tuple(by_message[one, name] for name in FACETS) for one in cut}
    assert cut.pop("cause") == (0, 0, sums["machines"])
    assert cut.keys() == {"client", "system", "country", "hour"}
    [own] = await everything(store, "select count(*) as n from verdicts where until is null and counted = 1")
    assert {opens + clicks for opens, clicks, _ in cut.values()} == {own["n"]}


async def everything(store: Store, sql: str) -> list[dict[str, Any]]:
    async with store.read() as tx:
        return [dict(row) for row in (await tx.connection.execute(text(sql))).mappings()]


async def test_judging_again_counts_nothing_twice(store: Store) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=5)
    before = await cut_by(store)
    assert before
    async for _ in judge_again(store, Again(now=house.now(), window=house.repeat_window, apply=True)):
        pass
    again = await cut_by(store)
    async for _ in judge_again(store, Again(now=house.now(), window=house.repeat_window, apply=True)):
        pass
    assert await cut_by(store) == again


async def test_two_who_judge_history_at_the_same_moment_count_nothing_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=5)
    before = await cut_by(store)
    async with store.write() as tx:
        for table in ("facets", "day_facets"):
            await tx.connection.execute(text(f"delete from {table}"))

    one = Transaction.one

    async def slowly(tx: Transaction, name: str, /, **values: object) -> Any:
        row = await one(tx, name, **values)
        if name == "facets_of":
            await asyncio.sleep(0.03)  # as long as another would need to read the same
        return row

    monkeypatch.setattr(Transaction, "one", slowly)

    async def again() -> None:
        async for _ in judge_again(store, Again(now=house.now(), window=house.repeat_window, apply=True)):
            pass

    await asyncio.gather(*(again() for _ in range(4)))
    assert await cut_by(store) == before


async def cut_by(store: Store) -> list[tuple[object, ...]]:
    sql = "select label, dimension, value, opens, clicks, machines from day_facets where opens + clicks + machines > 0"
    async with store.read() as tx:
        return sorted(tuple(row) for row in (await tx.connection.execute(text(sql))).all())


async def labelled(house: House) -> None:
    """Some of the mail is called something, some of it twice, and some of it no longer."""
    async with house.store.read() as tx:
        found = [row["id"] for row in await everything(house.store, "select id from messages order by accepted_at")]
        [row] = (await tx.connection.execute(text("select distinct team from messages"))).mappings()
    async with house.store.write() as tx:
        await labels.put_on(tx, found[:2], team=row["team"], label="Offer")
        await labels.put_on(tx, [found[0], found[0]], team=row["team"], label="Autumn")
        await labels.put_on(tx, found, team=row["team"], label="Old")
        await labels.put_on(tx, found, team="another", label="Theirs")
    async with house.store.write() as tx:
        await labels.put_on(tx, found[1:], team=row["team"], label="Offer")  # one of them is called so already
        await labels.take_off(tx, found[:2], team="another", label="Offer")
        await labels.take_off(tx, found[:1], team=row["team"], label="Old")
        await labels.take_off(tx, found[:1], team=row["team"], label="Old")


async def of_labels(store: Store) -> tuple[dict[tuple[object, ...], object], dict[tuple[object, ...], object]]:
    """The labels' days as they are kept, and as the messages come to; those of nothing left out."""
    names = ("messages", *SUMS)
    kept: dict[tuple[object, ...], object] = {
        (row["label"], row["day"]): {name: row[name] for name in names}
        for row in await everything(store, "select * from days where label <> '' and messages <> 0")
    }
    facets_kept = "select * from day_facets where label <> '' and opens + clicks + machines <> 0"
    for row in await everything(store, facets_kept):
        key = (row["label"], row["day"], row["dimension"], row["value"])
        kept[key] = tuple(row[name] for name in FACETS)
    meant: dict[tuple[object, ...], Counter[object]] = {}
    for row in await everything(store, "select l.label, s.* from labels l join sums s on s.message = l.message"):
        meant.setdefault((row["label"], row["day"]), Counter()).update({"messages": 1, **{n: row[n] for n in SUMS}})
    for row in await everything(store, "select l.label, f.* from labels l join facets f on f.message = l.message"):
        for (dimension, value), count in read_counts(row).items():
            cut = meant.setdefault((row["label"], row["day"], dimension, value), Counter())
            cut.update(dict(zip(FACETS, count, strict=True)))
    of_days: dict[tuple[object, ...], object] = {
        key: {name: one[name] for name in names} for key, one in meant.items() if len(key) == 2
    }
    of_facets = {key: tuple(one[name] for name in FACETS) for key, one in meant.items() if len(key) == 4}
    return kept, {**of_days, **{key: one for key, one in of_facets.items() if any(one)}}


@pytest.mark.parametrize("seed", [5, 21])
async def test_a_label_s_days_are_what_its_messages_come_to(store: Store, seed: int) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=seed)
    await labelled(house)  # mail that has hits already
    kept, meant = await of_labels(store)
    assert kept == meant
    assert {key[0] for key in kept} == {"Offer", "Autumn", "Old"}
    async with store.write() as tx:
        await tx.connection.execute(text("delete from facets"))
        await tx.connection.execute(text("delete from day_facets"))
        await tx.connection.execute(text("update sums set opens = 0"))
        await tx.connection.execute(text("update days set opens = 0"))
    async for _ in judge_again(store, Again(now=house.now(), window=house.repeat_window, apply=True)):
        pass
    kept, meant = await of_labels(store)  # and what is judged and counted afterwards
    assert kept == meant
    assert any(len(key) == 4 for key in kept)
    assert sum(one["opens"] for one in kept.values() if isinstance(one, dict)) > 0


async def test_labels_of_the_version_before_have_days_and_a_step_back_forgets_nothing(store: Store) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=21)
    await labelled(house)
    (kept, meant), all_mail, cut = await of_labels(store), await counted(store), await cut_by(store)
    async with store.write() as tx:
        await tx.connection.run_sync(to_version, "0005")
    await store.upgrade()
    assert await of_labels(store) == (kept, meant)
    assert (await counted(store), await cut_by(store)) == (all_mail, cut)


async def test_labelling_and_counting_at_the_same_moment_lose_nothing(store: Store) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=21)
    found = [row["id"] for row in await everything(store, "select id from messages where sender is not null")]
    [row] = await everything(store, "select distinct team from messages where sender is not null")

    async def label(name: str) -> None:
        async with store.write() as tx:
            await labels.put_on(tx, found, team=row["team"], label=name)
        async with store.write() as tx:
            await labels.take_off(tx, found[::-1], team=row["team"], label="Offer")

    async def again() -> None:
        async for _ in judge_again(store, Again(now=house.now(), window=house.repeat_window, apply=True)):
            pass

    async with store.write() as tx:
        for table in ("facets", "day_facets"):
            await tx.connection.execute(text(f"delete from {table}"))
    await asyncio.gather(label("Offer"), label("Autumn"), again(), label("Offer"), again())
    kept, meant = await of_labels(store)
    assert kept == meant
    assert any(len(key) == 4 for key in kept)


async def test_labelling_waits_for_who_judges_mail_of_the_same_day_and_not_the_other_way_round(store: Store) -> None:
    """Both change the facets and the sums of a day and a label, in the same order: else each waits for the other."""
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    one, other = [await submitted(house, sender, to=[to]) for to in (RITA, ROB)]
    await flow.send(house, hop="")
    whose = {"team": sender.team, "sender": sender.id, "accepted_at": micros(START)}
    async with store.write() as tx:
        for message in (one, other):
            await facets.put(tx, {"id": message, **whose}, {("client", "A"): (1, 0, 0)})
        await labels.put_on(tx, [one], team=sender.team, label="Offer")

    async def label() -> None:
        async with store.write() as tx:
            await labels.put_on(tx, [other], team=sender.team, label="Offer")

    async with asyncio.TaskGroup() as group, store.write() as tx:
        await tx.run("hold_message", id=one)
        await tx.connection.execute(text("update recipients set opens = 2 where message = :one"), {"one": one})
        await facets.put(tx, {"id": one, **whose}, {("client", "A"): (2, 0, 0)})
        await tx.settle()
        group.create_task(label())
        while not (store.is_sqlite or await somebody_waits(store)):  # noqa: ASYNC110 - it is the database that knows
            await asyncio.sleep(0)
        await sums_of_mail.count(tx, one)
    kept, meant = await of_labels(store)
    assert kept == meant


async def somebody_waits(store: Store) -> bool:
    """Whether a transaction waits for another, on PostgreSQL."""
    return bool(await everything(store, "select 1 as waits from pg_locks where not granted limit 1"))


async def test_several_messages_are_counted_from_day_to_day(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As labelling does it; the order of their ids would be another each time."""
    clock = Clock()
    house = make_house(store, clock=clock)
    sender = await add_sender(house)
    sent = []
    for day in (3, 0, 2, 1):
        clock.at = START + timedelta(days=day)
        sent.append(await submitted(house, sender))
    counted_so: list[str] = []

    async def note(_tx: Transaction, message: str) -> tuple[()]:
        counted_so.append(message)
        return ()

    monkeypatch.setattr(sums_of_mail, "move_sums", note)
    async with store.write() as tx:
        await sums_of_mail.count_several(tx, [*sent, sent[0]])
    assert counted_so == [sent[1], sent[3], sent[2], sent[0]]

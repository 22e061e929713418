"""What is counted by recipients' domain is what a recount of the copies comes to, on both databases."""

import asyncio
import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from seenby import flow
from seenby.consent.person import Person, erase_some
from seenby.report import sums
from seenby.report.again import Again, judge_again
from seenby.report.audience import has_pixel
from seenby.steps.house import House
from seenby.store import Store, Transaction, domains, labels, mail
from seenby.store.tables import DOMAIN_SUMS
from seenby.store.times import DAY, micros
from tests.contract.test_migrations import to_version
from tests.contract.test_sums import everything, labelled, lived, somebody_waits
from tests.house import RITA, START, Clock, add_sender, make_house, submitted

pytestmark = pytest.mark.anyio
Kept = dict[tuple[str, str, str, int, str], tuple[int, ...]]  # by team, label, sender, day and domain
OWN = "rita@her-own-name.test"


async def kept_by_domain(store: Store) -> Kept:
    """The rows as they are: none stands for nobody."""
    found = await everything(store, "select * from day_domains")
    assert all(row["copies"] > 0 for row in found)
    key = ("team", "label", "sender", "day", "domain")
    return {tuple(row[name] for name in key): tuple(row[name] for name in DOMAIN_SUMS) for row in found}


async def recounted_by_domain(store: Store) -> Kept:
    """The same from messages, recipients and labels, by other words than the product's; few domains a message."""
    found: dict[Any, Counter[str]] = {}
    seeds = {row["address"] for row in await everything(store, "select address from seeds")}
    called: dict[str, list[str]] = {}
    for row in await everything(store, "select message, label from labels"):
        called.setdefault(row["message"], [""]).append(row["label"])
    known = {row["message"] for row in await everything(store, "select message from sums")}
    for message in await everything(store, "select * from messages where sender is not null"):
        of_message = {"message": message["id"]}
        async with store.read() as tx:
            people = await tx.all("recipients_of", **of_message)
        for person in people if message["id"] in known else ():
            if person["untracked"] not in (None, "off") or person["address_key"] in seeds:
                continue
            is_sent = person["state"] == "sent"
            is_measured = is_sent and has_pixel(message, person)
            counts = {
                "copies": 1,
                "sent": is_sent,
                "measured": is_measured,
                "opened": is_measured and person["opens"] + person["clicks"] > 0,
                "clicked": person["clicked"] in ("seen", "probably"),
                "replied": person["replied_at"] is not None,
                "bounced": person["state"] in ("bounced", "failed"),
            }
            for label in called.get(message["id"], [""]):
                for sender in ("", message["sender"]):
                    day = message["accepted_at"] // DAY
                    domain = person["address_key"].rpartition("@")[2]
                    key = (message["team"], label, sender, day, domain)
                    found.setdefault(key, Counter()).update({name: int(count) for name, count in counts.items()})
    return {key: tuple(one[name] for name in DOMAIN_SUMS) for key, one in found.items()}


async def answered(house: House, *, seed: int) -> None:
    """Some people answer, and one mailbox turns out to be nobody's."""
    chance = random.Random(seed)
    async with house.store.write() as tx:
        ids = [row.id for row in (await tx.connection.execute(text("select id from recipients order by id"))).all()]
        for recipient in chance.sample(ids, k=len(ids) // 2):
            await tx.run("set_replied", recipient=recipient, at=micros(house.now()))
        teams = (await tx.connection.execute(text("select distinct team from messages where sender is not null"))).all()
        await tx.run("add_seed", team=teams[0].team, address="eve@else.test", at=micros(house.now()))
        messages = (await tx.connection.execute(text("select id from messages"))).all()
        await sums.count_several(tx, [row.id for row in messages])


@pytest.mark.parametrize("seed", [3, 5, 8, 21])
async def test_the_days_of_domains_are_what_a_recount_comes_to(store: Store, seed: int) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=seed)
    assert await kept_by_domain(store) == await recounted_by_domain(store)
    await labelled(house)
    await answered(house, seed=seed)
    kept = await kept_by_domain(store)
    assert kept == await recounted_by_domain(store)
    assert {key[1] for key in kept} >= {"", "Offer", "Old"}
    [team] = {key[0] for key in kept}
    async with store.write() as tx:
        found = await erase_some(tx, Person(team=team, address=RITA))
        await sums.count_several(tx, found)
    assert await kept_by_domain(store) == await recounted_by_domain(store)
    async with store.write() as tx:
        every = [row.id for row in (await tx.connection.execute(text("select id from messages"))).all()]
        await labels.take_off(tx, every, team=team, label="Old")
    async for _ in judge_again(store, Again(now=house.now(), window=house.repeat_window, apply=True)):
        pass
    kept = await kept_by_domain(store)
    assert kept == await recounted_by_domain(store)
    assert "Old" not in {key[1] for key in kept}


async def test_domains_add_up_to_the_sums_of_their_day(store: Store) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=21)
    await answered(house, seed=21)
    whole: Counter[str] = Counter()
    for row in await everything(store, "select * from days where label = ''"):
        whole.update({name: row[name] for name in DOMAIN_SUMS if name != "opened"})
        whole["opened"] += row["pixel_and_link"] + row["pixel"] + row["link"] + row["apple_proven"]
    for sender in ("= ''", "<> ''"):
        found = await everything(store, f"select * from day_domains where label = '' and sender {sender}")
        assert {name: sum(row[name] for row in found) for name in DOMAIN_SUMS} == dict(whole)
    assert whole["opened"] > 0


async def test_a_message_without_a_pixel_is_in_no_rate_of_opens(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    raw = b"From: alice@acme.test\r\nTo: rita@out.test\r\nSubject: Plain\r\nMessage-ID: <p@acme.test>\r\n\r\nhello\r\n"
    await submitted(house, sender, raw)
    await flow.send(house, hop="")
    [(copies, sent, measured, opened, *_)] = set((await kept_by_domain(store)).values())
    assert (copies, sent, measured, opened) == (1, 1, 0, 0)


async def test_senders_of_one_team_are_counted_and_labelled_at_the_same_moment(store: Store) -> None:
    """They share the days of all senders: in another order than everybody's each would wait for the other."""
    clock = Clock()
    house = make_house(store, clock=clock)
    owner = await add_sender(house)
    chance = random.Random(4)
    found = []
    for day in range(2):
        clock.at = START + timedelta(days=day)
        found += [
            await submitted(house, owner, to=[f"p{at}@{domain}.test" for domain in chance.sample("abcd", k=3)])
            for at in range(6)
        ]
    for _ in range(4):
        await flow.send(house, hop="")
    async with store.write() as tx:  # two more who send, of the same team
        for at, message in enumerate(found):
            await tx.connection.execute(
                text("update messages set sender = :who where id = :id"), {"who": f"sender{at % 3}", "id": message}
            )
        for table in ("sums", "days", "day_domains"):
            await tx.connection.execute(text(f"delete from {table}"))

    async def count(seed: int) -> None:
        order = random.Random(seed).sample(found, k=len(found))
        for start in range(0, len(order), 4):
            async with store.write() as tx:
                await mail.hold(tx, order[start : start + 4])
                await sums.count_several(tx, order[start : start + 4])

    async def label(name: str) -> None:
        async with store.write() as tx:
            await labels.put_on(tx, found, team=owner.team, label=name)
        async with store.write() as tx:
            await labels.take_off(tx, found[::2], team=owner.team, label=name)

    await asyncio.gather(*(count(seed) for seed in range(4)), label("Offer"), label("Autumn"))
    kept = await kept_by_domain(store)
    assert kept == await recounted_by_domain(store)
    assert {key[2] for key in kept} == {"", "sender0", "sender1", "sender2"}


async def test_who_counts_several_changes_days_that_all_senders_share_last(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else who counts one of another sender's messages would wait for them, and they for that sender's day."""
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    one, other, third = [await submitted(house, sender) for _ in range(3)]
    await flow.send(house, hop="")
    async with store.write() as tx:
        for message, who in ((one, "a"), (other, "b"), (third, "b")):
            await tx.connection.execute(
                text("update messages set sender = :who where id = :id"), {"who": who, "id": message}
            )
        for table in ("sums", "days", "day_domains"):
            await tx.connection.execute(text(f"delete from {table}"))
    move_sums, meanwhile = sums.move_sums, list[asyncio.Task[None]]()

    async def count_third() -> None:
        async with store.write() as tx:
            await sums.count(tx, third)

    async def with_a_pause(tx: Transaction, message: str) -> Any:
        moved = await move_sums(tx, message)
        if message == one:
            await tx.settle()
        return moved

    async def pause(tx: Transaction, name: str, /, **values: object) -> Any:
        if name == "sums_now" and values["message"] == other:
            meanwhile.append(asyncio.create_task(count_third()))
            while not (store.is_sqlite or meanwhile[0].done() or await somebody_waits(store)):  # noqa: ASYNC110
                await asyncio.sleep(0)
        return await ask(tx, name, **values)

    ask = Transaction.one
    monkeypatch.setattr(sums, "move_sums", with_a_pause)
    monkeypatch.setattr(Transaction, "one", pause)
    async with store.write() as tx:
        await sums.count_several(tx, [one, other])
    await asyncio.gather(*meanwhile)
    assert await kept_by_domain(store) == await recounted_by_domain(store)


async def test_of_very_many_domains_the_rest_has_no_name(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    to = [f"one@d{number:02}.test" for number in range(domains.MOST + 10)] + ["two@d39.test", "three@d39.test"]
    message = await submitted(house, sender, to=to)
    await flow.send(house, hop="")
    await flow.send(house, hop="")
    kept = await kept_by_domain(store)
    named = {key[4]: one[0] for key, one in kept.items() if key[2] == ""}
    assert len(named) == domains.MOST + 1
    assert (named["d39.test"], named[domains.REST], sum(named.values())) == (3, 10, len(to))
    assert "d29.test" not in named, "of those with as many copies the first by name"
    async with store.write() as tx:  # one that had a name goes, and another takes its place
        found = await erase_some(tx, Person(team=sender.team, address="one@d00.test"))
        await sums.count_several(tx, found)
    named = {key[4]: one[0] for key, one in (await kept_by_domain(store)).items() if key[2] == ""}
    assert "d00.test" not in named
    assert (named[domains.REST], named["d29.test"], sum(named.values())) == (10, 1, len(to))
    [row] = await everything(store, f"select domains from sums where message = '{message}'")
    assert "d00.test" not in row["domains"]


async def test_of_an_erased_person_s_own_domain_nothing_is_left(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    message = await submitted(house, sender, to=[OWN, RITA])
    await flow.send(house, hop="")
    async with store.write() as tx:
        await labels.put_on(tx, [message], team=sender.team, label="Offer")
    assert len([key for key in await kept_by_domain(store) if key[4] == "her-own-name.test"]) == 4
    async with store.write() as tx:
        found = await erase_some(tx, Person(team=sender.team, address=OWN))
        await sums.count_several(tx, found)
    for table in ("sums", "day_domains"):
        assert "her-own-name" not in json.dumps(await everything(store, f"select * from {table}")), table
    assert await kept_by_domain(store) == await recounted_by_domain(store)


async def test_mail_of_the_version_before_is_counted_by_domain(store: Store) -> None:
    house = make_house(store, clock=Clock())
    await lived(house, seed=21)
    await labelled(house)
    await answered(house, seed=21)
    before = await kept_by_domain(store)
    written = "select message, domains from sums order by message"
    of_messages = [domains.read_counts(row["domains"]) for row in await everything(store, written)]
    assert any(of_messages)
    async with store.write() as tx:
        await tx.connection.run_sync(to_version, "0006")
    await store.upgrade()
    assert await kept_by_domain(store) == before
    assert [domains.read_counts(row["domains"]) for row in await everything(store, written)] == of_messages


async def test_very_many_domains_of_the_version_before_have_the_same_names(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    to = [f"one@{letter}{number}.test" for letter in ("a", "a-", "aa", "z") for number in range(10)]
    await submitted(house, sender, to=to)
    await flow.send(house, hop="")
    await flow.send(house, hop="")
    before = await kept_by_domain(store)
    async with store.write() as tx:
        await tx.connection.run_sync(to_version, "0006")
    await store.upgrade()
    assert await kept_by_domain(store) == before


def test_what_a_message_remembers_is_read_back() -> None:
    counts = domains.counted([("b.test", (1, 1, 1, 0, 0, 0, 0)), ("a.test", (1,) * 7), ("b.test", (1,) * 7)])
    assert domains.read_counts(domains.write_counts(counts)) == counts
    assert counts["b.test"] == (2, 2, 2, 1, 1, 1, 1)

"""Of somebody who was erased nothing is left in what is kept of a message, also when others still wait for theirs."""

import asyncio
import random
from typing import Any

import pytest

from seenby import flow
from seenby.consent.person import Person, erase_some
from seenby.report.reading import Facts, gather
from seenby.store import Store, Transaction, drafts, mail_hosts
from tests.contract.test_sums import somebody_waits
from tests.house import RITA, ROB, Clock, add_sender, make_house, rows, submitted
from tests.unit.test_report_reading import Feed, hits_at_random, one_hit

pytestmark = pytest.mark.anyio


async def erase(store: Store, team: str, address: str) -> None:
    async with store.write() as tx:
        assert await erase_some(tx, Person(team=team, address=address))


async def test_a_message_that_others_wait_for_is_sent_to_them_and_then_forgotten(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    message = await submitted(house, sender, to=[RITA, ROB])
    other = await submitted(house, sender, to=[ROB])
    await erase(store, sender.team, RITA)
    assert len(await rows(store, "spool", message=message)) == 1, "Rob waits for his copy"
    await flow.send(house, hop="")
    states = sorted(row["state"] for row in await rows(store, "recipients_of", message=message))
    assert states == ["failed", "sent"]
    assert not await rows(store, "kept_message", message=message)
    assert not await rows(store, "is_kept", message=message)
    await flow.sweep(house)
    assert len(await rows(store, "is_kept", message=other)) == 1, "nobody of it was erased"


async def test_a_message_that_waits_for_the_sent_folder_is_not_filed_any_more(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    message = await submitted(house, sender, to=[RITA])
    event = f"filed:{message}"
    async with store.write() as tx:
        await drafts.keep_copy(tx, event=event, team=sender.team, sender=sender.id, raw=b"To: Rita", at=house.now())
    await erase(store, sender.team, RITA)
    assert await rows(store, "sent_copy", event=event, channel=drafts.FILED) == []
    assert await flow.file(house) == 1
    assert await flow.file(house) == 0


async def test_what_comes_from_their_copy_later_is_not_kept(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    message = await submitted(house, sender, to=[RITA, ROB])
    await flow.send(house, hop="")
    people = {row["address"]: row["id"] for row in await rows(store, "recipients_of", message=message)}
    chance = random.Random(1)
    before, after = (hits_at_random(at, message, [people[RITA], people[ROB]], count=20) for at in (1, 2))
    await flow.drain(house, Feed(before))
    await erase(store, sender.team, RITA)
    async with store.write() as tx:
        await tx.run("drop_drained", segment="feed")
    await flow.drain(house, Feed([*after, one_hit(chance, message, [people[RITA]])]))
    kept = await rows(store, "hits_of", message=message)
    assert {hit.id for hit in after if hit.token.recipient == people[ROB]} <= {row["id"] for row in kept}
    assert {row["id"] for row in kept if row["recipient"] == people[RITA]} == {
        hit.id for hit in before if hit.token.recipient == people[RITA]
    }


async def test_what_comes_from_their_copy_at_the_same_moment_is_not_kept(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    message = await submitted(house, sender, to=[RITA])
    await flow.send(house, hop="")
    [rita] = await rows(store, "recipients_of", message=message)
    async with asyncio.TaskGroup() as group, store.write() as tx:
        assert await erase_some(tx, Person(team=sender.team, address=RITA))
        await tx.settle()
        drained = group.create_task(flow.drain(house, Feed(hits_at_random(1, message, [rita["id"]], count=9))))
        while not (store.is_sqlite or drained.done() or await somebody_waits(store)):  # noqa: ASYNC110
            await asyncio.sleep(0)
    kept = await rows(store, "hits_of", message=message)
    assert kept, "nobody's, of the counted level"
    assert not [row for row in kept if row["recipient"]]


async def test_what_was_being_judged_while_they_were_erased_is_judged_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    message = await submitted(house, sender, to=[RITA])
    await flow.send(house, hop="")
    [rita] = await rows(store, "recipients_of", message=message)
    await flow.drain(house, Feed([one_hit(random.Random(1), message, [rita["id"]])]))

    async def gather_too_early(tx: Transaction, **asked: Any) -> Facts:
        facts = await gather(tx, **asked)
        await erase(store, sender.team, RITA)
        return facts

    with monkeypatch.context() as patched:
        patched.setattr(flow, "gather", gather_too_early)
        await flow.judge(house, message=message)
    assert not await rows(store, "verdicts_of", message=message), "its reasons name what was erased"
    await flow.judge(house, message=message)
    assert await rows(store, "verdicts_of", message=message)


async def test_who_took_their_mail_is_not_written_down_when_it_is_found_out_later(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    message = await submitted(house, sender, to=[RITA, ROB])
    await flow.send(house, hop="")
    people = {row["address"]: row["id"] for row in await rows(store, "recipients_of", message=message)}
    await erase(store, sender.team, RITA)
    async with store.write() as tx:
        await mail_hosts.put_of_copies(tx, [(people[who], "out.test") for who in (RITA, ROB)])
    hosts = {row["id"]: row["mail_host"] for row in await rows(store, "recipients_of", message=message)}
    assert hosts == {people[RITA]: "", people[ROB]: "out.test"}

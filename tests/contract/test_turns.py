"""Steps that write of one message at the same moment wait for each other, and never each for the other."""

import asyncio
from datetime import timedelta

import pytest

from seenby import flow
from seenby.delivery.smtp import Answer, Outcome
from seenby.steps.house import House
from seenby.steps.sending import settle_copy
from seenby.store import Store, Transaction, mail
from seenby.words.message import ClaimedCopy
from tests.house import Clock, add_sender, make_house, rows, submitted

pytestmark = pytest.mark.anyio
TAKEN = Answer(outcome=Outcome.TAKEN, reply="250 OK")


async def claimed(house: House) -> ClaimedCopy:
    await submitted(house, await add_sender(house))
    now = house.now()
    async with house.store.write() as tx:
        [copy] = await mail.claim_copies(
            tx, hop="", holder=house.holder, now=now, until=now + timedelta(minutes=1), limit=5
        )
    return copy


async def held_as_the_judge_does(tx: Transaction, copy: ClaimedCopy, other: asyncio.Task[None]) -> None:
    """The message, and then, while another settles its copy, that copy."""
    await tx.run("hold_message", id=copy.message)
    await asyncio.wait({other}, timeout=0.3)
    await tx.run("hold_copy", recipient=copy.recipient)


async def test_a_copy_is_settled_while_its_message_is_judged(store: Store) -> None:
    clock = Clock()
    house = make_house(store, clock=clock)
    copy = await claimed(house)
    clock.forward(timedelta(seconds=1))
    begun = asyncio.Event()

    async def settle() -> None:
        await begun.wait()
        await settle_copy(house, copy, TAKEN)

    settling = asyncio.create_task(settle())
    async with store.write() as tx:
        begun.set()
        await held_as_the_judge_does(tx, copy, settling)
    await settling
    assert [row["state"] for row in await rows(store, "recipients_of", message=copy.message)] == ["sent"]
    assert (await flow.send(house, hop="")).copies == 0

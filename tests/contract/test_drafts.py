"""What is written on the pages goes out once, or not at all, on both databases; and as it was foreseen."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import msgspec
import pytest
from sqlalchemy.exc import OperationalError

from seenby import flow
from seenby.compose.mime import Attached
from seenby.compose.written import Written, addressed
from seenby.consent.policy import decide_policy, switched
from seenby.delivery.intake import foresee
from seenby.flow import post, send
from seenby.instrument.headers import scan_headers
from seenby.journal.memory import MemoryJournal
from seenby.steps import accepting, posting
from seenby.steps.accepting import team_of
from seenby.steps.house import House
from seenby.steps.sending import LEASE
from seenby.store import Store, drafts, hits, mail
from seenby.store.drafts import State
from seenby.store.times import micros
from seenby.words.limits import ATTACHED_BYTES, ATTACHMENTS, DRAFTS, MESSAGE_BYTES
from seenby.words.message import Sender
from seenby.words.policy import Asked, Level, Policy
from seenby.worker import Worker
from tests.house import ALICE, RITA, ROB, Clock, add_sender, hop_to, make_house, rows
from tests.world import sink, wait_for

pytestmark = pytest.mark.anyio
HELLO = Written(
    from_=ALICE,
    name="Alice",
    to=f"Rita <{RITA}>",
    bcc=ROB,
    subject="Our offer",
    html='<p>Hi, <a href="https://x.test/">look</a></p>',
)

DEFAULTS = [Policy(), Policy(pixels=Level.OFF, links=Level.COUNTED), Policy(pixels=Level.OFF, links=Level.OFF)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(store: Store, clock: Clock) -> House:
    return make_house(store, clock=clock)


@pytest.fixture
async def alice(house: House) -> Sender:
    return await add_sender(house)


async def write(house: House, sender: Sender, written: Written = HELLO, *, draft: str = "d1") -> None:
    async with house.store.write() as tx:
        assert await drafts.save(tx, sender, draft, written, at=house.now())


async def let_go(house: House, sender: Sender, *, draft: str = "d1", after: timedelta = timedelta(0)) -> None:
    async with house.store.write() as tx:
        send_at = micros(house.now() + after)
        assert await tx.run("schedule_draft", id=draft, sender=sender.id, send_at=send_at)


async def take_back(house: House, sender: Sender, *, draft: str = "d1") -> bool:
    async with house.store.write() as tx:
        return bool(await tx.run("cancel_draft", id=draft, sender=sender.id, at=micros(house.now())))


async def state_of(house: House, sender: Sender, *, draft: str = "d1") -> Any:
    async with house.store.read() as tx:
        return await drafts.one(tx, sender, draft)


async def messages(house: House, sender: Sender) -> list[dict[str, Any]]:
    return await rows(house.store, "sent_page", team=sender.team, before=2**62, before_id="", limit=100)


async def test_a_written_message_goes_to_everybody_once_and_nobody_sees_the_blind_copy(
    house: House, alice: Sender
) -> None:
    await write(house, alice)
    await let_go(house, alice)
    assert await post(house) == 1
    assert await post(house) == 0
    (message,) = await messages(house, alice)
    draft = await state_of(house, alice)
    assert (draft["state"], draft["message"]) == (State.SENT, message["id"])
    people = await rows(house.store, "recipients_of", message=message["id"])
    assert {(one["address"], one["role"], one["name"]) for one in people} == {(RITA, "to", "Rita"), (ROB, "bcc", "")}
    assert (await send(house, hop="")).copies == 2
    caught = await rows(house.store, "caught_list", team=alice.team, before=2**62, limit=10)
    assert len(caught) == 2
    for one in caught:
        (kept,) = await rows(house.store, "caught", recipient=one["recipient"], team=alice.team)
        raw = bytes(kept["raw"])
        assert ROB.encode() not in raw
        assert b"http://t.test/" in raw, "it is tracked as any message"
        assert "Our offer" in str(message_from_bytes(raw)["Subject"])


async def test_nothing_goes_before_its_time_and_what_is_taken_back_never_does(
    house: House, alice: Sender, clock: Clock
) -> None:
    await write(house, alice)
    await let_go(house, alice, after=timedelta(seconds=10))
    assert await post(house) == 0
    assert await take_back(house, alice)
    clock.forward(timedelta(minutes=1))
    assert await post(house) == 0
    assert await messages(house, alice) == []
    assert (await state_of(house, alice))["state"] == State.DRAFT
    await let_go(house, alice)
    assert await post(house) == 1
    assert not await take_back(house, alice), "what has gone cannot be taken back"
    assert len(await messages(house, alice)) == 1


async def test_what_is_taken_back_while_it_is_being_made_does_not_go(
    house: House, alice: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(house, alice)
    await let_go(house, alice)
    decide = accepting.decide_on

    async def taken_back_meanwhile(*args: Any) -> Any:
        assert await take_back(house, alice)
        return await decide(*args)

    monkeypatch.setattr(posting, "decide_on", taken_back_meanwhile)
    assert await post(house) == 1
    assert await messages(house, alice) == []
    assert (await state_of(house, alice))["state"] == State.DRAFT


class CrashError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("where", ["claim", "files", "decide_on", "put_message", "put_event", "name_message", "commit"])
async def test_a_crash_anywhere_neither_doubles_nor_loses(
    house: House, alice: Sender, clock: Clock, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    await write(house, alice)
    await let_go(house, alice)

    def dies(*_args: Any, **_rest: Any) -> Any:
        raise OperationalError("gone", None, CrashError())

    place: Any = {
        "claim": drafts, "files": drafts, "decide_on": posting, "put_message": mail, "put_event": hits,
        "name_message": drafts, "commit": posting,
    }[where]  # fmt: skip
    with monkeypatch.context() as patched:
        if where == "commit":  # it is on disk, and nobody heard
            patched.setattr(posting, "note_accepted", dies)
        else:
            patched.setattr(place, where, dies)
        if where == "claim":
            with pytest.raises(OperationalError):
                await post(house)
        else:
            await post(house)
    assert len(await messages(house, alice)) == (1 if where == "commit" else 0)
    clock.forward(LEASE)
    await post(house)
    clock.forward(LEASE)
    await post(house)
    assert len(await messages(house, alice)) == 1
    assert (await state_of(house, alice))["state"] == State.SENT


async def test_two_workers_make_one_message(house: House, alice: Sender, clock: Clock) -> None:
    await write(house, alice)
    await let_go(house, alice)
    async with house.store.write() as tx:
        (slow,) = await drafts.claim(tx, holder="slow", now=house.now(), until=house.now() + LEASE, limit=5)
    clock.forward(LEASE)
    assert await post(house) == 1
    async with house.store.write() as tx:
        assert not await drafts.finish(tx, slow, holder="slow", at=house.now())
    assert len(await messages(house, alice)) == 1


async def test_what_cannot_be_sent_says_why_and_keeps_everything(house: House, alice: Sender) -> None:
    foreign = msgspec.structs.replace(HELLO, from_="boss@acme.test")
    await write(house, alice, foreign)
    async with house.store.write() as tx:
        file = Attached(name="a.txt", type="text/plain", raw=b"x")
        assert not await drafts.attach(tx, alice, "d1", file, identity="f1", at=house.now())
    await let_go(house, alice)
    assert await post(house) == 1
    draft = await state_of(house, alice)
    assert draft["state"] == State.FAILED
    assert draft["problem"].startswith("boss@acme.test is no longer an address of yours.")
    assert await messages(house, alice) == []
    await write(house, alice)  # corrected
    assert (await state_of(house, alice))["problem"] == ""
    await let_go(house, alice)
    await post(house)
    assert len(await messages(house, alice)) == 1
    assert await rows(house.store, "attachments_of", draft="d1") == [], "it lies in the spool now"


async def test_a_slip_of_ours_is_told_and_nothing_is_lost(
    house: House, alice: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(house, alice)
    await let_go(house, alice)

    def dies(*_args: Any, **_rest: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(posting, "letters", dies)
        await post(house)
    assert (await state_of(house, alice))["problem"] == flow.SLIP


async def test_with_fields_everybody_gets_a_message_of_their_own_or_nobody_does(house: House, alice: Sender) -> None:
    fields = msgspec.structs.replace(
        HELLO, html="<p>Hi {{first_name}}</p>", values={ROB: {"first_name": "Rob"}}, bcc="", cc=ROB
    )
    await write(house, alice, fields)
    await let_go(house, alice)
    await post(house)
    both = await messages(house, alice)
    assert len(both) == 2
    assert len({one["id"] for one in both}) == 2
    await write(house, alice, msgspec.structs.replace(fields, values={}), draft="d2")
    await let_go(house, alice, draft="d2")
    await post(house)
    draft = await state_of(house, alice, draft="d2")
    assert (draft["state"], draft["problem"]) == (State.FAILED, f"“first_name” is missing for {ROB}.")
    assert len(await messages(house, alice)) == 2


async def test_a_message_that_no_server_would_take_is_not_sent(house: House, alice: Sender) -> None:
    await write(house, alice, msgspec.structs.replace(HELLO, html="<p>" + "漢" * 300_000 + "</p>"))
    async with house.store.write() as tx:
        big = Attached(name="big", type="x/y", raw=b"x" * ATTACHED_BYTES)
        assert await drafts.attach(tx, alice, "d1", big, identity="b", at=house.now()) == ""
    await let_go(house, alice)
    await post(house)
    assert "MB are the most" in (await state_of(house, alice))["problem"]
    assert await messages(house, alice) == []


async def test_a_follow_up_joins_the_thread(house: House, alice: Sender) -> None:
    await write(house, alice)
    await let_go(house, alice)
    await post(house)
    (first,) = await messages(house, alice)
    async with house.store.read() as tx:
        row = await tx.one("message", id=first["id"], team=alice.team)
    assert row is not None
    again = msgspec.structs.replace(HELLO, subject="Re: Our offer", answers=row["message_id"])
    await write(house, alice, again, draft="d2")
    await let_go(house, alice, draft="d2")
    await post(house)
    async with house.store.read() as tx:
        whole = [await tx.one("message", id=one["id"], team=alice.team) for one in await messages(house, alice)]
    assert len({one["thread"] for one in whole if one}) == 1
    people = await rows(house.store, "recipients_of", message=first["id"])
    assert all(one["replied_at"] is None for one in people), "whoever follows up has not been answered"


@pytest.mark.parametrize("pixels", [True, False])
@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("default", DEFAULTS, ids=str)
async def test_what_is_foreseen_of_each_recipient_is_what_acceptance_decides(
    house: House, alice: Sender, pixels: bool, links: bool, default: Policy
) -> None:
    house = replace(house, ceiling=Policy(pixels=Level.IDENTIFIED, links=Level.FULL))
    await add_sender(house, "bob@acme.test")
    async with house.store.write() as tx:
        await tx.run("set_switches", id=alice.id, pixels=int(default.pixels), links=int(default.links), notify=1)
        await tx.run("add_address", address="alice@else.test", team=alice.team, sender=alice.id)
    everybody = f"{RITA}, {ALICE}, alice@else.test, bob@acme.test, new@acme.test, {ROB}"
    written = msgspec.structs.replace(HELLO, to=everybody, bcc="", pixels=pixels, links=links)
    ceiling = alice.ceiling.within(house.ceiling)
    chosen = switched(default, ceiling, pixels=pixels, links=links)
    policy = decide_policy(ceilings=(ceiling, chosen), asked=Asked())
    async with house.store.read() as tx:
        team = await team_of(tx, alice)
    foreseen = {
        str(one.address): foresee(one.address, team=team, policy=policy) for one in addressed(written).everybody
    }
    await write(house, alice, written)
    await let_go(house, alice)
    await post(house)
    (message,) = await messages(house, alice)
    decided = {
        one["address"]: (Policy(pixels=Level(one["pixels"]), links=Level(one["links"])), one["untracked"])
        for one in await rows(house.store, "recipients_of", message=message["id"])
    }
    assert decided == {address: (one.policy, one.untracked) for address, one in foreseen.items()}
    assert foreseen[RITA].policy == policy


async def test_without_notify_its_writer_hears_no_bell(house: House, alice: Sender) -> None:
    await write(house, alice, msgspec.structs.replace(HELLO, notify=False))
    await let_go(house, alice)
    await post(house)
    (message,) = await messages(house, alice)
    assert await rows(house.store, "is_unwatched", sender=alice.id, message=message["id"])


async def test_a_draft_is_its_writers_alone(house: House, alice: Sender) -> None:
    bob = await add_sender(house, "bob@acme.test")
    await write(house, alice)
    async with house.store.write() as tx:
        assert await drafts.one(tx, bob, "d1") is None
        assert not await drafts.save(tx, bob, "d1", Written(subject="stolen"), at=house.now())
        file = Attached(name="a", type="", raw=b"")
        assert await drafts.attach(tx, bob, "d1", file, identity="f", at=house.now())
        assert not await tx.run("schedule_draft", id="d1", sender=bob.id, send_at=0)
        assert not await tx.run("delete_draft", id="d1", sender=bob.id, at=0)
    assert (await state_of(house, alice))["state"] == State.DRAFT


async def test_files_and_drafts_have_their_limits(house: House, alice: Sender) -> None:
    await write(house, alice)
    async with house.store.write() as tx:
        big = Attached(name="big", type="x/y", raw=b"x" * ATTACHED_BYTES)
        assert await drafts.attach(tx, alice, "d1", big, identity="b", at=house.now()) == ""
        one = Attached(name="one", type="x/y", raw=b"x")
        assert "18 MB" in await drafts.attach(tx, alice, "d1", one, identity="c", at=house.now())
        await tx.run("drop_attachments", draft="d1")
        for number in range(ATTACHMENTS):
            assert await drafts.attach(tx, alice, "d1", one, identity=f"f{number}", at=house.now()) == ""
        assert "are the most" in await drafts.attach(tx, alice, "d1", one, identity="z", at=house.now())
        for number in range(2, DRAFTS + 1):
            assert await drafts.save(tx, alice, f"d{number}", HELLO, at=house.now())
        assert not await drafts.save(tx, alice, "more", HELLO, at=house.now())
        assert await drafts.save(tx, alice, "d1", HELLO, at=house.now()), "those that are there can be changed"


async def test_a_deleted_draft_comes_back_for_a_while_and_then_is_gone(
    house: House, alice: Sender, clock: Clock
) -> None:
    await write(house, alice)
    async with house.store.write() as tx:
        assert await tx.run("delete_draft", id="d1", sender=alice.id, at=micros(house.now()))
        assert await tx.all("drafts_of", sender=alice.id) == []
        assert await tx.run("restore_draft", id="d1", sender=alice.id, at=micros(house.now()))
        assert len(await tx.all("drafts_of", sender=alice.id)) == 1
        assert await tx.run("delete_draft", id="d1", sender=alice.id, at=micros(house.now()))
    clock.forward(timedelta(days=2))
    await flow.sweep(house)
    assert await state_of(house, alice) is None


async def test_the_largest_files_still_make_a_message_that_is_taken(house: House, alice: Sender) -> None:
    await write(house, alice)
    async with house.store.write() as tx:
        big = Attached(name="big", type="x/y", raw=b"x" * ATTACHED_BYTES)
        assert await drafts.attach(tx, alice, "d1", big, identity="b", at=house.now()) == ""
    await let_go(house, alice)
    await post(house)
    (message,) = await messages(house, alice)
    async with house.store.read() as tx:
        raw = await mail.spooled(tx, message=message["id"])
    assert raw is not None
    assert len(raw) <= MESSAGE_BYTES
    assert scan_headers(raw).raw("content-type")


async def test_the_worker_posts_and_sends_by_itself(house: House, alice: Sender) -> None:
    with sink() as server:
        house = replace(house, next_hop=hop_to(server.port))
        await write(house, alice)
        await let_go(house, alice)
        stop = asyncio.Event()
        working = asyncio.create_task(Worker(house, MemoryJournal()).run(stop))
        try:
            await asyncio.to_thread(wait_for, lambda: len(server.got) == 2)
        finally:
            stop.set()
            await working
        assert sorted(to for _from, to, _raw in server.got) == [RITA, ROB]
        assert all(ROB.encode() not in raw for _from, to, raw in server.got if to == RITA)

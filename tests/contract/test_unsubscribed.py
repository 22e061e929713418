"""Wishes that are frozen at acceptance, and unsubscribing from the journal to the refusal, on both databases."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from seenby import flow
from seenby.flow import drain
from seenby.instrument import TextMode, Wishes, scan_headers
from seenby.instrument.wishes import UNREADABLE, write_wishes
from seenby.journal import Batch
from seenby.steps.house import House
from seenby.store import Store, unsubscribed
from seenby.store.times import micros
from seenby.words.hit import Hit
from seenby.words.message import UNWANTED, Refused, Sender
from seenby.words.policy import Level, Policy
from seenby.words.token import Kind, Token, parse_token
from tests.house import ALICE, MAIL, RITA, ROB, START, Clock, add_sender, hop_to, make_house, rows, submit, submitted

pytestmark = pytest.mark.anyio
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Brought:
    """A journal that brings these hits, as often as it is asked."""

    hits: tuple[Hit, ...]

    async def claim(self, done: Mapping[str, int], *, limit: int) -> Batch:
        return Batch(hits=self.hits, done={"s": len(self.hits)})

    async def settle(self, done: Mapping[str, int]) -> tuple[str, ...]:
        return ()


def left(message: str, recipient: str | None, *, at: datetime = START, name: str = "h" * 22) -> Hit:
    token = Token(kind=Kind.UNSUBSCRIBE, level=Level.COUNTED, message=message, recipient=recipient)
    return Hit(id=name, at=at, token=token, method="POST")


async def recipient_of(store: Store, message: str, address: str = RITA) -> str:
    people = await rows(store, "recipients_of", message=message)
    return str(next(row["id"] for row in people if row["address"] == address))


async def caught(store: Store) -> dict[str, bytes]:
    return {
        row["address"]: bytes((await rows(store, "caught_copy", recipient=row["recipient"]))[0]["raw"])
        for row in await rows(
            store, "caught_list", team=(await rows(store, "first_team"))[0]["id"], before=2**62, limit=99
        )
    }


async def set_up(store: Store, *, unsubscribe: bool = True, wishes: str = "") -> tuple[House, Sender, Clock]:
    clock = Clock()
    house = make_house(store, clock=clock, tracking_url="https://t.test")
    sender = await add_sender(house)
    async with store.write() as tx:
        await tx.run("set_unsubscribe", id=sender.id, unsubscribe=int(unsubscribe))
        await tx.run("set_wishes", id=sender.id, wishes=wishes)
    return house, sender, clock


async def events(store: Store, kind: str) -> list[dict[str, object]]:
    return [row for row in await rows(store, "events_after", seq=0, limit=1000) if row["kind"] == kind]


# ---- wishes


async def test_acceptance_and_sending_see_the_same_wishes_whatever_is_changed_between(store: Store) -> None:
    house, sender, _clock = await set_up(store, wishes=write_wishes(Wishes(never_hosts=frozenset({"x.test"}))))
    message = await submitted(house, sender)
    async with store.write() as tx:
        await tx.run("set_wishes", id=sender.id, wishes="")
    await flow.send(house, hop="")
    assert b"href='https://x.test/'" in (await caught(store))[RITA]
    assert await rows(store, "links_of", message=message) == []
    again = await submitted(house, sender, MAIL.replace(b"offer@", b"offer2@"))
    assert len(await rows(store, "links_of", message=again)) == 1


@pytest.mark.parametrize("damage", ["{", '{"v":2}', "\U0001f600" * 10])
async def test_damaged_wishes_stop_no_mail_and_are_noted(store: Store, damage: str) -> None:
    house, sender, _clock = await set_up(store, wishes=damage)
    message = await submitted(house, sender)
    [kept] = await rows(store, "message", id=message, team=sender.team)
    assert UNREADABLE in kept["notes"]
    assert kept["wishes"] == ""
    await flow.send(house, hop="")
    assert b"https://t.test/c/" in (await caught(store))[RITA]


async def test_damage_to_a_messages_own_wishes_stops_no_mail(store: Store) -> None:
    house, sender, _clock = await set_up(store, wishes=write_wishes(Wishes(text=TextMode.NONE)))
    await submitted(house, sender)
    async with store.write() as tx:
        await tx.connection.exec_driver_sql("update messages set wishes = 'x'")
    await flow.send(house, hop="")
    assert RITA in await caught(store)


# ---- the way to unsubscribe


async def test_recipients_get_it_and_the_senders_own_side_does_not(store: Store) -> None:
    house, sender, _clock = await set_up(store)
    bob = "bob@acme.test"
    await submitted(house, sender, to=(RITA, ROB, bob, ALICE))
    await flow.send(house, hop="")
    copies = await caught(store)
    urls = {address: scan_headers(raw).first("list-unsubscribe") for address, raw in copies.items()}
    assert urls[bob] is None
    assert urls[ALICE] is None
    assert urls[RITA] != urls[ROB]
    token = parse_token((urls[RITA] or "")[1:-1].rpartition("/")[2], house.keys, kind=Kind.UNSUBSCRIBE)
    assert token is not None
    assert token.recipient == next(
        row["id"] for row in await rows(store, "recipients_of", message=token.message) if row["address"] == RITA
    )


@pytest.mark.parametrize(
    ("switch", "field", "there"),
    [(False, b"", False), (True, b"", True), (False, b"on", True), (True, b"off", False)],
)
async def test_the_message_has_the_last_word(store: Store, switch: bool, field: bytes, there: bool) -> None:
    house, sender, _clock = await set_up(store, unsubscribe=switch)
    await submitted(house, sender, (b"X-Seenby-Unsubscribe: " + field + b"\r\n" if field else b"") + MAIL)
    await flow.send(house, hop="")
    copy = (await caught(store))[RITA]
    assert (b"List-Unsubscribe: " in copy) == there
    assert b"X-Seenby" not in copy


async def test_a_wish_nobody_understands_is_refused(store: Store) -> None:
    house, sender, _clock = await set_up(store)
    refused = await submit(house, sender, b"X-Seenby-Unsubscribe: maybe\r\n" + MAIL)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.status) == (550, "5.7.1")
    assert "maybe" in refused.why


async def test_it_is_there_when_tracking_is_off(store: Store) -> None:
    house, sender, _clock = await set_up(store)
    house = replace(house, ceiling=Policy(pixels=Level.OFF, links=Level.OFF))
    await submitted(house, sender)
    await flow.send(house, hop="")
    copy = (await caught(store))[RITA]
    assert b"\r\nList-Unsubscribe: <https://t.test/u/" in copy
    assert copy.endswith(MAIL)


# ---- the wish


async def test_unsubscribing_is_told_once_however_often_it_is_brought_and_is_no_hit(store: Store) -> None:
    house, sender, _clock = await set_up(store)
    message = await submitted(house, sender)
    person = await recipient_of(store, message)
    wish = left(message, person)
    assert await drain(house, Brought((wish,))) == 1
    await drain(house, Brought((wish, left(message, person, at=START + MINUTE, name="i" * 22))))
    [event] = await events(store, "unsubscribed")
    assert (event["recipient"], event["bell"], event["message"]) == (person, 1, message)
    assert (await rows(store, "count_hits"))[0]["n"] == 0
    assert await rows(store, "due_judgements", now=2**62, limit=9) == []
    [kept] = await rows(store, "unsubscribed", team=sender.team, limit=9)
    assert (kept["address"], kept["message"], kept["at"]) == (RITA, message, micros(START))


async def test_beside_a_wish_hits_are_judged_as_ever(store: Store) -> None:
    house, sender, _clock = await set_up(store)
    message = await submitted(house, sender)
    person = await recipient_of(store, message)
    opened = Hit(
        id="o" * 22,
        at=START,
        token=Token(kind=Kind.PIXEL, level=Level.FULL, message=message, recipient=person),
        method="GET",
    )
    await drain(house, Brought((opened, left(message, person))))
    assert (await rows(store, "count_hits"))[0]["n"] == 1
    assert len(await rows(store, "due_judgements", now=2**62, limit=9)) == 1
    await flow.judge(house, message=message)
    assert await events(store, "clicked") == []


@pytest.mark.parametrize("whose", ["nobody", "a stranger", "of a message long gone", "a colleague"])
async def test_a_wish_that_speaks_of_no_recipient_changes_nothing(store: Store, whose: str) -> None:
    house, sender, _clock = await set_up(store)
    message = await submitted(house, sender, to=(RITA, "bob@acme.test"))
    wish = {
        "nobody": left(message, None),
        "a stranger": left(message, "x" * 10 + "w"),
        "of a message long gone": left("g" * 16, await recipient_of(store, message)),
        "a colleague": left(message, await recipient_of(store, message, "bob@acme.test")),
    }[whose]
    assert await drain(house, Brought((wish,))) == 1
    assert await events(store, "unsubscribed") == []
    assert await rows(store, "unsubscribed", team=sender.team, limit=9) == []


async def test_a_queued_copy_is_not_sent_any_more_and_the_sender_is_told(store: Store) -> None:
    house, sender, _clock = await set_up(store)
    first = await submitted(house, sender)
    await flow.send(house, hop="")
    upper = "RITA@out.test"
    message = await submitted(house, sender, MAIL.replace(b"offer@", b"offer2@"), to=(upper, ROB))
    await drain(house, Brought((left(first, await recipient_of(store, first)),)))
    batch = await flow.send(house, hop="")
    assert batch.copies == 2
    states = {
        row["address"]: (row["state"], row["reply"]) for row in await rows(store, "recipients_of", message=message)
    }
    assert states[upper] == ("failed", UNWANTED)
    assert states[ROB][0] == "sent"
    assert set(await caught(store)) == {RITA, ROB}
    assert await flow.tell(house) == 1
    await flow.send(house, hop="")
    dsn = message_from_bytes((await caught(store))[ALICE], policy=policy.default)
    assert isinstance(dsn, EmailMessage)
    words, status = dsn.iter_parts()
    assert isinstance(words, EmailMessage)
    assert UNWANTED in words.get_content()
    assert "could not be reached" not in words.get_content()
    assert "Status: 5.7.1" in status.as_string()
    assert await rows(store, "spool", message=message) == []


async def test_for_who_unsubscribed_no_server_is_asked(store: Store) -> None:
    house, sender, _clock = await set_up(store)
    house = replace(house, next_hop=hop_to(1))  # nobody listens there
    async with store.write() as tx:
        await unsubscribed.put(tx, team=sender.team, address=RITA, message="m", at=START)
    message = await submitted(house, sender)
    assert await flow.send(house, hop="") == flow.Batch(copies=1, reached=True)
    [person] = await rows(store, "recipients_of", message=message)
    assert (person["state"], person["reply"], person["due_at"]) == ("failed", UNWANTED, None)


async def test_a_colleague_is_written_to_even_if_they_once_unsubscribed(store: Store) -> None:
    house, sender, _clock = await set_up(store)
    async with store.write() as tx:
        for address in ("bob@acme.test", RITA):
            await unsubscribed.put(tx, team=sender.team, address=address, message="m", at=START)
    async with store.read() as tx:
        assert not await unsubscribed.refuses(tx, team=sender.team, address="bob@acme.test")
        assert await unsubscribed.refuses(tx, team=sender.team, address=RITA)
        assert not await unsubscribed.refuses(tx, team="another", address=RITA)
    message = await submitted(house, sender, to=("bob@acme.test", RITA))
    await flow.send(house, hop="")
    states = {row["address"]: row["state"] for row in await rows(store, "recipients_of", message=message)}
    assert states == {"bob@acme.test": "sent", RITA: "failed"}


async def test_after_it_was_lifted_an_old_wish_is_old_and_a_new_one_works(store: Store) -> None:
    _house, sender, _clock = await set_up(store)
    team = sender.team

    async def put(minutes: int) -> bool:
        async with store.write() as tx:
            return await unsubscribed.put(
                tx, team=team, address=RITA, message=f"m{minutes}", at=START + minutes * MINUTE
            )

    async def lift() -> bool:
        async with store.write() as tx:
            at = START + 5 * MINUTE
            return await unsubscribed.lift(tx, team=team, address=RITA, sender=sender.id, why="a call", at=at)

    async def refused() -> bool:
        async with store.read() as tx:
            return await unsubscribed.refuses(tx, team=team, address=RITA)

    assert [await put(1), await put(2), await refused()] == [True, False, True]
    assert [await lift(), await lift(), await refused()] == [True, False, False]
    [row] = await rows(store, "unsubscribed", team=team, limit=9)
    assert (row["lifted_by"], row["lifted_why"], row["message"]) == (ALICE, "a call", "m1")
    assert [await put(2), await refused()] == [False, False]  # brought once more
    assert [await put(3), await refused()] == [True, True]  # said before it was lifted, and not known then
    assert [await lift(), await put(9), await refused()] == [True, True, True]
    [row] = await rows(store, "unsubscribed", team=team, limit=9)
    assert (row["lifted_by"], row["message"]) == (None, "m9")

"""What is kept of a submission: who gets which copy, under which policy, in which thread."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from seenby.steps.house import House
from seenby.store import open_store
from seenby.words.message import Accepted, Refused, Sender
from seenby.words.policy import Level, Policy
from tests.house import ALICE, MAIL, RITA, Clock, add_sender, make_house, rows, submit, submitted

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await open_store(database_url="", data=tmp_path)
    yield make_house(store, clock=Clock())
    await store.close()


async def people_of(house: House, message: str) -> dict[str, dict[str, Any]]:
    return {row["address"]: row for row in await rows(house.store, "recipients_of", message=message)}


async def kept(house: House, sender: Sender, message: str) -> dict[str, Any]:
    (row,) = await rows(house.store, "message", id=message, team=sender.team)
    return row


async def test_own_addresses_and_colleagues_by_address_and_by_domain_are_not_tracked(house: House) -> None:
    sender = await add_sender(house)
    await add_sender(house, "bob@gmail.com")
    to = [ALICE.upper(), "anybody@acme.test", "x@ACME.test", "bob@gmail.com", "eve@gmail.com", "x@sub.acme.test", RITA]
    people = await people_of(house, await submitted(house, sender, to=to))
    assert {address: row["untracked"] for address, row in people.items()} == {
        "ALICE@acme.test": "own",
        "anybody@acme.test": "colleague",
        "x@acme.test": "colleague",
        "bob@gmail.com": "colleague",
        "eve@gmail.com": None,
        "x@sub.acme.test": None,
        RITA: None,
    }
    assert {(row["pixels"], row["links"]) for row in people.values() if row["untracked"]} == {(0, 0)}


@pytest.mark.parametrize("domain", ["gmail.com", "outlook.com", "gmx.de", "yahoo.co.uk", "icloud.com"])
async def test_a_domain_that_strangers_share_makes_nobody_a_colleague(house: House, domain: str) -> None:
    sender = await add_sender(house, f"me@{domain}")
    raw = MAIL.replace(ALICE.encode(), sender.address.encode())
    people = await people_of(house, await submitted(house, sender, raw, to=[f"you@{domain}", f"me@{domain}"]))
    assert {row["untracked"] for row in people.values()} == {None, "own"}


async def test_everybody_is_who_the_headers_say_and_the_rest_is_blind(house: House) -> None:
    raw = MAIL.replace(
        b"To: rita@out.test",
        b'To: "Rita, R." <RITA@out.test>, undisclosed: g@out.test;\r\n'
        b"Cc: =?utf-8?q?J=C3=B6rg?= <j@out.test>, rita@out.test",
    )
    to = [RITA, "j@out.test", "g@out.test", "zoe@out.test"]
    people = await people_of(house, await submitted(house, await add_sender(house), raw, to=to))
    assert {address: (row["role"], row["name"]) for address, row in people.items()} == {
        RITA: ("to", "Rita, R."),
        "j@out.test": ("cc", "Jörg"),
        "g@out.test": ("to", ""),
        "zoe@out.test": ("bcc", ""),
    }


async def test_who_is_named_twice_gets_one_copy(house: House) -> None:
    people = await people_of(
        house, await submitted(house, await add_sender(house), to=[RITA, RITA.upper(), "rita@OUT.test.", RITA])
    )
    assert len(people) == 1


@pytest.mark.parametrize(
    ("ceiling", "team", "mine", "asked", "levels"),
    [
        ((3, 3), (3, 3), (3, 3), b"", (3, 3)),
        ((2, 3), (3, 3), (3, 3), b"", (2, 3)),
        ((3, 3), (1, 3), (3, 2), b"", (1, 2)),
        ((3, 3), (3, 3), (2, 2), b"X-Seenby: pixel=counted\r\n", (1, 2)),
        ((3, 3), (3, 3), (3, 3), b"X-Seenby: off\r\n", (0, 0)),
        ((3, 3), (3, 3), (3, 3), b"X-Seenby: links=off\r\n", (3, 0)),
    ],
)
async def test_of_installation_team_sender_and_message_the_strictest_wins(
    house: House, ceiling: Any, team: Any, mine: Any, asked: bytes, levels: Any
) -> None:
    house = replace(house, ceiling=Policy(pixels=Level(ceiling[0]), links=Level(ceiling[1])))
    sender = await add_sender(house)
    await set_levels(house, sender, team=team, mine=mine)
    people = await people_of(house, await submitted(house, sender, asked + MAIL))
    assert (people[RITA]["pixels"], people[RITA]["links"]) == levels
    assert people[RITA]["untracked"] == ("off" if levels == (0, 0) else None)


@pytest.mark.parametrize("side", ["installation", "team", "sender"])
async def test_a_message_that_asks_for_more_than_any_side_allows_is_refused(house: House, side: str) -> None:
    if side == "installation":
        house = replace(house, ceiling=Policy(pixels=Level.COUNTED))
    sender = await add_sender(house)
    low, high = (1, 3), (3, 3)
    await set_levels(house, sender, team=low if side == "team" else high, mine=low if side == "sender" else high)
    refused = await submit(house, sender, b"X-Seenby: pixel=identified\r\n" + MAIL)
    assert refused == Refused(
        code=550,
        status="5.7.1",
        why="X-Seenby asks for pixel=identified, but no more than counted is allowed here.",
    )
    assert await rows(house.store, "due_hops", now=2**62) == []


async def set_levels(house: House, sender: Sender, *, team: tuple[int, int], mine: tuple[int, int]) -> None:
    from sqlalchemy import text

    async with house.store.write() as tx:
        await tx.run("set_switches", id=sender.id, pixels=mine[0], links=mine[1], notify=1)
        await tx.connection.execute(text("update teams set pixels = :p, links = :l"), {"p": team[0], "l": team[1]})


async def test_switches_that_moved_after_sign_in_count(house: House) -> None:
    sender = await add_sender(house)
    await set_levels(house, sender, team=(3, 3), mine=(0, 0))
    people = await people_of(house, await submitted(house, sender))  # `sender` still says full
    assert people[RITA]["untracked"] == "off"


def in_thread(message_id: str, *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in fields).encode()
    return head + MAIL.replace(b"<offer@acme.test>", f"<{message_id}>".encode())


async def test_answers_join_the_thread_of_what_they_answer(house: House) -> None:
    sender = await add_sender(house)
    threads = []
    for raw in (
        in_thread("1@a"),
        in_thread("2@a", "In-Reply-To: <1@a>"),
        in_thread("3@a", "References: <unknown@b> <2@a>"),
        in_thread("4@a", "References: <0@b>\r\n <1@a><never@b>", "In-Reply-To: <never@b>"),
        in_thread("5@a", "References: <root@b> <mid@b>", "In-Reply-To: <mid@b>"),
        in_thread("6@a", "In-Reply-To: <5@a>"),
        in_thread("7@a", "In-Reply-To: Alice's message of Monday"),
    ):
        message = await submitted(house, sender, raw)
        threads.append((await kept(house, sender, message))["thread"])
    assert threads == ["<1@a>"] * 4 + ["<root@b>"] * 2 + ["<7@a>"]


async def test_threads_of_another_team_are_not_joined(house: House) -> None:
    from sqlalchemy import text

    sender = await add_sender(house)
    await submitted(house, sender, in_thread("1@a", "In-Reply-To: <0@a>"))
    async with house.store.write() as tx:
        await tx.connection.execute(text("update messages set team = 'another'"))
    message = await submitted(house, sender, in_thread("2@a", "In-Reply-To: <1@a>"))
    assert (await kept(house, sender, message))["thread"] == "<1@a>"


async def test_a_message_without_a_name_gets_one(house: House) -> None:
    sender = await add_sender(house)
    row = await kept(
        house, sender, await submitted(house, sender, MAIL.replace(b"Message-ID: <offer@acme.test>\r\n", b""))
    )
    assert row["message_id"].startswith("<")
    assert row["message_id"].endswith("@t.test>")
    assert row["thread"] == row["message_id"]


@pytest.mark.parametrize(
    ("raw", "from_", "code", "status"),
    [
        (MAIL, "mallory@acme.test", 550, "5.7.1"),
        (MAIL.replace(ALICE.encode(), b"boss@acme.test"), ALICE, 550, "5.7.1"),
        (MAIL.replace(b"Alice <alice@acme.test>", b"alice@acme.test, boss@acme.test"), ALICE, 550, "5.7.1"),
        (b"From: boss@acme.test\r\n" + MAIL, ALICE, 550, "5.7.1"),
        (b"Sender: boss@acme.test\r\n" + MAIL, ALICE, 550, "5.7.1"),
        (MAIL.replace(b"From: Alice <alice@acme.test>\r\n", b""), ALICE, 550, "5.6.0"),
        (b"Received: by x; now\r\n" * 101 + MAIL, ALICE, 554, "5.4.6"),
        (b"X-Seenby: a lot\r\n" + MAIL, ALICE, 550, "5.7.1"),
    ],
    ids=["envelope", "author", "two authors", "two fields", "sender", "nobody", "in circles", "no wish"],
)
async def test_what_is_refused(house: House, raw: bytes, from_: str, code: int, status: str) -> None:
    refused = await submit(house, await add_sender(house), raw, from_=from_)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.status) == (code, status)


async def test_an_account_that_is_gone_submits_nothing(house: House) -> None:
    sender = replace(await add_sender(house), id="gone")
    assert isinstance(await submit(house, sender), Refused)


@pytest.mark.parametrize(
    "raw",
    [
        MAIL.replace(b"Our offer", b"=?utf-7?q?+2AA-?= \xff\x80 \x7f"),
        MAIL.replace(b"Message-ID: <offer@acme.test>", b"Message-ID: \xff\xfe" + b"x" * 900),
        MAIL.replace(b"charset=utf-8", b"charset=utf-16").replace(b"https://x.test/", b"https://x.test/&#0;&#xd800;"),
        MAIL.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n").split(b"<p>")[0]
        + b"PGEgaHJlZj0iaHR0cHM6Ly94LnRlc3QvAGEiPng8L2E+PGEgaHJlZj0iaHR0cHM6Ly94LnRlc3Qv/yI+eTwvYT4=\r\n",
        MAIL.replace(b"To: rita@out.test", b"To: \xff <rita@out.test>"),
        b"References: " + b"<\xff@x> " * 100 + b"\r\n" + MAIL,
    ],
    ids=["subject", "name", "entities", "bytes in a link", "display name", "references"],
)
async def test_whatever_bytes_a_message_holds_both_databases_take_it(store: Any, raw: bytes) -> None:
    house = make_house(store, clock=Clock())
    assert isinstance(await submit(house, await add_sender(house), raw), Accepted)


async def test_the_clock_of_acceptance_is_the_houses(house: House) -> None:
    clock = Clock()
    clock.forward(timedelta(days=1))
    house = replace(house, now=clock)
    sender = await add_sender(house)
    row = await kept(house, sender, await submitted(house, sender))
    assert row["accepted_at"] == int(clock.at.timestamp() * 1_000_000)

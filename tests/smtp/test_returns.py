"""Copies leave from return addresses of their own, and what comes back to one finds its copy, once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from seenby import flow
from seenby.consent.person import Person, erase_some
from seenby.delivery.dkim import DkimKey
from seenby.delivery.dkim_record import create_key
from seenby.report.reading import gather
from seenby.steps.house import House
from seenby.steps.sending import return_path_of
from seenby.store import Store, mail, unsubscribed
from seenby.words.address import parse_address
from seenby.words.limits import REPORTS
from seenby.words.message import Accepted, Refused, Returned
from seenby.words.return_path import parse_return_path, sign_return_path
from seenby.words.token import Keyring
from tests.house import ALICE, MAIL, RITA, ROB, Clock, add_sender, hop_to, make_house, rows, submitted
from tests.smtp.test_delivery import Server, events, one, scripted, serving
from tests.unit.test_inbound_report import DELAYED, POSTFIX, report, simple

pytestmark = pytest.mark.anyio
DOMAIN = "bounces.acme.test"
BOB = "bob@acme.test"
NO_USER = "550 5.1.1 <rita@out.test>: Recipient address rejected: User unknown (mx.out.test)"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(store: Store, clock: Clock) -> House:
    return make_house(store, clock=clock, return_path=DOMAIN)


def complaint(kind: str) -> bytes:
    said = f"Feedback-Type: {kind}\r\nUser-Agent: Loop/1\r\nVersion: 1\r\n"
    return report(said, kind="feedback-report", part="message/feedback-report")


async def sent(house: House, server: Server, *, to: tuple[str, ...] = (RITA,), raw: bytes = MAIL) -> tuple[House, str]:
    """A message whose copies the server took."""
    house = replace(house, next_hop=hop_to(server.port))
    message = await submitted(house, await add_sender(house), raw, to=list(to))
    await flow.send(house, hop="")
    return house, message


async def take_back(house: House, message: str, raw: bytes, *, of: str = RITA) -> Any:
    (recipient,) = [
        row["id"] for row in await rows(house.store, "recipients_of", message=message) if row["address"] == of
    ]
    return await flow.take_back(house, Returned(recipient=recipient, raw=raw, at=house.now()))


async def story(house: House, message: str) -> list[tuple[str, str]]:
    return [(row["outcome"], row["reply"]) for row in await rows(house.store, "attempts", message=message)]


async def bell(house: House) -> list[str]:
    return [row["kind"] for row in await rows(house.store, "events_after", seq=0, limit=1000) if row["bell"]]


# ---------------------------------------------------------------- on the way out


async def test_each_copy_leaves_from_an_address_of_its_own_colleagues_and_own_copies_too(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server, to=(RITA, ROB, BOB, ALICE))
    ids = {row["address"]: row["id"] for row in await rows(house.store, "recipients_of", message=message)}
    assert {to: parse_return_path(from_, house.keys, domain=DOMAIN) for from_, to, _raw in server.got} == ids
    assert all(DOMAIN.encode() not in raw for _from, _to, raw in server.got)


async def test_without_a_return_path_it_is_the_senders_own_address(house: House) -> None:
    async with serving() as server:
        await sent(replace(house, return_path=""), server, to=(RITA, ALICE))
    assert {from_ for from_, _to, _raw in server.got} == {ALICE}


async def test_the_address_is_the_same_at_every_attempt_and_after_a_key_was_added(house: House, clock: Clock) -> None:
    heard: list[str] = []
    async with scripted({"RCPT": "450 4.2.1 Busy"}, heard=heard) as port, serving() as server:
        house = replace(house, next_hop=hop_to(port))
        message = await submitted(house, await add_sender(house))
        before = return_path_of(house, await _claimed(house))
        clock.forward(timedelta(minutes=5))
        await flow.send(house, hop="")
        clock.forward(timedelta(minutes=30))
        newer = Keyring(keys=dict(house.keys.keys) | {1: b"n" * 32}, current=1)
        await flow.send(replace(house, keys=newer, next_hop=hop_to(server.port)), hop="")
    assert "RCPT" in heard
    ((from_, _to, _raw),) = server.got
    assert from_ == before
    assert (await one(house, message))["state"] == "sent"


async def _claimed(house: House) -> Any:
    """A look at the copy as a worker that dies sees it."""
    async with house.store.write() as tx:
        (copy,) = await mail.claim_copies(
            tx, hop="", holder="dead", now=house.now(), until=house.now() + timedelta(minutes=1), limit=1
        )
    return copy


async def test_a_dsn_of_ours_keeps_the_empty_return_path(house: House) -> None:
    async with serving() as server:
        server.refuses[RITA] = "550 5.1.1 Nobody"
        house, _message = await sent(house, server)
        assert await flow.tell(house) == 1
        await flow.send(house, hop="")
    ((from_, to, _dsn),) = server.got
    assert (from_, to) == ("<>", ALICE) or (from_, to) == ("", ALICE)


async def test_a_missing_message_id_is_added_once_and_is_the_same_in_all_copies_and_attempts(
    house: House, clock: Clock
) -> None:
    async with serving() as server:
        server.refuses[ROB] = "450 4.2.1 Busy"
        house, _ = await sent(
            house, server, to=(RITA, ROB), raw=MAIL.replace(b"Message-ID: <offer@acme.test>\r\n", b"")
        )
        server.refuses.clear()
        clock.forward(timedelta(hours=1))
        await flow.send(house, hop="")
    heads = [raw.partition(b"\r\n\r\n")[0].lower().split(b"\r\n") for _from, _to, raw in server.got]
    ids = [[line for line in head if line.startswith(b"message-id:")] for head in heads]
    assert len(ids) == 2
    assert [len(found) for found in ids] == [1, 1]
    assert ids[0] == ids[1]


# ---------------------------------------------------------------- on the way back


async def test_a_bounce_that_comes_later_is_the_fate_of_its_copy_and_of_no_other(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server, to=(RITA, ROB))
        assert await take_back(house, message, report(POSTFIX)) == Accepted(message=message)
    found = {
        row["address"]: (row["state"], row["reply"])
        for row in await rows(house.store, "recipients_of", message=message)
    }
    assert found == {RITA: ("bounced", NO_USER), ROB: ("sent", "250 2.0.0 taken as 1")}
    assert ("came_back", NO_USER) in await story(house, message)
    assert await bell(house) == ["message_bounced"]


async def test_of_somebody_who_was_erased_a_bounce_changes_the_fate_and_names_nobody(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server, to=(RITA, ROB))
        [rita] = [
            row["id"] for row in await rows(house.store, "recipients_of", message=message) if row["address"] == RITA
        ]
        async with house.store.write() as tx:
            [team] = {row["team"] for row in await tx.all("messages_of_tokens", ids=f'["{message}"]')}
            await erase_some(tx, Person(team=team, address=RITA))
        for raw in (report(POSTFIX), report(DELAYED)):
            assert await flow.take_back(house, Returned(recipient=rita, raw=raw, at=house.now()))
    states = {row["id"]: row["state"] for row in await rows(house.store, "recipients_of", message=message)}
    assert states[rita] == "bounced"
    async with house.store.read() as tx:
        for table in ("recipients", "attempts", "events"):
            kept = (await tx.connection.execute(text(f"select * from {table} where message = '{message}'"))).mappings()
            assert "rita" not in str([dict(row) for row in kept]).lower(), table


async def test_who_fetches_what_came_back_is_no_recipient(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server, to=(RITA, ROB))

        async def bounced() -> bool:
            async with house.store.read() as tx:
                (due,) = await tx.all("message_of_token", id=message)
                return (await gather(tx, message=due, now=house.now())).evidence.bounced

        await take_back(house, message, report(POSTFIX))
        assert not await bounced(), "Rob has his copy"
        assert await rows(house.store, "due_judgements", now=2**62, limit=9) == [{"id": message}], "it is read again"
        await take_back(house, message, report(POSTFIX), of=ROB)
        assert await bounced()


async def test_the_same_bounce_twice_counts_once_and_is_forwarded_once(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server)
        raw = report(POSTFIX)
        for _ in range(3):
            assert await take_back(house, message, raw) == Accepted(message=message)
        assert (await flow.send(house, hop="")).copies == 1
    assert len(await story(house, message)) == 2
    assert await bell(house) == ["message_bounced"]
    assert await flow.tell(house) == 0, "whom we forward the bounce to gets no second notice from us"


async def test_two_different_bounces_ring_once(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server)
        await take_back(house, message, report(POSTFIX))
        await take_back(house, message, report(simple("failed", "5.7.1")))
    assert (await one(house, message))["reply"] == NO_USER
    assert await bell(house) == ["message_bounced"]
    assert [outcome for outcome, _reply in await story(house, message)] == ["sent", "came_back", "came_back"]


async def test_what_came_is_forwarded_to_the_sender_as_it_came(house: House) -> None:
    strange = report(POSTFIX).replace(b"Subject:", b"Bcc: x@y.test\r\nX-Seenby: off\r\nSubject:", 1) + b"\xff tail\r\n"
    async with serving() as server:
        house, message = await sent(house, server)
        await take_back(house, message, strange)
        server.got.clear()
        await flow.send(house, hop="")
    ((from_, to, raw),) = server.got
    assert from_ in ("", "<>")
    assert to == ALICE
    trace, _, rest = raw.partition(b"\r\n")
    assert trace.startswith(b"Received: by t.test with ESMTP;")
    assert rest == strange


async def test_a_strangers_mail_in_the_teams_name_is_not_signed_on_its_way(house: House, tmp_path: Any) -> None:
    _path, key = create_key(tmp_path, domain="acme.test", selector="s", rsa_key=False)
    assert isinstance(key, DkimKey)
    house = replace(house, dkim=(key,))
    async with serving() as server:
        house, message = await sent(house, server)
        assert b"DKIM-Signature" in server.got[0][2]
        server.got.clear()
        await take_back(house, message, b"From: The Boss <boss@acme.test>\r\nSubject: Pay\r\n\r\nAt once.\r\n")
        await flow.send(house, hop="")
    ((_from, _to, raw),) = server.got
    assert b"DKIM-Signature" not in raw


async def test_a_forward_that_cannot_be_sent_makes_no_mail(house: House) -> None:
    async with serving() as server:
        server.refuses[ALICE] = "550 5.2.2 Full"
        house, message = await sent(house, server)
        await take_back(house, message, report(POSTFIX))
        await flow.send(house, hop="")
        assert await flow.tell(house) == 0
        assert (await flow.send(house, hop="")).copies == 0


STILL_SENT = [
    pytest.param(report(DELAYED), "delayed", "message_reported", id="delayed further on"),
    pytest.param(report(simple("delivered")), "delivered", "message_reported", id="delivered"),
    pytest.param(report(simple("relayed")), "relayed", "message_reported", id="relayed"),
    pytest.param(b"Auto-Submitted: auto-replied\r\n\r\nAway\r\n", "auto_reply", "message_reported", id="away"),
    pytest.param(b"Subject: Oh\r\n\r\n550 5.1.1 User unknown\r\n", "other_mail", "message_reported", id="some mail"),
    pytest.param(complaint("not-spam"), "not_spam", "message_reported", id="no spam"),
    pytest.param(complaint("fraud"), "complained", "complained", id="complaint"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "outcome", "kind"), STILL_SENT)
async def test_anything_else_changes_no_fate_but_is_told(house: House, raw: bytes, outcome: str, kind: str) -> None:
    async with serving() as server:
        house, message = await sent(house, server)
        assert await take_back(house, message, raw) == Accepted(message=message)
    assert (await one(house, message))["state"] == "sent"
    assert [found for found, _reply in await story(house, message)] == ["sent", outcome]
    assert (await events(house))[-1] == kind


@pytest.mark.parametrize(("kind", "is_heeded"), [("abuse", True), ("fraud", False), ("other", False)])
async def test_who_complains_of_abuse_is_written_to_no_more(house: House, kind: str, is_heeded: bool) -> None:
    async with serving() as server:
        house, message = await sent(house, server, to=(RITA, BOB))
        for address in (RITA, BOB):
            await take_back(house, message, complaint(kind), of=address)
    assert (await bell(house)).count("complained") == 2
    (team,) = await rows(house.store, "first_team")
    async with house.store.read() as tx:
        assert await unsubscribed.refuses(tx, team=team["id"], address=RITA) is is_heeded
        assert await unsubscribed.refuses(tx, team=team["id"], address=BOB) is False


async def test_no_bell_for_a_sender_who_wants_none(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server)
        async with house.store.write() as tx:
            await tx.connection.execute(text("update senders set notify = 0"))
        await take_back(house, message, report(POSTFIX))
    assert await bell(house) == []
    assert "message_bounced" in await events(house)


@pytest.mark.parametrize("fate", ["550 5.1.1 Nobody", "450 4.2.1 Busy"], ids=["refused at once", "not taken yet"])
async def test_a_copy_that_was_not_sent_does_not_bounce_by_mail(house: House, fate: str) -> None:
    async with serving() as server:
        server.refuses[RITA] = fate
        house, message = await sent(house, server)
        before = await one(house, message)
        await take_back(house, message, report(POSTFIX))
    assert await one(house, message) == before
    assert ("came_back", NO_USER) in await story(house, message)


async def test_a_bounce_that_is_quicker_than_the_next_hops_yes_counts_as_well(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def quick(_self: Server, _server: Any, _session: Any, envelope: Any) -> str:
        recipient = parse_return_path(envelope.mail_from, house.keys, domain=DOMAIN)
        assert recipient is not None
        await flow.take_back(house, Returned(recipient=recipient, raw=report(POSTFIX), at=house.now()))
        return "250 2.0.0 taken"

    monkeypatch.setattr(Server, "handle_DATA", quick)
    async with serving() as server:
        house = replace(house, next_hop=hop_to(server.port))
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
    row = await one(house, message)
    assert (row["state"], row["reply"]) == ("bounced", NO_USER)
    assert [kind for kind in await events(house) if kind != "message_reported"] == [
        "message_accepted",
        "message_sent",
        "message_bounced",
    ]


async def test_the_same_bounce_over_two_connections_at_once_counts_once(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server)
        raw = report(POSTFIX)
        took = await asyncio.gather(*(take_back(house, message, raw) for _ in range(4)), return_exceptions=True)
    assert took == [Accepted(message=message)] * 4
    assert len(await story(house, message)) == 2


async def test_one_return_address_takes_so_much_mail_and_no_more(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server, to=(RITA, ROB))
        for n in range(REPORTS):
            assert await take_back(house, message, b"Subject: %d\r\n\r\nx\r\n" % n) == Accepted(message=message)
        assert isinstance(await take_back(house, message, b"Subject: one more\r\n\r\nx\r\n"), Refused)
        assert await take_back(house, message, b"Subject: 0\r\n\r\nx\r\n") == Accepted(message=message), "we have it"
        assert await take_back(house, message, report(POSTFIX), of=ROB) == Accepted(message=message)


async def test_a_bounce_is_taken_in_however_much_mail_came_before_it_and_only_one(house: House) -> None:
    """Rita's address may stand for many who are all away; and whoever knows a return address may fill it up."""
    async with serving() as server:
        house, message = await sent(house, server)
    for n in range(REPORTS):
        await take_back(house, message, b"Auto-Submitted: auto-replied\r\nSubject: %d\r\n\r\nx\r\n" % n)
    assert await take_back(house, message, report(POSTFIX)) == Accepted(message=message)
    (person,) = await rows(house.store, "recipients_of", message=message)
    assert person["state"] == "bounced"
    assert isinstance(await take_back(house, message, report(POSTFIX) + b"again\r\n"), Refused)


async def test_mail_that_goes_round_in_circles_and_mail_for_nobody_is_refused(house: House) -> None:
    async with serving() as server:
        house, message = await sent(house, server)
    circling = b"Received: by x.test\r\n" * 101 + report(POSTFIX)
    no = await take_back(house, message, circling)
    assert (no.code, no.status) == (554, "5.4.6")
    gone = await flow.take_back(house, Returned(recipient="AAAAAAAAAAA", raw=report(POSTFIX), at=house.now()))
    assert gone == Refused(code=550, status="5.1.1", why="There is no such return address")
    assert await story(house, message) == [("sent", "250 2.0.0 taken as 1")]


async def test_a_longest_domain_still_makes_an_address(house: House) -> None:
    domain = ".".join(["b" * 60] * 3 + ["test"])
    address = sign_return_path("AAAAAAAAAAA", house.keys, domain=domain)
    assert parse_address(address) is not None

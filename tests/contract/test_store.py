"""One specification of the store, run on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from seenby.store import Store, habits, hits, mail, outbox, people
from seenby.store.statements import statements
from seenby.store.times import micros, moment
from seenby.words.address import parse_address
from seenby.words.event import Event, EventKind
from seenby.words.hit import Hit
from seenby.words.message import Delivery, Message, Recipient, Role
from seenby.words.policy import FULL, Level
from seenby.words.token import Kind, Token, encode_id
from seenby.words.verdict import Label, Reason, Verdict

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
KEEP = timedelta(days=30)


async def seed(store: Store, *, recipients: int = 1, message: str = encode_id(b"m" * 12)) -> str:
    address = parse_address("alice@acme.test")
    assert address is not None
    async with store.write() as tx:
        if await people.sender_by_address(tx, "alice@acme.test") is None:
            await people.add_team(tx, team="t1", at=NOW)
            await people.add_sender(
                tx, sender="s1", team="t1", address=address, role="owner", password="secret", next_hop="", at=NOW
            )
        await mail.put_message(
            tx,
            message=Message(
                id=message,
                team="t1",
                sender="s1",
                message_id="<1@acme.test>",
                thread="<1@acme.test>",
                subject="Grüße",
                from_address="alice@acme.test",
                size=3,
                key_id=1,
                tracking_url="http://t.test",
                untouched=None,
                notes=(),
                accepted_at=NOW,
            ),
            recipients=[
                Recipient(
                    id=encode_id(bytes([n]) * 8),
                    address=f"r{n}@out.test",
                    name="",
                    role=Role.TO,
                    policy=FULL,
                    untracked=None,
                    hop="",
                )
                for n in range(1, recipients + 1)
            ],
            links=[mail.KeptLink(number=0, part="html", target="https://x.test/")],
            raw=b"raw",
        )
    return message


async def claim(store: Store, *, holder: str, now: datetime, limit: int = 10):
    async with store.write() as tx:
        return await mail.claim_copies(
            tx, hop="", holder=holder, now=now, until=now + timedelta(minutes=10), limit=limit
        )


async def test_a_password_is_good_for_its_sender_only(store):
    await seed(store)
    async with store.read() as tx:
        assert await people.sender_with_password(tx, address="ALICE@acme.test", password="secret")
        assert await people.sender_with_password(tx, address="alice@acme.test", password="Secret") is None
        assert await people.sender_with_password(tx, address="bob@acme.test", password="secret") is None


async def test_a_company_domain_makes_colleagues_and_a_free_mail_domain_does_not(store):
    await seed(store)
    free = parse_address("alice@gmail.com")
    assert free is not None
    async with store.write() as tx:
        await people.add_sender(
            tx, sender="s2", team="t1", address=free, role="member", password="x", next_hop="", at=NOW
        )
        assert [row["domain"] for row in await tx.all("team_domains", team="t1")] == ["acme.test"]


async def test_a_sign_in_link_is_good_once_and_not_for_ever(store):
    await seed(store)
    async with store.write() as tx:
        sender = await people.sender_by_address(tx, "alice@acme.test")
        assert sender is not None
        await people.put_sign_in_link(tx, sender=sender, link="old", ends_at=NOW)
        await people.put_sign_in_link(tx, sender=sender, link="new", ends_at=NOW + timedelta(hours=1))
        lasts = timedelta(days=1)
        assert not await people.open_session(tx, people.Session(secret="a", now=NOW, lasts=lasts), link="old")
        assert await people.open_session(tx, people.Session(secret="b", now=NOW, lasts=lasts), link="new")
        assert not await people.open_session(tx, people.Session(secret="c", now=NOW, lasts=lasts), link="new")
        assert await people.session_sender(tx, session="b", now=NOW) is not None
        assert await people.session_sender(tx, session="b", now=NOW + lasts) is None


async def test_a_copy_is_claimed_by_one_worker_at_a_time(store):
    await seed(store, recipients=5)
    first = await claim(store, holder="w1", now=NOW, limit=3)
    second = await claim(store, holder="w2", now=NOW, limit=9)
    assert len(first) == 3
    assert len(second) == 2
    assert not {copy.recipient for copy in first} & {copy.recipient for copy in second}


async def test_a_claim_comes_back_when_its_holder_dies_and_the_dead_settle_nothing(store):
    await seed(store)
    (lost,) = await claim(store, holder="w1", now=NOW)
    assert await claim(store, holder="w2", now=NOW + timedelta(minutes=9)) == []
    (found,) = await claim(store, holder="w2", now=NOW + timedelta(minutes=11))
    assert (found.recipient, found.attempts) == (lost.recipient, 2)
    settled = mail.Settled(state=Delivery.SENT, reply="250 ok", due_at=None)
    async with store.write() as tx:
        assert not await mail.settle_copy(tx, copy=lost, holder="w1", attempt="a", settled=settled, at=NOW, keep=KEEP)
        assert await mail.settle_copy(tx, copy=found, holder="w2", attempt="b", settled=settled, at=NOW, keep=KEEP)
    assert await claim(store, holder="w3", now=NOW + timedelta(days=1)) == []


async def test_the_bytes_are_kept_until_every_copy_has_its_fate(store):
    message = await seed(store, recipients=2)
    one, two = await claim(store, holder="w", now=NOW)
    later = mail.Settled(state=Delivery.DEFERRED, reply="451", due_at=NOW + timedelta(minutes=5))
    sent = mail.Settled(state=Delivery.SENT, reply="250", due_at=None)
    for copy, settled, left in ((one, sent, b"raw"), (two, later, b"raw")):
        async with store.write() as tx:
            await mail.settle_copy(
                tx, copy=copy, holder="w", attempt=copy.recipient, settled=settled, at=NOW, keep=KEEP
            )
            assert await mail.spooled(tx, message=message) == left
    (again,) = await claim(store, holder="w", now=NOW + timedelta(minutes=5))
    async with store.write() as tx:
        await mail.settle_copy(tx, copy=again, holder="w", attempt="last", settled=sent, at=NOW, keep=KEEP)
        assert await mail.spooled(tx, message=message) is None
        assert len(await tx.all("attempts", message=message)) == 3


def a_hit(number: int) -> Hit:
    token = Token(
        kind=Kind.LINK,
        level=Level.FULL,
        message=encode_id(b"m" * 12),
        recipient=encode_id(b"\x01" * 8),
        link=0,
        target="https://x.test/",
    )
    return Hit(
        id=encode_id(number.to_bytes(16, "big")),
        at=NOW + timedelta(seconds=number),
        token=token,
        method="GET",
        address="192.0.2.7",
        agent="Mozilla/5.0",
        headers={"accept": "*/*"},
    )


async def test_a_hit_comes_in_once_however_often_it_is_brought(store):
    message = await seed(store)
    for _ in range(10):
        async with store.write() as tx:
            await hits.put_hits(tx, [a_hit(1), a_hit(2)], teams={message: "t1"})
            await hits.advance(tx, done={"segment": 4096})
    async with store.read() as tx:
        kept = await hits.hits_of(tx, message=message)
        assert [hit.at for hit in kept] == [a_hit(1).at, a_hit(2).at]
        assert await hits.positions(tx) == {"segment": 4096}


async def test_how_far_the_journal_was_read_never_goes_back(store):
    async with store.write() as tx:
        await hits.advance(tx, done={"a": 500})
        await hits.advance(tx, done={"a": 100, "b": 1})
        assert await hits.positions(tx) == {"a": 500, "b": 1}


async def test_a_revised_verdict_keeps_its_history(store):
    message = await seed(store)
    unknown = Verdict(label=Label.UNKNOWN, probability=0.5, reasons=(), rules="1")
    human = Verdict(
        label=Label.HUMAN, probability=0.912, reasons=(Reason(code="x", weight=1.5, detail="y"),), rules="1"
    )
    async with store.write() as tx:
        for revision, verdict in ((1, unknown), (2, human)):
            revised = hits.Revised(hit="h", revision=revision, verdict=verdict, counted=False)
            await hits.put_verdicts(tx, [revised], team="t1", message=message, at=NOW)
        standing = await hits.standing_verdicts(tx, message=message)
        assert standing["h"].verdict == human
        assert standing["h"].revision == 2
        assert len(await tx.all("verdicts_of", message=message)) == 2


async def test_the_address_goes_after_its_time_and_the_network_stays(store):
    message = await seed(store)
    async with store.write() as tx:
        await hits.put_hits(tx, [a_hit(1)], teams={message: "t1"})
        tomorrow = NOW + timedelta(days=1)
        assert not await habits.due(tx, before=tomorrow, limit=9), "nobody has judged it yet"
        verdict = Verdict(label=Label.HUMAN, probability=0.9, reasons=(), rules="1")
        revised = hits.Revised(hit=a_hit(1).id, revision=1, verdict=verdict, counted=True)
        await hits.put_verdicts(tx, [revised], team="t1", message=message, at=NOW)
        assert not await habits.due(tx, before=NOW, limit=9)
        due = await habits.due(tx, before=tomorrow, limit=9)
        await habits.settle(tx, due, lessons={})
        assert not await habits.due(tx, before=tomorrow, limit=9)
        (row,) = await tx.all("hits_of", message=message)
    assert row["address"] is None
    assert (row["network"], row["agent"]) == ("192.0.2.0/24", "Mozilla/5.0")


async def test_an_event_is_written_once(store):
    message = await seed(store)
    event = Event(id="e1", team="t1", kind=EventKind.OPENED, message=message, recipient=None, at=NOW, bell=True)
    async with store.write() as tx:
        await hits.put_event(tx, event)
        await hits.put_event(tx, event)
        assert len(await tx.all("events_after", seq=0, limit=10)) == 1


async def test_a_claimed_event_comes_back_when_its_teller_dies_and_goes_when_it_was_told(store):
    lease = timedelta(minutes=1)
    async with store.write() as tx:
        await outbox.put(tx, event="e1", channel="dsn", team="t1", at=NOW)
        assert await outbox.claim(tx, channel="dsn", now=NOW, lease=lease, limit=5) == ["e1"]
        assert await outbox.claim(tx, channel="dsn", now=NOW, lease=lease, limit=5) == []
        assert await outbox.claim(tx, channel="dsn", now=NOW + 2 * lease, lease=lease, limit=5) == ["e1"]
        await outbox.settle(tx, channel="dsn", event="e1")
        await outbox.settle(tx, channel="dsn", event="e1")
        assert await outbox.claim(tx, channel="dsn", now=NOW + 9 * lease, lease=lease, limit=5) == []


async def test_a_transaction_that_fails_leaves_nothing(store):
    async def half() -> None:
        async with store.write() as tx:
            await people.add_team(tx, team="t9", at=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await half()
    async with store.read() as tx:
        assert await tx.one("first_team") is None


def test_times_keep_their_microseconds():
    assert moment(micros(NOW)) == NOW
    assert moment(None) is None


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_statement_says_what_it_does(dialect):
    assert all(statement.sentence and statement.sql for statement in statements(dialect).values())


# Statements that look at a whole small table on purpose; every other one finds its rows by an index.
WHOLE = {
    "find_by",  # a full-text index of its own
    "database_size",  # no rows of ours
    "first_team",  # as many rows as teams
    "drained",  # one row a segment, a handful
    "sweep_sessions",
    "sweep_sign_in_links",
    "drop_sign_in_links",  # a few, and an hour old at most
    "sweep_places",
    "sweep_mail_hosts",  # as many rows as domains were written to in a week
    "release_claims",  # once, at the start
    "hits_spoken_of",  # as many rows as somebody said something of
    "count_hits",
    "teams_at_domain",  # as many rows as people who send; asked when an address is added
    "everybody_who_sends",  # once, for made-up mail
    "unseed_days",  # made-up mail goes: a row for each sender and day, and once the words of all
    "unseed_empty_days",
    "unseed_empty_day_facets",
    "unseed_search",
    "unseed_reminders",  # a few for each sender
}
VALUES = {"limit": 10, "seq": 1, "number": 1, "notify": 1, "bell": 1}


async def test_every_query_uses_its_index(tmp_path):
    from seenby.store import open_store

    store = await open_store(database_url="", data=tmp_path)
    scans = {}
    async with store.read() as tx:
        from sqlalchemy import text

        for statement in statements("sqlite").values():
            if statement.sql.startswith("insert") or statement.name in WHOLE:
                continue
            clause = text("explain query plan " + statement.sql)
            values = {name: VALUES.get(name, "x") for name in clause.compile().params}
            plan = [row[3] for row in (await tx.connection.execute(clause, values)).all()]
            # What a subquery made, itself found by an index or named here, is read whole.
            made = {step.split()[-1] for step in plan if step.startswith(("CO-ROUTINE", "MATERIALIZE"))}
            bad = [
                step
                for step in plan
                if step.startswith("SCAN") and "USING" not in step and "subquery" not in step.lower()
                if "json_each" not in step  # a list that was handed over
                if step != "SCAN CONSTANT ROW" and step.removeprefix("SCAN ") not in made
            ]
            if bad:
                scans[statement.name] = bad
    await store.close()
    assert scans == {}

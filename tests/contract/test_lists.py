"""Every way to look for messages finds exactly those that reading all rows finds, newest first, page after page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from seenby import seed
from seenby.report.sums import count
from seenby.store import Store, labels, lists
from seenby.store.lists import State, Wanted, rank
from seenby.store.people import sender_of
from seenby.store.tables import SUMS
from seenby.store.times import micros
from tests.house import Clock, add_sender, make_house, rows

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MESSAGES = 240
Row = dict[str, Any]


@pytest.fixture
async def mail(store: Store) -> Store:
    """Two senders of one team with made-up mail, and a stranger with mail of their own."""
    house = make_house(store, clock=Clock())
    await add_sender(house)
    await add_sender(house, "bert@acme.test")
    senders = [sender_of(row) for row in await rows(store, "everybody_who_sends")]
    made = [number async for number in seed.seed(store, senders=senders, messages=MESSAGES, hits_each=4, now=NOW)]
    assert made == [MESSAGES]
    return store


async def everything(store: Store) -> list[Row]:
    """All messages, newest first, each with its recipients and labels."""
    async with store.read() as tx:
        found = (
            await tx.connection.execute(text("select * from messages order by accepted_at desc, id desc"))
        ).mappings()
        messages = [dict(row) for row in found]
        people = [dict(row) for row in (await tx.connection.execute(text("select * from recipients"))).mappings()]
        labels = [dict(row) for row in (await tx.connection.execute(text("select * from labels"))).mappings()]
    for message in messages:
        message["people"] = [one for one in people if one["message"] == message["id"]]
        message["labels"] = [one["label"] for one in labels if one["message"] == message["id"]]
    return messages


async def paged(store: Store, wanted: Wanted, *, size: int = 17) -> list[str]:
    """The ids of all pages, one after another."""
    found: list[str] = []
    while True:
        async with store.read() as tx:
            page = await lists.find(tx, wanted, limit=size)
        found += [row["id"] for row in page]
        if len(page) < size:
            return found
        wanted = replace(wanted, before=page[-1]["accepted_at"], before_id=page[-1]["id"])


def is_seen(message: Row) -> bool:
    return any(
        one["opened"] in ("seen", "probably") or one["clicked"] in ("seen", "probably") for one in message["people"]
    )


def is_quiet(message: Row) -> bool:
    silent = ("no_sign", "no_sign", None)
    quiet = all((one["opened"], one["clicked"], one["replied_at"]) == silent for one in message["people"])
    return quiet and message["accepted_at"] < micros(NOW - timedelta(days=3))


def has_word(message: Row, word: str) -> bool:
    texts = [message["subject"], message["from_address"]]
    texts += [part for one in message["people"] for part in (one["name"], one["address"])]
    parts = " ".join(texts).lower().replace("@", " ").replace(".", " ").replace("-", " ").replace(":", " ").split()
    return any(part.startswith(word) for part in parts)


def some(**is_so: Any) -> Callable[[Row], bool]:
    """Whether some recipient is so."""
    return lambda message: any(all(one[name] == value for name, value in is_so.items()) for one in message["people"])


def words(*asked: str) -> Callable[[Row], bool]:
    return lambda message: all(has_word(message, word) for word in asked)


def answered(message: Row) -> bool:
    return any(one["replied_at"] for one in message["people"])


MONTHS = micros(NOW - timedelta(days=90)), micros(NOW - timedelta(days=30))
BIG = "company0.example"
LOOKS: dict[str, tuple[dict[str, Any], Callable[[Row], bool]]] = {
    "everything": ({}, lambda _message: True),
    "a word": ({"words": "invo"}, words("invo")),
    "two words": ({"words": "hana offer"}, words("hana", "offer")),
    "an address as typed": ({"words": "company1.example"}, words("company1", "example")),
    "no word at all": ({"words": "%% ::"}, lambda _message: False),
    "words with meaning to a search": ({"words": 'AND OR NOT " * ( : ^ -'}, words("and", "or", "not")),
    "a domain": ({"domain": BIG}, some(domain=BIG)),
    "a label": ({"label": "Proposal"}, lambda message: "Proposal" in message["labels"]),
    "a time": (
        {"since": MONTHS[0], "until": MONTHS[1]},
        lambda message: MONTHS[0] <= message["accepted_at"] < MONTHS[1],
    ),
    "seen": ({"state": State.SEEN}, is_seen),
    "clicked": ({"state": State.CLICKED}, some(clicked="seen")),
    "unanswered": ({"state": State.UNANSWERED}, lambda message: is_seen(message) and not answered(message)),
    "answered": ({"state": State.ANSWERED}, answered),
    "no sign": ({"state": State.NO_SIGN}, is_quiet),
    "cannot know": (
        {"state": State.CANNOT_KNOW},
        lambda message: not is_seen(message) and some(opened="cannot_know")(message),
    ),
    "failed": ({"state": State.FAILED}, some(state="bounced")),
    "several things": (
        {"state": State.SEEN, "label": "Support", "domain": BIG, "words": "the"},
        lambda message: (
            is_seen(message) and "Support" in message["labels"] and words("the")(message) and some(domain=BIG)(message)
        ),
    ),
}


@pytest.mark.parametrize("look", LOOKS)
async def test_a_list_has_what_was_asked_for_newest_first(mail: Store, look: str) -> None:
    asked, is_meant = LOOKS[look]
    messages = await everything(mail)
    wanted = Wanted(team=messages[0]["team"], quiet_before=micros(NOW - timedelta(days=3)), **asked)
    meant = [message["id"] for message in messages if is_meant(message)]
    assert await paged(mail, wanted) == meant
    if look not in ("no word at all", "words with meaning to a search", "several things"):
        assert meant, "a look that finds nothing proves nothing"


async def test_a_person_a_sender_and_a_conversation_are_found(mail: Store) -> None:
    messages = await everything(mail)
    team, person = messages[0]["team"], messages[5]["people"][0]["address"]
    meant = [one["id"] for one in messages if any(who["address"] == person for who in one["people"])]
    assert await paged(mail, Wanted(team=team, person=person)) == meant
    sender = messages[0]["sender"]
    meant = [one["id"] for one in messages if one["sender"] == sender]
    assert await paged(mail, Wanted(team=team, sender=sender)) == meant
    thread = max((one["thread"] for one in messages), key=[one["thread"] for one in messages].count)
    meant = [one["id"] for one in messages if one["thread"] == thread]
    assert await paged(mail, Wanted(team=team, thread=thread)) == meant


@pytest.mark.parametrize(
    "asked",
    [{}, {"words": "the"}, {"domain": "company0.example"}, {"label": "Proposal"}, {"state": State.FAILED}],
    ids=str,
)
async def test_nobody_finds_another_team_s_mail(mail: Store, asked: dict[str, Any]) -> None:
    assert await paged(mail, Wanted(team="another", **asked)) == []


async def test_made_up_mail_is_counted_as_mail_is_and_leaves_nothing_behind(mail: Store) -> None:
    async def days() -> list[Row]:
        async with mail.read() as tx:
            found = (
                await tx.connection.execute(text("select * from days order by label, team, day, sender"))
            ).mappings()
            return [dict(row) for row in found]

    before = await days()
    assert sum(row["messages"] for row in before if not row["label"]) == MESSAGES
    assert {row["label"] for row in before} == {"", "Newsletter", "Proposal", "Support"}
    messages = await everything(mail)
    for message in messages:
        assert message["opened"] == max(rank(one["opened"]) for one in message["people"])
    async with mail.write() as tx:
        for message in messages:
            await count(tx, message["id"])
    after = await days()
    assert [{name: row[name] for name in ("messages", *SUMS)} for row in after] == [
        {name: row[name] for name in ("messages", *SUMS)} for row in before
    ]
    assert [gone async for gone in seed.remove(mail)] == [MESSAGES]
    async with mail.read() as tx:
        for table in (
            "messages",
            "recipients",
            "hits",
            "verdicts",
            "labels",
            "sums",
            "days",
            "facets",
            "day_facets",
            "day_domains",
            "search",
        ):
            assert (await tx.connection.execute(text(f"select count(*) from {table}"))).scalar() == 0, table


async def test_made_up_mail_has_no_future_and_teaches_nothing(mail: Store) -> None:
    async with mail.read() as tx:
        for column in ("hits.at", "recipients.replied_at", "messages.active_at"):
            table = column.partition(".")[0]
            latest = (await tx.connection.execute(text(f"select max({column}) from {table}"))).scalar()
            assert 0 < (latest or 0) <= micros(NOW), column
        assert (await tx.connection.execute(text("select count(*) from hits where settled = 0"))).scalar() == 0


async def test_what_was_said_of_made_up_mail_goes_with_it(mail: Store) -> None:
    [message, *_] = await everything(mail)
    common = {"team": message["team"], "message": message["id"], "sender": message["sender"], "at": micros(NOW)}
    async with mail.write() as tx:
        await tx.connection.execute(
            text(
                "insert into said (hit, team, message, what, sender, at) "
                "values ('h', :team, :message, 'me', :sender, :at)"
            ),
            common,
        )
        await tx.connection.execute(
            text(
                "insert into reminders (sender, message, team, unless, due_at, made_at, ended) "
                "values (:sender, :message, :team, 'nothing', :at, :at, '')"
            ),
            common,
        )
    assert [gone async for gone in seed.remove(mail)]
    async with mail.read() as tx:
        for table in ("said", "reminders"):
            assert (await tx.connection.execute(text(f"select count(*) from {table}"))).scalar() == 0, table


async def test_threads_labels_people_and_sights_come_with_a_page(mail: Store) -> None:
    messages = await everything(mail)
    async with mail.read() as tx:
        page = await lists.find(tx, Wanted(team=messages[0]["team"]), limit=50)
        people, called = await lists.people_of(tx, page), await labels.of_messages(tx, page)
        threads = await lists.thread_sizes(tx, page, team=messages[0]["team"])
        sights = await lists.sights_of(tx, page)
    for message in messages[:50]:
        assert {one["id"] for one in people[message["id"]]} == {one["id"] for one in message["people"]}
        assert called[message["id"]] == sorted(message["labels"])
        assert threads[message["thread"]] == sum(one["thread"] == message["thread"] for one in messages)
        assert len(sights[message["id"]]) == sum(one["opens"] + one["clicks"] for one in message["people"])


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("look", LOOKS)
async def test_a_page_is_found_by_an_index_in_its_order(mail: Store, look: str) -> None:
    """Among a million messages, sorting them or reading them all would be seconds."""
    asked, _ = LOOKS[look]
    wanted = Wanted(team="t", before=micros(NOW), before_id="x", **asked)
    async with mail.read() as tx:
        query = lists._query(tx, wanted, lists.words_in(wanted.words)).limit(31)
        compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        explained = text(f"explain query plan {compiled}".replace(":", "\\:"))
        plan = [row[3] for row in (await tx.connection.execute(explained)).all()]
    assert not [step for step in plan if "TEMP B-TREE" in step], plan
    assert not [step for step in plan if step.startswith("SCAN") and "VIRTUAL TABLE" not in step], plan
    if asked.keys() == {"state"} and wanted.state is State.FAILED:
        assert any("recipients_failed" in step for step in plan), plan

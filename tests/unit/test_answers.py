"""Who has answered: what shows it, what does not, and what becomes of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby import flow
from seenby.delivery.intake import answering
from seenby.instrument import scan_headers
from seenby.judge import Evidence, Reader, Seen, judge
from seenby.steps.house import House
from seenby.store import Store, answers
from seenby.store.answers import AnswerError
from seenby.web.marks import eye_mark
from seenby.words.message import Sender
from tests.house import ALICE, MAIL, RITA, ROB, START, Clock, add_sender, make_house, rows, submitted
from tests.world import PERSON

pytestmark = pytest.mark.anyio
CHROME = {"accept": "image/avif,image/webp,*/*;q=0.8", "accept-language": "en", "sec-fetch-dest": "image"}
BOTH = MAIL.replace(b"To: rita@out.test", b"To: rita@out.test, rob@out.test")


def mail(**fields: str) -> bytes:
    given = {
        "from": ALICE,
        "to": RITA,
        "subject": "Re: Our offer",
        "message-id": "<again@acme.test>",
        "in-reply-to": "<theirs@out.test>",
        "references": "<offer@acme.test> <theirs@out.test>",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"{head}Content-Type: text/plain\r\n\r\nThank you.\r\n".encode()


async def offered(
    store: Store, raw: bytes = MAIL, *, to: tuple[str, ...] = (RITA,)
) -> tuple[House, Sender, Clock, str]:
    """A house from which the offer was sent, a day ago."""
    clock = Clock()
    house = make_house(store, clock=clock)
    sender = await add_sender(house)
    message = await submitted(house, sender, raw, to=to)
    await flow.send(house, hop="")
    clock.forward(timedelta(days=1))
    return house, sender, clock, message


async def people(house: House, message: str) -> dict[str, dict[str, Any]]:
    return {row["address"]: row for row in await rows(house.store, "recipients_of", message=message)}


async def test_who_is_answered_in_turn_has_answered_and_so_has_opened(store: Store) -> None:
    house, sender, clock, message = await offered(store)
    await submitted(house, sender, mail())
    assert message in {row["id"] for row in await rows(store, "due_judgements", now=2**60, limit=9)}
    await flow.judge(house, message=message)
    rita = (await people(house, message))[RITA]
    assert (rita["opened"], rita["clicked"], rita["opens"]) == ("seen", "no_sign", 0)
    assert rita["replied_at"] == int(clock().timestamp() * 1_000_000)
    [row] = await rows(store, "message", id=message, team=sender.team)
    mark = eye_mark(row, rita)
    assert (mark.word, mark.implied) == ("Seen", "implied by an answer")
    events = await rows(store, "events_after", seq=0, limit=99)
    assert [(one["recipient"], one["detail"]) for one in events if one["kind"] == "replied"] == [
        (rita["id"], "at the latest")
    ]


async def test_the_first_answer_stays_however_many_follow(store: Store) -> None:
    house, sender, clock, message = await offered(store)
    await submitted(house, sender, mail())
    first = (await people(house, message))[RITA]["replied_at"]
    clock.forward(timedelta(days=1))
    await submitted(house, sender, mail(message_id="<third@acme.test>"))
    assert (await people(house, message))[RITA]["replied_at"] == first


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"in_reply_to": "<offer@acme.test>"}, id="a second mail to one's own sent mail"),
        pytest.param({"in_reply_to": ""}, id="no answer at all"),
        pytest.param({"references": ""}, id="nothing of ours is named"),
        pytest.param({"references": "<theirs@out.test>"}, id="only theirs is named"),
        pytest.param({"references": "<offer@other.test> <theirs@out.test>"}, id="somebody else's message"),
        pytest.param({"to": "zoe@out.test"}, id="whoever got it passed on"),
        pytest.param({"to": "zoe@out.test", "cc": RITA}, id="from another address of somebody's"),
        pytest.param({"to": f"{RITA}, zoe@out.test"}, id="to two"),
        pytest.param({"to": ""}, id="to nobody who is named"),
        pytest.param({"subject": "Fwd: Our offer"}, id="passed on by the sender"),
        pytest.param({"subject": "WG: Our offer"}, id="passed on, in German"),
        pytest.param({"subject": "Our offer"}, id="not the subject of an answer"),
        pytest.param({"subject": "Re: Auto: Our offer"}, id="an absence note"),
        pytest.param({"subject": "Re: Automatic reply: Our offer"}, id="another absence note"),
        pytest.param({"subject": "Re: Something else"}, id="about something else"),
        pytest.param({"subject": ""}, id="about nothing"),
    ],
)
async def test_in_doubt_nobody_has_answered(store: Store, fields: dict[str, str]) -> None:
    house, sender, _, message = await offered(store)
    raw = mail(**fields)
    await submitted(house, sender, raw, to=[RITA, "zoe@out.test"])
    assert (await people(house, message))[RITA]["replied_at"] is None


@pytest.mark.parametrize("subject", ["AW: Re: Our  offer", "re[2]: our offer", "Re: Our offer", "RE : Our offer"])
async def test_programs_write_answers_in_many_ways(store: Store, subject: str) -> None:
    house, sender, _, message = await offered(store)
    await submitted(house, sender, mail(subject=subject, to=f"Rita <{RITA.upper()}>", cc=ROB), to=[RITA, ROB])
    assert (await people(house, message))[RITA]["replied_at"] is not None


async def test_of_several_recipients_it_is_the_one_who_is_answered(store: Store) -> None:
    house, sender, _, message = await offered(store, BOTH, to=(RITA, ROB))
    await submitted(house, sender, mail(cc=ROB), to=[RITA, ROB])
    found = await people(house, message)
    assert (found[RITA]["replied_at"] is None, found[ROB]["replied_at"] is None) == (False, True)


async def test_it_is_the_message_answered_last(store: Store) -> None:
    house, sender, _, message = await offered(store)
    second = await submitted(house, sender, mail(message_id="<second@acme.test>"))
    await flow.send(house, hop="")
    chain = "<offer@acme.test> <theirs@out.test> <second@acme.test> <more@out.test>"
    await submitted(house, sender, mail(message_id="<4@a.test>", in_reply_to="<more@out.test>", references=chain))
    first_time = (await people(house, message))[RITA]["replied_at"]
    assert first_time is not None
    # the second message asked in its subject what the third answers
    assert (await people(house, second))[RITA]["replied_at"] is None


@pytest.mark.parametrize("policy", ["off", "counted"])
async def test_of_whom_nothing_may_be_known_nothing_is(store: Store, policy: str) -> None:
    raw = MAIL.replace(b"Subject:", f"X-Seenby: {policy}\r\nSubject:".encode())
    house, sender, _, message = await offered(store, raw)
    await submitted(house, sender, mail())
    assert (await people(house, message))[RITA]["replied_at"] is None


async def test_another_team_learns_nothing(store: Store) -> None:
    house, sender, _, message = await offered(store)
    async with store.write() as tx:
        found = answering(scan_headers(mail()))
        assert found is not None
        await answers.find_answer(tx, found, team="another", at=START)
    assert (await people(house, message))[RITA]["replied_at"] is None
    assert sender.team != "another"


async def test_a_program_may_say_so_with_the_time(store: Store) -> None:
    house, _, clock, message = await offered(store)
    at = START + timedelta(minutes=30)
    async with store.write() as tx:
        assert await answers.tell_answer(tx, "<offer@acme.test>", RITA.upper(), at=at, now=clock())
        assert not await answers.tell_answer(tx, message, RITA, at=None, now=clock())
    rita = (await people(house, message))[RITA]
    assert rita["replied_at"] == int(at.timestamp() * 1_000_000)
    async with store.read() as tx:
        assert await answers.known_times(tx, message=message) == {rita["id"]: rita["replied_at"]}


@pytest.mark.parametrize(
    ("name", "address", "after"),
    [
        pytest.param("<nothing@acme.test>", RITA, 1, id="no such message"),
        pytest.param("<offer@acme.test>", "zoe@out.test", 1, id="no recipient of it"),
        pytest.param("<offer@acme.test>", "nonsense", 1, id="no address"),
        pytest.param("<offer@acme.test>", RITA, -1, id="before it was sent"),
        pytest.param("<offer@acme.test>", RITA, 48, id="in the future"),
    ],
)
async def test_what_cannot_be_is_refused(store: Store, name: str, address: str, after: int) -> None:
    _, _, clock, _ = await offered(store)
    async with store.write() as tx:
        with pytest.raises(AnswerError):
            await answers.tell_answer(tx, name, address, at=START + timedelta(hours=after), now=clock())


def test_each_ones_answer_speaks_for_their_own_copy() -> None:
    def seen(name: str, reader: str) -> Seen:
        return Seen(
            id=name, t=4000.0, channel="open", reader=reader, address="203.0.113.5", agent=PERSON, headers=CHROME
        )

    evidence = Evidence(
        sent_at=START,
        hits=(seen("a", "rita"), seen("b", "rob")),
        recipients=(Reader(id="rita", replied_after=4900.0), Reader(id="rob")),
    )
    spoken = {hit: {reason.code for reason in verdict.reasons} for hit, verdict in judge(evidence).items()}
    assert "replied" in spoken["a"]
    assert "replied" not in spoken["b"]
    alone = replace(evidence, recipients=(), replied_after=4900.0)
    assert "replied" in {reason.code for reason in judge(alone)["b"].reasons}


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=200))
def test_no_fields_make_us_raise(subject: str, to: str, references: str) -> None:
    text = f"Subject: {subject}\r\nTo: {to}\r\nIn-Reply-To: <x@y>\r\nReferences: {references}\r\n\r\n"
    answering(scan_headers(text.encode("utf-8", "replace")))

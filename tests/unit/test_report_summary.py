"""Whom a message's rates speak of, and what the figures come to, from the store to the words."""

from typing import Any

import pytest

from seenby.instrument.reasons import Left
from seenby.report.audience import audience, counts_of
from seenby.report.rate import Counts
from seenby.report.summary import report_of
from seenby.report.timeline import Moment
from seenby.store import Store
from seenby.words.message import Untracked
from seenby.words.policy import Level
from seenby.workbench import InputError, check_view, report_text
from tests.browser.lively import Fetch, Mail, Person, add_mail, add_people, minutes
from tests.unit.test_counting_views import APPLE, GMAIL, OWN, PERSON, SCRIPT, UNKNOWN, hit

MESSAGE = {"untouched": None, "notes": "[]"}


def person(name: str, **given: Any) -> dict[str, Any]:
    return {"id": name, "state": "sent", "untracked": None, "is_seed": 0, "pixels": int(Level.FULL), **given}


def counts(*hits: Moment, names: str = "rita omar mei", message: Any = MESSAGE, **given: Any) -> Counts:
    return counts_of(message, [person(name, **given) for name in names.split()], hits)


def test_everybody_is_in_one_count() -> None:
    found = counts(
        hit(PERSON, reader="rita"),
        hit(PERSON, reader="rita", link=0),
        hit(GMAIL, reader="omar"),
        hit(PERSON, reader="mei", link=0),
        hit(APPLE, reader="ada"),
        hit(APPLE, reader="ben"),
        hit(PERSON, reader="ben", link=1),
        hit(SCRIPT, reader="eva", link=0),
        hit(UNKNOWN, reader="kim"),
        hit(OWN, reader="lou"),
        names="rita omar mei ada ben eva kim lou zoe",
    )
    assert found == Counts(
        both=1, pixel=1, link=1, silent=4, apple_proven=1, apple_clicked=1, apple_silent=1, scanned=1
    )
    assert (found.tracked, found.proven, found.measurable) == (9, 4, 8)


@pytest.mark.parametrize(
    "who",
    [
        pytest.param({"untracked": "own"}, id="the sender"),
        pytest.param({"untracked": "colleague"}, id="a colleague"),
        pytest.param({"is_seed": 1}, id="a mailbox that nobody reads"),
        pytest.param({"untracked": "returned"}, id="mail that came back"),
        pytest.param({"state": "queued"}, id="not sent yet"),
        pytest.param({"state": "bounced"}, id="bounced"),
        pytest.param({"state": "failed"}, id="given up"),
    ],
)
def test_the_senders_side_and_copies_that_nobody_took_are_no_audience(who: dict[str, Any]) -> None:
    assert audience([person("rita", **who), person("omar")]) == [person("omar")]


@pytest.mark.parametrize(
    ("message", "given"),
    [
        pytest.param(MESSAGE, {"untracked": Untracked.OFF.value}, id="switched off for the copy"),
        pytest.param(MESSAGE, {"pixels": int(Level.OFF)}, id="no pixel by policy"),
        pytest.param(MESSAGE, {"pixels": int(Level.COUNTED)}, id="one pixel for everybody"),
        pytest.param({**MESSAGE, "untouched": "signed"}, {}, id="the message went out as it came"),
        pytest.param({**MESSAGE, "notes": f'["{Left.TEXT_ONLY.sentence}"]'}, {}, id="text alone"),
    ],
)
def test_copies_without_a_pixel_of_their_own_lower_the_coverage_and_are_in_no_rate(message: Any, given: Any) -> None:
    assert counts(hit(), message=message, **given) == Counts(unmeasured=3)


# ---------------------------------------------------------------- what `seenby report` prints

READERS = tuple(f"reader{number}@customer.test" for number in range(12))
NEWS = Mail(
    id="m-news",
    subject="News",
    ago=minutes(600),
    people=tuple(Person(address=address) for address in READERS),
    links=("https://blue.test/a", "https://blue.test/b"),
    fetches=(
        Fetch(after=minutes(5), reader=READERS[0]),
        Fetch(after=minutes(6), reader=READERS[0], channel="click", link=0),
        Fetch(after=minutes(7), reader=READERS[0], counted=0),
        Fetch(
            after=minutes(9), reader=READERS[1], agent="x", label="scanner", counted=0, reasons=(("script", -4.0, ""),)
        ),
    ),
)


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["m-news", "<m-news@blue.test>"])
async def test_a_report_is_found_by_id_and_by_message_id(store: Store, name: str) -> None:
    await add_people(store)
    await add_mail(store, NEWS)
    async with store.read() as tx:
        told = await report_of(tx, name, view="mailgun")
        assert await report_of(tx, "m-nothing", view="people") is None
    assert told is not None
    assert (told["message"], told["recipients"]) == ("m-news", 12)
    assert told["people"] == {"opens": 1, "openers": 1, "clicks": 1, "clickers": 1, "parts": []}
    assert (told["figures"]["opens"], told["figures"]["openers"]) == (3, 2)
    assert told["shares"] == {"raw": 3 / 12, "unique": 2 / 12, "people": 1 / 12}
    assert told["rate"]["low"] <= told["rate"]["estimate"] <= told["rate"]["high"]
    assert sorted({marks["bot"] for marks in told["marks"].values()}) == ["", "generic"]


@pytest.mark.anyio
async def test_gong_counts_the_whole_thread_as_one(store: Store) -> None:
    await add_people(store)
    await add_mail(store, NEWS)
    await add_mail(store, Mail(id="m-later", subject="Re: News", ago=minutes(9), people=NEWS.people, thread="m-news"))
    async with store.read() as tx:
        told = await report_of(tx, "m-later", view="gong")
    assert told is not None
    assert told["figures"]["opens"] == 0
    assert told["figures"]["parts"] == [{"name": "the whole thread", "opens": 1, "clicks": 0}]


@pytest.mark.anyio
async def test_a_report_in_words_puts_people_first(store: Store) -> None:
    await add_people(store)
    await add_mail(store, NEWS)
    async with store.read() as tx:
        told = await report_of(tx, "m-news", view="mailgun")
    assert told is not None
    lines = report_text(told).splitlines()
    assert [line.split("  ")[0] for line in lines[1:3]] == ["People only", "Mailgun"]
    assert lines[-1] == told["sentence"]
    assert "people only" in report_text({**told, "view": "people"})


def test_a_way_of_counting_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="use one of people, raw"):
        check_view("omniture")

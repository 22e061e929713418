"""The feed and the hot list over the store: what happened, to whom it is shown, and that machines are in none of it."""

import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from seenby.store import Store, accuracy, feed, unsubscribed
from seenby.store.times import micros
from seenby.web.assets import STATIC
from tests.browser.lively import CHARLIE, MEI, NOW, OMAR, RITA, TEAM, Fetch, Mail, Person, add_mail, add_people
from tests.conftest import require
from tests.unit.test_web_pages import browser, parts_of, sign_in

pytestmark = pytest.mark.anyio


async def happens(store: Store, kind: str, message: str, *, number: int = 0, recipient: str | None = None) -> None:
    event: dict[str, Any] = {"id": f"{kind}-{message}-{number}", "team": TEAM, "kind": kind, "message": message}
    event |= {"recipient": recipient, "hit": None, "bell": 0, "at": micros(NOW), "detail": ""}
    async with store.write() as tx:
        await tx.run("add_event", **event)


def told(page: str) -> list[str]:
    """The sentences of the feed."""
    return [
        " ".join(re.sub(r"<[^>]+>", " ", one).split())
        for one in re.findall(r'data-event="\d+">.*?<div>(.*?)</div>', page, re.DOTALL)
    ]


def hot(page: str) -> list[str]:
    return re.findall(r'<li data-person="([^"]+)"', page)


async def test_people_come_first_and_machines_are_in_none_of_it(team: Store, alice: httpx2.AsyncClient) -> None:
    await happens(team, "message_accepted", "m-offer")
    await happens(team, "message_bounced", "m-bounce", recipient="m-bounce-0")
    people = (await alice.get("/feed")).text
    assert told(people)[0] == "Rita Sommer opened Re: Offer for the autumn campaign"
    assert "Rita Sommer clicked a link in Offer for the autumn campaign" in told(people)
    assert not [one for one in told(people) if "Omar" in one or " sent " in one]
    everything = told((await alice.get("/feed?show=all")).text)
    assert "alice@blue.test sent Offer for the autumn campaign to bob@blue.test and 3 others" in everything
    assert "Nadia Ooms did not get Welcome to the pilot group : it came back" in everything
    assert set(told(people)) <= set(everything)
    assert not [one for one in everything if "Omar" in one], "of his copy only machines fetched"


async def test_an_open_that_is_no_person_s_any_more_leaves_the_feed(team: Store, alice: httpx2.AsyncClient) -> None:
    async with team.write() as tx:
        for hit in ("m-offer-2-hit-0", "m-offer-hit-9"):
            await tx.run("set_counted", hit=hit, counted=0)
    assert "Rita Sommer opened Re: Offer for the autumn campaign" not in told((await alice.get("/feed")).text)


async def test_pages_of_the_feed_show_everything_once(store: Store) -> None:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    mail = Mail(id="m", subject="x", ago=timedelta(days=1), people=(Person(address=RITA),))
    await add_mail(store, mail, now=NOW)
    for number in range(130):
        await happens(store, "unsubscribed" if number % 2 else "hit_judged", "m", number=number, recipient="m-0")
    found: list[int] = []
    before = 2**62
    while True:
        async with store.read() as tx:
            page = await feed.happened(tx, team=TEAM, kinds={"unsubscribed"}, before=before, limit=20)
        found += [row["seq"] for row in page.events]
        if page.older is None:
            break
        before = page.older
    assert len(found) == len(set(found)) == 65
    assert found == sorted(found, reverse=True)


async def test_a_page_looks_no_further_than_some_hundred_events(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_people(store)
    mail = Mail(id="m", subject="x", ago=timedelta(days=1), people=(Person(address=RITA),))
    await add_mail(store, mail, now=NOW)
    monkeypatch.setattr(feed, "STEP", 10)
    await happens(store, "unsubscribed", "m", recipient="m-0")
    for number in range(50):
        await happens(store, "hit_judged", "m", number=number, recipient="m-0")
    async with store.read() as tx:
        first = await feed.happened(tx, team=TEAM, kinds={"unsubscribed"}, before=2**62, limit=20)
        assert (list(first.events), first.older is not None) == ([], True)
        second = await feed.happened(tx, team=TEAM, kinds={"unsubscribed"}, before=first.older or 0, limit=20)
    assert [row["kind"] for row in second.events] == ["unsubscribed"]


async def test_the_hot_list_is_of_people_and_says_why(team: Store, alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/feed")).text
    assert hot(page) == [RITA, MEI, "odd@customer.test"], "Omar's scanner and Apple's prefetch score nothing"
    assert OMAR not in page
    assert "clicked a link in" in page
    async with team.write() as tx:
        await unsubscribed.put(tx, team=TEAM, address=RITA, message="m-offer", at=NOW)
        await accuracy.add_seed(tx, team=TEAM, address=MEI, at=NOW)
    assert hot((await alice.get("/feed/hot")).text) == ["odd@customer.test"]


async def test_what_is_older_than_two_weeks_or_unknown_is_not_hot(store: Store) -> None:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    for name, ago, label, counted in (
        ("old", timedelta(days=15), "human", 1),
        ("new", timedelta(days=13), "human", 1),
        ("unknown", timedelta(days=1), "unknown", 1),
        ("machine", timedelta(days=1), "scanner", 1),
        ("repeat", timedelta(days=1), "human", 0),
    ):
        person = f"{name}@x.test"
        fetch = Fetch(after=timedelta(minutes=5), reader=person, label=label, counted=counted)
        mail = Mail(id=f"m-{name}", subject="x", ago=ago, people=(Person(address=person),), fetches=(fetch,))
        await add_mail(store, mail, now=NOW)
    async with browser(parts_of(store)) as opened:
        await sign_in(opened, store)
        page = (await opened.get("/feed")).text
    assert hot(page) == ["new@x.test"]
    assert not [one for one in told(page) if "unknown@" in one or "machine@" in one]


async def test_highlights_say_why(team: Store, alice: httpx2.AsyncClient) -> None:
    early = Fetch(after=timedelta(minutes=5), reader=RITA)
    mail = Mail(
        id="m-early", subject="Early", ago=timedelta(days=40), people=(Person(address=RITA, opens=1),), fetches=(early,)
    )
    await add_mail(team, mail, now=NOW)
    await happens(team, "replied", "m-offer", recipient="m-offer-2")
    page = (await alice.get("/feed?show=highlights")).text
    assert "Here because: answered." in page
    assert "Here because: came back after 39 days without a sign." in page


async def test_another_team_s_feed_has_nothing_of_ours(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        for show in ("people", "all", "highlights", "nonsense"):
            page = (await opened.get(f"/feed?show={show}")).text
            assert "customer.test" not in page
            assert "Rita" not in page
    async with browser(parts_of(team)) as stranger:
        assert (await stranger.get("/feed")).status_code == 303


async def test_a_page_that_renews_its_feed_is_given_no_hot_list(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/feed", headers={"HX-Target": "feed-list"})).text
    assert told(page)
    assert not hot(page)

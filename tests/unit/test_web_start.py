"""The first steps tick themselves, and made-up mail comes and goes without touching real mail."""

import re
from datetime import timedelta

import httpx2
import pytest

from seenby.store import Store
from seenby.web.assets import STATIC
from seenby.web.start import SAMPLES
from tests.browser.lively import ALICE, BOB, CHARLIE, NOW, TEAM, Mail, Person, add_mail, add_people
from tests.conftest import require
from tests.house import rows
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("store", ["sqlite"], indirect=True)]


@pytest.fixture
async def team(store: Store) -> Store:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    return store


def ticked(page: str) -> list[str]:
    return re.findall(r'<li class="done">.*?<span>([^<]+)</span>', page, re.DOTALL)


def a_mail(**what: object) -> Mail:
    person = Person(address="rita@customer.test", **what)  # type: ignore[arg-type]
    return Mail(id="m-one", subject="One", ago=timedelta(hours=1), people=(person,))


async def test_steps_tick_themselves_as_mail_goes_its_way(team: Store, alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/")).text
    assert ticked(page) == ["Sign in"]
    assert re.search(r'id="steps"[^>]*hx-trigger="sse:feed, sse:delivered"', page), (
        "an open ticks its step on the page that shows it"
    )
    await add_mail(team, a_mail(), now=NOW)
    assert ticked((await alice.get("/")).text) == [
        "Sign in", "Send a message through Seenby", "Write to somebody outside your team",
    ]  # fmt: skip


async def test_when_all_are_done_or_put_away_they_are_gone(team: Store, alice: httpx2.AsyncClient) -> None:
    assert "First steps" in (await alice.get("/")).text
    await alice.post("/start/put-away", headers=OURS)
    assert "First steps" not in (await alice.get("/")).text
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        assert "First steps" in (await opened.get("/")).text, "each puts away their own"
        cookies = opened.cookies
    await add_mail(team, a_mail(opened="seen", opens=1), now=NOW)
    async with browser(parts_of(team, next_hop="smtp://mail.test")) as opened:
        opened.cookies = cookies
        assert "First steps" not in (await opened.get("/")).text


async def test_made_up_mail_is_loaded_once_ticks_nothing_and_is_taken_out(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    await add_mail(team, a_mail(), now=NOW)
    for _ in range(2):
        assert (await alice.post("/start/samples", headers=OURS)).status_code == 303
    page = (await alice.get("/")).text
    assert "There is made-up mail among yours" in page
    assert "See that it was opened" not in ticked(page)
    assert len(await rows(team, "seeded_page", first="sample", last="samplf", limit=9999)) == SAMPLES
    assert (await alice.post("/start/samples/remove", headers=OURS)).status_code == 303
    page = (await alice.get("/")).text
    assert "made-up" not in page
    assert 'id="row-m-one"' in page


@pytest.mark.parametrize("address", [BOB, CHARLIE])
async def test_only_the_owner_and_only_their_own(team: Store, alice: httpx2.AsyncClient, address: str) -> None:
    await alice.post("/start/samples", headers=OURS)
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, address)
        await opened.post("/start/samples/remove", headers=OURS)
    assert len(await rows(team, "seeded_page", first="sample", last="samplf", limit=9999)) == SAMPLES


async def test_a_member_loads_none(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        assert (await opened.post("/start/samples", headers=OURS)).status_code == 403
        assert "Load made-up mail" not in (await opened.get("/")).text


async def test_the_feed_shows_made_up_people_and_the_bell_stays_silent(team: Store, alice: httpx2.AsyncClient) -> None:
    await alice.post("/start/samples", headers=OURS)
    feed = (await alice.get("/feed")).text
    assert feed.count("data-event=") > 5
    assert "data-person=" in feed
    assert await rows(team, "bell_events", team=TEAM, sender=f"id-{ALICE}", limit=9) == []
    await alice.post("/start/samples/remove", headers=OURS)
    assert "data-event=" not in (await alice.get("/feed")).text

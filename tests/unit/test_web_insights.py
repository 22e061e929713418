"""The reports page, over made-up mail."""

import csv
import io
from datetime import timedelta

import httpx2
import pytest

from seenby import seed
from seenby.store import Store
from seenby.store.people import sender_of
from seenby.web.assets import STATIC
from tests.browser.lively import CHARLIE, NOW, TEAM, add_people
from tests.conftest import require
from tests.house import rows
from tests.unit.test_web_pages import browser, parts_of, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("store", ["sqlite"], indirect=True)]


@pytest.fixture
async def team(store: Store) -> Store:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    everybody = [sender_of(row) for row in await rows(store, "everybody_who_sends")]
    senders = [sender for sender in everybody if sender.team == TEAM]
    async for _ in seed.seed(store, senders=senders, messages=400, hits_each=4, now=NOW):
        pass
    return store


async def test_a_month_is_shown_with_its_rate_its_days_and_what_was_before(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/reports")).text
    assert "recipients have opened it so far: between" in page
    assert "Beside 24 Sep to 23 Oct 2026" in page
    assert page.count('<rect class="hit"') == 30
    assert "points: " in page


async def test_a_year_stands_beside_the_year_before_with_both_years_named(alice: httpx2.AsyncClient) -> None:
    assert "Beside 23 Nov 2024 to 22 Nov 2025" in (await alice.get("/reports?days=365")).text


async def test_the_days_file_adds_up_to_what_the_page_shows(team: Store, alice: httpx2.AsyncClient) -> None:
    answer = await alice.get("/reports/days.csv?since=2026-01-01&until=2026-11-22")
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    since = (NOW - timedelta(days=325)).date().isoformat()
    assert all(since <= line["Day (UTC)"] <= "2026-11-22" for line in lines)
    page = (await alice.get("/reports?since=2026-01-01&until=2026-11-22")).text
    assert f"{sum(int(line['Messages']) for line in lines):,} messages to" in page
    assert f"of {sum(int(line['Delivered']) for line in lines):,}</div>" in page


@pytest.mark.parametrize(
    "query", ["?who=me", "?label=Proposal", "?label=Proposal&beside=Support", "?days=365", "?days=7", "?label=nobody"]
)
async def test_every_question_has_a_page(alice: httpx2.AsyncClient, query: str) -> None:
    assert (await alice.get(f"/reports{query}")).status_code == 200


@pytest.mark.parametrize("query", ["?since=x", "?days=-1", "?who=%3Cscript%3E", "?until=9999-99-99", "?label=%22%3E"])
async def test_what_makes_no_sense_is_a_month(alice: httpx2.AsyncClient, query: str) -> None:
    answer = await alice.get(f"/reports{query}")
    assert answer.status_code == 200
    assert "<script>" not in answer.text


async def test_another_team_sees_none_of_it(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        page = (await opened.get("/reports?days=365")).text
        assert "No mail was sent in this time" in page
        assert len((await opened.get("/reports/days.csv?days=365")).text.splitlines()) == 1

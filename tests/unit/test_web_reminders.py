"""Reminders on the pages: asked for on a message or of several, shown in Sent to whoever asked, and taken back."""

from datetime import timedelta

import httpx2
import pytest

from seenby.store import Store
from seenby.tell.reminders import remind
from tests.browser.lively import ALICE, BOB, NOW
from tests.unit.test_web_lists import shown
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = pytest.mark.anyio
PILL = "/?state=reminded"


async def ask(
    alice: httpx2.AsyncClient, *messages: str, days: str = "3", unless: str = "answered", back: str = "/"
) -> httpx2.Response:
    data = {"message": list(messages), "days": days, "unless": unless, "back": back}
    return await alice.post("/remind", data=data, headers=OURS)


async def test_a_reminder_is_asked_for_on_the_message_shown_and_cancelled(alice: httpx2.AsyncClient) -> None:
    answer = await ask(alice, "m-news", days="7", unless="seen", back="/messages/m-news")
    assert (answer.status_code, answer.headers["location"]) == (303, "/messages/m-news")
    page = (await alice.get("/messages/m-news")).text
    assert "You will be reminded" in page
    assert "unless there is any sign of a person before" in page
    data = {"message": "m-news", "back": "/messages/m-news"}
    await alice.post("/remind/cancel", data=data, headers=OURS)
    assert "You will be reminded" not in (await alice.get("/messages/m-news")).text


async def test_what_one_asked_to_be_reminded_of_is_a_list_of_their_own(team: Store, alice: httpx2.AsyncClient) -> None:
    assert shown((await alice.get(PILL)).text) == []
    await ask(alice, "m-news", "m-offer", "m-private", unless="nothing")
    page = (await alice.get(PILL)).text
    assert shown(page) == ["m-offer", "m-news"]
    assert "To remind you" in page
    assert 'href="/?state=reminded" aria-current="true">Reminders' in page
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        assert shown((await opened.get(PILL)).text) == []
        assert "To remind you" not in (await opened.get("/")).text
        await opened.post("/remind/cancel", data={"message": "m-news"}, headers=OURS)
    assert shown((await alice.get(PILL)).text) == ["m-offer", "m-news"]


async def test_what_came_due_rings_and_stays_in_the_list_until_it_is_done(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    await ask(alice, "m-news", days="1")
    await remind(team, now=NOW + timedelta(days=1))
    assert "asked to be reminded of" in (await alice.get("/bell")).text
    assert shown((await alice.get(PILL)).text) == ["m-news"]
    assert "You asked to be reminded" in (await alice.get("/messages/m-news")).text
    assert "reminded" not in (await alice.get("/feed?show=all")).text, "it is nobody else's"
    await alice.post("/remind/cancel", data={"message": "m-news"}, headers=OURS)
    assert shown((await alice.get(PILL)).text) == []
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        assert "asked to be reminded of" not in (await opened.get("/bell")).text


@pytest.mark.parametrize(
    ("days", "unless", "status"),
    [("2", "answered", 404), ("x", "answered", 422), ("3", "rain", 422), ("-1", "seen", 404)],
)
async def test_what_makes_no_sense_is_refused(
    team: Store, alice: httpx2.AsyncClient, days: str, unless: str, status: int
) -> None:
    assert (await ask(alice, "m-news", days=days, unless=unless)).status_code == status
    async with team.read() as tx:
        assert await tx.one("reminder_of", sender=f"id-{ALICE}", message="m-news") is None


@pytest.mark.parametrize("back", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", ""])
async def test_the_way_back_is_always_our_own(alice: httpx2.AsyncClient, back: str) -> None:
    assert (await ask(alice, "m-news", back=back)).headers["location"] == "/"

"""Signing in with a password of one's own, and ending the browsers that are signed in."""

import asyncio
import re
from dataclasses import replace

import httpx2
import pytest

from seenby.store import Store
from seenby.web.assets import STATIC
from seenby.web.password import FEWEST_CHARACTERS, hash_password, is_password, refusal
from seenby.web.signing_in import FRESH
from tests.browser.lively import ALICE, BOB, add_people, sign_in_link
from tests.conftest import require
from tests.house import rows
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
GOOD = "four tall ships at sea"


@pytest.fixture
async def team(store: Store) -> Store:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    return store


async def set_password(opened: httpx2.AsyncClient, new: str = GOOD, *, current: str = "", again: str = "") -> str:
    form = {"current": current, "new": new, "again": again or new}
    return (await opened.post("/settings/sign-in/password", data=form, headers=OURS)).text


async def enter(opened: httpx2.AsyncClient, password: str = GOOD, address: str = ALICE) -> int:
    form = {"address": address, "password": password}
    return (await opened.post("/sign-in", data=form, headers=OURS)).status_code


@only_sqlite
async def test_a_password_opens_the_pages_from_when_it_was_set(team: Store, alice: httpx2.AsyncClient) -> None:
    async with browser(parts_of(team)) as other:
        assert await enter(other) == 403
        assert "Set. Other" in await set_password(alice)
        assert await enter(other, "another one entirely") == 403
        assert await enter(other) == 303
        assert (await other.get("/settings")).status_code == 200
        assert await enter(other, address=f" {ALICE.upper()} ") == 303


@only_sqlite
async def test_a_browser_that_was_left_open_sets_no_first_password(team: Store) -> None:
    parts = parts_of(team)
    now = parts.now()
    async with browser(parts) as early, browser(replace(parts, now=lambda: now + FRESH)) as late:
        await sign_in(early, team)
        late.cookies = early.cookies
        assert "more than half an hour ago" in await set_password(late)
        assert await enter(late) == 403
        assert "Set. Other" in await set_password(early)
        assert "Set. Other" in await set_password(late, GOOD + "!", current=GOOD), "they know the one before"


@only_sqlite
@pytest.mark.parametrize(
    ("new", "again", "said"),
    [
        ("short", "", "Too short"),
        ("aaaaaaaaaaaaaaaaaaaa", "", "Too easy"),
        (f"{ALICE.partition('@')[0]} has a password", "", "Too easy"),
        (GOOD, GOOD + "!", "not the same"),
        ("x" * 500, "", "Not understood"),
    ],
)
async def test_a_bad_one_is_refused_in_words_and_changes_nothing(
    team: Store, alice: httpx2.AsyncClient, new: str, again: str, said: str
) -> None:
    assert said in await set_password(alice, new, again=again)
    assert await rows(team, "sign_in_hash", id=f"id-{ALICE}") == [{"sign_in_hash": ""}]


@only_sqlite
async def test_changing_it_takes_the_present_one_and_signs_others_out(team: Store, alice: httpx2.AsyncClient) -> None:
    await set_password(alice)
    async with browser(parts_of(team)) as other:
        await enter(other)
        assert "another one" in await set_password(other, "a quite different thing", current="wrong")
        assert (await alice.get("/")).status_code == 200
        assert "Set. Other" in await set_password(other, "a quite different thing", current=GOOD)
        assert (await alice.get("/")).status_code == 303, "signed out"
        assert (await other.get("/")).status_code == 200


@only_sqlite
async def test_whoever_guesses_has_to_wait_from_wherever_they_guess(team: Store, alice: httpx2.AsyncClient) -> None:
    await set_password(alice)
    parts = parts_of(team)
    async with browser(parts) as guesser:
        assert {await enter(guesser, f"guess number {number}") for number in range(20)} == {403}
        assert await enter(guesser) == 429
        assert await enter(guesser, address=BOB) == 429, "from there nobody gets in for a while"


@only_sqlite
async def test_many_guesses_at_once_are_counted_as_well_and_however_the_address_is_written(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    await set_password(alice)
    parts = replace(parts_of(team), settings=parts_of(team, trusted_proxies="127.0.0.1/32").settings)
    written = (ALICE, ALICE.upper(), f"<{ALICE}>", f"{ALICE}.", f" {ALICE}")
    async with browser(parts) as guesser:

        async def guess(number: int) -> int:
            form = {"address": written[number % len(written)], "password": f"guess number {number}"}
            headers = OURS | {"X-Forwarded-For": f"198.51.100.{number}"}
            return (await guesser.post("/sign-in", data=form, headers=headers)).status_code

        answers = await asyncio.gather(*(guess(number) for number in range(40)))
    assert (answers.count(403), answers.count(429)) == (20, 20)


@only_sqlite
async def test_whoever_finds_a_browser_open_guesses_no_more_often_than_a_stranger(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    await set_password(alice)
    for number in range(20):
        assert "another one" in await set_password(alice, "a quite different thing", current=f"guess {number}")
    assert "Too many" in await set_password(alice, "a quite different thing", current=GOOD)
    async with browser(parts_of(team)) as other:
        assert await enter(other) == 303, "who knows it is let in"


@only_sqlite
async def test_a_new_password_ends_links_that_wait_and_signing_in_anew_ends_the_session_before(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    link = await sign_in_link(team, ALICE, link="waiting")
    await set_password(alice)
    assert (await alice.get(link)).status_code == 410
    before = alice.cookies["seenby_session"]
    assert await enter(alice) == 303
    assert alice.cookies["seenby_session"] != before
    alice.cookies.set("seenby_session", before)
    async with browser(parts_of(team)) as other:
        assert (await other.get("/", headers={"Cookie": f"seenby_session={before}"})).status_code == 303


@only_sqlite
async def test_an_address_without_a_password_and_one_that_is_nobody_s_are_told_the_same(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        answers = []
        for address in (BOB, "nobody@nowhere.test", "", "x" * 320, "\u212aelvin@blue.test"):
            form = {"address": address, "password": GOOD}
            answers.append((await opened.post("/sign-in", data=form, headers=OURS)).text)
        assert len(set(answers)) == 1


@only_sqlite
async def test_another_site_cannot_sign_anybody_in(team: Store, alice: httpx2.AsyncClient) -> None:
    await set_password(alice)
    async with browser(parts_of(team)) as opened:
        form = {"address": ALICE, "password": GOOD}
        elsewhere = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
        assert (await opened.post("/sign-in", data=form, headers=elsewhere)).status_code == 403


@only_sqlite
async def test_browsers_are_listed_and_ended(team: Store, alice: httpx2.AsyncClient) -> None:
    await set_password(alice)
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    async with browser(parts_of(team)) as other:
        other.headers["User-Agent"] = firefox
        await enter(other)
        page = (await alice.get("/settings/sign-in")).text
        assert "Firefox on Linux" in page
        assert "this one" in page
        [there] = re.findall(r'name="browser" value="([0-9a-f]+)"', page)
        assert (await alice.post("/settings/sign-in/end", data={"browser": there}, headers=OURS)).status_code == 200
        assert (await other.get("/")).status_code == 303
        assert (await alice.get("/")).status_code == 200
        await enter(other)
        await alice.post("/settings/sign-in/end", headers=OURS)
        assert (await other.get("/")).status_code == 303


@only_sqlite
async def test_nobody_ends_another_s_browser(team: Store, alice: httpx2.AsyncClient) -> None:
    [session] = await rows(team, "sessions_of", sender=f"id-{ALICE}", now=0)
    async with browser(parts_of(team)) as bob:
        await sign_in(bob, team, BOB)
        await bob.post("/settings/sign-in/end", data={"browser": session["hash"]}, headers=OURS)
    assert (await alice.get("/")).status_code == 200


async def test_a_hash_opens_for_its_password_alone_and_for_nobody_without_one() -> None:
    kept = await hash_password(GOOD)
    assert kept.startswith("$argon2id$")
    assert await is_password(kept, GOOD)
    for hash_, password in ((kept, GOOD + " "), ("", GOOD), ("", ""), ("nonsense", GOOD), (kept[:-4], GOOD)):
        assert not await is_password(hash_, password)


def test_what_is_long_and_not_one_s_own_address_will_do() -> None:
    assert refusal(GOOD, address=ALICE) == ""
    assert refusal("x" * (FEWEST_CHARACTERS - 1), address=ALICE)

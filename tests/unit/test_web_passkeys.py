"""Passkeys: made, used, named and removed; and every way in which one is refused."""

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from seenby import throttle
from seenby.store import Store
from seenby.store.challenges import Asked, answered, ask
from seenby.store.people import Session, open_session, sender_by_address
from seenby.web import Parts
from seenby.web.signing_in import FRESH
from seenby.web.ways.passkey import Home, home_of, read_claim
from seenby.web.ways.passkey_pages import QUESTIONS
from seenby.words.limits import PASSKEY_CHARACTERS, PASSKEYS
from tests.authenticator import PRESENT, Device
from tests.browser.lively import ALICE, BOB, NOW
from tests.house import rows
from tests.unit.test_web_pages import OURS, browser, on_both, parts_of, sign_in

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
HOME = "https://seenby.test"


def safe(team: Store) -> Parts:
    return replace(parts_of(team), app_url=HOME)


def device(**wrong: object) -> Device:
    return Device(**{"origin": HOME, "rp": "seenby.test"} | wrong)  # type: ignore[arg-type]


@asynccontextmanager
async def at(team: Store, address: str = "", *, parts: Parts | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser at the pages, signed in where an address is named."""
    async with browser(parts or safe(team), base=HOME) as opened:
        if address:
            await sign_in(opened, team, address)
        yield opened


async def add(opened: httpx2.AsyncClient, made: Device, name: str = "My laptop") -> str:
    asked = (await opened.post("/settings/sign-in/passkeys/ask", headers=OURS)).json()
    form = {"name": name, "credential": made.create(asked)}
    return (await opened.post("/settings/sign-in/passkeys", data=form, headers=OURS)).text


async def question(opened: httpx2.AsyncClient) -> dict[str, object]:
    answer = await opened.post("/sign-in/passkey/ask", headers=OURS)
    assert answer.status_code == 200
    told: dict[str, object] = answer.json()
    return told


async def enter(opened: httpx2.AsyncClient, credential: str) -> httpx2.Response:
    return await opened.post("/sign-in/passkey", data={"credential": credential}, headers=OURS)


@on_both
@pytest.mark.parametrize("name", ["a\0b", "\ud800", "a b", "", 7, None, ["x"], "\u00e9", "a" * 1401], ids=ascii)
async def test_a_passkey_s_name_is_base64url_before_it_is_looked_for(team: Store, name: object) -> None:
    async with at(team) as stranger:
        challenge = str((await question(stranger))["challenge"])
        client = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": HOME}).encode()
        told = base64.urlsafe_b64encode(client).decode().rstrip("=")
        answer = await enter(stranger, json.dumps({"id": name, "response": {"clientDataJSON": told}}))
        assert answer.status_code == 403
    assert read_claim(json.dumps({"id": name, "response": {"clientDataJSON": told}})) is None
    assert read_claim(json.dumps({"id": "aA0_-", "response": {"clientDataJSON": told}})) is not None


async def passkeys(team: Store, address: str = ALICE) -> list[str]:
    return [row["name"] for row in await rows(team, "passkeys_of", sender=f"id-{address}")]


@on_both
async def test_a_passkey_is_added_and_signs_in_again_and_again(team: Store) -> None:
    laptop = device()
    async with at(team, ALICE) as alice, at(team) as other:
        assert "Use a passkey" not in (await other.get("/sign-in")).text, "nobody has one"
        assert "The passkey is added" in await add(alice, laptop)
        assert "Use a passkey" in (await other.get("/sign-in")).text
        for _ in range(2):
            answer = await enter(other, laptop.get(await question(other)))
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            cookie = answer.headers["set-cookie"]
            assert all(word in cookie for word in ("__Host-", "HttpOnly", "Secure", "SameSite=lax", "Path=/"))
            assert "Domain" not in cookie
            assert ALICE in (await other.get("/settings/sign-in")).text
        page = (await alice.get("/settings/sign-in")).text
        assert "My laptop" in page
        assert "last used" in page


async def test_a_browser_that_was_left_open_adds_no_passkey(team: Store) -> None:
    parts = safe(team)
    now = parts.now()
    async with at(team, ALICE, parts=parts) as alice, at(team, parts=replace(parts, now=lambda: now + FRESH)) as late:
        late.cookies = alice.cookies
        answer = await late.post("/settings/sign-in/passkeys/ask", headers=OURS)
        assert answer.status_code == 403
        assert "more than half an hour ago" in answer.json()["error"]
        assert "passkey is added" in await add(alice, device())


async def test_an_owner_removes_a_lost_device_of_a_member_who_is_out_with_it(team: Store) -> None:
    laptop = device()
    async with at(team, ALICE) as alice, at(team, BOB) as bob, at(team) as other:
        assert "Remove 1 passkey" not in (await alice.get("/settings/team")).text
        await add(bob, laptop)
        assert "Remove 1 passkey" in (await alice.get("/settings/team")).text
        form = {"member": f"id-{BOB}"}
        made = (await alice.post("/settings/team/link", data=form, headers=OURS)).text
        [link] = re.findall(r"/sign-in/([A-Za-z0-9_-]{20,})", made)[:1]
        assert "no passkey any more" in (await alice.post("/settings/team/passkeys", data=form, headers=OURS)).text
        assert (await bob.get("/settings/sign-in")).headers["location"] == "/sign-in"
        assert "does not know this passkey" in (await enter(other, laptop.get(await question(other)))).text
        assert "Removed somebody" in (await alice.get("/settings/log")).text
        async with team.write() as tx:
            assert not await open_session(tx, Session(secret="s", now=safe(team).now(), lasts=FRESH), link=link)


@on_both
async def test_a_question_is_answered_once_and_within_five_minutes(team: Store) -> None:
    laptop = device()
    async with at(team, ALICE) as alice, at(team) as other:
        await add(alice, laptop)
        answer = laptop.get(await question(other))
        assert (await enter(other, answer)).status_code == 303
        again = await enter(other, answer)
        assert again.status_code == 403
        assert "answered already" in again.text
        late = laptop.get(await question(other))
        later = replace(safe(team), now=lambda: NOW + timedelta(minutes=5))
        async with at(team, parts=later) as slow:
            assert "longer than five minutes" in (await enter(slow, late)).text


@only_sqlite
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"origin": "https://seenby.test.evil.test"}, "another page"),
        ({"origin": "http://seenby.test"}, "another page"),
        ({"origin": "https://seenby.test:8443"}, "another page"),
        ({"rp": "evil.test"}, "another page"),
        ({"flags": PRESENT}, "another page"),
        ({"flags": 0}, "another page"),
    ],
    ids=["another-page", "no-https", "another-port", "another-name", "owner-not-verified", "nobody-there"],
)
async def test_an_answer_for_somebody_else_or_by_nobody_in_particular_is_refused(
    team: Store, wrong: dict[str, object], said: str
) -> None:
    laptop = device()
    async with at(team, ALICE) as alice, at(team) as other:
        assert "Not added" in await add(alice, device(**wrong))
        await add(alice, laptop)
        bad = replace(laptop, **wrong)  # type: ignore[arg-type]
        answer = await enter(other, bad.get(await question(other)))
        assert answer.status_code == 403
        assert said in answer.text
        assert await passkeys(team) == ["My laptop"]


@only_sqlite
async def test_another_key_and_another_sender_s_passkey_do_not_open(team: Store) -> None:
    mine, theirs = device(), device()
    async with at(team, ALICE) as alice, at(team, BOB) as bob, at(team) as other:
        await add(alice, mine)
        await add(bob, theirs)
        forged = replace(theirs, id=mine.id, handle=mine.handle)  # alice's name, bob's key
        assert (await enter(other, forged.get(await question(other)))).status_code == 403
        crossed = replace(theirs, handle=mine.handle)  # bob's passkey says that it is alice's
        assert (await enter(other, crossed.get(await question(other)))).status_code == 403
        unknown = device()
        answer = await enter(other, unknown.get(await question(other)))
        assert "does not know this passkey" in answer.text
        assert (await other.get("/")).status_code == 303, "still outside"


@only_sqlite
async def test_a_counter_that_does_not_rise_is_refused_as_a_copy_and_zero_is_no_counter(team: Store) -> None:
    laptop, uncounted = device(count=5), device(count=-1)
    async with at(team, ALICE) as alice, at(team) as other:
        await add(alice, laptop)
        copy = replace(laptop)
        assert (await enter(other, laptop.get(await question(other)))).status_code == 303
        answer = await enter(other, copy.get(await question(other)))
        assert answer.status_code == 403
        assert "counter did not rise" in answer.text
        uncounted.count = 0
        await add(alice, uncounted, "Phone")
        for _ in range(2):
            uncounted.count = -1
            assert (await enter(other, uncounted.get(await question(other)))).status_code == 303


@only_sqlite
async def test_a_question_to_one_sender_is_not_answered_by_another_nor_for_signing_in(team: Store) -> None:
    async with at(team, ALICE) as alice, at(team, BOB) as bob:
        asked = (await alice.post("/settings/sign-in/passkeys/ask", headers=OURS)).json()
        stolen = {"name": "x", "credential": device().create(asked)}
        assert "Not added" in (await bob.post("/settings/sign-in/passkeys", data=stolen, headers=OURS)).text
        entry = await question(bob)
        made = {"name": "x", "credential": device().create({"user": {"id": "AAAA"}, **entry})}
        assert "Not added" in (await bob.post("/settings/sign-in/passkeys", data=made, headers=OURS)).text
        assert await passkeys(team, BOB) == []


@only_sqlite
async def test_a_passkey_is_renamed_and_removed_by_its_owner_alone_and_others_are_signed_out(team: Store) -> None:
    laptop = device()
    async with at(team, ALICE) as alice, at(team, BOB) as bob, at(team) as other:
        await add(alice, laptop)
        await enter(other, laptop.get(await question(other)))
        [row] = await rows(team, "passkeys_of", sender=f"id-{ALICE}")
        name = {"passkey": row["id"], "name": "  <b>Old\x07\nlaptop " + "x" * 99}
        for what in ("rename", "remove"):
            refused = await bob.post(f"/settings/sign-in/passkeys/{what}", data=name, headers=OURS)
            assert refused.status_code == 404
        page = (await alice.post("/settings/sign-in/passkeys/rename", data=name, headers=OURS)).text
        assert "&lt;b&gt;Old laptop" in page
        assert [len(one) for one in await passkeys(team)] == [PASSKEY_CHARACTERS]
        assert (await other.get("/")).status_code == 200
        gone = {"passkey": row["id"]}
        assert "is removed" in (await alice.post("/settings/sign-in/passkeys/remove", data=gone, headers=OURS)).text
        assert (await other.get("/")).status_code == 303
        assert (await alice.get("/")).status_code == 200
        assert (await enter(other, laptop.get(await question(other)))).status_code == 403


@only_sqlite
async def test_the_same_device_twice_and_more_than_there_may_be_are_not_added(team: Store) -> None:
    laptop = device()
    async with at(team, ALICE) as alice:
        await add(alice, laptop)
        assert "has a passkey here already" in await add(alice, laptop)
        for number in range(PASSKEYS - 1):
            await add(alice, device(), f"Key {number}")
        assert "are the most" in await add(alice, device())
        assert len(await passkeys(team)) == PASSKEYS


@only_sqlite
async def test_nonsense_is_refused_and_guessing_is_bounded(team: Store) -> None:
    async with at(team) as opened:
        for nonsense in (
            "",
            "{}",
            "[]",
            "null",
            '{"id":1,"response":{}}',
            '{"id":"x","response":{"clientDataJSON":"e30"}}',
        ):
            assert (await enter(opened, nonsense)).status_code == 403
        for _ in range(throttle.Throttle().most - 6):
            await enter(opened, "{}")
        assert (await enter(opened, "{}")).status_code == 429
        answers = [(await opened.post("/sign-in/passkey/ask", headers=OURS)).status_code for _ in range(QUESTIONS + 1)]
        assert answers == [200] * QUESTIONS + [429]
    assert read_claim('{"id":' * 5000) is None


@only_sqlite
async def test_behind_a_proxy_each_client_is_counted_for_itself_and_an_ipv6_network_as_one(team: Store) -> None:
    parts = replace(safe(team), settings=parts_of(team, trusted_proxies="127.0.0.1/32").settings)
    async with at(team, parts=parts) as opened:

        async def tried(client: str) -> int:
            headers = OURS | {"X-Forwarded-For": f"6.6.6.6, {client}"}
            return (await opened.post("/sign-in/passkey", data={"credential": "{}"}, headers=headers)).status_code

        assert {await tried(f"2001:db8:1:2::{number:x}") for number in range(20)} == {403}
        assert await tried("2001:db8:1:2:ffff::1") == 429
        assert await tried("2001:db8:1:3::1") == 403
        assert await tried("9.9.9.9") == 403


@on_both
async def test_an_old_question_is_forgotten_and_none_is_put_twice(team: Store) -> None:
    async with team.write() as tx:
        assert await ask(tx, Asked.PASSKEY, "q", now=NOW, lasts=timedelta(minutes=5))
        assert not await ask(tx, Asked.PASSKEY, "q", now=NOW, lasts=timedelta(minutes=5))
        assert await answered(tx, Asked.PASSKEY_NEW, "q", now=NOW) is None
        assert await tx.run("sweep_challenges", now=int((NOW + timedelta(minutes=6)).timestamp() * 1_000_000)) == 1
        assert await answered(tx, Asked.PASSKEY, "q", now=NOW) is None
        assert await sender_by_address(tx, ALICE) is not None


@pytest.mark.parametrize(
    ("app_url", "home"),
    [
        ("https://seenby.company.com", Home(rp="seenby.company.com", origin="https://seenby.company.com")),
        ("https://seenby.company.com:443/x", Home(rp="seenby.company.com", origin="https://seenby.company.com")),
        ("https://seenby.company.com:8443", Home(rp="seenby.company.com", origin="https://seenby.company.com:8443")),
        ("http://127.0.0.1:8025", Home(rp="localhost", origin="http://localhost:8025")),
        ("http://[::1]:8025", Home(rp="localhost", origin="http://localhost:8025")),
        ("http://localhost:8025", Home(rp="localhost", origin="http://localhost:8025")),
        ("http://seenby.company.com", None),
        ("https://192.0.2.7", None),
        ("http://10.0.0.5:8025", None),
        ("https://[2001:db8::1]", None),
    ],
)
def test_passkeys_have_a_home_with_https_or_on_this_machine_and_never_at_a_number(
    app_url: str, home: Home | None
) -> None:
    assert home_of(app_url) == home


@only_sqlite
@pytest.mark.parametrize(
    ("app_url", "opened_at", "said"),
    [
        ("http://10.0.0.5:8025", "http://10.0.0.5:8025", "only for pages with https"),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025", 'href="http://localhost:8025/settings/sign-in"'),
        ("http://127.0.0.1:8025", "http://localhost:8025", "Add a passkey"),
    ],
)
async def test_the_page_says_where_passkeys_work(team: Store, app_url: str, opened_at: str, said: str) -> None:
    async with browser(replace(parts_of(team), app_url=app_url), base=opened_at) as opened:
        await sign_in(opened, team)
        assert said in (await opened.get("/settings/sign-in")).text
        answer = await opened.post("/sign-in/passkey/ask", headers=OURS)
        assert answer.status_code == (404 if "10.0" in app_url else 200)

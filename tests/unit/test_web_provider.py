"""Signing in at an identity provider: there and back, and every lie that is not believed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from joserfc.jwk import RSAKey

from seenby.doctor import _provider
from seenby.settings import Settings, load_settings
from seenby.store import Store
from seenby.web import Parts
from seenby.web.signing_in import FRESH
from seenby.web.ways.passkey_pages import QUESTIONS
from seenby.web.ways.provider import is_as_safe
from seenby.words.errors import SettingsError
from tests.browser.lively import ALICE, BOB, CHARLIE, NOW
from tests.house import rows
from tests.provider import CLIENT, SECRET, TinyProvider
from tests.unit.test_web_pages import OURS, browser, on_both, parts_of, sign_in

pytestmark = pytest.mark.anyio
HOME = "https://seenby.test"
NOW_S = int(NOW.timestamp())


@pytest.fixture
def provider() -> Iterator[TinyProvider]:
    opened = TinyProvider(now=NOW_S, claims={"sub": "alice-1", "email": ALICE, "email_verified": True})
    yield opened
    opened.close()


def parts_with(team: Store, provider: TinyProvider, **settings: Any) -> Parts:
    about = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    return replace(parts_of(team, **(about | {"oidc_name": "Blue ID"} | settings)), app_url=HOME)


@asynccontextmanager
async def at(parts: Parts, address: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    async with browser(parts, base=HOME) as opened:
        if address:
            await sign_in(opened, parts.store, address)
        yield opened


async def back_of(opened: httpx2.AsyncClient, provider: TinyProvider, start: str = "/sign-in/with/provider") -> str:
    """Set out, be signed in there, and give the address that the browser is sent back to."""
    there = await opened.get(start, headers=OURS)
    assert there.status_code == 303, there.text
    assert there.headers["location"].startswith(f"{provider.issuer}/authorize?")
    return provider.authorize(there.headers["location"])


async def enter(opened: httpx2.AsyncClient, provider: TinyProvider) -> httpx2.Response:
    return await opened.get(await back_of(opened, provider))


async def is_in(opened: httpx2.AsyncClient) -> bool:
    return (await opened.get("/settings")).status_code == 200


@on_both
async def test_a_member_is_let_in_by_their_verified_address_once_and_then_by_their_account_there(
    team: Store, provider: TinyProvider
) -> None:
    parts = parts_with(team, provider)
    async with at(parts) as opened:
        assert "Continue with Blue ID" in (await opened.get("/sign-in")).text
        answer = await enter(opened, provider)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookies = answer.headers.get_list("set-cookie")
        assert any(one.startswith("__Host-seenby_session=") and "Secure" in one for one in cookies)
        assert any(one.startswith('__Host-seenby_provider=""') for one in cookies), "gone"
        assert ALICE in (await opened.get("/settings/sign-in")).text
    provider.claims = {"sub": "alice-1", "email": "renamed@elsewhere.test", "email_verified": False}
    async with at(parts) as opened:
        await enter(opened, provider)
        assert ALICE in (await opened.get("/settings/sign-in")).text
    provider.claims = {"sub": "somebody-new", "email": ALICE, "email_verified": True}
    async with at(parts) as opened:
        assert "connected to another account" in (await enter(opened, provider)).text
        assert not await is_in(opened)


only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def _set(**values: Any) -> Any:
    return lambda told: told.update(values)


def _drop(name: str) -> Any:
    return lambda told: told.pop(name, None)


@only_sqlite
@pytest.mark.parametrize(
    "change",
    [
        _set(nonce="another"),
        _set(nonce=["x"]),
        _drop("nonce"),
        _set(aud="another-client"),
        _set(aud=[CLIENT, "another-client"]),
        _set(aud=[CLIENT, "another-client"], azp="another-client"),
        _set(azp="another-client"),
        _drop("aud"),
        _set(iss="https://evil.test"),
        _drop("iss"),
        _set(exp=NOW_S - 61),
        _drop("exp"),
        _set(exp="tomorrow"),
        _set(iat=NOW_S + 600),
        _set(nbf=NOW_S + 600),
        _set(sub=""),
        _set(sub="x" * 256),
        _set(sub=7),
        _drop("sub"),
    ],
)
async def test_a_token_for_another_time_place_or_person_lets_nobody_in(
    team: Store, provider: TinyProvider, change: Any
) -> None:
    provider.change_token = change
    async with at(parts_with(team, provider)) as opened:
        answer = await enter(opened, provider)
        assert answer.status_code == 403
        assert "could not be verified" in answer.text
        assert not await is_in(opened)


@only_sqlite
@pytest.mark.parametrize("alg", ["none", "HS256"])
async def test_a_token_that_the_provider_s_key_has_not_signed_lets_nobody_in(
    team: Store, provider: TinyProvider, alg: str
) -> None:
    async with at(parts_with(team, provider)) as opened:
        provider.alg = alg
        assert "could not be verified" in (await enter(opened, provider)).text
        assert not await is_in(opened)
    provider.alg, provider.published = "RS256", [RSAKey.generate_key(2048, {"kid": "first"})]
    async with at(parts_with(team, provider)) as opened:
        assert "could not be verified" in (await enter(opened, provider)).text
        for nonsense in ("", "x", "a.b.c", "e30.e30.e30", 7, None):
            provider.change_answer = _set(id_token=nonsense)
            assert (await enter(opened, provider)).status_code == 403
        assert not await is_in(opened)


@only_sqlite
async def test_when_the_provider_changes_its_key_nobody_is_locked_out(team: Store, provider: TinyProvider) -> None:
    parts = parts_with(team, provider)
    async with at(parts) as opened:
        assert (await enter(opened, provider)).status_code == 303
        provider.key = RSAKey.generate_key(2048, {"kid": "second"})
        assert (await enter(opened, provider)).status_code == 303
        assert (await enter(opened, provider)).status_code == 303
        assert provider.asked.count("/keys") == 2
        assert provider.asked.count("/.well-known/openid-configuration") == 1


@only_sqlite
@pytest.mark.parametrize(
    ("about", "back", "said"),
    [
        (_set(issuer="https://evil.test"), None, "calls itself something else"),
        (_set(token_endpoint="http://evil.test/token"), None, "safe to use"),
        (_set(jwks_uri=7), None, "safe to use"),
        (_drop("authorization_endpoint"), None, "safe to use"),
        (None, _set(iss="https://evil.test"), "did not come from Blue ID"),
        (_set(authorization_response_iss_parameter_supported=True), None, "did not come from Blue ID"),
        (None, _set(error="access_denied"), "did not let you in"),
        (None, _set(state="guessed"), "begun in another browser"),
        (None, _drop("state"), "begun in another browser"),
        (None, _set(code="guessed"), "did not take what Seenby showed it"),
        (None, _drop("code"), "did not take what Seenby showed it"),
    ],
)
async def test_what_does_not_come_from_the_provider_itself_is_refused_in_words(
    team: Store, provider: TinyProvider, about: Any, back: Any, said: str
) -> None:
    provider.change_about = about or provider.change_about
    provider.change_back = back or provider.change_back
    async with at(parts_with(team, provider)) as opened:
        there = await opened.get("/sign-in/with/provider")
        answer = there
        if there.status_code == 303:
            answer = await opened.get(provider.authorize(there.headers["location"]))
        assert answer.status_code == 403
        assert said in answer.text
        assert not await is_in(opened)


@on_both
async def test_a_way_back_belongs_to_the_browser_that_set_out_and_is_gone_once_and_soon(
    team: Store, provider: TinyProvider
) -> None:
    parts = parts_with(team, provider)
    async with at(parts) as opened, at(parts) as other:
        back = await back_of(opened, provider)
        assert "another browser" in (await other.get(back)).text, "the attacker's way back in a victim's browser"
        cookie = opened.cookies["__Host-seenby_provider"]
        assert (await opened.get(back)).status_code == 303
        again = await other.get(back, headers={"Cookie": f"__Host-seenby_provider={cookie}"})
        assert "finished already" in again.text
        for forged in (cookie[:-1] + "0", cookie.replace(".", "", 1), "", "é", "a.b.c.d"):
            odd = {b"Cookie": f"__Host-seenby_provider={forged}".encode()}
            assert (await other.get(back, headers=odd)).status_code == 403
    late = replace(parts, now=lambda: NOW + timedelta(minutes=10))
    async with at(parts) as opened, at(late) as slow:
        back = await back_of(opened, provider)
        headers = {"Cookie": f"__Host-seenby_provider={opened.cookies['__Host-seenby_provider']}"}
        assert "longer than ten minutes" in (await slow.get(back, headers=headers)).text


@only_sqlite
@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email": ALICE, "email_verified": False}, "has not verified your address"),
        ({"email": ALICE}, "has not verified your address"),
        ({"email": ALICE, "email_verified": 1.5}, "has not verified your address"),
        ({"email": "stranger@blue.test", "email_verified": True}, "no member&#39;s address"),
        ({"email": "<b>@x.test", "email_verified": True}, "&lt;b&gt;@x.test"),
        ({"email": [ALICE], "email_verified": True}, "does not say which address"),
        ({}, "does not say which address"),
    ],
    ids=["unverified", "silent", "odd", "stranger", "hostile", "list", "none"],
)
async def test_nobody_becomes_a_member_and_an_unverified_address_is_nobody_s(
    team: Store, provider: TinyProvider, claims: dict[str, Any], said: str
) -> None:
    provider.claims = {"sub": "x", **claims}
    async with at(parts_with(team, provider)) as opened:
        answer = await enter(opened, provider)
        assert answer.status_code == 403
        assert said in answer.text
        assert await rows(team, "identity", issuer=provider.issuer, subject="x") == []


@only_sqlite
@pytest.mark.parametrize(
    "lookalike", ["gro\u00df@blue.test", "\u212aelly@blue.test", "bo\u017f@blue.test", "BO\u017f@BLUE.test"]
)
async def test_an_address_that_only_looks_like_a_member_s_is_nobody_s(
    team: Store, provider: TinyProvider, lookalike: str
) -> None:
    parts = parts_with(team, provider)
    async with at(parts, ALICE) as alice:
        for address in ("gross@blue.test", "kelly@blue.test", "bos@blue.test"):
            await alice.post("/settings/team/add", data={"address": address}, headers=OURS)
    provider.claims = {"sub": "attacker", "email": lookalike, "email_verified": True}
    async with at(parts) as opened:
        answer = await enter(opened, provider)
        assert (answer.status_code, "no member&#39;s address" in answer.text) == (403, True)
        provider.claims = {"sub": "kelly", "email": "Kelly@Blue.Test", "email_verified": True}
        assert (await enter(opened, provider)).status_code == 303


@only_sqlite
@pytest.mark.parametrize(("subject", "status"), [("alice-1", 303), ("somebody-else", 403)])
async def test_an_address_that_is_not_in_the_token_is_asked_for_and_must_be_the_same_person_s(
    team: Store, provider: TinyProvider, subject: str, status: int
) -> None:
    provider.claims = {"sub": "alice-1"}
    provider.userinfo = {"sub": subject, "email": ALICE, "email_verified": "true"}
    async with at(parts_with(team, provider)) as opened:
        assert (await enter(opened, provider)).status_code == status


@on_both
async def test_whoever_is_in_connects_their_account_from_our_own_page_alone_and_disconnects_it(
    team: Store, provider: TinyProvider
) -> None:
    provider.claims = {"sub": "bob-at-home", "email": "bob@home.test", "email_verified": False}
    parts = parts_with(team, provider)
    connect = "/settings/sign-in/provider/connect"
    async with at(parts, BOB) as bob, at(parts, CHARLIE) as charlie, at(parts) as other:
        for elsewhere in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "none"},
            {},
            {"Referer": "https://e.test/"},
        ):
            assert "Begin here" in (await bob.get(connect, headers=elsewhere)).text
        async with at(replace(parts, now=lambda: parts.now() + FRESH)) as late:
            late.cookies = bob.cookies
            assert "more than half an hour ago" in (await late.get(connect, headers=OURS)).text
        back = await back_of(bob, provider, connect)
        charlie.cookies.update({(cookie := "__Host-seenby_provider"): bob.cookies[cookie]})
        assert "was begun in another browser" in (await charlie.get(back)).text
        assert "Connected since" not in (await charlie.get("/settings/sign-in")).text
        charlie.cookies.delete(cookie)
        answer = await bob.get(await back_of(bob, provider, connect))
        assert answer.headers["location"] == "/settings/sign-in?said=connected"
        assert "Connected since" in (await bob.get("/settings/sign-in")).text
        assert (await enter(other, provider)).status_code == 303
        assert BOB in (await other.get("/settings/sign-in")).text
        taken = await charlie.get(await back_of(charlie, provider, connect))
        assert "connected to another member" in taken.text
        done = await bob.post("/settings/sign-in/provider/disconnect", headers=OURS)
        assert "no longer connected" in done.text
        assert not await is_in(other)
        assert (await enter(other, provider)).status_code == 403


@only_sqlite
async def test_a_wrong_secret_a_silent_provider_and_none_at_all_are_said_so(
    team: Store, provider: TinyProvider
) -> None:
    async with at(parts_with(team, provider, oidc_client_secret="wrong")) as opened:
        assert "oidc_client_secret" in (await enter(opened, provider)).text
    async with at(parts_with(team, provider, oidc_issuer="http://127.0.0.1:1")) as opened:
        answer = await opened.get("/sign-in/with/provider")
        assert "could not be reached" in answer.text
    async with at(parts_of(team)) as opened:
        assert (await opened.get("/sign-in/with/provider")).status_code == 404
        assert (await opened.get("/sign-in/with/provider/back")).status_code in (403, 404)
        assert "Continue with" not in (await opened.get("/sign-in")).text


@pytest.mark.parametrize(
    ("url", "issuer", "safe"),
    [
        ("https://id.company.com/token", "https://id.company.com/all", True),
        ("https://elsewhere.com/keys", "https://id.company.com/all", True),
        ("http://id.company.com/token", "https://id.company.com/all", False),
        ("http://127.0.0.1:7/token", "http://127.0.0.1:7/realm", True),
        ("http://evil.test/token", "http://127.0.0.1:7/realm", False),
        ("https://[", "https://id.company.com/all", False),
        ("https:///token", "https://id.company.com/all", False),
        (None, "https://id.company.com/all", False),
    ],
)
def test_a_secret_and_a_code_go_nowhere_in_the_clear(url: object, issuer: str, safe: bool) -> None:
    assert is_as_safe(url, issuer) is safe


async def test_the_doctor_says_whether_the_provider_can_be_used(provider: TinyProvider) -> None:
    def about(issuer: str) -> Settings:
        return Settings(oidc_issuer=issuer, oidc_client_id=CLIENT)

    assert (await _provider(about(provider.issuer))).mark == "good"
    assert (
        "calls itself something else"
        in (await _provider(about(provider.issuer.replace("127.0.0.1", "localhost")))).what
    )
    assert "could not be reached" in (await _provider(about("http://127.0.0.1:1"))).what


@only_sqlite
async def test_coming_back_with_guesses_is_bounded(team: Store, provider: TinyProvider) -> None:
    async with at(parts_with(team, provider)) as opened:
        tries = [(await opened.get("/sign-in/with/provider/back?state=x&code=y")).status_code for _ in range(21)]
        assert tries == [403] * 20 + [429]
        assert provider.asked == [], "nobody asks the provider about what did not set out from here"
        starts = [(await opened.get("/sign-in/with/provider")).status_code for _ in range(QUESTIONS + 1)]
    assert starts == [303] * QUESTIONS + [429]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"oidc_issuer": "http://id.company.com"}, "write it as https://host"),
        ({"oidc_issuer": "id.company.com"}, "write it as https://host"),
        ({"oidc_issuer": "https://id.company.com"}, "oidc_client_id"),
    ],
)
def test_a_provider_is_named_by_https_and_with_our_name_there(settings: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(**settings)

"""The pages over ASGI, on both databases: what they show, to whom, and what they refuse."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seenby.settings import Settings
from seenby.store import Store, open_store
from seenby.tell.live import Live
from seenby.tell.push import Pusher
from seenby.web import Parts, make_app
from seenby.web.assets import STATIC, FrontendMissing, load_assets
from seenby.words.limits import FORM_BYTES
from seenby.words.policy import Level
from tests.browser import lively
from tests.browser.lively import ALICE, BOB, CHARLIE, KEYS, NOW, Mail, Person, add_mail, add_people, sign_in_link, week
from tests.conftest import empty_store, require

pytestmark = pytest.mark.anyio
APP = "http://app.test"
OURS = {"Sec-Fetch-Site": "same-origin"}


def parts_of(store: Store, **settings: Any) -> Parts:
    return Parts(
        store=store,
        settings=Settings(**settings),
        app_url=APP,
        tracking_url="http://track.test",
        preview_url="http://preview.test",
        smtp_address="127.0.0.1:2525",
        secret=b"s" * 32,
        keys=KEYS,
        pusher=Pusher(b"p" * 32, contact="https://app.test"),
        now=lambda: NOW,
        live=Live(store),
    )


@asynccontextmanager
async def browser(parts: Parts, *, client: str = "127.0.0.1", base: str = APP) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=make_app(parts), client=(client, 50000))
    async with httpx2.AsyncClient(transport=transport, base_url=base) as opened:
        yield opened


async def sign_in(opened: httpx2.AsyncClient, store: Store, address: str = ALICE) -> None:
    link = await sign_in_link(store, address, link=f"link-{address}")
    assert (await opened.get(link)).status_code == 303


on_both = pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """SQLite, or PostgreSQL for tests that ask for both: those that reach every statement of the pages."""
    on_postgres = getattr(request, "param", "sqlite") == "postgresql"
    url = await empty_store(request, tmp_path, on_postgres=on_postgres)
    opened = await open_store(database_url=url, data=tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def team(store: Store) -> Store:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    for mail in week():
        await add_mail(store, mail)
    return store


@on_both
async def test_a_sign_in_link_works_once_and_the_second_visit_gets_a_kind_page(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        link = await sign_in_link(team, ALICE, link="once")
        first = await opened.get(link)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        cookie = first.headers["set-cookie"]
        assert cookie.startswith("seenby_session=")
        assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Path=/"))
        assert "Secure" not in cookie
        second = await opened.get(link)
        assert second.status_code == 410
        assert "seenby sign-in" in second.text


async def test_looking_ahead_does_not_spend_a_sign_in_link(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        link = await sign_in_link(team, ALICE, link="ahead")
        await opened.head(link)
        await opened.get(link, headers={"Sec-Purpose": "prefetch;prerender"})
        assert (await opened.get(link)).status_code == 303


async def test_with_https_the_cookie_is_bound_to_the_host(team: Store) -> None:
    parts = replace(parts_of(team), app_url="https://app.test")
    async with browser(parts, base="https://app.test") as opened:
        answer = await opened.get(await sign_in_link(team, ALICE, link="tls"))
        assert answer.headers["set-cookie"].startswith("__Host-seenby_session=")
        assert "Secure" in answer.headers["set-cookie"]
        assert (await opened.get("/")).status_code == 200


@on_both
@pytest.mark.parametrize(("client", "kept"), [("127.0.0.1", []), ("192.168.7.7", []), ("9.9.9.9", ["9.9.9.9"])])
async def test_signing_in_notes_where_the_team_works_unless_the_address_says_nothing(
    team: Store, client: str, kept: list[str]
) -> None:
    async with browser(parts_of(team), client=client) as opened:
        await sign_in(opened, team)
    async with team.read() as tx:
        assert [row["address"] for row in await tx.all("places", team=lively.TEAM, since=0)] == kept


@pytest.mark.parametrize(
    "path", ["/", "/messages/m-offer", "/messages/m-offer/row", "/settings", "/mailbox", "/bell", "/live"]
)
async def test_nobody_sees_anything_without_signing_in(team: Store, path: str) -> None:
    async with browser(parts_of(team)) as opened:
        answer = await opened.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert (await opened.get(path, headers={"HX-Request": "true"})).headers["hx-redirect"] == "/sign-in"


@on_both
async def test_signing_out_ends_the_session_itself(alice: httpx2.AsyncClient) -> None:
    cookie = alice.cookies["seenby_session"]
    await alice.post("/sign-out", headers=OURS)
    answer = await alice.get("/", headers={"Cookie": f"seenby_session={cookie}"})
    assert answer.status_code == 303


@on_both
async def test_sent_shows_the_teams_messages_and_no_other_teams(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/")).text
    assert "Offer for the autumn campaign" in page
    assert "What changed in November" in page, "a colleague's message"
    assert "Charlie" not in page


@on_both
@pytest.mark.parametrize(
    "path", ["/messages/m-private", "/messages/m-private/row", "/mailbox/m-private-0", "/messages/nothing"]
)
async def test_another_teams_message_is_not_there(alice: httpx2.AsyncClient, path: str) -> None:
    answer = await alice.get(path)
    assert answer.status_code == 404
    assert "Charlie" not in answer.text


async def test_what_is_alices_charlie_cannot_reach(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        assert "Charlie&#39;s own business" in (await opened.get("/")).text
        for path in ("/messages/m-offer", "/messages/m-offer/row", "/mailbox/m-offer-0"):
            assert (await opened.get(path)).status_code == 404


@on_both
@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param("pilot", ["m-bounce"], id="a word of the subject"),
        pytest.param("NADIA", ["m-bounce"], id="a name, in any case"),
        pytest.param("mei.lin@studio", ["m-offer"], id="an address"),
        pytest.param("%", [], id="percent stands for itself"),
        pytest.param("_", [], id="underscore stands for itself"),
    ],
)
async def test_searching(alice: httpx2.AsyncClient, words: str, found: list[str]) -> None:
    page = (await alice.get("/", params={"words": words})).text
    assert re.findall(r'id="row-([^"]+)"', page) == found


@on_both
async def test_only_mine_leaves_out_what_colleagues_sent(alice: httpx2.AsyncClient) -> None:
    mine = (await alice.get("/?who=me")).text
    assert "Offer for the autumn" in mine
    assert "What changed in November" not in mine
    assert "What changed" not in (await alice.get("/?who=me&words=november")).text


@on_both
async def test_paging_by_key_shows_every_message_once(store: Store) -> None:
    await add_people(store)
    for number in range(65):
        people = (Person(address="r@out.test"),)
        await add_mail(
            store, Mail(id=f"m{number:02}", subject=f"n{number}", ago=timedelta(hours=number // 3), people=people)
        )
    seen: list[str] = []
    async with browser(parts_of(store)) as opened:
        await sign_in(opened, store)
        path = "/"
        while path:
            page = (await opened.get(path)).text
            seen += re.findall(r'id="row-([^"]+)"', page)
            older = re.search(r'href="([^"]+)" rel="next"', page)
            path = html.unescape(older[1]) if older else ""
    assert sorted(seen) == [f"m{number:02}" for number in range(65)]


async def test_with_nothing_sent_the_page_says_how_to_begin(store: Store) -> None:
    await add_people(store)
    async with browser(parts_of(store)) as opened:
        await sign_in(opened, store)
        page = (await opened.get("/")).text
    for fact in ("127.0.0.1", "2525", ALICE, "STARTTLS", "seenby sender add ann@company.com", "Waiting for your first"):
        assert fact in page


async def test_the_marks_tell_four_states_and_why(alice: httpx2.AsyncClient) -> None:
    row = (await alice.get("/messages/m-offer/row")).text
    marks = dict(re.findall(r'data-recipient="([^"]+)".*?data-channel="open" data-state="(\w+)"', row, re.DOTALL))
    assert marks == {
        "rita@customer.test": "seen",
        "mei.lin@studio.test": "probably",
        "omar@partner.test": "cannot_know",
        BOB: "cannot_know",
    }
    assert "Apple fetches images for everyone" in row
    assert "Not tracked: a colleague." in row
    assert 'data-channel="open" data-state="no_sign"' in (await alice.get("/messages/m-bounce/row")).text


async def test_a_message_without_a_pixel_does_not_pretend_that_an_open_could_be_seen(alice: httpx2.AsyncClient) -> None:
    for path in ("/messages/m-minutes/row", "/?words=minutes", "/messages/m-minutes"):
        page = (await alice.get(path)).text
        assert 'data-channel="open" data-state="cannot_know"' in page
        assert "Plain text only: links can be tracked, opens cannot." in page


async def test_a_bounce_is_shown_with_what_the_server_said(alice: httpx2.AsyncClient) -> None:
    row = (await alice.get("/messages/m-bounce/row")).text
    assert "Bounced" in row
    assert "550 5.1.1 &lt;nobody@gone.test&gt;: Recipient address rejected" in row
    assert "Delayed, will try again" in row


async def test_hostile_texts_are_shown_as_text(alice: httpx2.AsyncClient) -> None:
    await alice.post("/settings/notifications", data={"of_team": "1"}, headers=OURS)
    for path in ("/", "/messages/m-hostile", "/bell", "/?words=" + lively.HOSTILE.replace("/", "%2F").replace("&", "")):
        page = (await alice.get(path)).text
        assert html.escape(lively.HOSTILE).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
        assert "<script>document" not in page
        assert "<img src=x" not in page
        assert "<b>Bold" not in page


@on_both
async def test_a_messages_page_tells_every_hit_its_verdict_and_its_reasons(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/messages/m-offer")).text
    for told in (
        "Opened in Thunderbird",
        "Clicked link 1 in Chrome on Windows",
        "Opened in Gmail, which hides place and device",
        "97% a person",
        "followed 3 links",
        "we read this as not known (45% a person)",
        "A mail program that scanners do not imitate",
        "https://blue.test/offer/autumn?ref=mail",
        "and 1 repeat",
        "Every fetch, as it came (11)",
    ):
        assert told in page
    assert page.index("Opened and clicked") < page.index("Machines and your own side"), "people come first"


async def test_an_untouched_message_says_why(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/messages/m-signed")).text
    assert "changing it would break the signature" in page
    assert "nothing can be told about single people" in page
    assert "No sign of a person yet" not in page
    assert "Plain text only: links can be tracked, opens cannot." in (await alice.get("/messages/m-minutes")).text


@on_both
async def test_the_bell_counts_and_looking_marks_it_read(alice: httpx2.AsyncClient) -> None:
    assert "5 new notifications" in (await alice.get("/bell/count")).text
    await alice.post("/settings/notifications", data={"of_team": "1"}, headers=OURS)
    assert "6 new notifications" in (await alice.get("/bell/count")).text  # Bob's mail too
    seen = (await alice.post("/bell/seen", headers=OURS)).text
    assert "Rita Sommer" in seen
    assert "nothing new" in (await alice.get("/bell/count")).text


async def levels(store: Store, address: str = ALICE) -> tuple[int, int, int]:
    async with store.read() as tx:
        row = await tx.one("sender_by_address", address=address)
    assert row is not None
    return row["pixels"], row["links"], row["notify"]


@on_both
async def test_the_switches_are_kept_at_once(team: Store, alice: httpx2.AsyncClient) -> None:
    said = await alice.post("/settings/switches", data={"links": "true"}, headers={**OURS, "HX-Request": "true"})
    assert "Saved" in said.text
    assert await levels(team) == (Level.OFF, Level.FULL, 0)
    await alice.post("/settings/switches", data={"pixels": "true", "links": "true", "notify": "true"}, headers=OURS)
    assert await levels(team) == (Level.FULL, Level.FULL, 1)


async def test_a_switch_never_goes_above_the_ceiling(team: Store) -> None:
    async with browser(parts_of(team, pixels="off", links="identified")) as opened:
        await sign_in(opened, team)
        page = (await opened.get("/settings")).text
        assert "does not allow it" in page
        assert "no device, network or place" in page
        ask = {"pixels": "true"}
        refused = await opened.post("/settings/switches", data=ask, headers={**OURS, "HX-Request": "true"})
        assert "Not saved" in refused.text
        assert await levels(team) == (Level.FULL, Level.FULL, 1), "nothing changed"
        await opened.post("/settings/switches", data={}, headers=OURS)
        await opened.post("/settings/switches", data={"links": "true"}, headers=OURS)
        assert await levels(team) == (Level.OFF, Level.IDENTIFIED, 0)


@on_both
async def test_an_address_is_added_only_when_nobody_has_it(team: Store, alice: httpx2.AsyncClient) -> None:
    ours = {**OURS, "HX-Request": "true"}
    assert "Added" in (await alice.post("/settings/addresses", data={"address": "sales@blue.test"}, headers=ours)).text
    for taken in (BOB, "SALES@blue.test"):
        assert "in use already" in (await alice.post("/settings/addresses", data={"address": taken}, headers=ours)).text
    theirs = await alice.post("/settings/addresses", data={"address": CHARLIE}, headers=ours)
    assert "that domain is another team" in theirs.text
    assert "no address" in (await alice.post("/settings/addresses", data={"address": "sales"}, headers=ours)).text
    await alice.post("/settings/addresses/remove", data={"address": "sales@blue.test"}, headers=ours)
    stays = (await alice.post("/settings/addresses/remove", data={"address": ALICE}, headers=ours)).text
    assert "stays" in stays
    assert "sales@blue.test" not in stays
    await alice.post("/settings/addresses/remove", data={"address": BOB}, headers=ours)
    async with team.read() as tx:
        assert [row["address"] for row in await tx.all("addresses_of", sender=f"id-{BOB}")] == [BOB]


@on_both
async def test_only_the_owner_changes_the_teams_domains(team: Store, alice: httpx2.AsyncClient) -> None:
    ours = {**OURS, "HX-Request": "true"}
    assert "blue.example" in (await alice.post("/settings/domains", data={"domain": "Blue.Example"}, headers=ours)).text
    assert "anybody can" in (await alice.post("/settings/domains", data={"domain": "gmail.com"}, headers=ours)).text
    assert "no domain" in (await alice.post("/settings/domains", data={"domain": "a b"}, headers=ours)).text
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        for path in ("/settings/domains", "/settings/domains/remove"):
            assert (await opened.post(path, data={"domain": "blue.test"}, headers=ours)).status_code == 403
        boss = await opened.post("/settings/addresses", data={"address": "boss@blue.test"}, headers=ours)
        assert "only the team's owner" in html.unescape(boss.text)
        assert "Added" in (await opened.post("/settings/addresses", data={"address": "b@own.test"}, headers=ours)).text
        assert "Only the team&#39;s owner" in html.unescape((await opened.get("/settings/team")).text).replace(
            "'", "&#39;"
        )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 403, id="no word of where it comes from"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="a neighbour of ours, such as the preview"),
        pytest.param({"Sec-Fetch-Site": "none"}, 403, id="no page at all"),
        pytest.param({"Origin": "http://evil.test"}, 403, id="another origin"),
        pytest.param({"Origin": "null"}, 403, id="a sandboxed frame"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": APP}, 403, id="the stronger word counts"),
        pytest.param({"Origin": APP}, 303, id="our own origin"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 303, id="our own page"),
    ],
)
async def test_a_change_is_made_only_for_our_own_pages(
    alice: httpx2.AsyncClient, team: Store, headers: dict[str, str], status: int
) -> None:
    answer = await alice.post("/settings/switches", data={}, headers=headers)
    assert answer.status_code == status
    assert await levels(team) == ((Level.OFF, Level.OFF, 0) if status == 303 else (Level.FULL, Level.FULL, 1))


async def test_only_the_control_door_is_left_to_check_for_itself_who_asks(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        assert (await opened.post("/control/nothing", headers={"Authorization": "Bearer x"})).status_code == 404
        assert (await opened.post("/nowhere", headers={"Authorization": "Bearer x"})).status_code == 403


async def test_a_form_may_be_as_large_as_the_limit_and_no_larger(alice: httpx2.AsyncClient) -> None:
    form = {**OURS, "Content-Type": "application/x-www-form-urlencoded"}
    fits = await alice.post("/settings/switches", content=b"a=" + b"x" * (FORM_BYTES - 2), headers=form)
    assert fits.status_code == 303
    over = await alice.post("/settings/switches", content=b"a=" + b"x" * (FORM_BYTES - 1), headers=form)
    assert over.status_code == 413

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(FORM_BYTES // 1000 + 2):
            yield b"x" * 1000

    chunked = await alice.post("/settings/switches", content=unannounced(), headers=form)
    assert chunked.status_code == 413


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere", "/healthz", "/settings"])
async def test_every_answer_keeps_the_browser_careful(alice: httpx2.AsyncClient, path: str) -> None:
    headers = (await alice.get(path)).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    for rule in ("default-src 'none'", "script-src 'self'", "frame-src http://preview.test", "frame-ancestors 'none'"):
        assert rule in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/messages/m-offer", "/settings", "/mailbox/m-offer-0", "/sign-in", "/bell"])
async def test_no_page_holds_anything_inline_or_names_another_host(alice: httpx2.AsyncClient, path: str) -> None:
    page = (await alice.get(path)).text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=\"|\sstyle=\"|hx-on|javascript:", page)
    fetched = re.findall(r'<(?:script|link|img|iframe|use)\b[^>]*(?:src|href)="([^"]+)"', page)
    assert all(url.startswith(("/static/", "data:,", "http://preview.test/m/")) for url in fetched)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/nowhere", "/static/nothing.js"])
async def test_what_is_not_there_is_said_in_our_look(alice: httpx2.AsyncClient, path: str) -> None:
    answer = await alice.get(path)
    assert answer.status_code == 404
    assert "Nothing here" in answer.text


async def test_health_is_a_word(alice: httpx2.AsyncClient) -> None:
    assert (await alice.get("/healthz")).text == "ok\n"


@on_both
@pytest.mark.parametrize(
    "query",
    ["before=x", "before=-1", "before=99999999999999999999999", "words=%00%ff", "words=%ff%fe", "before_id=%00"],
)
async def test_odd_addresses_get_a_plain_answer(alice: httpx2.AsyncClient, query: str) -> None:
    assert (await alice.get(f"/?{query}")).status_code in (200, 400, 422)
    assert (await alice.get("/messages/%00")).status_code == 400
    for path, field in (("addresses", "address"), ("domains", "domain")):
        for form in ({field: "\0"}, {field: "x" * 400}, {}):
            for what in (path, f"{path}/remove"):
                assert (await alice.post(f"/settings/{what}", data=form, headers=OURS)).status_code in (303, 400, 422)


async def test_a_frontend_that_was_never_built_says_what_to_run(tmp_path: Any) -> None:
    with pytest.raises(FrontendMissing, match="make setup"):
        load_assets(tmp_path)


async def test_rows_that_changed_together_are_fetched_together(team: Store, alice: httpx2.AsyncClient) -> None:
    page = (
        await alice.get("/rows?message=m-offer&message=m-bounce&message=m-private&message=m-none&message=m-offer")
    ).text
    assert re.findall(r'id="(row-[^"]+)"[^>]*hx-swap-oob="true"', page) == ["row-m-offer", "row-m-bounce"]
    assert "Charlie" not in page
    too_many = "&".join(f"message={number}" for number in range(101))
    assert (await alice.get(f"/rows?{too_many}")).status_code == 422

"""The settings' pages: who may see and change what, on every route; hostile texts; nothing of another team."""

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from seenby.store import Store, admin_log
from seenby.store.people import sender_by_address
from seenby.web.menu import SETTINGS
from seenby.web.signing_in import FRESH
from tests.browser.lively import ALICE, BOB, CHARLIE, HOSTILE, OTHER_TEAM, RITA, TEAM
from tests.unit.test_web_pages import OURS, browser, on_both, parts_of, sign_in, store

pytestmark = pytest.mark.anyio
__all__ = ["store"]

BOB_ID, CHARLIE_ID = f"id-{BOB}", f"id-{CHARLIE}"
# Every change that only an owner may make, with a form that would be right for one.
OWNERS_ONLY = {
    "/settings/team/name": {"name": "Blue"},
    "/settings/team/ceiling": {"pixels": "1", "links": "1"},
    "/settings/team/add": {"address": "new@blue.test"},
    "/settings/team/role": {"member": BOB_ID, "role": "owner"},
    "/settings/team/remove": {"member": BOB_ID},
    "/settings/team/password": {"member": BOB_ID},
    "/settings/team/link": {"member": BOB_ID},
    "/settings/team/sign-out": {"member": BOB_ID},
    "/settings/team/passkeys": {"member": BOB_ID},
    "/accuracy/seeds": {"address": "nobody@seed.example"},
    "/accuracy/seeds/remove": {"address": "nobody@seed.example"},
    "/settings/domains": {"domain": "blue.example"},
    "/settings/domains/remove": {"domain": "blue.test"},
    "/settings/judge/networks": {"network": "9.9.9.0/24"},
    "/settings/judge/networks/remove": {"network": "9.9.9.0/24"},
    "/settings/privacy/export": {"address": RITA},
    "/settings/privacy/erase": {"address": RITA, "sure": "ERASE"},
}


@pytest.fixture
async def bob(team: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        yield opened


async def logged(store: Store, team: str = TEAM) -> list[tuple[str, str]]:
    async with store.read() as tx:
        return [(row["action"], row["detail"]) for row in await admin_log.page(tx, team=team, before=2**62, limit=100)]


@pytest.mark.parametrize("place", SETTINGS, ids=lambda place: place.key)
async def test_every_page_of_the_menu_is_there_and_asks_for_signing_in(team: Store, place) -> None:
    async with browser(parts_of(team)) as opened:
        assert (await opened.get(place.path)).headers["location"] == "/sign-in"
        await sign_in(opened, team)
        page = await opened.get(place.path)
        assert page.status_code == 200
        assert f'<a href="{place.path}" aria-current="page">' in page.text


@pytest.mark.parametrize("place", SETTINGS, ids=lambda place: place.key)
async def test_a_member_sees_what_is_not_for_owners_alone(bob: httpx2.AsyncClient, place) -> None:
    page = await bob.get(place.path)
    assert page.status_code == (403 if place.for_owners else 200)
    assert "/settings/log" not in page.text


@on_both
@pytest.mark.parametrize("path", OWNERS_ONLY)
async def test_a_member_changes_nothing_of_the_teams(team: Store, path: str) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        answer = await opened.post(path, data=OWNERS_ONLY[path], headers=OURS)
    assert answer.status_code == 403
    assert await logged(team) == []


@pytest.mark.parametrize("path", [path for path, form in OWNERS_ONLY.items() if "member" in form])
async def test_another_teams_owner_reaches_nobody_here(team: Store, path: str) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        assert (await opened.post(path, data=OWNERS_ONLY[path], headers=OURS)).status_code == 404
    async with team.read() as tx:
        there = await sender_by_address(tx, BOB)
    assert there is not None
    assert there.role == "member"
    assert await logged(team) == []
    assert await logged(team, OTHER_TEAM) == []


@pytest.mark.parametrize("path", OWNERS_ONLY)
async def test_another_page_cannot_ask_for_it(alice: httpx2.AsyncClient, path: str) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert (await alice.post(path, data=OWNERS_ONLY[path], headers=elsewhere)).status_code == 403


def test_every_change_of_the_settings_is_held_here_or_is_ones_own() -> None:
    from seenby.web import settings

    words = "switches unsubscribe links addresses connect next-hop notifications writing sign-in"
    own = tuple(f"/settings/{word}" for word in words.split())
    pages = [page.router for page in vars(settings).values() if hasattr(page, "router")]
    changes = {route.path for page in pages for route in page.routes if "POST" in route.methods}
    elsewhere = {path for path in OWNERS_ONLY if path.startswith("/accuracy")}
    assert {path for path in changes if not path.startswith(own)} == set(OWNERS_ONLY) - elsewhere


@pytest.mark.parametrize("path", OWNERS_ONLY)
async def test_where_a_form_leads_typed_as_an_address_is_the_page(alice: httpx2.AsyncClient, path: str) -> None:
    answer = await alice.get(path)
    assert answer.status_code == 303
    assert (await alice.get(answer.headers["location"])).status_code == 200


@on_both
async def test_an_owner_adds_a_member_who_can_sign_in_and_is_logged(alice: httpx2.AsyncClient, team: Store) -> None:
    page = (await alice.post("/settings/team/add", data={"address": "Ann@new.test"}, headers=OURS)).text
    link = re.search(r"/sign-in/([\w-]+)", page)
    assert link is not None
    async with browser(parts_of(team)) as opened:
        assert (await opened.get(link[0])).status_code == 303
        assert "Offer for the autumn campaign" in (await opened.get("/")).text
    assert await logged(team) == [("member_added", "ann@new.test")]
    assert (
        "belongs to somebody" in (await alice.post("/settings/team/add", data={"address": CHARLIE}, headers=OURS)).text
    )


@on_both
async def test_who_is_removed_is_signed_out_and_their_mail_stays(team: Store) -> None:
    async with browser(parts_of(team)) as bobs, browser(parts_of(team)) as alices:
        await sign_in(bobs, team, BOB)
        await sign_in(alices, team, ALICE)
        said = (await alices.post("/settings/team/remove", data={"member": BOB_ID}, headers=OURS)).text
        assert "is out of the team" in said
        assert (await bobs.get("/")).headers["location"] == "/sign-in"
        assert "What changed in November" in (await alices.get("/")).text
        assert (await alices.get("/messages/m-news")).status_code == 200
        again = (await alices.post("/settings/team/add", data={"address": BOB}, headers=OURS)).text
        assert "is in the team" in again
    assert [action for action, _ in await logged(team)] == ["member_added", "member_removed"]


@on_both
async def test_a_team_keeps_an_owner(alice: httpx2.AsyncClient, team: Store) -> None:
    own = {"member": f"id-{ALICE}", "role": "member"}
    assert "this is the last one" in (await alice.post("/settings/team/role", data=own, headers=OURS)).text
    await alice.post("/settings/team/role", data={"member": BOB_ID, "role": "owner"}, headers=OURS)
    stepped_down = (await alice.post("/settings/team/role", data=own, headers=OURS)).text
    assert "is now: member" in stepped_down
    assert (await alice.get("/settings/log")).status_code == 403
    assert [action for action, _ in await logged(team)] == ["role_set", "role_set"]


async def test_passwords_and_links_are_shown_once_and_never_logged(alice: httpx2.AsyncClient, team: Store) -> None:
    for path in ("password", "link"):
        page = (await alice.post(f"/settings/team/{path}", data={"member": BOB_ID}, headers=OURS)).text
        secret = re.search(r"data-copy>([^<]{20,})<", page)
        assert secret is not None
        assert secret[1] not in (await alice.get("/settings/team")).text
        assert secret[1] not in (await alice.get("/settings/log")).text
        assert secret[1] not in (await alice.get("/settings/log/export.csv")).text
    assert [detail for _, detail in await logged(team)] == [BOB, BOB]


async def test_the_teams_ceiling_holds_for_the_switches(alice: httpx2.AsyncClient) -> None:
    said = (await alice.post("/settings/team/ceiling", data={"pixels": "0", "links": "2"}, headers=OURS)).text
    assert "Saved" in said
    page = (await alice.get("/settings")).text
    assert "does not allow it" in page
    assert "no device, network or place" in page
    assert (
        await alice.post("/settings/team/ceiling", data={"pixels": "9", "links": "2"}, headers=OURS)
    ).status_code == 422


async def test_more_than_the_installation_allows_is_refused(team: Store) -> None:
    async with browser(parts_of(team, pixels="counted")) as opened:
        await sign_in(opened, team)
        form = {"pixels": "3", "links": "3"}
        assert "allows less" in (await opened.post("/settings/team/ceiling", data=form, headers=OURS)).text


@pytest.mark.parametrize("text", [HOSTILE, "=cmd|' /C calc'!A0", "a\u202eb", "{{ 7*7 }}", "x" * 299])
async def test_hostile_names_stay_text_on_the_pages_and_in_the_table(alice: httpx2.AsyncClient, text: str) -> None:
    await alice.post("/settings/team/name", data={"name": text}, headers=OURS)
    for path in ("/settings/team", "/settings/log"):
        page = (await alice.get(path)).text
        assert "<script>document" not in page
        assert "<img src=x" not in page
        assert "\u202e" not in page
    table = (await alice.get("/settings/log/export.csv")).text
    assert not re.search(r'(^|,)"?[=+@]', table.partition("\n")[2])


@on_both
async def test_the_log_is_paged_and_holds_no_other_teams_entries(alice: httpx2.AsyncClient, team: Store) -> None:
    for number in range(60):
        await alice.post("/settings/team/name", data={"name": f"name {number}"}, headers=OURS)
    async with team.write() as tx:
        await admin_log.put(
            tx, admin_log.Action.TEAM_RENAMED, team=OTHER_TEAM, by="x", at=parts_of(team).now(), detail="grey secret"
        )
    first = (await alice.get("/settings/log")).text
    older = re.search(r'href="(/settings/log\?before=\d+)"', first)
    assert older is not None
    second = (await alice.get(html.unescape(older[1]))).text
    names = re.findall(r"name (\d+)<", first) + re.findall(r"name (\d+)<", second)
    assert names == [str(number) for number in reversed(range(60))]
    assert "grey secret" not in first + second


@pytest.mark.parametrize(
    ("path", "action"),
    {"link": "sign_in_link_made", "add": "member_added", "role": "role_set", "password": "password_made"}.items(),
)
async def test_a_browser_that_was_left_open_lets_nobody_in(team: Store, path: str, action: str) -> None:
    """A link would open a session that is fresh, and with it every other way in; so would a new owner, or a member."""
    parts = parts_of(team)
    form = OWNERS_ONLY[f"/settings/team/{path}"]
    async with browser(parts) as owner, browser(replace(parts, now=lambda: parts.now() + FRESH)) as late:
        await sign_in(owner, team)
        late.cookies = owner.cookies
        answer = await late.post(f"/settings/team/{path}", data=form, headers=OURS)
        assert "more than half an hour ago" in answer.text
        assert await logged(team) == []
        await owner.post(f"/settings/team/{path}", data=form, headers=OURS)
    assert action in [done for done, _detail in await logged(team)]

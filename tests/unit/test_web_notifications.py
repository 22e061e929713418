"""The notifications' page: what is kept, what is refused, and that nobody reaches another's browsers."""

import base64

import pytest

from seenby.store import Store, preferences, telling
from seenby.throttle import Throttle
from tests.browser.lively import ALICE, BOB
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = pytest.mark.anyio
PAGE = "/settings/notifications"
KEYS = {
    "p256dh": base64.urlsafe_b64encode(b"\x04" * 65).rstrip(b"=").decode(),
    "auth": base64.urlsafe_b64encode(b"a" * 16).rstrip(b"=").decode(),
}
ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"


async def browsers(store: Store, address: str = ALICE) -> list[str]:
    async with store.read() as tx:
        return [one.endpoint for one in await telling.subscriptions(tx, f"id-{address}")]


async def test_what_is_chosen_is_kept_and_shown(alice, team):
    form = {"of_team": "1", "quiet_from": "22:00", "quiet_until": "07:00", "zone": "Europe/Berlin", "digest": "08:15"}
    assert (await alice.post(PAGE, data=form, headers=OURS)).status_code == 303
    page = (await alice.get(PAGE)).text
    assert 'name="quiet_from" value="22:00"' in page
    assert "<option selected>Europe/Berlin</option>" in page
    async with team.read() as tx:
        kept = await preferences.chosen(tx, f"id-{ALICE}")
    assert {name: kept[name] for name in ("of_team", "quiet", "digest")} == {
        "of_team": "1",
        "quiet": "22:00-07:00",
        "digest": "08:15",
    }
    assert kept["digested"] == "2026-11-22"  # today's time is over: the first comes tomorrow
    await alice.post(PAGE, data={"zone": "UTC"}, headers=OURS)
    async with team.read() as tx:
        assert "quiet" not in await preferences.chosen(tx, f"id-{ALICE}")


@pytest.mark.parametrize("form", [{"quiet_from": "22:00"}, {"zone": "<b>"}, {"digest": "soon"}])
async def test_what_is_none_changes_nothing_and_is_said(alice, team, form):
    answer = await alice.post(PAGE, data={"of_team": "1", **form}, headers=OURS)
    assert "Nothing was changed" in answer.text
    async with team.read() as tx:
        assert await preferences.chosen(tx, f"id-{ALICE}") == {}


async def test_a_browser_is_added_once_and_removed(alice, team):
    form = {"endpoint": ENDPOINT, **KEYS}
    for _ in range(2):
        assert (await alice.post(f"{PAGE}/browsers", data=form, headers=OURS)).status_code == 204
    assert await browsers(team) == [ENDPOINT]
    assert "Send a test" in (await alice.get(PAGE)).text
    await alice.post(f"{PAGE}/browsers/drop", data={"endpoint": ENDPOINT}, headers=OURS)
    assert await browsers(team) == []


@pytest.mark.parametrize(
    "form",
    [
        {"endpoint": "https://127.0.0.1/x"},
        {"endpoint": "http://169.254.169.254/latest"},
        {"p256dh": "AAAA"},
        {"auth": "é"},
        {"p256dh": ""},
        {"endpoint": ENDPOINT + "x" * 2000},
    ],
)
async def test_what_is_no_browser_is_refused(alice, team, form):
    answer = await alice.post(f"{PAGE}/browsers", data={"endpoint": ENDPOINT, **KEYS, **form}, headers=OURS)
    assert answer.status_code in (400, 422)
    assert await browsers(team) == []


async def test_a_test_may_be_asked_for_only_so_often(alice, team):
    said = [(await alice.post(f"{PAGE}/test", headers=OURS)).text for _ in range(Throttle().most + 1)]
    assert ["That was often" in one for one in said] == [False] * Throttle().most + [True]


async def test_browsers_have_an_end(alice, team):
    for number in range(21):
        answer = await alice.post(f"{PAGE}/browsers", data={"endpoint": f"{ENDPOINT}{number}", **KEYS}, headers=OURS)
    assert answer.status_code == 409
    assert len(await browsers(team)) == 20


async def test_nobody_removes_anothers_browser(alice, team):
    await alice.post(f"{PAGE}/browsers", data={"endpoint": ENDPOINT, **KEYS}, headers=OURS)
    async with browser(parts_of(team)) as bob:
        await sign_in(bob, team, BOB)
        await bob.post(f"{PAGE}/browsers/drop", data={"endpoint": ENDPOINT}, headers=OURS)
        assert ENDPOINT not in (await bob.get(PAGE)).text
    assert await browsers(team) == [ENDPOINT]


async def test_another_page_can_add_no_browser(alice, team):
    await alice.post(f"{PAGE}/browsers", data={"endpoint": ENDPOINT, **KEYS}, headers={"Sec-Fetch-Site": "cross-site"})
    assert await browsers(team) == []


async def test_a_message_is_told_of_again(alice, team):
    async with team.write() as tx:
        await tx.run("unwatch", sender=f"id-{ALICE}", message="m-offer", team="team-blue")
    assert "Tell me again" in (await alice.get(PAGE)).text
    await alice.post(f"{PAGE}/watch", data={"message": "m-offer"}, headers=OURS)
    assert "Tell me again" not in (await alice.get(PAGE)).text


async def test_the_service_worker_is_at_the_root_and_may_be_loaded(alice):
    answer = await alice.get("/sw.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert "worker-src 'self'" in answer.headers["content-security-policy"]

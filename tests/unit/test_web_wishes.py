"""Settings of links and of unsubscribing, and the page of those who unsubscribed."""

import html
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from seenby.instrument import TextMode, Wishes
from seenby.instrument.wishes import read_wishes, write_wishes
from seenby.store import Store, people, unsubscribed
from seenby.words.limits import FORM_BYTES, NEVER_HOSTS
from seenby.words.message import UNWANTED
from tests.browser.lively import ALICE, BOB, CHARLIE, NOW, RITA, TEAM, Mail, Person, add_mail
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in, team

pytestmark = pytest.mark.anyio
HTMX = OURS | {"HX-Request": "true"}
__all__ = ["team"]  # a fixture


async def kept(store: Store, address: str = ALICE) -> Wishes | None:
    async with store.read() as tx:
        sender = await people.sender_by_address(tx, address)
    assert sender is not None
    return read_wishes(sender.wishes)


def form(**values: Any) -> dict[str, str]:
    """What a browser sends: a switch that is off is left out."""
    every = {"text": "html_and_text", "hosts": "", "noscript": "true", "own_signatures": "true"} | values
    return {name: value for name, value in every.items() if value is not None}


async def test_wishes_are_kept_as_they_were_chosen(team: Store, alice: httpx2.AsyncClient) -> None:
    typed = "Shop.Example.com\r\n\r\n*.app.example.org \r\nbücher.example\r\n"
    values = form(text="html_only", hosts=typed, keep_visible_urls="true", noscript=None, own_signatures=None)
    said = (await alice.post("/settings/links", data=values, headers=HTMX)).text
    assert "Saved." in said
    assert await kept(team) == Wishes(
        text=TextMode.HTML_ONLY,
        never_hosts=frozenset({"shop.example.com", "app.example.org", "xn--bcher-kva.example"}),
        keep_visible_urls=True,
        noscript=False,
        own_signatures=False,
    )
    assert await kept(team, BOB) == Wishes()
    page = (await alice.get("/settings")).text
    assert "bücher.example" in page
    assert re.search(r'value="html_only" checked', page)


async def test_what_was_before_comes_back_with_one_press(team: Store, alice: httpx2.AsyncClient) -> None:
    await alice.post("/settings/links", data=form(hosts="one.example"), headers=HTMX)
    said = (await alice.post("/settings/links", data=form(text="none"), headers=HTMX)).text
    [before] = re.findall(r'name="before" value="([^"]*)"', said)
    assert "Go back to what was before" in said
    again = (await alice.post("/settings/links/back", data={"before": html.unescape(before)}, headers=HTMX)).text
    assert await kept(team) == Wishes(never_hosts=frozenset({"one.example"}))
    assert "one.example" in again
    assert "Go back" not in (await alice.post("/settings/links", data=form(hosts="one.example"), headers=HTMX)).text


async def test_the_very_first_change_can_be_taken_back_to_no_wishes(team: Store, alice: httpx2.AsyncClient) -> None:
    said = (await alice.post("/settings/links", data=form(text="none"), headers=HTMX)).text
    assert 'name="before" value=""' in said
    await alice.post("/settings/links/back", data={"before": ""}, headers=HTMX)
    assert await kept(team) == Wishes()


@pytest.mark.parametrize("before", ["{", '{"v":2}', "x" * 30_000])
async def test_a_forged_before_changes_nothing(team: Store, alice: httpx2.AsyncClient, before: str) -> None:
    await alice.post("/settings/links", data=form(text="none"), headers=HTMX)
    assert "Not changed" in (await alice.post("/settings/links/back", data={"before": before}, headers=HTMX)).text
    assert await kept(team) == Wishes(text=TextMode.NONE)


@pytest.mark.parametrize("headers", [HTMX, OURS], ids=["with the script", "without"])
async def test_each_wrong_line_is_named_and_nothing_typed_is_lost(
    team: Store, alice: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    typed = "\nfine.example\nhttps://app.example/x\nno host\n<b>\nme@app.example\n" + "y" * 100 + "!\n"
    values = form(text="text_only", hosts=typed, keep_visible_urls="true", noscript=None)
    text = (await alice.post("/settings/links", data=values, headers=headers)).text
    said = html.unescape(text)
    assert re.findall(r"<li>Line (\d)", said) == ["3", "4", "5", "6", "7"]
    assert "<b>”" not in text
    assert said.count("Not saved") == 1
    assert typed in said
    assert 'value="text_only" checked' in text
    assert re.search(r'name="keep_visible_urls" value="true" checked', text)
    assert not re.search(r'name="noscript" value="true" checked', text)
    assert await kept(team) == Wishes()


async def test_so_many_hosts_are_kept_and_not_one_more(team: Store, alice: httpx2.AsyncClient) -> None:
    hosts = [f"h{number}.example" for number in range(NEVER_HOSTS + 1)]
    said = (await alice.post("/settings/links", data=form(hosts="\n".join(hosts)), headers=HTMX)).text
    assert f"There are {NEVER_HOSTS + 1} lines; {NEVER_HOSTS} are the most." in said
    await alice.post("/settings/links", data=form(hosts="\n".join(hosts[1:])), headers=HTMX)
    wishes = await kept(team)
    assert wishes is not None
    assert wishes.never_hosts == frozenset(hosts[1:])
    assert len(write_wishes(wishes)) < FORM_BYTES


async def test_damaged_wishes_are_said_on_the_page(team: Store, alice: httpx2.AsyncClient) -> None:
    async with team.write() as tx:
        await tx.run("set_wishes", id=f"id-{ALICE}", wishes='{"v":9}')
    assert "could not be read" in (await alice.get("/settings")).text
    said = (await alice.post("/settings/links", data=form(), headers=HTMX)).text
    assert "Saved" in said
    assert "Go back" not in said


async def test_the_switch_to_unsubscribe_is_kept_and_says_what_is_missing(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    page = (await alice.get("/settings")).text
    assert "not https" in page
    assert not re.search(r'name="unsubscribe" value="true" checked', page)
    await alice.post("/settings/unsubscribe", data={"unsubscribe": "true"}, headers=HTMX)
    assert re.search(r'name="unsubscribe" value="true" checked', (await alice.get("/settings")).text)
    await alice.post("/settings/unsubscribe", data={}, headers=HTMX)
    assert not re.search(r'name="unsubscribe" value="true" checked', (await alice.get("/settings")).text)


async def leave(store: Store, address: str, *, team: str = TEAM, message: str = "m-offer", minutes: int = 0) -> None:
    at = NOW - timedelta(hours=1) + timedelta(minutes=minutes)
    async with store.write() as tx:
        assert await unsubscribed.put(tx, team=team, address=address, message=message, at=at)


async def test_the_page_says_who_when_and_from_what(team: Store, alice: httpx2.AsyncClient) -> None:
    assert "Nobody." in (await alice.get("/unsubscribed")).text
    await leave(team, RITA)
    await leave(team, "<b>@x.test", message="m-gone", minutes=1)
    await leave(team, "theirs@x.test", team="team-grey")
    page = (await alice.get("/unsubscribed")).text
    assert re.findall(r'data-address="([^"]+)"', page) == ["&lt;b&gt;@x.test", RITA]
    assert "Offer for the autumn campaign" in page
    assert "a message that is no longer here" in page
    assert "theirs@x.test" not in page
    assert "Who unsubscribed (2)" in (await alice.get("/settings")).text


async def test_somebody_is_written_to_again_only_if_they_asked_for_it(team: Store, alice: httpx2.AsyncClient) -> None:
    await leave(team, RITA)
    no = (await alice.post("/unsubscribed/lift", data={"address": RITA}, headers=OURS)).text
    assert "takes their own wish" in no
    asked = {"address": RITA, "they_asked": "true", "why": "a call\n on Monday"}
    yes = (await alice.post("/unsubscribed/lift", data=asked, headers=OURS)).text
    assert "may write to rita@customer.test again" in yes
    assert re.search(rf"{ALICE} lifted it .*they asked for it \(“a call on Monday”\)", yes)
    async with team.read() as tx:
        assert not await unsubscribed.refuses(tx, team=TEAM, address=RITA)
    assert "is not unsubscribed" in (await alice.post("/unsubscribed/lift", data=asked, headers=OURS)).text
    back = (await alice.post("/unsubscribed/keep", data={"address": RITA}, headers=OURS)).text
    assert "as before" in back
    assert "lifted it" not in back
    async with team.read() as tx:
        assert await unsubscribed.refuses(tx, team=TEAM, address=RITA)
    assert "Not changed" in (await alice.post("/unsubscribed/keep", data={"address": RITA}, headers=OURS)).text


async def test_another_team_lifts_nothing_of_ours(team: Store) -> None:
    await leave(team, RITA)
    async with browser(parts_of(team)) as charlie:
        await sign_in(charlie, team, CHARLIE)
        await charlie.post("/unsubscribed/lift", data={"address": RITA, "they_asked": "true"}, headers=OURS)
        assert RITA not in (await charlie.get("/unsubscribed")).text
    async with team.read() as tx:
        assert await unsubscribed.refuses(tx, team=TEAM, address=RITA)


@pytest.mark.parametrize(
    "path", ["/settings/links", "/settings/links/back", "/settings/unsubscribe", "/unsubscribed/lift"]
)
async def test_no_other_site_changes_any_of_it(alice: httpx2.AsyncClient, path: str) -> None:
    answer = await alice.post(path, data={"address": RITA}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


async def test_message_and_bell_tell_of_it_in_plain_words_and_count_no_click(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    gone = Person(address=RITA, name="Rita Sommer", state="failed", reply=UNWANTED)
    await add_mail(team, Mail(id="m-late", subject="One more thing", ago=timedelta(minutes=5), people=(gone,)))
    async with team.write() as tx:
        values = {"team": TEAM, "kind": "unsubscribed", "hit": None, "bell": 1, "detail": ""}
        at = int(NOW.timestamp() * 1_000_000)
        await tx.run("add_event", id="unsubscribed:1", message="m-late", recipient="m-late-0", at=at, **values)
    page = (await alice.get("/messages/m-late")).text
    assert "unsubscribed: they want no more mail from your team" in page
    assert "Not sent, unsubscribed" in page
    assert "<b>0</b>" in page.partition("clicks by people")[0][-120:]
    bell = html.unescape((await alice.get("/bell")).text)
    assert re.search(r"Rita Sommer</b> unsubscribed from your team's mail, in “One more thing”", bell)

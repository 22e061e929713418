"""How many, counted this way and that, on a message's page; and the report that the command line asks for."""

import re
from dataclasses import replace

import httpx2
import pytest

from seenby.store import Store
from seenby.web.assets import STATIC
from seenby.words.message import Untracked
from tests.browser.lively import ALICE, BOB, CHARLIE, Fetch, Mail, Person, add_mail, add_people, minutes
from tests.conftest import require
from tests.unit.test_report_summary import NEWS, READERS
from tests.unit.test_web_attack import HELD, command_line
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

# test_report_summary reads the same statements on both databases
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("store", ["sqlite"], indirect=True)]
PAGE = "/messages/m-news"


@pytest.fixture
async def team(store: Store) -> Store:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    await add_mail(store, NEWS)
    return store


def offered(page: str) -> str:
    """The ways that the page offers; it has other lists to choose from."""
    return page.partition('name="view"')[2].partition("</select>")[0]


def chosen(page: str) -> list[str]:
    return re.findall(r'<option value="([^"]+)" selected', offered(page))


def rows(page: str) -> list[list[str]]:
    """The figures: a name, opens, by recipients, clicks, by recipients."""
    table = page.partition('<table class="plain">')[2].partition("</table>")[0]
    return [re.findall(r">([^<>]*)</t[hd]>", row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)][1:]


async def test_people_only_comes_first_and_alone(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get(PAGE)).text
    assert chosen(page) == ["people"]
    assert rows(page) == [["People only", "1", "1", "1", "1"]]


async def test_the_honest_rate_is_one_sentence_and_a_picture(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get(PAGE)).text
    assert re.search(r"About \d+% of the 12 recipients have opened it so far: between \d+% and", page)
    assert "Opens can be measured for 100% of all recipients." in page
    assert 'class="share" role="img" aria-label="About' in page


async def test_of_a_few_recipients_no_rate_is_given(team: Store, alice: httpx2.AsyncClient) -> None:
    await add_mail(team, replace(NEWS, id="m-few", people=NEWS.people[:3]))
    page = (await alice.get("/messages/m-few")).text
    assert "Too few recipients to speak of a rate" in page
    assert "with 95% certainty" not in page


async def test_a_message_to_one_person_is_not_counted_this_way_and_that(team: Store, alice: httpx2.AsyncClient) -> None:
    await add_mail(team, replace(NEWS, id="m-one", people=NEWS.people[:1], fetches=NEWS.fetches[:2]))
    assert 'id="counting"' not in (await alice.get("/messages/m-one")).text


async def test_another_way_of_counting_stands_beside_people_only_with_its_own_words(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get(f"{PAGE}?view=mailgun")).text
    assert rows(page) == [
        ["People only", "1", "1", "1", "1"],
        ["Mailgun", "3", "2", "1", "1"],
        ["bot is empty", "2", "", "1", ""],
    ]
    assert "<dt>Mailgun</dt><dd>bot: generic</dd>" in page
    assert f'hx-get="{PAGE}?view=mailgun"' in page  # and stays so when the page refreshes itself
    assert chosen((await alice.get(PAGE)).text) == ["people"]  # for this once


async def test_a_chosen_way_of_counting_is_remembered_for_whoever_chose_it(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    answer = await alice.post(f"{PAGE}/view", data={"view": "act-on"}, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#counting")
    assert chosen((await alice.get(PAGE)).text) == ["act-on"]
    async with browser(parts_of(team)) as other:
        await sign_in(other, team, BOB)
        assert chosen((await other.get(PAGE)).text) == ["people"]


async def test_a_way_of_counting_that_there_is_not_is_people_only(alice: httpx2.AsyncClient) -> None:
    await alice.post(f"{PAGE}/view", data={"view": "omniture"}, headers=OURS)
    assert chosen((await alice.get(f"{PAGE}?view=%3Cscript%3E")).text) == ["people"]


async def test_no_other_site_chooses_how_we_count(alice: httpx2.AsyncClient) -> None:
    sent = {"Sec-Fetch-Site": "cross-site"}
    assert (await alice.post(f"{PAGE}/view", data={"view": "raw"}, headers=sent)).status_code == 403


async def test_another_team_sees_no_figure(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        assert (await opened.get(f"{PAGE}?view=raw")).status_code == 404


async def test_every_way_of_counting_can_be_shown(team: Store, alice: httpx2.AsyncClient) -> None:
    page = (await alice.get(PAGE)).text
    for name in re.findall(r'<option value="([^"]+)"', offered(page)):
        shown = await alice.get(f"{PAGE}?view={name}")
        assert (shown.status_code, chosen(shown.text)) == (200, [name])
    assert (await alice.post(f"{PAGE}/view", data={"view": "raw"}, headers=OURS)).status_code == 303


async def test_colleagues_are_no_recipients_of_a_rate(team: Store, alice: httpx2.AsyncClient) -> None:
    people = (
        *NEWS.people[:2],
        Person(address=ALICE, untracked=Untracked.OWN),
        Person(address=BOB, untracked=Untracked.COLLEAGUE),
    )
    await add_mail(team, Mail(id="m-ours", subject="x", ago=minutes(9), people=people, fetches=(_open(),)))
    assert "How many of the 2 recipients opened it" in (await alice.get("/messages/m-ours")).text


def _open() -> Fetch:
    return Fetch(after=minutes(1), reader=READERS[0])


async def test_the_command_line_asks_the_running_app_for_a_report(team: Store) -> None:
    async with command_line(team) as opened:
        answer = await opened.post("/control/report", json={"message": "m-news", "view": "gong"}, headers=HELD)
        assert answer.json()["view"] == "gong"
        nothing = await opened.post("/control/report", json={"message": "m-nothing"}, headers=HELD)
        assert nothing.json() is None


async def test_a_report_is_for_holders_of_the_key(team: Store) -> None:
    async with command_line(team) as opened:
        sent = {"Authorization": "Bearer wrong"}
        assert (await opened.post("/control/report", json={"message": "m-news"}, headers=sent)).status_code == 403

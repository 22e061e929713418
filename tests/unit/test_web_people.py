"""People and organisations: whom the team writes to, what is known of one of them, and whose it is to know."""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
import pytest

from seenby.store import Store, unsubscribed
from seenby.web.assets import STATIC
from seenby.words.limits import NOTE_CHARACTERS
from tests.browser.lively import (
    ALICE,
    CHARLIE,
    CHROME,
    NOW,
    OMAR,
    OTHER_TEAM,
    RITA,
    SCANNER,
    TEAM,
    Fetch,
    Mail,
    Person,
    add_mail,
    add_people,
)
from tests.conftest import require
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def listed(page: str) -> list[str]:
    return re.findall(r'data-person="([^"]+)"', page)


def counts(page: str, address: str) -> list[str]:
    row = page[page.index(f'data-person="{address}"') :]
    return re.findall(r'class="number"[^>]*>([^<]*)</td>', row[: row.index("</tr>")])


async def test_people_stand_in_the_order_in_which_they_were_last_written_to(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/people")).text
    assert listed(page)[0] == RITA, "the last message went to Rita alone"
    assert listed(page).count(RITA) == 1, "though she got two"
    assert counts(page, RITA) == ["2", "2", "1", "0"]
    assert "bob@blue.test" not in listed(page), "a colleague is nobody the team writes to"
    assert len(listed(page)) == len(set(listed(page)))


async def test_pages_of_people_show_everybody_once(store: Store) -> None:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    everybody = [f"p{number}@c{number % 7}.test" for number in range(95)]
    for number in range(0, 95, 5):
        people = tuple(Person(address=address) for address in [*everybody[number : number + 5], "often@c1.test"])
        await add_mail(
            store, Mail(id=f"m{number:03}", subject="x", ago=timedelta(hours=number), people=people), now=NOW
        )
    async with browser(parts_of(store)) as opened:
        await sign_in(opened, store)
        found, address = [], "/people"
        while address:
            page = (await opened.get(address)).text
            found += listed(page)
            older = re.search(r'href="([^"]+)" rel="next"', page)
            address = html.unescape(older[1]) if older else ""
        of_domain = listed((await opened.get("/organisations/c1.test")).text)
    assert sorted(found) == sorted([*everybody, "often@c1.test"])
    assert sorted(of_domain) == sorted(one for one in [*everybody, "often@c1.test"] if one.endswith("@c1.test"))


@pytest.mark.parametrize(
    ("find", "found"),
    [
        ("rita@cust", [RITA]),
        ("RITA", [RITA]),
        ("sommer", [RITA]),
        ("@customer.test", [RITA, "odd@customer.test", "legal@customer.test", "team@customer.test"]),
        ("autumn", []),
        ("nobody-is-called-so", []),
        ("%_", []),
    ],
)
async def test_people_are_found_by_address_name_or_domain(
    alice: httpx2.AsyncClient, find: str, found: list[str]
) -> None:
    assert listed((await alice.get("/people", params={"find": find})).text) == found


async def test_a_person_s_page_tells_their_history_and_what_machines_did_is_no_part_of_it(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    page = (await alice.get(f"/people/{RITA}")).text
    assert "Rita Sommer" in page
    assert re.findall(r'href="/messages/([^"]+)"', page) == ["m-offer-2", "m-offer"]
    assert "2 of 2 messages carried an image of their own" in page
    assert "Thunderbird" in page
    assert "Chrome on Windows" in page
    quarters = re.search(r'data-quarters="([^"]*)"', page)
    assert quarters is not None
    assert len(quarters[1].split()) == 4, "three opens and a click; the repeat is neither"
    scanned = (await alice.get(f"/people/{OMAR}")).text
    assert 'data-quarters=""' in scanned
    assert "nothing can be said of hours" in scanned
    assert "python-requests" not in scanned


async def test_any_spelling_of_an_address_is_the_same_person(alice: httpx2.AsyncClient) -> None:
    assert "Rita Sommer" in (await alice.get(f"/people/{RITA.upper()}")).text


async def test_odd_addresses_have_pages_and_are_text(store: Store) -> None:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    odd = "a/b?c#d%41&'i`{}@x.test"
    await add_mail(store, Mail(id="m", subject="x", ago=timedelta(hours=1), people=(Person(address=odd),)), now=NOW)
    async with browser(parts_of(store)) as opened:
        await sign_in(opened, store)
        page = (await opened.get("/people")).text
        link = html.unescape(re.findall(r'href="(/people/[^"]+)"', page)[0])
        shown = await opened.get(link)
        assert shown.status_code == 200
        assert f"<h1>{odd}</h1>" in html.unescape(shown.text)
        assert odd not in shown.text
        saved = await opened.post(urlsplit(link).path + "/note", data={"text": "Odd"}, headers=OURS)
        assert saved.status_code == 303
        assert "Odd</textarea>" in (await opened.get(link)).text


async def test_a_page_says_that_somebody_unsubscribed_until_that_is_lifted(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    async with team.write() as tx:
        await unsubscribed.put(tx, team=TEAM, address=RITA, message="m-offer", at=NOW)
    assert "they want no more mail" in (await alice.get(f"/people/{RITA}")).text
    async with team.write() as tx:
        await unsubscribed.lift(tx, team=TEAM, address=RITA, sender=f"id-{ALICE}", why="asked", at=NOW)
    assert "they want no more mail" not in (await alice.get(f"/people/{RITA}")).text


async def test_a_note_is_kept_for_the_team_and_taken_back(team: Store, alice: httpx2.AsyncClient) -> None:
    async def write(text: str, **more: str) -> str:
        answer = await alice.post(
            f"/people/{RITA}/note", data={"text": text, **more}, headers=OURS | {"HX-Request": "true"}
        )
        assert answer.status_code == 200
        return answer.text

    assert 'name="undo"' in await write("Likes <b>phone</b> calls")
    assert "Likes &lt;b&gt;phone&lt;/b&gt; calls</textarea>" in (await alice.get(f"/people/{RITA}")).text
    saved = await write("Prefers mail")
    assert 'name="text" value="Likes &lt;b&gt;phone&lt;/b&gt; calls"' in saved
    assert 'name="undo"' not in await write("Likes <b>phone</b> calls", undo="true")
    assert "Likes" in (await alice.get(f"/people/{RITA}")).text
    await write("x" * (NOTE_CHARACTERS + 5))
    async with team.read() as tx:
        note = await tx.one("note_of", team=TEAM, address=RITA)
    assert note is not None
    assert (len(note["text"]), note["by"]) == (NOTE_CHARACTERS, ALICE)
    assert "Removed." in await write("  ")
    async with team.read() as tx:
        assert await tx.one("note_of", team=TEAM, address=RITA) is None


async def test_another_team_sees_and_writes_nothing_of_ours(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        assert RITA not in listed((await opened.get("/people")).text)
        for page in (f"/people/{RITA}", "/organisations/customer.test"):
            assert (await opened.get(page)).status_code == 404
        answer = await opened.post(f"/people/{RITA}/note", data={"text": "mine"}, headers=OURS)
        assert answer.status_code == 404
    async with team.read() as tx:
        assert await tx.one("note_of", team=OTHER_TEAM, address=RITA) is None
    async with browser(parts_of(team)) as stranger:
        assert (await stranger.get("/people")).status_code == 303


async def test_an_organisation_s_page_has_its_people_its_days_and_its_messages(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/organisations/CUSTOMER.test")).text
    assert set(listed(page)) == {RITA, "odd@customer.test", "legal@customer.test", "team@customer.test"}
    assert "<b>5</b>" in page, "two to Rita and one to each other"
    assert "21 Nov: 0 copies, 0 seen" in page
    assert "22 Nov: 2 copies, 2 seen" in page
    assert re.findall(r'href="/messages/([^"]+)"', page)[:2] == ["m-offer-2", "m-offer"]
    assert (await alice.get("/organisations/nowhere.test")).status_code == 404


async def test_people_link_to_their_pages_from_messages_and_from_sent(alice: httpx2.AsyncClient) -> None:
    for page in ("/", "/messages/m-offer"):
        assert f'href="/people/{RITA}"' in (await alice.get(page)).text


@only_sqlite
async def test_a_click_read_as_a_person_s_after_a_machine_s_is_the_person_s_alone(store: Store) -> None:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    fetches = (
        Fetch(after=timedelta(seconds=3), reader=RITA, agent=SCANNER, label="scanner", permille=20, counted=0),
        Fetch(after=timedelta(hours=2), reader=RITA, agent=CHROME, channel="click", link=0),
    )
    person = Person(address=RITA, opened="seen", clicked="seen", clicks=1, machines=1)
    mail = Mail(
        id="m", subject="x", ago=timedelta(hours=8), people=(person,), links=("https://x.test",), fetches=fetches
    )
    await add_mail(store, mail, now=NOW)
    async with browser(parts_of(store)) as opened:
        await sign_in(opened, store)
        page = (await opened.get(f"/people/{RITA}")).text
    assert "Sun 03:00: 1" in page
    assert page.count(": 0</title>") == 7 * 24 - 1

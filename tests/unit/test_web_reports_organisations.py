"""The report by organisation: whose mail it speaks of, in which order, what stands apart, and what it never shows."""

import csv
import html
import io
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import insert, text

from seenby.report.organisations import SHOWN, lines_of, ranking_of
from seenby.store import Store, labels
from seenby.store.tables import DOMAIN_SUMS, day_domains
from seenby.web.links import domain_path
from tests.browser.lively import ALICE, BOB, CHARLIE, NOW, OTHER_TEAM, TEAM, Mail, Person, add_mail
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = pytest.mark.anyio
PAGE = "/reports/organisations"
HOSTILE = ["<script>pwn()</script>.test", '=cmd|" /c calc"!a.test', "a/../b%2f.test", "'; drop table days; --.test"]


def named(page: str) -> list[str]:
    return [html.unescape(name) for name in re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', page)]


def told(page: str, name: str) -> list[str]:
    """A row's figures, as they are read."""
    row = page[page.index(f">{html.escape(name)}<") :]
    cells = re.findall(r'<td class="number"[^>]*>(.*?)</td>', row[: row.index("</tr>")], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in cells]


async def lines(opened: httpx2.AsyncClient, query: str = "") -> list[list[str]]:
    return list(csv.reader(io.StringIO((await opened.get(f"{PAGE}.csv{query}")).text.lstrip("\ufeff"))))


async def write(store: Store, domain: str, **people: Any) -> None:
    """One message to some people at a domain, `seen` of whom opened it, `clicked` clicked, and `lost` did not get."""
    each = [
        *(Person(address=f"s{at}@{domain}", opened="seen", opens=2) for at in range(people.get("seen", 0))),
        *(
            Person(address=f"c{at}@{domain}", opened="seen", clicked="seen", opens=1, clicks=3)
            for at in range(people.get("clicked", 0))
        ),
        *(Person(address=f"n{at}@{domain}") for at in range(people.get("silent", 0))),
        *(Person(address=f"l{at}@{domain}", state="bounced") for at in range(people.get("lost", 0))),
    ]
    mail = Mail(id=f"m-{domain}", subject="x", ago=timedelta(days=people.get("ago", 1)), people=tuple(each))
    await add_mail(store, mail, now=NOW)


async def test_organisations_are_ranked_by_what_is_asked_for(alice: httpx2.AsyncClient, team: Store) -> None:
    await write(team, "quiet.test", silent=30)
    await write(team, "readers.test", seen=12, silent=4)
    await write(team, "clickers.test", clicked=6, lost=2)
    page = (await alice.get(PAGE)).text
    assert named(page)[:2] == ["quiet.test", "readers.test"]
    assert told(page, "readers.test") == ["16", "75% (12)", "0%", "0%", "0%"]
    assert told(page, "clickers.test") == ["6", "100% (6)", "100% (6)", "0%", "25% (2)"]
    assert named((await alice.get(f"{PAGE}?by=opened")).text)[0] == "readers.test"
    assert named((await alice.get(f"{PAGE}?by=clicked")).text)[0] == "clickers.test"
    assert named((await alice.get(f"{PAGE}?by=bounced")).text)[0] == "clickers.test"
    assert named((await alice.get(f"{PAGE}?by=nonsense")).text) == named(page)
    assert [line[0] for line in await lines(alice, "?by=clicked")][1] == "clickers.test"


async def test_every_organisation_leads_to_its_page(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get(PAGE)).text
    assert len(named(page)) > 3
    for name in named(page):
        assert f'href="{domain_path(name)}"' in page
        assert (await alice.get(domain_path(name))).status_code == 200


async def test_the_rows_are_together_what_the_overview_says(alice: httpx2.AsyncClient, team: Store) -> None:
    await write(team, "gmail.com", seen=3, silent=2)
    await write(team, "readers.test", seen=12, silent=4, lost=3)
    for query in ("", "?days=365&who=me", "?days=7"):
        head, *rows = await lines(alice, query)
        days = list(csv.DictReader(io.StringIO((await alice.get(f"/reports/days.csv{query}")).text.lstrip("\ufeff"))))
        for at, name in enumerate(head):
            if name not in ("Organisation", "What it is"):
                assert sum(int(row[at]) for row in rows) == sum(int(day[name]) for day in days), (query, name)


async def test_mailbox_providers_are_no_organisations(alice: httpx2.AsyncClient, team: Store) -> None:
    await write(team, "gmail.com", seen=20)
    await write(team, "outlook.com", silent=20)
    page = (await alice.get(PAGE)).text
    assert "gmail.com" not in named(page)
    assert "outlook.com" not in page
    assert told(page, "Addresses at mailbox providers") == ["40", "50% (20)", "0%", "0%", "0%"]


async def test_copies_that_cannot_be_measured_are_in_no_share_of_opens(alice: httpx2.AsyncClient, team: Store) -> None:
    people = (Person(address="a@plain.test"), Person(address="b@plain.test"))
    await add_mail(team, Mail(id="m-p", subject="x", ago=timedelta(days=1), people=people, untouched="signed"), now=NOW)
    await write(team, "plain.test", seen=1)
    assert told((await alice.get(PAGE)).text, "plain.test")[:2] == ["3", "100% (1 of 1)"]


async def test_days_sender_and_label_narrow_it(alice: httpx2.AsyncClient, team: Store) -> None:
    await write(team, "old.test", seen=2, ago=100)
    await write(team, "called.test", seen=2)
    async with team.write() as tx:
        await labels.put_on(tx, ["m-called.test"], team=TEAM, label="Renewal")
    assert "old.test" not in named((await alice.get(PAGE)).text)
    assert "old.test" in named((await alice.get(f"{PAGE}?days=365")).text)
    assert named((await alice.get(f"{PAGE}?label=Renewal")).text) == ["called.test"]
    assert "called.test" in named((await alice.get(f"{PAGE}?who=id-{ALICE}")).text)
    assert "called.test" not in named((await alice.get(f"{PAGE}?who=id-{BOB}")).text)
    async with team.write() as tx:
        await labels.take_off(tx, ["m-called.test"], team=TEAM, label="Renewal")
    assert named((await alice.get(f"{PAGE}?label=Renewal")).text) == []


async def test_another_team_s_organisations_never_show(team: Store) -> None:
    theirs = Mail(
        id="m-theirs",
        subject="x",
        ago=timedelta(days=1),
        people=(Person(address="a@secret.test"),),
        sender=CHARLIE,
        team=OTHER_TEAM,
    )
    await add_mail(team, theirs, now=NOW)
    for who, sees in ((ALICE, False), (CHARLIE, True)):
        async with browser(parts_of(team)) as opened:
            await sign_in(opened, team, who)
            for query in ("", f"?who=id-{CHARLIE}", "?days=365&by=opened"):
                assert ("secret.test" in (await opened.get(PAGE + query)).text) is sees
                assert ("secret.test" in str(await lines(opened, query))) is sees
                assert ("customer.test" in (await opened.get(PAGE + query)).text) <= (not sees)


async def test_hostile_domains_are_texts_and_no_formulas(alice: httpx2.AsyncClient, team: Store) -> None:
    day = (NOW.date() - NOW.date().replace(year=1970, month=1, day=1)).days
    async with team.write() as tx:
        row = {"team": TEAM, "label": "", "sender": "", "day": day, "copies": 99, "sent": 99}
        await tx.connection.execute(insert(day_domains), [{**row, "domain": domain} for domain in HOSTILE])
    page = (await alice.get(PAGE)).text
    assert set(HOSTILE) <= set(named(page))
    assert "<script>pwn" not in page
    cells = [cell for line in await lines(alice) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


async def test_an_erased_person_s_domain_is_nowhere_and_their_copy_still_counts(
    alice: httpx2.AsyncClient, team: Store
) -> None:
    await write(team, "her-own-name.test", seen=1)
    before = await lines(alice)
    assert "her-own-name.test" in str(before)
    sure = {"address": "s0@her-own-name.test", "sure": "ERASE"}
    assert (await alice.post("/settings/privacy/erase", data=sure, headers=OURS)).status_code == 200
    page = (await alice.get(PAGE)).text
    assert "her-own-name" not in page
    assert told(page, "People who were erased")[:2] == ["1", "100% (1)"]
    after = await lines(alice)
    assert sum(int(row[3]) for row in after[1:]) == sum(int(row[3]) for row in before[1:])


async def test_a_short_list_ends_with_all_the_others(alice: httpx2.AsyncClient, team: Store) -> None:
    people = tuple(Person(address=f"a@o{at:03}.test", opened="seen", opens=1) for at in range(25))
    for number in range(4):
        mail = Mail(
            id=f"m-{number}",
            subject="x",
            ago=timedelta(days=1),
            people=tuple(
                Person(address=one.address.replace("@o", f"@{number}o"), opened="seen", opens=1) for one in people
            ),
        )
        await add_mail(team, mail, now=NOW)
    page = (await alice.get(PAGE)).text
    assert len(named(page)) == SHOWN
    more = re.search(r"(\d+) more organisations", page)
    assert more
    rows = await lines(alice)
    assert len([row for row in rows if row[1] == "organisation"]) == SHOWN + int(more[1])


async def test_with_no_mail_it_says_so(team: Store) -> None:
    async with team.write() as tx:
        await tx.connection.execute(text("delete from day_domains"))
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team)
        assert "No mail of this time went to anybody outside your team." in (await opened.get(PAGE)).text


def found(value: str, *, values: int, **counts: int) -> dict[str, object]:
    row = {name: counts.get(name, 0) for name in DOMAIN_SUMS}
    return {"value": value, "all_values": values, **row, **{f"all_{name}": 10 for name in DOMAIN_SUMS}}


def test_what_has_no_name_is_among_the_others() -> None:
    ranking = ranking_of([found("", values=2, copies=4), found("a.test", values=2, copies=6)])
    assert [(row.name, row["copies"]) for row in ranking.apart] == [("Others", 4)]
    assert "very many organisations" in ranking.apart[0].note
    assert [line[2] for line in lines_of(ranking)][1:] == [6, 4]

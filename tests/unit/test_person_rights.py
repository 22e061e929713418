"""What a team keeps of one person can be taken out as a file, and erased, without a trace of who it was."""

import json

import httpx2
import pytest
from sqlalchemy import text

from seenby.consent import person
from seenby.store import Store
from seenby.store.tables import METADATA
from tests.browser.lively import BOB, CHARLIE, OTHER_TEAM, RITA, TEAM, Mail, Person, add_mail, minutes
from tests.unit.test_settings_access import logged
from tests.unit.test_web_pages import OURS, browser, on_both, parts_of, sign_in, store

pytestmark = pytest.mark.anyio
__all__ = ["store"]
FORM = {"address": RITA, "sure": "ERASE"}


async def everything(store: Store, team: str = "") -> str:
    """Every text in every table, as far as one team's rows are told apart."""
    told = []
    async with store.read() as tx:
        for table in METADATA.sorted_tables:
            rows = (await tx.connection.execute(text(f"select * from {table.name}"))).mappings().all()
            told += [f"{table.name} {dict(row)}" for row in rows if not team or row.get("team") == team]
        words = (await tx.connection.execute(text("select words, message from search"))).mappings().all()
    return "\n".join([*told, *(f"search {dict(row)}" for row in words)])


@on_both
async def test_nothing_names_somebody_who_was_erased_but_counts_stay(alice: httpx2.AsyncClient, team: Store) -> None:
    await alice.post(f"/people/{RITA}/note", data={"text": "Likes autumn"}, headers=OURS)
    sums_before = (await alice.get("/reports")).status_code
    assert RITA in await everything(team)
    said = (await alice.post("/settings/privacy/erase", data=FORM, headers={**OURS, "HX-Request": "true"})).text
    assert "Erased: 2 copies" in said
    left = await everything(team)
    assert RITA not in left.replace("signed in", "")
    assert "Rita" not in left
    assert "Likes autumn" not in left
    page = (await alice.get("/messages/m-offer")).text
    assert RITA not in page
    assert "@erased.invalid" in page
    assert (await alice.get("/", params={"words": "rita"})).text.count('id="row-') == 0
    assert (await alice.get("/reports")).status_code == sums_before == 200
    assert ("person_erased", "somebody, 2 copies") in await logged(team)
    again = (await alice.post("/settings/privacy/erase", data=FORM, headers={**OURS, "HX-Request": "true"})).text
    assert "nothing to erase" in again


@on_both
async def test_a_domain_goes_with_the_last_who_is_known_there(alice: httpx2.AsyncClient, team: Store) -> None:
    domain, pair = "rita-and-rob.example", ("rita@rita-and-rob.example", "rob@rita-and-rob.example")
    await add_mail(
        team, Mail(id="m-pair", subject="Grey", ago=minutes(5), people=tuple(Person(address=one) for one in pair))
    )
    async with team.write() as tx:
        kept = {
            "team": TEAM,
            "name": domain,
            "channel": "open",
            "early": 0,
            "mail_host": domain,
            "machines": 0,
            "most": 99,
        }
        await tx.run("count_habit", **kept, people=1)
        await tx.run("count_habit", **{**kept, "name": "@rita-and-rob.example", "mail_host": ""}, people=1)
        await tx.run("put_mail_host", domain=domain, host="mx.example", at=1)
    for address, is_left in zip(pair, (True, False), strict=True):
        form = {"address": address, "sure": "ERASE"}
        said = (await alice.post("/settings/privacy/erase", data=form, headers={**OURS, "HX-Request": "true"})).text
        assert "Erased: 1 copy" in said
        left = (await everything(team)).replace("Erased", "")
        assert (domain in left, "habits {" in left, "mail_hosts {" in left) == (is_left,) * 3


@on_both
async def test_another_teams_mail_to_the_same_person_stays(alice: httpx2.AsyncClient, team: Store) -> None:
    theirs = Mail(
        id="m-theirs", subject="Grey", ago=minutes(5), people=(Person(address=RITA),), team=OTHER_TEAM, sender=CHARLIE
    )
    await add_mail(team, theirs)
    await alice.post("/settings/privacy/erase", data=FORM, headers=OURS)
    assert RITA in await everything(team, OTHER_TEAM)


async def test_many_copies_are_erased_batch_by_batch_with_word_of_how_far(
    alice: httpx2.AsyncClient, team: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person, "BATCH", 1)
    page = (await alice.post("/settings/privacy/erase", data=FORM, headers={**OURS, "HX-Request": "true"})).text
    assert "1 of 2 copies" in page
    assert 'hx-trigger="load"' in page
    rest = (
        await alice.post("/settings/privacy/erase", data={**FORM, "done": "1"}, headers={**OURS, "HX-Request": "true"})
    ).text
    assert "Erased: 2 copies" in rest
    assert [action for action, _ in await logged(team)] == ["person_erased"]


@on_both
@pytest.mark.parametrize("batch", [2, 3])
async def test_with_the_last_copy_goes_the_note_however_the_batches_come_out(
    alice: httpx2.AsyncClient, team: Store, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(person, "BATCH", batch)
    await alice.post(f"/people/{RITA}/note", data={"text": "Likes autumn"}, headers=OURS)
    said = (await alice.post("/settings/privacy/erase", data=FORM, headers={**OURS, "HX-Request": "true"})).text
    assert "Erased: 2 copies" in said
    assert "Likes autumn" not in await everything(team)


@on_both
async def test_a_mail_host_s_counts_stay_while_another_domain_has_it(alice: httpx2.AsyncClient, team: Store) -> None:
    names = ("customer.test", "elsewhere.test", "@big.example")
    async with team.write() as tx:
        for name in names:
            host = "" if name.startswith("@") else "big.example"
            kept = {"team": TEAM, "name": name, "channel": "open", "early": 0, "mail_host": host, "machines": 0}
            await tx.run("count_habit", **kept, most=99, people=1)
        await tx.connection.execute(
            text("update recipients set domain = 'x.test' where address_key <> :rita"), {"rita": RITA}
        )
    await alice.post("/settings/privacy/erase", data=FORM, headers=OURS)
    async with team.read() as tx:
        left = await tx.all("habits_of", team=TEAM, names=json.dumps(names))
    assert sorted(row["name"] for row in left) == ["@big.example", "elsewhere.test"]


@on_both
async def test_a_domain_whose_key_is_another_is_forgotten_as_it_was_written(
    alice: httpx2.AsyncClient, team: Store
) -> None:
    written = "rita@straße.example"
    await add_mail(team, Mail(id="m-street", subject="Grey", ago=minutes(5), people=(Person(address=written),)))
    async with team.write() as tx:
        kept = {"team": TEAM, "name": "straße.example", "channel": "open", "early": 0, "mail_host": "", "machines": 0}
        await tx.run("count_habit", **kept, most=99, people=1)
        await tx.run("put_mail_host", domain="straße.example", host="mx.example", at=1)
    form = {"address": written, "sure": "ERASE"}
    await alice.post("/settings/privacy/erase", data=form, headers=OURS)
    left = await everything(team)
    assert "straße" not in left
    assert "strasse" not in left


@pytest.mark.parametrize("sure", ["", "erase", "yes", "ERASED"])
async def test_without_the_word_nothing_is_erased(alice: httpx2.AsyncClient, team: Store, sure: str) -> None:
    page = (await alice.post("/settings/privacy/erase", data={"address": RITA, "sure": sure}, headers=OURS)).text
    assert "Nothing was erased" in page
    assert RITA in await everything(team)


@on_both
async def test_a_person_gets_all_that_is_kept_of_them_and_of_nobody_else(alice: httpx2.AsyncClient) -> None:
    answer = await alice.post("/settings/privacy/export", data={"address": RITA.upper()}, headers=OURS)
    told = json.loads(answer.text)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert {one["message"] for one in told["messages"]} == {"m-offer", "m-offer-2"}
    assert sum(len(one["fetches"]) for one in told["messages"]) == 5
    assert "omar@" not in answer.text
    nobody = await alice.post("/settings/privacy/export", data={"address": "x@elsewhere.test"}, headers=OURS)
    assert json.loads(nobody.text)["messages"] == [], "another team's"


@pytest.mark.parametrize("path", ["/settings/privacy/erase", "/settings/privacy/export"])
async def test_only_owners_erase_and_export(team: Store, path: str) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        assert (await opened.post(path, data=FORM, headers=OURS)).status_code == 403
        assert "Erase a person" not in (await opened.get("/settings/privacy")).text
    assert RITA in await everything(team)

"""The reports' pages: every way to cut them, saving, and that figures are mailed to the team alone."""

import pytest

from seenby.store import Store
from tests.browser.lively import ALICE, BOB, CHARLIE, HOSTILE
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = pytest.mark.anyio
SAVED = "/reports/saved"
FORM = {"name": "Our month", "query": "?days=90&label=Proposal", "every": "week", "form": "pdf", "mail_to": ALICE}


@pytest.mark.parametrize(
    "path",
    ["/reports", "/reports/organisations", "/reports/when", "/reports/programs", "/reports/where", "/reports/filtered"],
)
@pytest.mark.parametrize("query", ["", "?days=365&who=me", "?label=nothing", "?since=2026-11-01&until=2026-11-22"])
async def test_every_report_answers_and_its_csv_too(alice, path, query):
    assert (await alice.get(path + query)).status_code == 200
    csv = await alice.get(("/reports/days" if path == "/reports" else path) + f".csv{query}")
    assert csv.headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize("shape", ["", "lines", "table", "funnel", HOSTILE[:10]])
async def test_days_are_shown_in_any_shape(alice, shape):
    page = await alice.get("/reports", params={"shape": shape, "of": "sent"})
    assert page.status_code == 200
    assert "<script>document" not in page.text


async def test_there_is_no_other_cut(alice):
    for path in ("/reports/nothing", "/reports/nothing.csv"):
        assert (await alice.get(path)).status_code == 404


async def test_the_pdf_is_one(alice):
    answer = await alice.get("/reports/report.pdf?days=365")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


async def test_the_pdf_names_the_organisations_that_most_mail_went_to(alice, monkeypatch):
    monkeypatch.setattr("reportlab.rl_config.pageCompression", 0)
    text = (await alice.get("/reports/report.pdf?days=365")).content
    assert b"Organisations, most mail first" in text
    assert b"customer.test" in text
    assert b"Organisations" not in (await alice.get("/reports/report.pdf?days=365&label=nothing")).content


async def test_the_pdf_has_most_mail_first_also_from_a_page_that_is_ranked_otherwise(alice, monkeypatch):
    monkeypatch.setattr("reportlab.rl_config.pageCompression", 0)
    names = [b"list.test", b"customer.test", b"gone.test"]
    for by in ("", "opened", "bounced"):
        text = (await alice.get(f"/reports/report.pdf?days=365&by={by}")).content
        assert sorted(names, key=text.index) == names, by


async def test_a_report_is_saved_shown_and_removed(alice, team: Store):
    assert (await alice.post(SAVED, data=FORM, headers=OURS)).status_code == 303
    page = (await alice.get(SAVED)).text
    assert "PDF every Monday to alice@blue.test" in page
    assert "/reports?days=90&amp;label=Proposal" in page
    async with team.read() as tx:
        [row] = await tx.all("saved_reports_of", sender=f"id-{ALICE}")
    async with browser(parts_of(team)) as bob:
        await sign_in(bob, team, BOB)
        assert "Our month" not in (await bob.get(SAVED)).text
        await bob.post(f"{SAVED}/forget", data={"id": row["id"]}, headers=OURS)
    assert "Our month" in (await alice.get(SAVED)).text
    await alice.post(f"{SAVED}/forget", data={"id": row["id"]}, headers=OURS)
    assert "Our month" not in (await alice.get(SAVED)).text


async def test_addresses_typed_in_brackets_are_mailed_to_as_addresses(alice, team: Store):
    typed = {**FORM, "mail_to": f"<{ALICE}>; {BOB.upper()}\r\n"}
    assert (await alice.post(SAVED, data=typed, headers=OURS)).status_code == 303
    async with team.read() as tx:
        [row] = await tx.all("saved_reports_of", sender=f"id-{ALICE}")
    assert row["mail_to"] == f"{ALICE},BOB@blue.test"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mail_to": CHARLIE}, "not of your team"),
        ({"mail_to": f"{ALICE}, somebody@else.test"}, "not of your team"),
        ({"mail_to": "nobody"}, "no address"),
        ({"mail_to": ""}, "name one to"),
        ({"mail_to": f"{ALICE}\r\nBcc: x@y.test"}, "no address"),
        ({"name": " "}, "give the report a name"),
        ({"every": "hour"}, "choose how often"),
        ({"form": "exe"}, "choose how often"),
    ],
)
async def test_what_cannot_be_kept_is_said_and_nothing_is(alice, team: Store, changed, words):
    answer = await alice.post(SAVED, data=FORM | changed, headers=OURS)
    assert words in answer.text
    async with team.read() as tx:
        assert await tx.all("saved_reports_of", sender=f"id-{ALICE}") == []


async def test_a_hostile_name_is_shown_as_text(alice):
    await alice.post(SAVED, data=FORM | {"name": HOSTILE}, headers=OURS)
    page = (await alice.get(SAVED)).text
    assert "owned" in page
    assert "<script>document" not in page

"""The list of sent mail: filters in its address, saved filters, labels, silence, and files for spreadsheets."""

import csv
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from seenby.report.export import COLUMNS, as_csv, as_xlsx, harmless
from seenby.store import Store
from seenby.words.limits import LABEL_CHARACTERS, SAVED_FILTERS
from tests.browser.lively import ALICE, BOB, CHARLIE, OTHER_TEAM, TEAM
from tests.house import rows
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def shown(page: str) -> list[str]:
    return re.findall(r'id="subject-([^"]+)"', page)


@only_sqlite
@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/?state=unanswered&to=customer.test", ["m-offer-2", "m-offer", "m-hostile"]),
        ("/?to=rita@customer.test", ["m-offer-2", "m-offer"]),
        ("/?to=@customer.test&words=autumn&state=clicked", ["m-offer"]),
        ("/?state=failed", ["m-bounce"]),
        ("/?words=minutes", ["m-minutes"]),
        ("/?words=nobody-was-called-so", []),
    ],
)
async def test_an_address_says_which_messages(alice: httpx2.AsyncClient, address: str, found: list[str]) -> None:
    assert shown((await alice.get(address)).text) == found


@only_sqlite
@pytest.mark.parametrize(
    "address",
    [
        "/?state=nonsense", "/?since=yesterday", "/?until=9999-12-31", "/?since=0000-00-00", "/?to=%00",
        "/?who=nobody&state=", "/?words=%22%27%29", "/?thread=%3Cx%3E", "/?label=%F0%9F%8E%89", "/?to=@@@",
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_still_a_page(alice: httpx2.AsyncClient, address: str) -> None:
    assert (await alice.get(address)).status_code in (200, 400)


@only_sqlite
async def test_messages_get_labels_and_lose_them(team: Store, alice: httpx2.AsyncClient) -> None:
    chosen = {"message": ["m-offer", "m-offer-2", "m-other-team"], "label": "  Big   deal ", "back": "/?state=clicked"}
    answer = await alice.post("/labels", data=chosen, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?state=clicked")
    assert shown((await alice.get("/?label=Big+deal")).text) == ["m-offer-2", "m-offer"]
    await alice.post("/labels", data={"message": "m-offer-2", "label": "Big deal", "take_off": "true"}, headers=OURS)
    page = (await alice.get("/?label=Big+deal")).text
    assert shown(page) == ["m-offer"]
    assert "label Big deal" in page
    long = {"message": "m-offer-2", "label": "x" * 200}
    await alice.post("/labels", data=long, headers=OURS)
    assert {"label": "x" * LABEL_CHARACTERS} in await rows(team, "labels_of_team", team=TEAM)
    words = {"label": "y" * (LABEL_CHARACTERS - 1)}
    await alice.post("/labels", data={"message": "m-offer-2", "label": words["label"] + " and more"}, headers=OURS)
    assert words in await rows(team, "labels_of_team", team=TEAM)
    await alice.post("/labels", data={"message": "m-offer-2", **words, "take_off": "true"}, headers=OURS)
    assert words not in await rows(team, "labels_of_team", team=TEAM), "what was cut can be taken off"


@only_sqlite
async def test_another_team_labels_nothing_of_ours(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        await opened.post("/labels", data={"message": "m-offer", "label": "Mine"}, headers=OURS)
        await opened.post("/watch", data={"message": "m-offer"}, headers=OURS)
    async with team.read() as tx:
        assert await tx.all("labels_of_team", team=TEAM) == await tx.all("labels_of_team", team=OTHER_TEAM) == []
        assert await tx.one("is_unwatched", sender=f"id-{CHARLIE}", message="m-offer") is None


@only_sqlite
@pytest.mark.parametrize("back", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", ""])
async def test_the_way_back_is_always_our_own_list(alice: httpx2.AsyncClient, back: str) -> None:
    answer = await alice.post("/labels", data={"message": "m-offer-2", "label": "x", "back": back}, headers=OURS)
    assert answer.headers["location"] == "/"


@only_sqlite
async def test_a_filter_is_saved_used_and_forgotten(team: Store, alice: httpx2.AsyncClient) -> None:
    await alice.post("/filters?state=unanswered&to=customer.test", data={"name": "Hot"}, headers=OURS)
    [saved] = await rows(team, "saved_filters", sender=f"id-{ALICE}")
    page = (await alice.get("/")).text
    assert 'href="/?to=customer.test&amp;state=unanswered"' in page
    assert ">Hot</a>" in page
    await alice.post("/filters/forget", data={"id": saved["id"]}, headers=OURS)
    assert await rows(team, "saved_filters", sender=f"id-{ALICE}") == []
    for number in range(SAVED_FILTERS + 3):
        await alice.post("/filters?state=seen", data={"name": str(number)}, headers=OURS)
    assert len(await rows(team, "saved_filters", sender=f"id-{ALICE}")) == SAVED_FILTERS


@only_sqlite
async def test_no_bell_rings_for_what_somebody_does_not_watch_and_others_hear_it(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    async def heard(sender: str) -> set[str]:
        found = await rows(team, "bell_events", team=TEAM, sender=sender, limit=99)
        return {row["message"] for row in found}

    bob = {"sender": f"id-{BOB}", "team": TEAM, "name": "of_team", "value": "1"}
    async with team.write() as tx:
        await tx.run("put_preference", **bob)
    assert "m-offer" in await heard(f"id-{ALICE}")
    await alice.post("/watch", data={"message": "m-offer"}, headers=OURS)
    assert "m-offer" not in await heard(f"id-{ALICE}")
    assert "m-offer" in await heard(f"id-{BOB}")
    await alice.post("/watch", data={"message": "m-offer", "again": "true"}, headers=OURS)
    assert "m-offer" in await heard(f"id-{ALICE}")


# ---------------------------------------------------------------- files


@only_sqlite
async def test_the_file_has_a_line_for_each_recipient_of_what_the_list_shows(alice: httpx2.AsyncClient) -> None:
    answer = await alice.get("/export.csv?to=customer.test&state=clicked")
    assert answer.headers["content-disposition"] == 'attachment; filename="sent.csv"'
    lines = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert tuple(lines[0]) == COLUMNS
    assert {line[COLUMNS.index("Recipient")] for line in lines[1:]} >= {"rita@customer.test", "bob@blue.test"}
    by_address = {line[COLUMNS.index("Recipient")]: line for line in lines[1:]}
    assert by_address["rita@customer.test"][COLUMNS.index("Clicked")] == "yes"
    assert by_address["bob@blue.test"][COLUMNS.index("Opened")] == "not tracked"


@only_sqlite
async def test_a_workbook_has_the_same_lines(alice: httpx2.AsyncClient) -> None:
    answer = await alice.get("/export.xlsx")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        texts = book.read("xl/sharedStrings.xml").decode()
        assert "rita@customer.test" in texts
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode(), "no formula"


@only_sqlite
async def test_nobody_takes_another_team_s_mail_away(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        assert "customer.test" not in (await opened.get("/export.csv")).text
    async with browser(parts_of(team)) as stranger:
        assert (await stranger.get("/export.csv")).status_code == 303


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|"/c calc"!A0'])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert "".join(as_csv([[cell]])).startswith(("\ufeff'", "\ufeff\"'"))
    with zipfile.ZipFile(io.BytesIO(as_xlsx([[cell]]))) as book:
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_a_time_in_a_workbook_is_one_that_can_be_sorted() -> None:
    at = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    with zipfile.ZipFile(io.BytesIO(as_xlsx([["Sent (UTC)"], [at]]))) as book:
        [kept] = re.findall(r'<c r="A2" s="(\d+)"><v>([\d.]+)</v>', book.read("xl/worksheets/sheet1.xml").decode())
        assert 'formatCode="yyyy-mm-dd hh:mm:ss"' in book.read("xl/styles.xml").decode()
    assert kept == ("2", str((at - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)))
    assert "".join(as_csv([[at]])) == "\ufeff2026-11-22 18:00:00\r\n"


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert [harmless(one) for one in ("a=1", "", "1", 7)] == ["a=1", "", "1", 7]


@pytest.mark.parametrize("sign", [";", ",", "|", "\t", "\r\n"])
def test_no_formula_begins_where_another_program_begins_a_cell(sign: str) -> None:
    assert harmless(f"safe{sign}=1+1") == f"safe{sign}'=1+1"
    assert harmless(f"{sign}=1+1") in (f"{sign}'=1+1", f"'{sign}=1+1", f"'{sign}'=1+1")

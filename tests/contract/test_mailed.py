"""Reports that are mailed: when they are due, to the team alone, once, as a PDF or CSV that opens."""

import csv
import io
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from sqlalchemy import text

from seenby.mailed import mail_reports
from seenby.store import Store
from seenby.store.times import micros
from tests.browser.lively import ALICE, BOB, HOSTILE, NOW, TEAM, add_mail, add_people, week
from tests.house import make_house

pytestmark = pytest.mark.anyio
APP = "https://app.test"


@pytest.fixture
async def team(store: Store) -> Store:
    await add_people(store)
    for mail in week():
        await add_mail(store, mail, now=NOW)
    return store


async def save(store: Store, name: str, *, form: str = "pdf", query: str = "", to: str = ALICE) -> None:
    async with store.write() as tx:
        assert await tx.run(
            "save_report",
            id=name[:20],
            team=TEAM,
            sender=f"id-{ALICE}",
            name=name,
            query=query,
            every="day",
            form=form,
            mail_to=to,
            due_at=micros(NOW),
            at=micros(NOW),
            most=50,
        )


async def mailed(store: Store, *, after: timedelta = timedelta(0)) -> int:
    house = make_house(store, clock=lambda: NOW)
    return await mail_reports(store, house.letterhead, app_url=APP, now=NOW + after)


async def letters(store: Store) -> list[EmailMessage]:
    sql = "select s.raw from spool s join messages m on m.id = s.message where m.sender is null order by m.id"
    async with store.read() as tx:
        rows = (await tx.connection.execute(text(sql))).all()
    return [message_from_bytes(bytes(row.raw), policy=default) for row in rows]


def attached(letter: EmailMessage) -> tuple[str, bytes]:
    [part] = letter.iter_attachments()
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return part.get_content_type(), content


async def test_a_report_is_mailed_once_when_its_morning_comes_to_each_of_the_team(team):
    await save(team, "Our month", to=f"{ALICE},{BOB}")
    assert await mailed(team, after=timedelta(seconds=-1)) == 0
    assert await mailed(team) == 1
    assert await mailed(team) == 0
    found = await letters(team)
    assert {letter["To"] for letter in found} == {ALICE, BOB}
    kind, content = attached(found[0])
    assert kind == "application/pdf"
    assert content.startswith(b"%PDF-")
    assert found[0]["Subject"] == "Report: Our month"
    assert await mailed(team, after=timedelta(days=1)) == 1


async def test_who_left_the_team_gets_no_more_of_its_figures(team):
    async with team.write() as tx:
        for row in await tx.all("team_domains", team=TEAM):
            await tx.run("drop_team_domain", team=TEAM, domain=row["domain"])
    await save(team, "Our month", to=f"{ALICE},{BOB}")
    async with team.write() as tx:
        await tx.run("drop_addresses", sender=f"id-{BOB}")
    assert await mailed(team) == 1
    assert {letter["To"] for letter in await letters(team)} == {ALICE}
    async with team.read() as tx:
        [row] = await tx.all("saved_reports_of", sender=f"id-{ALICE}")
    assert row["problem"] == f"Not mailed to {BOB}: not of your team any more."


async def test_the_csv_has_the_days_figures(team):
    await save(team, "Days", form="csv")
    await mailed(team)
    [letter] = await letters(team)
    kind, content = attached(letter)
    lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert kind == "text/csv"
    async with team.read() as tx:
        messages = (
            await tx.connection.execute(text("select sum(messages) from days where team = :t"), {"t": TEAM})
        ).scalar()
    assert sum(int(line["Messages"]) for line in lines) == messages > 0


@pytest.mark.parametrize("name", [HOSTILE, "=cmd()", "日本 \ud800 report", "a\r\nBcc: x@y.test", "=?utf-8?q?x?="])
async def test_hostile_names_stay_names(team, name):
    clean = name.encode("utf-8", "replace").decode()
    await save(team, clean)
    assert await mailed(team) == 1
    [letter] = await letters(team)
    assert letter["Bcc"] is None
    assert attached(letter)[1].startswith(b"%PDF-")


async def test_what_was_kept_of_a_report_and_makes_no_sense_is_a_report_of_thirty_days(team):
    await save(team, "Odd", query="?days=%00&since=never&who=x' or 1=1--&days=7&nonsense=1")
    assert await mailed(team) == 1

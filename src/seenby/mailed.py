"""Reports that are mailed when their morning comes: to the team, as PDF or CSV, the way other mail of ours goes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import ValidationError

from seenby import maillog
from seenby.compose.people import one_line
from seenby.report.asked import Asked
from seenby.report.export import as_csv
from seenby.report.overview import days_of, report_of, sentence_of, sheet_of
from seenby.report.printed import printed
from seenby.report.schedule import Every, next_due
from seenby.store import Store, Transaction, preferences
from seenby.store.people import sender_addresses, sender_of
from seenby.store.times import micros, moment
from seenby.tell.own_mail import Letterhead, hop_of, put_own
from seenby.tell.wanted import read_wanted
from seenby.words.address import parse_address
from seenby.words.message import Sender, Untracked

BATCH: Final = 20
PDF, CSV = "pdf", "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A report as a file, and what the mail around it says."""

    name: str
    of: str
    sentence: str
    content: bytes
    is_pdf: bool


def read_query(query: str) -> Asked:
    """What a report's address asks for; of what makes no sense, nothing."""
    try:
        return Asked.model_validate(dict(parse_qsl(query.removeprefix("?"))))
    except ValidationError:
        return Asked()


async def mail_reports(store: Store, letterhead: Letterhead, *, app_url: str, now: datetime) -> int:
    """Mail every report that is due; how many. One that fails is tried again next time, and says why."""
    async with store.read() as tx:
        due = await tx.all("due_reports", now=micros(now), limit=BATCH)
    mailed = 0
    for row in due:
        problem = ""
        try:
            mailed += await _mail(store, letterhead, row, app_url=app_url, now=now)
        except Exception as error:  # noqa: BLE001 - one report that fails keeps no other waiting
            maillog.failed("report", error)
            problem = "It could not be made. It is tried again when it is due next."
        if problem:
            async with store.write() as tx:
                await _settle(tx, row, now=now, problem=problem, is_mailed=False)
    return mailed


async def _mail(store: Store, letterhead: Letterhead, row: Mapping[Any, Any], *, app_url: str, now: datetime) -> bool:
    async with store.read() as tx:
        person = await tx.one("sender_by_id", id=row["sender"])
        made = await make(tx, sender_of(person), row, now=now) if person else None
    if person is None or made is None:
        return False
    async with store.write() as tx:
        named = row["mail_to"].split(",")
        left = set(await outsiders(tx, team=row["team"], to=named))  # people leave after a report was set up
        problem = f"Not mailed to {', '.join(sorted(left))}: not of your team any more." if left else ""
        if not await _settle(tx, row, now=now, problem=problem, is_mailed=len(left) < len(named)):
            return False  # another worker was quicker
        for address in (one for one in named if one not in left):
            identity = letterhead.new_identity()
            raw = _written(made, to=address, letterhead=letterhead, identity=identity, app_url=app_url, at=now)
            await put_own(
                tx,
                letterhead,
                raw=raw,
                to=address,
                team=row["team"],
                hop=hop_of({"sender": row["sender"], "next_hop": person["next_hop"]}),
                untracked=Untracked.OWN,
                at=now,
                identity=identity,
            )
    return len(left) < len(named)


async def make(tx: Transaction, sender: Sender, row: Mapping[Any, Any], *, now: datetime) -> Made:
    """The report as a file; `row` has its name, query and form."""
    asked, today = read_query(row["query"]), now.astimezone(UTC).date()
    senders = await sender_addresses(tx, team=sender.team)
    report = await report_of(tx, sender, asked, today=today, senders=senders)
    of = asked.title(senders=senders, me=sender.address, today=today)
    is_pdf = row["form"] != CSV
    if is_pdf:
        made = f"{now.astimezone(UTC):%-d %b %Y, %H:%M UTC}"
        sheet = await sheet_of(tx, sender, report, asked, today=today, title=row["name"], of=of, made=made)
        content = await asyncio.to_thread(printed, sheet)
    else:
        content = "".join(as_csv(await days_of(tx, sender, asked, today=today))).encode()
    return Made(name=row["name"], of=of, sentence=sentence_of(report), content=content, is_pdf=is_pdf)


async def _settle(tx: Transaction, row: Mapping[Any, Any], *, now: datetime, problem: str, is_mailed: bool) -> int:
    kept = await preferences.chosen(tx, row["sender"])
    after = next_due(Every(row["every"]), after=max(now, moment(row["due_at"])), clock=read_wanted(kept).clock)
    which = {"id": row["id"], "due_at": row["due_at"]}
    return await tx.run(
        "report_mailed", next=micros(after), at=micros(now) if is_mailed else None, problem=problem, **which
    )


def _written(made: Made, *, to: str, letterhead: Letterhead, identity: str, app_url: str, at: datetime) -> bytes:
    mail = letterhead.new_mail(to=to, subject=f"Report: {made.name}", identity=identity, at=at)
    why = f"You get this because somebody of your team asked for it: {app_url}/reports/saved"
    mail.set_content("\n".join([one_line(made.of), "", made.sentence, "", why, ""]))
    kind = ("application", "pdf") if made.is_pdf else ("text", "csv")
    mail.add_attachment(made.content, maintype=kind[0], subtype=kind[1], filename=f"report.{kind[1]}")
    return mail.as_bytes()


async def outsiders(tx: Transaction, *, team: str, to: Sequence[str]) -> Sequence[str]:
    """Those of `to` that are nobody's in the team: its figures are mailed to none of them."""
    own = {row["address"] for row in await tx.all("addresses_of_team", team=team)}
    domains = {row["domain"] for row in await tx.all("team_domains", team=team)}
    parsed = {one: parse_address(one) for one in to}
    return [one for one, known in parsed.items() if not known or (known.key not in own and known.domain not in domains)]


def addresses(text: str) -> Sequence[str]:
    """Addresses that were typed with commas, semicolons or line ends between, each once."""
    words = text.replace(";", ",").replace("\n", ",").split(",")
    return list(dict.fromkeys(word.strip() for word in words if word.strip()))

"""Reports that somebody wants again: by name on a page, and by mail when they like."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, StringConstraints

from seenby.mailed import CSV, PDF, addresses, outsiders, read_query
from seenby.report.asked import SPANS_SHOWN
from seenby.report.schedule import Every, next_due
from seenby.store import Transaction, preferences
from seenby.store.people import sender_addresses
from seenby.store.times import micros
from seenby.tell.wanted import read_wanted
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.words.address import parse_address
from seenby.words.limits import SAVED_REPORTS
from seenby.words.message import Sender

router = APIRouter(prefix="/reports/saved")
PATH: Final = "/reports/saved"
_MOST_ADDRESSES: Final = 20


class Typed(BaseModel):
    """What the form says."""

    name: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    query: Annotated[str, StringConstraints(max_length=500)] = ""
    every: Annotated[str, StringConstraints(max_length=10)] = ""
    form: Annotated[str, StringConstraints(max_length=10)] = PDF
    mail_to: Annotated[str, StringConstraints(max_length=3000)] = ""


@router.get("")
async def saved_page(request: Request, parts: Given, sender: SignedIn, query: str = "", saved: str = "") -> Response:
    """The list, and the form for one more: of the report that one came from."""
    typed = Typed(query=query[:500], mail_to=sender.address)
    return await _draw(request, parts, sender, typed, said="Saved." if saved else "")


@router.post("")
async def save(request: Request, parts: Given, sender: SignedIn, typed: Annotated[Typed, Form()]) -> Response:
    """Keep a report, and when it is mailed to whom; or nothing, and say why."""
    async with parts.store.read() as tx:
        problem = await _problem(tx, sender, typed)
        clock = read_wanted(await preferences.chosen(tx, sender.id)).clock
    if problem:
        return await _draw(request, parts, sender, typed, said=problem, is_bad=True)
    due = next_due(Every(typed.every), after=parts.now(), clock=clock) if typed.every else None
    async with parts.store.write() as tx:
        kept = await tx.run(
            "save_report",
            id=secrets.token_urlsafe(12),
            team=sender.team,
            sender=sender.id,
            name=typed.name,
            query=read_query(typed.query).query(),
            every=typed.every,
            form=typed.form,
            mail_to=",".join(_plain(typed.mail_to)) if due else "",
            due_at=micros(due) if due else None,
            at=micros(parts.now()),
            most=SAVED_REPORTS,
        )
    if not kept:
        return await _draw(
            request, parts, sender, typed, said=f"Not saved: {SAVED_REPORTS} reports are kept at most.", is_bad=True
        )
    return RedirectResponse(f"{PATH}?saved=1", status_code=303)


@router.post("/forget")
async def forget(
    parts: Given, sender: SignedIn, which: Annotated[str, Form(alias="id", max_length=64)] = ""
) -> Response:
    """Keep it no more, and mail it no more."""
    async with parts.store.write() as tx:
        await tx.run("forget_report", id=which, sender=sender.id)
    return RedirectResponse(PATH, status_code=303)


async def _problem(tx: Transaction, sender: Sender, typed: Typed) -> str:
    """Why this cannot be kept; empty when it can. Figures of a team are mailed to that team alone."""
    if not typed.name:
        return "Not saved: give the report a name."
    if typed.form not in (PDF, CSV) or typed.every not in ("", *Every):
        return "Not saved: choose how often, and PDF or CSV."
    return await _no_team(tx, sender, addresses(typed.mail_to)) if typed.every else ""


async def _no_team(tx: Transaction, sender: Sender, to: Sequence[str]) -> str:
    if not to or len(to) > _MOST_ADDRESSES:
        return f"Not saved: name one to {_MOST_ADDRESSES} addresses."
    if wrong := next((one for one in to if parse_address(one) is None), ""):
        return f"Not saved: {wrong} is no address."
    if left := await outsiders(tx, team=sender.team, to=to):
        return f"Not saved: {left[0]} is not of your team. Reports are mailed to your team only."
    return ""


def _plain(typed: str) -> Sequence[str]:
    """The addresses alone: some type them in brackets."""
    return [str(one) for one in map(parse_address, addresses(typed)) if one is not None]


async def _draw(
    request: Request, parts: Parts, sender: Sender, typed: Typed, *, said: str = "", is_bad: bool = False
) -> Response:
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        kept = await tx.all("saved_reports_of", sender=sender.id)
        zone = read_wanted(await preferences.chosen(tx, sender.id)).zone
        senders = await sender_addresses(tx, team=sender.team)
    today = parts.now().date()
    return draw(
        request,
        "reports_saved.html",
        frame=frame,
        kept=[(row, _title(row["query"], senders, sender, today)) for row in kept],
        typed=typed,
        of=_title(typed.query, senders, sender, today),
        every={"": "only look at it here", **{one.value: one.words for one in Every}},
        zone=zone,
        said=said,
        is_bad=is_bad,
        asked=read_query(typed.query),
        spans=SPANS_SHOWN,
    )


def _title(query: str, senders: Mapping[str, str], sender: Sender, today: date) -> str:
    return read_query(query).lasting(senders=senders, me=sender.address, today=today)

"""The reports' first page, its days as CSV, and the same on paper."""

import asyncio
from datetime import UTC, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from seenby.report.asked import Asked
from seenby.report.export import as_csv
from seenby.report.overview import COMPARED, days_of, report_of, sheet_of
from seenby.report.printed import printed
from seenby.report.summary import rate_words
from seenby.store.people import sender_addresses
from seenby.web.given import Given, SignedIn
from seenby.web.look import draw
from seenby.web.reports.head import head_of

router = APIRouter(prefix="/reports")


@router.get("")
async def reports_page(request: Request, parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]) -> Response:
    """The page."""
    today = parts.now().astimezone(UTC).date()
    asked = asked.settled(today=today)
    async with parts.store.read() as tx:
        head = await head_of(tx, sender, asked, today=today)
        report = await report_of(tx, sender, asked, today=today, senders=head.senders)
    return draw(
        request,
        "reports.html",
        **head._asdict(),
        report=report,
        shares=report.now.shares(of_sent=asked.of_sent),
        rate=report.now.rate,
        funnel=report.now.funnel(),
        rate_words=rate_words,
        compared=COMPARED,
    )


@router.get("/days.csv")
async def days_csv(parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]) -> Response:
    """The days behind the report."""
    today = parts.now().astimezone(UTC).date()
    since, until = asked.span(today=today)
    async with parts.store.read() as tx:
        lines = await days_of(tx, sender, asked, today=today)
    return StreamingResponse(
        as_csv(lines),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="days-{since}-{until - timedelta(days=1)}.csv"'},
    )


@router.get("/report.pdf")
async def report_pdf(parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]) -> Response:
    """The page's figures on paper."""
    now = parts.now().astimezone(UTC)
    async with parts.store.read() as tx:
        senders = await sender_addresses(tx, team=sender.team)
        report = await report_of(tx, sender, asked, today=now.date(), senders=senders)
        of = asked.title(senders=senders, me=sender.address, today=now.date())
        made = f"{now:%-d %b %Y, %H:%M UTC}"
        title = "What became of our mail"
        sheet = await sheet_of(tx, sender, report, asked, today=now.date(), title=title, of=of, made=made)
    return Response(
        await asyncio.to_thread(printed, sheet),
        media_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="report-{report.since}-{report.until}.pdf"'},
    )

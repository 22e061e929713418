"""Reports cut by recipients' organisation: which of them read, click and answer, most first."""

from datetime import UTC
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from seenby.report.asked import Asked
from seenby.report.export import as_csv
from seenby.report.organisations import ORDERS, SHOWN, lines_of
from seenby.report.overview import organisations_of
from seenby.web.given import Given, SignedIn
from seenby.web.look import draw
from seenby.web.reports.head import head_of

router = APIRouter(prefix="/reports/organisations")
LINES: Final = 10_000  # of the file; the rest is one line


@router.get("")
async def organisations_page(
    request: Request, parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]
) -> Response:
    """The page."""
    today = parts.now().astimezone(UTC).date()
    asked = asked.settled(today=today)
    async with parts.store.read() as tx:
        head = await head_of(tx, sender, asked, today=today, cut="organisations")
        ranking = await organisations_of(tx, sender, asked, today=today, shown=SHOWN)
    return draw(
        request,
        "report_organisations.html",
        **head._asdict(),
        ranking=ranking,
        orders=ORDERS,
        order=asked.by if asked.by in ORDERS else "",
    )


@router.get(".csv")
async def organisations_csv(parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]) -> Response:
    """The figures behind it."""
    today = parts.now().astimezone(UTC).date()
    async with parts.store.read() as tx:
        ranking = await organisations_of(tx, sender, asked, today=today, shown=LINES)
    return StreamingResponse(
        as_csv(lines_of(ranking)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="organisations.csv"'},
    )

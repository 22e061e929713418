"""Reports: what became of the mail of some days, by day and by sender, and beside an earlier time or another label.

Everything is read from sums by day; no mail is scanned, however much there is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from seenby.report.export import as_csv
from seenby.report.insights import Difference, Figures, add_up, compare
from seenby.report.summary import rate_words
from seenby.store import Transaction
from seenby.store.times import DAY
from seenby.web.given import Given, SignedIn
from seenby.web.look import draw, frame_of
from seenby.words.message import Sender

router = APIRouter(prefix="/reports")
EPOCH: Final = date(1970, 1, 1)
SPANS: Final[Mapping[str, int]] = {"7": 7, "30": 30, "90": 90, "365": 365}
LONGEST: Final = 3660  # days
COMPARED: Final[Mapping[str, str]] = {
    "people": "Opened, people only",
    "clicked": "Clicked",
    "replied": "Answered",
    "bounced": "Not delivered",
    "unsubscribed": "Unsubscribed",
}
CSV_COLUMNS: Final = (
    "Day (UTC)", "Messages", "Recipients", "Delivered", "Not delivered", "Measurable", "Opened (people)",
    "Fetched by anything", "Clicked", "Answered", "Unsubscribed", "Complained", "Opens (people)", "Clicks (people)",
    "Image fetches", "Link fetches", "By machines",
)  # fmt: skip
_CSV_SUMS: Final = (
    "messages", "copies", "sent", "bounced", "measured", "", "fetched", "clicked", "replied", "unsubscribed",
    "complained", "opens", "clicks", "raw_opens", "raw_clicks", "machines",
)  # fmt: skip


class Asked(BaseModel):
    """What a report's address asks for; what makes no sense asks for nothing."""

    days: str = Field(default="30", max_length=10)
    since: str = Field(default="", max_length=10)
    until: str = Field(default="", max_length=10)
    who: str = Field(default="", max_length=64)
    label: str = Field(default="", max_length=40)
    beside: str = Field(default="", max_length=40)  # another label to compare with

    def query(self, **changed: str) -> str:
        """The address's question, with something changed."""
        values = {name: value for name, value in {**self.model_dump(), **changed}.items() if value}
        if values.get("days") == "30" or (values.get("since") and "days" not in changed):
            values.pop("days", None)
        return f"?{urlencode(values)}" if values else ""

    def span(self, *, today: date) -> tuple[date, date]:
        """From this day to before that one."""
        since, until = _day(self.since), _day(self.until)
        last = min(until, today) if until else today
        if since is None:
            since = last - timedelta(days=SPANS.get(self.days, 30) - 1)
        since = max(min(since, last), last - timedelta(days=LONGEST))
        return since, last + timedelta(days=1)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if EPOCH < day < date(9000, 1, 1) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One column of the picture: a day, or some days of a long time; heights in hundredths of the highest."""

    since: date
    until: date  # the last day of it
    figures: Figures
    delivered: float
    opened: float
    clicked: float
    x: float
    width: float

    @property
    def words(self) -> str:
        """For whoever points at it, or cannot see it."""
        day, opened = _days(self.since, self.until), self.figures.counts.proven
        return f"{day}: {self.figures['sent']:,} delivered, {opened:,} opened, {self.figures['clicked']:,} clicked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the page shows."""

    since: date
    until: date  # the last day
    now: Figures
    before: Figures
    beside: str  # what `before` is
    changes: Mapping[str, Difference | None]
    bars: Sequence[Bar]
    highest: int
    by_sender: Sequence[tuple[str, Figures]]


@router.get("")
async def reports_page(request: Request, parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]) -> Response:
    """The page."""
    today = parts.now().astimezone(UTC).date()
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        senders = {row["id"]: row["address"] for row in await tx.all("senders_of_team", team=sender.team)}
        labels = [row["label"] for row in await tx.all("labels_of_team", team=sender.team)]
        report = await _report(tx, sender, asked, today=today, senders=senders)
    return draw(
        request,
        "reports.html",
        frame=frame,
        asked=asked,
        report=report,
        shares=report.now.shares(),
        rate=report.now.rate,
        rate_words=rate_words,
        senders=senders,
        labels=labels,
        spans={"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year"},
        compared=COMPARED,
    )


@router.get("/days.csv")
async def days_csv(parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]) -> Response:
    """The days behind the report."""
    today = parts.now().astimezone(UTC).date()
    since, until = asked.span(today=today)
    async with parts.store.read() as tx:
        rows = await _rows(tx, sender, asked, asked.label, since=since, until=until)
    lines = [CSV_COLUMNS, *(_line(day, add_up(rows_of_day)) for day, rows_of_day in _by_day(rows))]
    return StreamingResponse(
        as_csv(lines),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="days-{since}-{until - timedelta(days=1)}.csv"'},
    )


def _line(day: date, figures: Figures) -> tuple[str | int, ...]:
    cells = (figures[name] if name else figures.counts.proven for name in _CSV_SUMS)
    return (day.isoformat(), *cells)


def _by_day(rows: Sequence[Mapping[Any, Any]]) -> Iterator[tuple[date, Sequence[Mapping[Any, Any]]]]:
    for day in sorted({row["day"] for row in rows}):
        yield EPOCH + timedelta(days=day), [row for row in rows if row["day"] == day]


async def _rows(
    tx: Transaction, sender: Sender, asked: Asked, label: str, *, since: date, until: date
) -> Sequence[Mapping[Any, Any]]:
    """Sums by day and sender."""
    first, end = (since - EPOCH).days, (until - EPOCH).days
    if label:
        rows = await tx.all("label_sums", team=sender.team, label=label, since=first * DAY, until=end * DAY)
    else:
        rows = await tx.all("day_sums", team=sender.team, since=first, until=end)
    who = sender.id if asked.who == "me" else asked.who
    return [row for row in rows if not who or row["sender"] == who]


def _days(since: date, until: date) -> str:
    """The days from one to the other, in words; the year twice only where it is not the same."""
    if since == until:
        return f"{until:%-d %b %Y}"
    return f"{since:%-d %b}{'' if since.year == until.year else f' {since.year}'} to {until:%-d %b %Y}"


async def _report(tx: Transaction, sender: Sender, asked: Asked, *, today: date, senders: Mapping[str, str]) -> Report:
    since, until = asked.span(today=today)
    rows = await _rows(tx, sender, asked, asked.label, since=since, until=until)
    if asked.beside:
        earlier = await _rows(tx, sender, asked, asked.beside, since=since, until=until)
        beside = f"label {asked.beside}"
    else:
        length = until - since
        earlier = await _rows(tx, sender, asked, asked.label, since=since - length, until=since)
        beside = _days(since - length, since - timedelta(days=1))
    now, before = add_up(rows), add_up(earlier)
    shares, were = now.shares(), before.shares()
    bars, highest = _bars(rows, since=since, until=until)
    return Report(
        since=since,
        until=until - timedelta(days=1),
        now=now,
        before=before,
        beside=beside,
        changes={name: compare(were[name], shares[name]) for name in COMPARED},
        bars=bars,
        highest=highest,
        by_sender=sorted(
            (
                (senders.get(who, "somebody who left"), add_up(row for row in rows if row["sender"] == who))
                for who in {row["sender"] for row in rows}
            ),
            key=lambda one: -one[1]["sent"],
        ),
    )


MOST_BARS: Final = 60


def _bars(rows: Sequence[Mapping[Any, Any]], *, since: date, until: date) -> tuple[Sequence[Bar], int]:
    """The picture's columns, and how many delivered copies the highest stands for."""
    length = (until - since).days
    days = -(-length // MOST_BARS)  # in one column
    spans = [
        (since + timedelta(days=start), min(until, since + timedelta(days=start + days)) - timedelta(days=1))
        for start in range(0, length, days)
    ]
    lots: list[list[Mapping[Any, Any]]] = [[] for _ in spans]
    for row in rows:
        lots[((EPOCH + timedelta(days=row["day"])) - since).days // days].append(row)
    figures = [add_up(lot) for lot in lots]
    highest = max((one["sent"] for one in figures), default=0)
    whole, width = max(1, highest), 100 / len(spans)
    return [
        Bar(
            since=first,
            until=last,
            figures=one,
            delivered=100 * one["sent"] / whole,
            opened=100 * min(one.counts.proven, one["sent"]) / whole,
            clicked=100 * min(one["clicked"], one["sent"]) / whole,
            x=at * width,
            width=width,
        )
        for at, ((first, last), one) in enumerate(zip(spans, figures, strict=True))
    ], highest

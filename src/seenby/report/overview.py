"""What became of the mail of some days, by day and by sender, and beside an earlier time or another label.

Everything is read from sums by day; no mail is scanned, however much there is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from seenby.report.asked import EPOCH, Asked, days_words, domains_of, rows_of
from seenby.report.insights import Difference, Figures, add_up, compare
from seenby.report.organisations import APART, Ranking, ranking_of
from seenby.report.printed import Sheet
from seenby.report.summary import rate_words
from seenby.store import Transaction
from seenby.store.people import free_mail
from seenby.words.message import Sender

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
MOST_BARS: Final = 60
PRINTED: Final = 10  # organisations


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
    def days(self) -> str:
        """Its days in words."""
        return days_words(self.since, self.until)

    @property
    def words(self) -> str:
        """For whoever points at it, or cannot see it."""
        opened = self.figures.counts.proven
        return (
            f"{self.days}: {self.figures['sent']:,} delivered, {opened:,} opened, {self.figures['clicked']:,} clicked"
        )


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


async def days_of(tx: Transaction, sender: Sender, asked: Asked, *, today: date) -> Sequence[Sequence[str | int]]:
    """The days behind the report, a line each, under a line of names."""
    since, until = asked.span(today=today)
    rows = await rows_of(tx, sender, asked, asked.label, since=since, until=until)
    return [CSV_COLUMNS, *(_line(day, add_up(rows_of_day)) for day, rows_of_day in _by_day(rows))]


def _line(day: date, figures: Figures) -> tuple[str | int, ...]:
    cells = (figures[name] if name else figures.counts.proven for name in _CSV_SUMS)
    return (day.isoformat(), *cells)


def _by_day(rows: Sequence[Mapping[Any, Any]]) -> Iterator[tuple[date, Sequence[Mapping[Any, Any]]]]:
    for day in sorted({row["day"] for row in rows}):
        yield EPOCH + timedelta(days=day), [row for row in rows if row["day"] == day]


async def report_of(
    tx: Transaction, sender: Sender, asked: Asked, *, today: date, senders: Mapping[str, str]
) -> Report:
    """The report that `asked` asks for. `senders`: addresses by id."""
    since, until = asked.span(today=today)
    rows = await rows_of(tx, sender, asked, asked.label, since=since, until=until)
    if asked.beside:
        earlier = await rows_of(tx, sender, asked, asked.beside, since=since, until=until)
        beside = f"label {asked.beside}"
    else:
        length = until - since
        earlier = await rows_of(tx, sender, asked, asked.label, since=since - length, until=since)
        beside = days_words(since - length, since - timedelta(days=1))
    now, before = add_up(rows), add_up(earlier)
    shares, were = now.shares(of_sent=asked.of_sent), before.shares(of_sent=asked.of_sent)
    bars, highest = bars_of(rows, since=since, until=until)
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


def bars_of(rows: Sequence[Mapping[Any, Any]], *, since: date, until: date) -> tuple[Sequence[Bar], int]:
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


def sentence_of(report: Report) -> str:
    """How many opened it, or why that cannot be said."""
    rate = report.now.rate
    return rate_words(rate) if rate else "Too few recipients to speak of a rate."


async def organisations_of(tx: Transaction, sender: Sender, asked: Asked, *, today: date, shown: int) -> Ranking:
    """The organisations that the report's mail went to, so many of them by name."""
    found = await domains_of(tx, sender, asked, providers=free_mail(), today=today, limit=shown + APART)
    return ranking_of(found, shown=shown)


async def sheet_of(
    tx: Transaction, sender: Sender, report: Report, asked: Asked, *, today: date, title: str, of: str, made: str
) -> Sheet:
    """The report as it is printed; whichever way a page ranks organisations, on paper most mail comes first."""
    most_mail = asked.model_copy(update={"by": ""})
    return Sheet(
        title=title,
        of=of,
        sentence=sentence_of(report),
        figures=report.now,
        shares=report.now.shares(of_sent=asked.of_sent),
        days=[(bar.days, bar.figures["sent"], bar.figures.counts.proven) for bar in report.bars],
        organisations=(await organisations_of(tx, sender, most_mail, today=today, shown=PRINTED)).rows,
        made=made,
    )

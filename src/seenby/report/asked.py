"""What a report's address asks for, and the sums that answer it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from seenby.store import Store, Transaction
from seenby.store.facets import FACETS
from seenby.store.times import DAY
from seenby.words.message import Sender

EPOCH: Final = date(1970, 1, 1)
SPANS: Final[Mapping[str, int]] = {"7": 7, "30": 30, "90": 90, "365": 365}
SPANS_SHOWN: Final[Mapping[str, str]] = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year"}
LONGEST: Final = 3660  # days
PARTS: Final = 4


class Asked(BaseModel):
    """What a report's address asks for; what makes no sense asks for nothing."""

    days: str = Field(default="30", max_length=10)
    since: str = Field(default="", max_length=10)
    until: str = Field(default="", max_length=10)
    who: str = Field(default="", max_length=64)
    label: str = Field(default="", max_length=40)
    beside: str = Field(default="", max_length=40)  # another label to compare with
    of: str = Field(default="", max_length=10)  # what shares are of: delivered (nothing), or sent
    shape: str = Field(default="", max_length=10)  # of the days: bars (nothing), lines, table or funnel

    def query(self, **changed: str) -> str:
        """The address's question, with something changed."""
        values = {name: value for name, value in {**self.model_dump(), **changed}.items() if value}
        if values.get("days") == "30" or (values.get("since") and "days" not in changed):
            values.pop("days", None)
        return f"?{urlencode(values)}" if values else ""

    @property
    def of_sent(self) -> bool:
        """Whether shares are of everybody it was sent to, delivered or not."""
        return self.of == "sent"

    def title(self, *, senders: Mapping[str, str], me: str, today: date) -> str:
        """What the report is of, in words: its days, and whose or which mail."""
        since, until = self.span(today=today)
        who = me if self.who == "me" else senders.get(self.who, "")
        parts = (days_words(since, until - timedelta(days=1)), f"sent by {who}" if who else "", self.label)
        return ", ".join(part for part in parts if part)

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


def days_words(since: date, until: date) -> str:
    """The days from one to the other, in words; the year twice only where it is not the same."""
    if since == until:
        return f"{until:%-d %b %Y}"
    return f"{since:%-d %b}{'' if since.year == until.year else f' {since.year}'} to {until:%-d %b %Y}"


async def rows_of(
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


async def facets_of(
    store: Store, sender: Sender, asked: Asked, dimension: str, *, today: date
) -> Sequence[Mapping[str, Any]]:
    """Opens, clicks and machines' fetches of the report's mail, by the values of one dimension.

    Of a label every message is read, so a long time is read in parts, beside each other.
    """
    since, until = ((one - EPOCH).days for one in asked.span(today=today))
    who = sender.id if asked.who == "me" else asked.who
    whose = {"team": sender.team, "sender": who, "dimension": dimension}
    if not asked.label:
        async with store.read() as tx:
            return [dict(row) for row in await tx.all("day_facets", **whose, since=since, until=until)]
    edges = [since + (until - since) * part // PARTS for part in range(PARTS + 1)]

    async def part(first: int, end: int) -> Sequence[Mapping[Any, Any]]:
        async with store.read() as tx:
            return await tx.all("label_facets", **whose, label=asked.label, since=first * DAY, until=end * DAY)

    found: dict[str, Counter[str]] = defaultdict(Counter)
    for rows in await asyncio.gather(*(part(first, end) for first, end in pairwise(edges) if first < end)):
        for row in rows:
            found[row["value"]].update({name: int(row[name]) for name in FACETS})
    return [{"value": value, **{name: counts[name] for name in FACETS}} for value, counts in found.items()]

"""What a report's address asks for, and the sums that answer it."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from seenby.store import Transaction
from seenby.words.message import Sender

EPOCH: Final = date(1970, 1, 1)
SPANS: Final[Mapping[str, int]] = {"7": 7, "30": 30, "90": 90, "365": 365}
SPANS_SHOWN: Final[Mapping[str, str]] = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year"}
LONGEST: Final = 3660  # days


class Asked(BaseModel):
    """What a report's address asks for; what makes no sense asks for nothing."""

    days: str = Field(default="30", max_length=10)
    since: str = Field(default="", max_length=10)
    until: str = Field(default="", max_length=10)
    who: str = Field(default="", max_length=64)
    label: str = Field(default="", max_length=40)
    beside: str = Field(default="", max_length=40)  # another label to compare with
    of: str = Field(default="", max_length=10)  # what shares are of: delivered (nothing), or sent
    by: str = Field(default="", max_length=10)  # what organisations are ranked by: most mail (nothing), or an act
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

    def whose(self, sender: Sender) -> str:
        """The id of whose mail it is of, when `sender` looks; empty for everybody's."""
        return sender.id if self.who == "me" else self.who

    def title(self, *, senders: Mapping[str, str], me: str, today: date) -> str:
        """What the report is of, in words: its days, and whose or which mail."""
        return self._words(days_words(*self._days(today)), senders=senders, me=me)

    def lasting(self, *, senders: Mapping[str, str], me: str, today: date) -> str:
        """The same of a report that is kept: days that go on with the time are called so."""
        if self.since or self.until:
            return self.title(senders=senders, me=me, today=today)
        span = SPANS_SHOWN.get(self.days, SPANS_SHOWN["30"]).removeprefix("A ")
        return self._words(f"the last {span}", senders=senders, me=me)

    def _days(self, today: date) -> tuple[date, date]:
        since, until = self.span(today=today)
        return since, until - timedelta(days=1)

    def _words(self, days: str, *, senders: Mapping[str, str], me: str) -> str:
        who = me if self.who == "me" else senders.get(self.who, "")
        parts = (days, f"sent by {who}" if who else "", self.label)
        return ", ".join(part for part in parts if part)

    def settled(self, *, today: date) -> "Asked":
        """The same; dates that are those of its days anyway, as an untouched form sends them, are no dates.

        Kept under a name, it goes on with the days instead of standing still.
        """
        plain = self.model_copy(update={"since": "", "until": ""})
        return plain if plain.span(today=today) == self.span(today=today) else self

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
    rows = await tx.all("sums_of_days", team=sender.team, label=label, since=first, until=end)
    who = asked.whose(sender)
    return [row for row in rows if not who or row["sender"] == who]


async def facets_of(
    tx: Transaction, sender: Sender, asked: Asked, dimension: str, *, today: date
) -> Sequence[Mapping[Any, Any]]:
    """Opens, clicks and machines' fetches of the report's mail, by the values of one dimension."""
    since, until = ((one - EPOCH).days for one in asked.span(today=today))
    whose = {"team": sender.team, "label": asked.label, "sender": asked.whose(sender)}
    return await tx.all("day_facets", **whose, dimension=dimension, since=since, until=until)


async def domains_of(
    tx: Transaction,
    sender: Sender,
    asked: Asked,
    *,
    providers: Collection[str],
    today: date,
    limit: int,
) -> Sequence[Mapping[Any, Any]]:
    """What became of the report's mail by recipients' domain, in the order it asks for; all at `providers` is one."""
    since, until = ((one - EPOCH).days for one in asked.span(today=today))
    whose = {"team": sender.team, "label": asked.label, "sender": asked.whose(sender), "since": since, "until": until}
    return await tx.all("domains_of_days", **whose, providers=json.dumps(list(providers)), by=asked.by, limit=limit)

"""A report cut by one dimension: rows in words, a week's hours as a picture, countries, and what was filtered. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from seenby.judge import REASONS
from seenby.report.facets import HIDDEN, NOT_KEPT, OTHER, UNKNOWN, Dimension
from seenby.report.places import country_names
from seenby.words.verdict import Label

WEEK: Final = 168  # hours
WARMEST: Final = 4  # steps of colour; 0 is nothing
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_UNTOLD: Final[Mapping[Dimension, Mapping[str, str]]] = {
    Dimension.CLIENT: {
        UNKNOWN: "A program that does not say its name",
        NOT_KEPT: "Not kept at this level",
        OTHER: "Others",
    },
    Dimension.SYSTEM: {
        UNKNOWN: "Not told by the program",
        HIDDEN: "Hidden by the mailbox provider's proxy",
        NOT_KEPT: "Not kept at this level",
        OTHER: "Others",
    },
    Dimension.COUNTRY: {
        UNKNOWN: "Not known",
        HIDDEN: "Hidden behind a proxy, a company or a data centre",
        NOT_KEPT: "Not kept",
        OTHER: "Others",
    },
}
_LABELS: Final[Mapping[str, str]] = {
    Label.SCANNER: "Security software",
    Label.PREFETCH: "Fetched ahead by a provider",
    Label.PREVIEW_BOT: "Link previews",
    Label.SELF: "You or your team",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One value of a dimension. `share` is of all opens, or of all machines' fetches."""

    name: str
    note: str = ""
    opens: int = 0
    clicks: int = 0
    machines: int = 0
    share: float = 0.0
    is_told: bool = True  # False: nothing can be said of these
    code: str = ""  # a country's two letters


def rows_of(dimension: Dimension, found: Iterable[Mapping[Any, Any]]) -> Sequence[Row]:
    """By program, system or country, most first; what cannot be told last."""
    values = {row["value"]: (int(row["opens"]), int(row["clicks"])) for row in found}
    values = {value: counts for value, counts in values.items() if any(counts)}
    whole = sum(opens + clicks for opens, clicks in values.values())
    untold = _UNTOLD[dimension]
    names = country_names() if dimension is Dimension.COUNTRY else {}
    rows = [
        Row(
            name=untold.get(value) or names.get(value, value),
            opens=opens,
            clicks=clicks,
            share=(opens + clicks) / whole,
            is_told=value not in untold,
            code=value if value in names else "",
        )
        for value, (opens, clicks) in values.items()
    ]
    return sorted(rows, key=lambda row: (not row.is_told, -row.opens - row.clicks, row.name))


def filtered(found: Iterable[Mapping[Any, Any]]) -> Sequence[Row]:
    """What was counted for nobody, and what gave it away, most first."""
    values = {row["value"]: int(row["machines"]) for row in found if row["machines"]}
    whole = sum(values.values())
    rows = []
    for value, machines in values.items():
        label, code, vendor = (*value.split(":", 2), "", "")[:3]  # or one word for what had no room
        said = REASONS.get(code, "The rules could not be applied" if code else "Others")
        note = f"{said} ({vendor})" if vendor else said
        rows.append(Row(name=_LABELS.get(label, "Others"), note=note, machines=machines, share=machines / whole))
    return sorted(rows, key=lambda row: (-row.machines, row.name, row.note))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of the week, from Monday midnight by the reader's clock."""

    day: int
    hour: int
    opens: int
    clicks: int
    warmth: int  # 0 to WARMEST

    @property
    def words(self) -> str:
        """`Monday 09:00 to 10:00: 12 opens, 1 click`."""
        opens = "1 open" if self.opens == 1 else f"{self.opens:,} opens"
        clicks = "1 click" if self.clicks == 1 else f"{self.clicks:,} clicks"
        return f"{DAYS[self.day]} {self.hour:02}:00 to {(self.hour + 1) % 24:02}:00: {opens}, {clicks}"


def week_of(found: Iterable[Mapping[Any, Any]], *, zone: ZoneInfo, now: datetime) -> Sequence[Hour]:
    """168 hours, by the zone's present distance from UTC, in whole hours."""
    offset = now.astimezone(zone).utcoffset()
    shift = round(offset.total_seconds() / 3600) if offset else 0
    counts = [(0, 0)] * WEEK
    for row in found:
        if row["value"].isdecimal():
            counts[(int(row["value"]) + shift) % WEEK] = (int(row["opens"]), int(row["clicks"]))
    most = max(opens + clicks for opens, clicks in counts)
    return [
        Hour(day=at // 24, hour=at % 24, opens=opens, clicks=clicks, warmth=warmth(opens + clicks, most))
        for at, (opens, clicks) in enumerate(counts)
    ]


def warmth(count: int, most: int) -> int:
    """How warm a colour for `count`, where the highest is `most`."""
    return -(-count * WARMEST // most) if most else 0

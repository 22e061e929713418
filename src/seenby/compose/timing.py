"""When a message is to go: a day and a time as somebody typed them, in a zone of theirs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from seenby.words.limits import SCHEDULE_DAYS

_SHOWN: Final = "%a %-d %b %Y, %H:%M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """Why this is no time at which a message could go."""

    why: str


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of this name (Europe/Berlin), or None."""
    try:
        return ZoneInfo(name) if name and len(name) < 60 else None
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def moment_of(typed: str, zone: str, *, now: datetime) -> datetime | Unclear:
    """The moment that `2026-11-24T09:00` in a zone means."""
    where = zone_of(zone)
    if where is None:
        return Unclear(why=f"“{zone[:60]}” is no time zone. Write it as in Europe/Berlin, or UTC.")
    try:
        clock = datetime.strptime(typed[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=where)
        at = clock.astimezone(UTC)
    except (ValueError, OverflowError):
        return Unclear(why="Give both the day and the time at which it is to go.")
    if at.astimezone(where).replace(tzinfo=None) != clock.replace(tzinfo=None):
        return Unclear(
            why=f"There is no {clock:%H:%M} on that day in {zone}: the clocks go forward. Take another time."
        )
    if at <= now:
        return Unclear(why=f"{shown(at, zone)} is over. Take a time to come, or send it now.")
    if at > now + timedelta(days=SCHEDULE_DAYS):
        return Unclear(why=f"That is more than {SCHEDULE_DAYS} days ahead.")
    return at


def shown(at: datetime, zone: str) -> str:
    """The moment as its writer reads it, zone and all."""
    where = zone_of(zone)
    return f"{at.astimezone(where or UTC).strftime(_SHOWN)} {zone if where else 'UTC'}"

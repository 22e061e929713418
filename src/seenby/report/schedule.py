"""When a report that somebody wants again is due: in the morning, by their own clock. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, assert_never
from zoneinfo import ZoneInfo

MORNING: Final = time(7)


class Every(StrEnum):
    """How often; the values are what the store holds."""

    DAY = "day"
    WEEK = "week"  # on Mondays
    MONTH = "month"  # on the first

    @property
    def words(self) -> str:
        """For the page."""
        return {"day": "every day", "week": "every Monday", "month": "on the first of each month"}[self.value]


def next_due(every: Every, *, after: datetime, clock: ZoneInfo) -> datetime:
    """The first such morning after `after`, in UTC."""
    day = after.astimezone(clock).date()
    while True:
        due = datetime.combine(day, MORNING, clock).astimezone(UTC)
        if due > after and _is_day(every, day):
            return due
        day += timedelta(days=1)


def _is_day(every: Every, day: date) -> bool:
    match every:
        case Every.DAY:
            return True
        case Every.WEEK:
            return day.weekday() == 0
        case Every.MONTH:
            return day.day == 1
        case _:
            assert_never(every)

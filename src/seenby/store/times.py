"""Times as the store keeps them: whole microseconds since 1970 in UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final, overload

DAY: Final = 86_400_000_000  # in microseconds
_START = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """A moment with a zone, as the store keeps it."""
    return (at - _START) // timedelta(microseconds=1)


@overload
def moment(at: int) -> datetime: ...
@overload
def moment(at: None) -> None: ...
def moment(at: int | None) -> datetime | None:
    """What the store kept, as a moment in UTC."""
    return None if at is None else _START + timedelta(microseconds=at)

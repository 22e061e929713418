"""How somebody wants to be told: of what, when not, and whether by a daily mail. Pure; kept as `preferences`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from seenby.words.errors import SeenbyError

OF_TEAM: Final = "of_team"
FIRST_ONLY: Final = "first_only"
SOUND: Final = "sound"
QUIET: Final = "quiet"
ZONE: Final = "zone"
DIGEST: Final = "digest"
DIGESTED: Final = "digested"  # the last day whose digest was written, in the reader's zone
NAMES: Final = (OF_TEAM, FIRST_ONLY, SOUND, QUIET, ZONE, DIGEST)
_ON: Final = "1"


class WantedError(SeenbyError):
    """Times or a zone that are none, said for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one member of the team wants."""

    of_team: bool = False  # of everybody's messages, not of their own alone
    first_only: bool = False  # of each recipient's first open of a message alone
    sound: bool = False
    quiet: tuple[time, time] | None = None  # from and until, by their own clock
    zone: str = "UTC"  # IANA name
    digest: time | None = None  # when the daily mail comes, by their own clock

    @property
    def clock(self) -> ZoneInfo:
        """Their zone."""
        return ZoneInfo(self.zone)


@cache
def zones() -> frozenset[str]:
    """The time zones that this machine knows, by their IANA names; looking for them takes a while."""
    return frozenset(available_timezones())


def read_wanted(kept: Mapping[str, str]) -> Wanted:
    """What the store has, by name; what cannot be read counts as not chosen. Never raises."""
    zone = kept.get(ZONE, "")
    quiet = tuple(_time(part) for part in kept.get(QUIET, "").split("-"))
    both = (quiet[0], quiet[1]) if len(quiet) == 2 and quiet[0] is not None and quiet[1] is not None else None
    return Wanted(
        of_team=kept.get(OF_TEAM) == _ON,
        first_only=kept.get(FIRST_ONLY) == _ON,
        sound=kept.get(SOUND) == _ON,
        quiet=both,
        zone=zone if zone in zones() else "UTC",
        digest=_time(kept.get(DIGEST, "")),
    )


def write_wanted(wanted: Wanted) -> Mapping[str, str]:
    """What the store is to have; what is not chosen is not there."""
    chosen = {
        OF_TEAM: _ON if wanted.of_team else "",
        FIRST_ONLY: _ON if wanted.first_only else "",
        SOUND: _ON if wanted.sound else "",
        QUIET: "-".join(f"{one:%H:%M}" for one in wanted.quiet) if wanted.quiet else "",
        ZONE: wanted.zone,
        DIGEST: f"{wanted.digest:%H:%M}" if wanted.digest else "",
    }
    return {name: value for name, value in chosen.items() if value}


def asked_for(form: Mapping[str, str]) -> Wanted:
    """What a form says. Raises WantedError."""
    zone = form.get(ZONE, "") or "UTC"
    if zone not in zones():
        raise WantedError("That time zone is not known. Choose one from the list. Nothing was changed.")
    times = {name: _time(form.get(name, "")) for name in ("quiet_from", "quiet_until", DIGEST)}
    for name, found in times.items():
        if form.get(name) and found is None:
            raise WantedError("Write a time as 22:00. Nothing was changed.")
    begins, ends = times["quiet_from"], times["quiet_until"]
    if (begins is None) != (ends is None):
        raise WantedError("Quiet hours need both a beginning and an end. Nothing was changed.")
    return Wanted(
        of_team=form.get(OF_TEAM) == _ON,
        first_only=form.get(FIRST_ONLY) == _ON,
        sound=form.get(SOUND) == _ON,
        quiet=(begins, ends) if begins is not None and ends is not None and begins != ends else None,
        zone=zone,
        digest=times[DIGEST],
    )


def quiet_until(wanted: Wanted, now: datetime) -> datetime | None:
    """When their quiet hours end, in UTC, if `now` lies in them; the end itself is not quiet any more."""
    if wanted.quiet is None:
        return None
    begins, ends = wanted.quiet
    local = now.astimezone(wanted.clock)
    clock = local.time().replace(second=0, microsecond=0, fold=0)
    over_midnight = begins > ends
    if not (clock >= begins or clock < ends if over_midnight else begins <= clock < ends):
        return None
    day = local.date() + timedelta(days=1) if over_midnight and clock >= begins else local.date()
    return max(datetime.combine(day, ends, wanted.clock).astimezone(UTC), now + timedelta(minutes=1))


def digest_day(wanted: Wanted, now: datetime, *, last: str) -> date | None:
    """The day whose digest is due now; None when there is none, or it was written. `last` is an ISO date or empty."""
    if wanted.digest is None:
        return None
    local = now.astimezone(wanted.clock)
    day = local.date() if local.time() >= wanted.digest else local.date() - timedelta(days=1)
    return day if last and day.isoformat() > last else None


def _time(text: str) -> time | None:
    hour, colon, minute = text.partition(":")
    is_time = colon and all(part.isascii() and part.isdigit() and len(part) <= 2 for part in (hour, minute))
    if not is_time or int(hour) > 23 or int(minute) > 59:
        return None
    return time(int(hour), int(minute))

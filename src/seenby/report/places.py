"""Where a person most likely was, as far as an honest answer goes: a country, and its clock if it has only one.

Only of a network that no provider, proxy or data centre holds, and only when a list of countries was loaded.
Never a town: what is published of those is too often wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from seenby.judge.lists.networks import NetworkKind
from seenby.judge.networks import country_of, network_of

_NAMES: Final = "iso3166.tab"  # of the time zone database, which the package tzdata carries
_ZONES: Final = "zone.tab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A country, its name, and what its clocks showed; None where they differ inside the country."""

    country: str
    name: str
    local: datetime | None


def place_of(network: str | None, *, at: datetime) -> Place | None:
    """Where somebody with this address or network was at `at`, or None where nothing can be said."""
    address = network.partition("/")[0] if network else None
    if network_of(address).kind is not NetworkKind.UNLISTED:
        return None
    country = country_of(address)
    name = country_names().get(country)
    return Place(country=country, name=name, local=local_time(country, at=at)) if name else None


def local_time(country: str, *, at: datetime) -> datetime | None:
    """`at` by the country's clocks; None where they do not all agree."""
    locals_ = [at.astimezone(ZoneInfo(zone)) for zone in _zones().get(country, ())]
    return locals_[0] if locals_ and len({one.utcoffset() for one in locals_}) == 1 else None


@cache
def country_names() -> Mapping[str, str]:
    """English names by two letters (ISO 3166)."""
    return dict(_rows(_NAMES))


@cache
def _zones() -> Mapping[str, tuple[str, ...]]:
    zones: dict[str, tuple[str, ...]] = {}
    for country, _place, zone, *_note in _rows(_ZONES):
        zones[country] = (*zones.get(country, ()), zone)
    return zones


def _rows(name: str) -> list[list[str]]:
    text = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]

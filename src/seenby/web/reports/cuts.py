"""Reports cut by one dimension: when, with what, where, and what was filtered and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from functools import cache
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from seenby.report.asked import Asked, facets_of
from seenby.report.cuts import DAYS, Row, filtered, rows_of, warmth, week_of
from seenby.report.export import as_csv
from seenby.report.facets import Dimension
from seenby.store import Transaction, preferences
from seenby.tell.wanted import read_wanted
from seenby.web.assets import world_map
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw
from seenby.web.problem import NotFound
from seenby.web.reports.head import head_of
from seenby.words.message import Sender

router = APIRouter(prefix="/reports")
DIMENSIONS: Final[Mapping[str, Sequence[Dimension]]] = {
    "when": (Dimension.HOUR,),
    "programs": (Dimension.CLIENT, Dimension.SYSTEM),
    "where": (Dimension.COUNTRY,),
    "filtered": (Dimension.CAUSE,),
}
_CSV: Final[Mapping[str, Sequence[str]]] = {
    "when": ("Weekday (UTC)", "Hour (UTC)", "Opens (people)", "Clicks (people)"),
    "programs": ("What", "Name", "Opens (people)", "Clicks (people)"),
    "where": ("Country", "Code", "Opens (people)", "Clicks (people)"),
    "filtered": ("Read as", "Because", "Fetches"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """One outline of the map, its warmth from 0 to 4, and what it says to whoever points at it."""

    outline: str
    warmth: int
    says: str


@router.get("/{cut}.csv")
async def cut_csv(cut: str, parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]) -> Response:
    """The figures behind a page."""
    if cut not in DIMENSIONS:
        raise NotFound
    async with parts.store.read() as tx:
        found = await _found(tx, sender, asked, cut, today=parts.now().astimezone(UTC).date())
    return StreamingResponse(
        as_csv([_CSV[cut], *_lines(cut, found, parts)]),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{cut}.csv"'},
    )


@router.get("/{cut}")
async def cut_page(
    cut: str, request: Request, parts: Given, sender: SignedIn, asked: Annotated[Asked, Query()]
) -> Response:
    """One of the pages."""
    if cut not in DIMENSIONS:
        raise NotFound
    today = parts.now().astimezone(UTC).date()
    asked = asked.settled(today=today)
    async with parts.store.read() as tx:
        head = await head_of(tx, sender, asked, today=today, cut=cut)
        found = await _found(tx, sender, asked, cut, today=today)
        kept = await preferences.chosen(tx, sender.id)
    wanted = read_wanted(kept)
    countries = rows_of(Dimension.COUNTRY, found.get(Dimension.COUNTRY, ()))
    return draw(
        request,
        "report_cut.html",
        **head._asdict(),
        week=week_of(found.get(Dimension.HOUR, ()), zone=wanted.clock, now=parts.now()),
        zone=wanted.zone,
        has_zone="zone" in kept,
        weekdays=[day[:3] for day in DAYS],
        clients=rows_of(Dimension.CLIENT, found.get(Dimension.CLIENT, ())),
        systems=rows_of(Dimension.SYSTEM, found.get(Dimension.SYSTEM, ())),
        countries=countries,
        world=_world(countries) if cut == "where" else None,
        filtered=filtered(found.get(Dimension.CAUSE, ())),
    )


def _lines(
    cut: str, found: Mapping[Dimension, Sequence[Mapping[str, object]]], parts: Parts
) -> list[Sequence[str | int]]:
    if cut == "when":
        week = week_of(found[Dimension.HOUR], zone=read_wanted({}).clock, now=parts.now())
        return [(DAYS[one.day], one.hour, one.opens, one.clicks) for one in week]
    if cut == "filtered":
        return [(row.name, row.note, row.machines) for row in filtered(found[Dimension.CAUSE])]
    if cut == "where":
        return [
            (row.name, row.code, row.opens, row.clicks) for row in rows_of(Dimension.COUNTRY, found[Dimension.COUNTRY])
        ]
    return [
        (dimension.value.capitalize(), row.name, row.opens, row.clicks)
        for dimension in DIMENSIONS[cut]
        for row in rows_of(dimension, found[dimension])
    ]


async def _found(
    tx: Transaction, sender: Sender, asked: Asked, cut: str, *, today: date
) -> Mapping[Dimension, Sequence[Mapping[str, object]]]:
    return {one: await facets_of(tx, sender, asked, one.value, today=today) for one in DIMENSIONS[cut]}


@cache
def _outlines() -> tuple[int, int, Sequence[tuple[str, str]]]:
    """The map's width and height in its own units, and each country's letters and outline."""
    made = json.loads(world_map())
    return made["width"], made["height"], [(one["code"], one["outline"]) for one in made["countries"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The map as it is drawn."""

    width: int
    height: int
    countries: Sequence[Country]


def _world(rows: Sequence[Row]) -> World:
    width, height, outlines = _outlines()
    known = {row.code: row for row in rows if row.code}
    most = max((row.opens + row.clicks for row in known.values()), default=0)
    return World(
        width=width,
        height=height,
        countries=[
            Country(
                outline=outline,
                warmth=warmth(known[code].opens + known[code].clicks, most) if code in known else 0,
                says=f"{known[code].name}: {known[code].opens:,} opens, {known[code].clicks:,} clicks"
                if code in known
                else "",
            )
            for code, outline in outlines
        ],
    )

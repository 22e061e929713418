"""People and organisations: whom the team writes to, and what is known of one person or one domain.

What machines fetched is no part of it: hours, programs and signs are people's opens and clicks. Hours are sent as the
quarter hours in UTC in which something happened; the page's script puts them into the reader's own zone and says which.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import RowMapping

from seenby.judge.describe import client_name
from seenby.report.audience import has_pixel
from seenby.store import Transaction, lists, readers
from seenby.store.lists import END, Wanted
from seenby.store.times import DAY, micros, moment
from seenby.web.given import Given, SignedIn
from seenby.web.links import domain_path, person_path
from seenby.web.look import draw, frame_of, many
from seenby.web.problem import NotFound
from seenby.words.limits import NOTE_CHARACTERS
from seenby.words.message import Sender
from seenby.words.policy import Level

router = APIRouter()
PAGE: Final = 30
LATEST: Final = 10  # messages on an organisation's page
PROGRAMS: Final = 5
ENOUGH_SIGNS: Final = 5  # from which "usually" is said
QUARTER: Final = 900_000_000  # microseconds
DAYS: Final = 30  # of an organisation's picture
SHADES: Final = 4
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONDAY: Final = 3  # the first of January 1970 was a Thursday
_LONGEST: Final = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One person in a list."""

    person: Mapping[Any, Any]
    counts: Mapping[Any, Any]
    is_cut: bool  # there are more messages than were counted

    @property
    def last_sign(self) -> int | None:
        """When they last opened, clicked or answered."""
        known = [at for at in (self.counts[f"{what}_at"] for what in ("opened", "clicked", "replied")) if at]
        return max(known, default=None)


def _wanted(sender: Sender, find: str = "", *, domain: str = "", before: int, before_id: str) -> Wanted:
    """What a list is asked for: a domain when it begins with @, else the beginnings of words."""
    text = find.strip().casefold()
    is_domain = text.startswith("@") and not domain
    return Wanted(
        team=sender.team,
        domain=text.removeprefix("@") if is_domain else domain,
        words="" if is_domain else text,
        before=before,
        before_id=before_id,
    )


@router.get("/people")
async def people_page(
    request: Request,
    parts: Given,
    sender: SignedIn,
    find: Annotated[str, Query(max_length=_LONGEST)] = "",
    before: Annotated[int, Query(ge=0, le=END)] = END,
    before_id: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Whom the team writes to, last written first."""
    wanted = _wanted(sender, find, before=before, before_id=before_id)
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        rows, older = await _rows(tx, wanted)
    return draw(
        request,
        "people.html",
        frame=frame,
        rows=rows,
        find=find.strip(),
        is_start=before == END,
        older=_older("/people", find, older),
    )


def _older(page: str, find: str, older: tuple[int, str] | None) -> str | None:
    if older is None:
        return None
    query = {"find": find.strip(), "before": older[0], "before_id": older[1]}
    return f"{page}?{urlencode({name: value for name, value in query.items() if value != ''})}"


async def _rows(tx: Transaction, wanted: Wanted) -> tuple[Sequence[PersonRow], tuple[int, str] | None]:
    found = await readers.find_people(tx, wanted, limit=PAGE)
    rows = []
    for person in found.people:
        counts = await readers.counts_of(tx, team=wanted.team, address=person["address_key"])
        rows.append(PersonRow(person=person, counts=counts, is_cut=counts["messages"] >= readers.COUNTED))
    return rows, found.older


# ---------------------------------------------------------------- one person


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One hour of one weekday in the picture."""

    x: int
    y: int
    count: int
    shade: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """Everything the page shows of one person."""

    address: str
    name: str
    domain: str
    copies: Sequence[RowMapping]
    messages: int
    is_cut: bool
    seen: int
    clicked: int
    answered: int
    measurable: int
    signs: Sequence[RowMapping]
    programs: Sequence[tuple[str, int]]
    wish: RowMapping | None  # when they unsubscribed, while that is in force
    note: RowMapping | None

    @property
    def quarters(self) -> str:
        """Every open and click as the quarter hour since 1970 in which it was, for the page's script."""
        return " ".join(str(sign["at"] // QUARTER) for sign in self.signs)


@router.post("/people/{address:path}/note")
async def keep_note(
    request: Request,
    parts: Given,
    sender: SignedIn,
    address: str,
    text: Annotated[str, Form(max_length=20 * NOTE_CHARACTERS)] = "",
    *,
    undo: Annotated[bool, Form()] = False,
) -> Response:
    """Write something down about a person, for the whole team; nothing takes the note away."""
    key = address.casefold()
    text = text.replace("\r\n", "\n").strip()[:NOTE_CHARACTERS]
    async with parts.store.write() as tx:
        if not await readers.copies_to(tx, team=sender.team, address=key, limit=1):
            raise NotFound
        before = await tx.one("note_of", team=sender.team, address=key)
        await readers.keep_note(tx, team=sender.team, address=key, text=text, sender=sender.id, at=micros(parts.now()))
        note = await tx.one("note_of", team=sender.team, address=key)
    if request.headers.get("hx-request") is None:
        return RedirectResponse(person_path(key), status_code=303)
    return draw(
        request,
        "note.html",
        address=key,
        note=note,
        said="As it was before." if undo else "Saved." if text else "Removed.",
        before=None if undo else before["text"] if before else "",
    )


@router.get("/people/{address:path}")
async def person_page(
    request: Request,
    parts: Given,
    sender: SignedIn,
    address: str,
    before: Annotated[int, Query(ge=0, le=END)] = END,
    before_id: Annotated[str, Query(max_length=64)] = readers.LAST_ID,
) -> Response:
    """One person: history, what came of it, when and with what they read, and the team's note."""
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        page = await _person(tx, sender, address.casefold())
        shown = await readers.copies_to(
            tx, team=sender.team, address=page.address, before=before, before_id=before_id, limit=PAGE + 1
        )
    last = shown[PAGE - 1] if len(shown) > PAGE else None
    older = f"?before={last['accepted_at']}&before_id={last['message']}" if last else None
    return draw(
        request,
        "person.html",
        frame=frame,
        page=page,
        shown=shown[:PAGE],
        is_start=before == END,
        older=older,
        here=person_path(page.address),
        cells=_cells(page.signs),
        weekdays=WEEKDAYS,
        usual=_usual(page.signs),
    )


async def _person(tx: Transaction, sender: Sender, address: str) -> PersonPage:
    copies = await readers.copies_to(tx, team=sender.team, address=address)
    if not copies:
        raise NotFound
    signs = await readers.signs_of(tx, team=sender.team, address=address)
    wish = await tx.one("wish_of", team=sender.team, address=address)
    certain = ("seen", "probably")
    return PersonPage(
        address=address,
        name=next((copy["name"] for copy in copies if copy["name"]), ""),
        domain=address.rpartition("@")[2],
        copies=copies,
        messages=len(copies),
        is_cut=len(copies) == readers.WHOLE,
        seen=sum(copy["opened"] in certain or copy["clicked"] in certain for copy in copies),
        clicked=sum(copy["clicked"] in certain for copy in copies),
        answered=sum(copy["replied_at"] is not None for copy in copies),
        measurable=sum(has_pixel(copy, copy) for copy in copies),
        signs=signs,
        programs=_programs(signs),
        wish=wish if wish and wish["lifted_at"] is None else None,
        note=await tx.one("note_of", team=sender.team, address=address),
    )


def _programs(signs: Iterable[Mapping[Any, Any]]) -> Sequence[tuple[str, int]]:
    """What they read with, where the level allows that to be shown."""
    names = [client_name(sign["agent"]) for sign in signs if sign["level"] == Level.FULL]
    return Counter(name for name in names if name).most_common(PROGRAMS)


def _cells(signs: Sequence[Mapping[Any, Any]]) -> Sequence[Cell]:
    """A week of hours in UTC, each with how much happened in it."""
    counts = Counter(_hour_of_week(sign["at"]) for sign in signs)
    most = max(counts.values(), default=1)
    return [
        Cell(
            x=hour,
            y=day,
            count=counts[day, hour],
            shade=-(-SHADES * counts[day, hour] // most),
            says=f"{WEEKDAYS[day]} {hour:02}:00: {counts[day, hour]}",
        )
        for day in range(7)
        for hour in range(24)
    ]


def _hour_of_week(at: int) -> tuple[int, int]:
    return (at // DAY + _MONDAY) % 7, at % DAY // (4 * QUARTER)


def _usual(signs: Sequence[Mapping[Any, Any]]) -> str:
    """The day and the hour with the most, in words; nothing where there are few."""
    if len(signs) < ENOUGH_SIGNS:
        return ""
    [(day, _)] = Counter(_hour_of_week(sign["at"])[0] for sign in signs).most_common(1)
    [(hour, _)] = Counter(_hour_of_week(sign["at"])[1] for sign in signs).most_common(1)
    return f"Most often on {WEEKDAYS[day]}, and between {hour:02}:00 and {(hour + 1) % 24:02}:00."


# ---------------------------------------------------------------- one organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day of an organisation's picture."""

    x: float
    sent: float
    seen: float
    says: str


@router.get("/organisations/{domain}")
async def organisation_page(
    request: Request,
    parts: Given,
    sender: SignedIn,
    domain: str,
    before: Annotated[int, Query(ge=0, le=END)] = END,
    before_id: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Everybody of one domain that the team wrote to, what came of it by day, and the latest messages."""
    domain = domain.casefold()
    everything = Wanted(team=sender.team, domain=domain)
    since = micros(parts.now() - timedelta(days=DAYS - 1)) // DAY * DAY
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        rows, older = await _rows(tx, _wanted(sender, domain=domain, before=before, before_id=before_id))
        latest = await lists.find(tx, everything, limit=LATEST)
        days = await readers.days_of_domain(tx, team=sender.team, domain=domain, since=since)
    if not latest or (not rows and before == END):
        raise NotFound
    return draw(
        request,
        "organisation.html",
        frame=frame,
        domain=domain,
        rows=rows,
        latest=latest,
        bars=_bars(days, now=parts.now()),
        sums={name: sum(row[name] for row in days) for name in ("messages", "seen", "clicked", "answered")},
        is_cut=sum(row["messages"] for row in days) >= readers.OF_DOMAIN,
        days=DAYS,
        is_start=before == END,
        older=_older(domain_path(domain), "", older),
    )


def _bars(days: Sequence[Mapping[Any, Any]], *, now: datetime) -> Sequence[Bar]:
    """One bar a day, the oldest first: the share of the fullest day, in hundredths."""
    known = {row["day"]: row for row in days}
    most = max((row["messages"] for row in days), default=1)
    today = micros(now) // DAY
    bars = []
    for number, day in enumerate(range(today - DAYS + 1, today + 1)):
        row = known.get(day)
        sent, seen = (row["messages"], row["seen"]) if row else (0, 0)
        says = f"{moment(day * DAY):%-d %b}: {many(sent, 'copy', 'copies')}, {seen} seen"
        bars.append(Bar(x=number, sent=100 * sent / most, seen=100 * seen / most, says=says))
    return bars

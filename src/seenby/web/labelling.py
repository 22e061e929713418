"""What is done with several messages at once, from the list: labels, silence, and files for a spreadsheet."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from seenby.report.export import COLUMNS, Cell, as_csv, as_xlsx, line_of
from seenby.store import Transaction, labels, lists
from seenby.store.lists import Wanted
from seenby.store.times import micros
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.sent import PAGE, Filter
from seenby.words.limits import EXPORTED, LABEL_CHARACTERS, SAVED_FILTERS
from seenby.words.message import Sender

router = APIRouter()
BATCH: Final = 500
MOST_AT_ONCE: Final = 10 * PAGE
_BACK: Final = 2000
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Chosen = Annotated[list[str], Form(max_length=MOST_AT_ONCE)]
Back = Annotated[str, Form(max_length=_BACK)]


@router.post("/labels")
async def label(
    parts: Given,
    sender: SignedIn,
    *,
    message: Chosen,
    label: Annotated[str, Form(max_length=200)] = "",
    take_off: Annotated[bool, Form()] = False,
    back: Back = "/",
) -> Response:
    """Give the chosen messages a label, or take it off."""
    name = " ".join(label.split())[:LABEL_CHARACTERS].rstrip()  # as it comes back when it is taken off
    if name:
        async with parts.store.write() as tx:
            change = labels.take_off if take_off else labels.put_on
            await change(tx, message, team=sender.team, label=name)
    return back_to(back)


@router.post("/watch")
async def watch(
    parts: Given,
    sender: SignedIn,
    *,
    message: Chosen,
    again: Annotated[bool, Form()] = False,
    back: Back = "/",
) -> Response:
    """No bell for the chosen messages, for this sender alone; or a bell again."""
    async with parts.store.write() as tx:
        for one in message:
            await tx.run("watch" if again else "unwatch", sender=sender.id, team=sender.team, message=one)
    return back_to(back)


@router.post("/filters")
async def save_filter(
    parts: Given,
    sender: SignedIn,
    asked: Annotated[Filter, Query()],
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Keep what the list is filtered by, under a name."""
    name = " ".join(name.split())[:LABEL_CHARACTERS]
    if name and asked.query():
        async with parts.store.write() as tx:
            await tx.run(
                "save_filter",
                id=f"{sender.id}:{name}",
                team=sender.team,
                sender=sender.id,
                name=name,
                query=asked.query(),
                at=micros(parts.now()),
                most=SAVED_FILTERS,
            )
    return RedirectResponse(asked.address(), status_code=303)


@router.post("/filters/forget")
async def forget_filter(parts: Given, sender: SignedIn, filter_id: Annotated[str, Form(alias="id")] = "") -> Response:
    """Keep it no longer; the messages stay."""
    async with parts.store.write() as tx:
        await tx.run("forget_filter", id=filter_id, sender=sender.id)
    return RedirectResponse("/", status_code=303)


def back_to(back: str, *, places: tuple[str, ...] = ("/?",)) -> Response:
    """The page as it was, if its address begins like one of these; an address elsewhere is the list."""
    return RedirectResponse(back if back.startswith(places) else "/", status_code=303)


# ---------------------------------------------------------------- files


@router.get("/export.csv")
async def export_csv(parts: Given, sender: SignedIn, asked: Annotated[Filter, Query()]) -> Response:
    """What the list shows, all pages of it, a line for each recipient."""

    async def pieces() -> AsyncIterator[str]:
        for piece in as_csv([COLUMNS]):
            yield piece
        async for lines in _lines(parts, sender, asked):
            for piece in list(as_csv(lines))[1:]:
                yield piece

    return StreamingResponse(pieces(), media_type="text/csv; charset=utf-8", headers=_as_file("sent.csv"))


@router.get("/export.xlsx")
async def export_xlsx(parts: Given, sender: SignedIn, asked: Annotated[Filter, Query()]) -> Response:
    """The same as a workbook."""
    lines: list[tuple[Cell, ...]] = [COLUMNS]
    async for more in _lines(parts, sender, asked):
        lines += more
    book = await asyncio.to_thread(as_xlsx, lines)
    return Response(book, media_type=XLSX, headers=_as_file("sent.xlsx"))


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def _lines(parts: Parts, sender: Sender, asked: Filter) -> AsyncIterator[list[tuple[Cell, ...]]]:
    """The lines, so many messages at a time; each page a question of its own that holds up nobody."""
    wanted, left = asked.wanted(sender, now=parts.now()), EXPORTED
    while left > 0:
        async with parts.store.read() as tx:
            lines, last = await _page(tx, wanted, limit=min(BATCH, left))
        yield lines
        if last is None:
            return
        left -= BATCH
        wanted = last


async def _page(tx: Transaction, wanted: Wanted, *, limit: int) -> tuple[list[tuple[Cell, ...]], Wanted | None]:
    messages = await lists.find(tx, wanted, limit=limit)
    people = await lists.people_of(tx, messages)
    called = await labels.of_messages(tx, messages)
    lines = [
        line_of(message, person, called[message["id"]]) for message in messages for person in people[message["id"]]
    ]
    if len(messages) < limit:
        return lines, None
    return lines, replace(wanted, before=messages[-1]["accepted_at"], before_id=messages[-1]["id"])

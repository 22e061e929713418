"""The bell: who opened and clicked lately, in words, and how much of it is new to the one who looks."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from seenby.web.given import Given, SignedIn
from seenby.web.look import draw, frame_of

router = APIRouter(prefix="/bell")
SHOWN = 12
PAGE = 200


@router.get("/count")
async def bell_count(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The number on the bell."""
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
    return draw(request, "bell_count.html", frame=frame)


@router.post("/seen")
async def see_bell(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The latest of it, marked as read by being looked at; the number on the bell goes with the answer."""
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        events = await tx.all("bell_events", team=sender.team, sender=sender.id, limit=SHOWN)
    async with parts.store.write() as tx:
        await tx.run("see_bell", id=sender.id, seq=frame.seq)
    return draw(request, "bell_list.html", frame=frame, events=events, is_menu=True)


@router.get("")
async def bell_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """More of it on a page."""
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        events = await tx.all("bell_events", team=sender.team, sender=sender.id, limit=PAGE)
    return draw(request, "bell.html", frame=frame, events=events)

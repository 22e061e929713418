"""Drafts: what somebody is writing, what waits for its time, and what could not be sent. Nobody else sees them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from seenby.compose.prose import text_of
from seenby.compose.timing import shown
from seenby.compose.written import addressed, read_draft
from seenby.store.drafts import State
from seenby.store.times import micros, moment
from seenby.web.given import Given, SignedIn
from seenby.web.look import draw, frame_of

router = APIRouter(prefix="/drafts")
_OF_TEXT = 120  # characters
One = Annotated[str, Form(max_length=40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A line of the list."""

    id: str
    subject: str
    to: str
    text: str
    state: State
    goes: str
    problem: str
    changed_at: int


@router.get("")
async def drafts_page(request: Request, parts: Given, sender: SignedIn, gone: str = "") -> Response:
    """All of them."""
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        rows = await tx.all("drafts_of", sender=sender.id)
    return draw(request, "drafts.html", frame=frame, drafts=[_shown(row) for row in rows], gone=gone[:40])


def _shown(row: object) -> Shown:
    told = dict(row)  # type: ignore[call-overload]
    written = read_draft(told["content"])
    to = addressed(written)
    at = moment(told["send_at"]) if told["send_at"] else None
    return Shown(
        id=told["id"],
        subject=written.subject.strip(),
        to=", ".join([*(one.name or str(one.address) for one in to.everybody[:4]), *to.wrong[:1]]),
        text=" ".join(text_of(written.html).split())[:_OF_TEXT],
        state=State(told["state"]),
        goes=shown(at, written.zone) if at else "",
        problem=told["problem"],
        changed_at=told["changed_at"],
    )


@router.post("/delete")
async def delete(parts: Given, sender: SignedIn, draft: One = "") -> Response:
    """Away; the list offers to bring it back."""
    async with parts.store.write() as tx:
        gone = await tx.run("delete_draft", id=draft, sender=sender.id, at=micros(parts.now()))
    return RedirectResponse(f"/drafts?gone={draft}" if gone else "/drafts", status_code=303)


@router.post("/restore")
async def restore(parts: Given, sender: SignedIn, draft: One = "") -> Response:
    """Back again."""
    async with parts.store.write() as tx:
        await tx.run("restore_draft", id=draft, sender=sender.id, at=micros(parts.now()))
    return RedirectResponse("/drafts", status_code=303)

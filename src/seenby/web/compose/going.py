"""A message on its way: the seconds in which it can be taken back, the time at which it goes, or what became of it."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from seenby.compose.timing import shown
from seenby.compose.written import Written, addressed, read_draft
from seenby.store import drafts
from seenby.store.drafts import State
from seenby.store.times import micros, moment
from seenby.web.compose.form import Filled, draft_id
from seenby.web.compose.letter import UNDO
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.problem import NotFound
from seenby.words.message import Sender

router = APIRouter(prefix="/compose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """Where it stands. `seconds` are left to take it back; `goes` is when, if that is later."""

    id: str
    subject: str
    people: int
    state: State
    seconds: int
    goes: str
    message: str
    problem: str

    @property
    def is_soon(self) -> bool:
        """Whether it goes by itself in a moment."""
        return self.state is State.WAITING and not self.goes


@router.get("/going/{draft}")
async def going_page(draft: str, request: Request, parts: Given, sender: SignedIn, late: str = "") -> Response:
    """The page, for who has no script, and for what goes later."""
    going = await _going(parts, sender, draft)
    if going.state in (State.DRAFT, State.FAILED):
        return RedirectResponse(f"/compose?draft={draft}", status_code=303)
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
    return draw(request, "compose_going.html", frame=frame, going=going, is_late=bool(late))


@router.get("/toast/{draft}")
async def toast(draft: str, request: Request, parts: Given, sender: SignedIn) -> Response:
    """The same at the edge of any page."""
    return draw(request, "compose_toast.html", going=await _going(parts, sender, draft))


@router.get("/words/{draft}")
async def words(draft: str, request: Request, parts: Given, sender: SignedIn) -> Response:
    """How long it can still be taken back; when that is over, the whole of it anew."""
    going = await _going(parts, sender, draft)
    if going.is_soon:
        return draw(request, "compose_words.html", going=going)
    answer = draw(request, "compose_toast.html", going=going)
    answer.headers.update({"HX-Retarget": "#going", "HX-Reswap": "innerHTML"})
    return answer


@router.post("/undo")
async def undo(parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Take it back, if it has not gone."""
    draft = draft_id(form)
    async with parts.store.write() as tx:
        is_back = await tx.run("cancel_draft", id=draft, sender=sender.id, at=micros(parts.now()))
        row = await drafts.one(tx, sender, draft)
    if row is None:
        raise NotFound
    if is_back or row["state"] in (State.DRAFT, State.FAILED):
        return RedirectResponse(f"/compose?draft={draft}&said=back", status_code=303)
    return RedirectResponse(f"/compose/going/{draft}?late=1", status_code=303)


async def _going(parts: Parts, sender: Sender, draft: str) -> Going:
    async with parts.store.read() as tx:
        row = await drafts.one(tx, sender, draft)
    if row is None or row["state"] == State.DELETED:
        raise NotFound
    written, at = read_draft(row["content"]), moment(row["send_at"]) if row["send_at"] else None
    return Going(
        id=draft,
        subject=written.subject.strip() or "(no subject)",
        people=len(addressed(written).everybody),
        state=State(row["state"]),
        seconds=max(0, round((at - parts.now()).total_seconds())) if at else 0,
        goes=_later(written, at, now=parts.now(), is_claimed=row["claimed_by"] is not None),
        message=row["message"] or "",
        problem=row["problem"],
    )


def _later(written: Written, at: datetime | None, *, now: datetime, is_claimed: bool) -> str:
    """When it goes, if that is not in a moment."""
    if at is None or is_claimed or at <= now + UNDO:
        return ""
    return shown(at, written.zone)

"""The built-in mailbox: what was sent while no next hop is set, each message as its recipient would see it."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import RowMapping

from seenby.web.capability import Leave, Shown, grant
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.problem import NotFound
from seenby.words.message import Sender, Untracked

router = APIRouter(prefix="/mailbox")
PAGE: Final = 50
_END: Final = 2**62


@router.get("")
async def mailbox_page(
    request: Request, parts: Given, sender: SignedIn, before: Annotated[int, Query(ge=0, le=_END)] = _END
) -> Response:
    """What was caught, newest first."""
    return await _page(request, parts, sender, recipient=None, before=before, images=False)


@router.get("/{recipient}")
async def caught_page(
    recipient: str,
    request: Request,
    parts: Given,
    sender: SignedIn,
    before: Annotated[int, Query(ge=0, le=_END)] = _END,
    *,
    images: bool = False,
) -> Response:
    """One of the messages, beside the list."""
    return await _page(request, parts, sender, recipient=recipient, before=before, images=images)


async def _page(
    request: Request, parts: Parts, sender: Sender, *, recipient: str | None, before: int, images: bool
) -> Response:
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        caught = await tx.all("caught_list", team=sender.team, before=before, limit=PAGE + 1)
        chosen = await tx.one("caught", recipient=recipient, team=sender.team) if recipient else None
    if recipient and chosen is None:
        raise NotFound
    return draw(
        request,
        "mailbox.html",
        frame=frame,
        caught=caught[:PAGE],
        older=caught[PAGE - 1]["at"] if len(caught) > PAGE else None,
        before=before if before != _END else None,
        chosen=chosen,
        untracked=Untracked(chosen["untracked"]).sentence if chosen and chosen["untracked"] else None,
        images=images,
        preview=_preview(parts, chosen, images=images) if chosen else None,
    )


def _preview(parts: Parts, chosen: RowMapping, *, images: bool) -> str:
    leave = Leave(shown=Shown.CAUGHT, id=chosen["recipient"], images=images)
    return f"{parts.preview_url}/m/{grant(leave, secret=parts.secret, now=parts.now())}"

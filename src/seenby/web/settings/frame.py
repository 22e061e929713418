"""What the settings' pages share: how one is drawn, who may change what, and what a form answers."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from seenby.store.people import OWNER
from seenby.web.given import Parts
from seenby.web.look import Frame, draw, frame_of
from seenby.words.message import Sender
from seenby.words.policy import Policy


def is_owner(sender: Sender) -> bool:
    """Whether they may change what concerns the whole team."""
    return sender.role == OWNER


def only_owner(sender: Sender) -> None:
    """Refuse everybody else. Raises HTTPException."""
    if not is_owner(sender):
        raise HTTPException(403)


async def is_administrator(parts: Parts, sender: Sender) -> bool:
    """Whether they answer for the installation: an owner of its first team. Other teams' owners are its guests."""
    async with parts.store.read() as tx:
        first = await tx.one("first_team")
    return is_owner(sender) and first is not None and first["id"] == sender.team


def ceiling_of(parts: Parts, sender: Sender) -> Policy:
    """The most that the installation and the team allow this sender."""
    return sender.ceiling.within(parts.settings.ceiling)


def is_part(request: Request) -> bool:
    """Whether the page's script asks, which wants a piece of the page only."""
    return "hx-request" in request.headers


async def draw_page(request: Request, parts: Parts, sender: Sender, name: str, **values: object) -> Response:
    """A whole page, with what stands around it."""
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
    return draw(request, name, frame=frame, **_with_usual(sender, values))


def draw_piece(request: Request, sender: Sender, name: str, **values: object) -> Response:
    """A piece of a page, to be put into its place."""
    bare = Frame(sender=sender, seq=0, unread=0, bell_seen=0)
    return draw(request, name, frame=bare, **_with_usual(sender, values))


def _with_usual(sender: Sender, values: Mapping[str, object]) -> dict[str, Any]:
    """What every template of these pages may ask for."""
    return {"said": "", "is_bad": False, "is_owner": is_owner(sender), **values}


def back_to(path: str) -> Response:
    """For a browser without the script: the page again."""
    return RedirectResponse(path, status_code=303)

"""Signing in by a one-time link, and out again.

A link is spent by a real visit only: mail scanners and browsers look at links ahead of people, with
HEAD or with `Sec-Purpose: prefetch`, and must not use up what they never show.
"""

from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import RedirectResponse, Response

from seenby.settings import Settings
from seenby.store.people import open_session, secret_hash, session_sender
from seenby.store.times import micros
from seenby.web.given import Given, Parts, cookie_name
from seenby.web.look import draw
from seenby.words.client import Network, client_address, is_trusted, plain_address

router = APIRouter()


@router.get("/sign-in")
async def sign_in_page(request: Request, parts: Given) -> Response:
    """How to get a link."""
    return draw(request, "sign_in.html", owner=_owner_shown(parts), spent=False)


@router.head("/sign-in/{link}")
async def look_at_link(link: str) -> Response:  # noqa: ARG001 - whatever it is, a HEAD does not spend it
    """Nothing happens."""
    return Response(headers={"Cache-Control": "no-store"})


@router.get("/sign-in/{link}")
async def sign_in(link: str, request: Request, parts: Given, sec_purpose: Annotated[str, Header()] = "") -> Response:
    """Spend the link for a session."""
    if "prefetch" in sec_purpose.lower():
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    session = token_urlsafe(32)
    lasts = parts.settings.sign_in_for
    async with parts.store.write() as tx:
        opened = await open_session(tx, link=link, session=session, now=parts.now(), lasts=lasts)
        sender = await session_sender(tx, session=session, now=parts.now()) if opened else None
        address = _public_address(request, parts.settings.trusted_proxies)
        if sender is not None and address is not None:
            await tx.run("put_place", team=sender.team, address=address, at=micros(parts.now()))
    if not opened:
        return draw(request, "sign_in.html", owner=_owner_shown(parts), spent=True, status=410)
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        cookie_name(parts),
        session,
        max_age=int(lasts.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=parts.app_url.startswith("https:"),
    )
    return response


@router.post("/sign-out")
async def sign_out(request: Request, parts: Given) -> Response:
    """End this browser's session."""
    session = request.cookies.get(cookie_name(parts))
    if session is not None:
        async with parts.store.write() as tx:
            await tx.run("end_session", hash=secret_hash(session))
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(cookie_name(parts), path="/", secure=parts.app_url.startswith("https:"), httponly=True)
    return response


def _owner_shown(parts: Parts) -> str:
    """The owner's address while it is the made-up one of a first try; a real one is not told to strangers."""
    made_up = str(Settings.model_fields["owner"].default)
    return made_up if parts.settings.owner == made_up else ""


def _public_address(request: Request, proxies: Sequence[Network]) -> str | None:
    """Where the browser is, unless that says nothing: every reader on a private network looks alike."""
    address = plain_address(request.client.host if request.client else "")
    if address is not None and is_trusted(address, proxies):
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        address = plain_address(client_address(str(address), forwarded, proxies))
    return str(address) if address is not None and address.is_global else None

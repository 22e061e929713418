"""Signing in by a one-time link or a password, and out again.

A link is spent by a real visit only: mail scanners and browsers look at links ahead of people, with
HEAD or with `Sec-Purpose: prefetch`, and must not use up what they never show.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Header, Request
from fastapi.responses import RedirectResponse, Response

from seenby.store.people import open_session, secret_hash, sender_by_address, session_sender
from seenby.throttle import Throttle
from seenby.web.given import Given, cookie_name
from seenby.web.password import MOST_CHARACTERS, is_password
from seenby.web.ways.doors import TOO_OFTEN, draw_doors
from seenby.web.ways.entry import is_https, let_in, new_session, note_entry, welcome
from seenby.web.where import client_of
from seenby.words.address import parse_address

router = APIRouter()


@router.get("/sign-in")
async def sign_in_page(request: Request, parts: Given) -> Response:
    """How to get a link, and a form for those who have a password."""
    return await draw_doors(request, parts)


@router.head("/sign-in/{link}")
async def look_at_link(link: str) -> Response:  # noqa: ARG001 - whatever it is, a HEAD does not spend it
    """Nothing happens."""
    return Response(headers={"Cache-Control": "no-store"})


@router.get("/sign-in/{link}")
async def sign_in(link: str, request: Request, parts: Given, sec_purpose: Annotated[str, Header()] = "") -> Response:
    """Spend the link for a session."""
    if "prefetch" in sec_purpose.lower():
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    session = new_session(request, parts)
    async with parts.store.write() as tx:
        opened = await open_session(tx, session, link=link)
        sender = await session_sender(tx, session=session.secret, now=parts.now()) if opened else None
        if sender is not None:
            await note_entry(tx, request, parts, sender)
    if not opened:
        return await draw_doors(request, parts, spent=True, status=410)
    return welcome(parts, session)


@router.post("/sign-in")
async def sign_in_by_password(
    request: Request,
    parts: Given,
    address: Annotated[str, Form(max_length=320)] = "",
    password: Annotated[str, Form(max_length=MOST_CHARACTERS)] = "",
) -> Response:
    """With the password of the pages, if the sender has set one. Whoever guesses has to wait, and learns nothing."""
    throttle: Throttle = request.app.state.throttle
    now, asked = parts.now(), address.strip().lower()[:320]
    account = parse_address(asked)  # written in whichever way
    guessing = (client_of(request, parts.settings.trusted_proxies), f"{account.key if account else asked}@")
    if any(throttle.is_exhausted(one, now=now) for one in guessing):
        return await draw_doors(request, parts, said=TOO_OFTEN, status=429)
    for one in guessing:  # before the hash is looked at: many guesses at once are counted as well
        throttle.failed(one, now=now)
    async with parts.store.read() as tx:
        sender = await sender_by_address(tx, asked)
        row = await tx.one("sign_in_hash", id=sender.id) if sender else None
    if not await is_password(row["sign_in_hash"] if row else "", password) or sender is None:
        return await draw_doors(request, parts, said="That address and password do not go together.", status=403)
    for one in guessing:
        throttle.forgive(one)
    async with parts.store.write() as tx:
        session = await let_in(tx, request, parts, sender)
    return welcome(parts, session)


@router.post("/sign-out")
async def sign_out(request: Request, parts: Given) -> Response:
    """End this browser's session."""
    session = request.cookies.get(cookie_name(parts))
    if session is not None:
        async with parts.store.write() as tx:
            await tx.run("end_session", hash=secret_hash(session))
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(cookie_name(parts), path="/", secure=is_https(parts), httponly=True)
    return response

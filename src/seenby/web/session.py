"""Signing in by a one-time link or a password, and out again.

A link is spent by a real visit only: mail scanners and browsers look at links ahead of people, with
HEAD or with `Sec-Purpose: prefetch`, and must not use up what they never show.
"""

from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Annotated, Final

from fastapi import APIRouter, Form, Header, Request
from fastapi.responses import RedirectResponse, Response

from seenby.settings import Settings
from seenby.store import Transaction
from seenby.store.people import Session, open_session, put_session, secret_hash, sender_by_address, session_sender
from seenby.store.times import micros
from seenby.throttle import Throttle
from seenby.web.given import Given, Parts, cookie_name
from seenby.web.look import draw
from seenby.web.password import MOST_CHARACTERS, is_password
from seenby.words.client import Network, client_address, is_trusted, plain_address
from seenby.words.message import Sender

router = APIRouter()
AGENT_CHARACTERS: Final = 300


@router.get("/sign-in")
async def sign_in_page(request: Request, parts: Given) -> Response:
    """How to get a link, and a form for those who have a password."""
    return _page(request, parts)


@router.head("/sign-in/{link}")
async def look_at_link(link: str) -> Response:  # noqa: ARG001 - whatever it is, a HEAD does not spend it
    """Nothing happens."""
    return Response(headers={"Cache-Control": "no-store"})


@router.get("/sign-in/{link}")
async def sign_in(link: str, request: Request, parts: Given, sec_purpose: Annotated[str, Header()] = "") -> Response:
    """Spend the link for a session."""
    if "prefetch" in sec_purpose.lower():
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    session = _new_session(request, parts)
    async with parts.store.write() as tx:
        opened = await open_session(tx, session, link=link)
        sender = await session_sender(tx, session=session.secret, now=parts.now()) if opened else None
        if sender is not None:
            await _note_place(tx, request, parts, sender)
    if not opened:
        return _page(request, parts, spent=True, status=410)
    return _welcome(parts, session)


@router.post("/sign-in")
async def sign_in_by_password(
    request: Request,
    parts: Given,
    address: Annotated[str, Form(max_length=320)] = "",
    password: Annotated[str, Form(max_length=MOST_CHARACTERS)] = "",
) -> Response:
    """With the password of the pages, if the sender has set one. Whoever guesses has to wait, and learns nothing."""
    throttle: Throttle = request.app.state.throttle
    now, peer = parts.now(), request.client.host if request.client else ""
    asked = address.strip().lower()[:320]
    if throttle.is_exhausted(peer, now=now) or throttle.is_exhausted(f"{asked}@", now=now):
        return _page(request, parts, said="Too many wrong passwords. Try again in a quarter of an hour.", status=429)
    async with parts.store.read() as tx:
        sender = await sender_by_address(tx, asked)
        row = await tx.one("sign_in_hash", id=sender.id) if sender else None
    if not await is_password(row["sign_in_hash"] if row else "", password) or sender is None:
        throttle.failed(peer, now=now)
        throttle.failed(f"{asked}@", now=now)
        return _page(request, parts, said="That address and password do not go together.", status=403)
    session = _new_session(request, parts)
    async with parts.store.write() as tx:
        await put_session(tx, session, team=sender.team, sender=sender.id)
        await _note_place(tx, request, parts, sender)
    return _welcome(parts, session)


def _new_session(request: Request, parts: Parts) -> Session:
    return Session(
        secret=token_urlsafe(32),
        now=parts.now(),
        lasts=parts.settings.sign_in_for,
        agent=request.headers.get("user-agent", "")[:AGENT_CHARACTERS],
    )


async def _note_place(tx: Transaction, request: Request, parts: Parts, sender: Sender) -> None:
    """From here the team works: an own look at a message comes from such a place."""
    place = _public_address(request, parts.settings.trusted_proxies)
    if place is not None:
        await tx.run("put_place", team=sender.team, address=place, at=micros(parts.now()))


def _welcome(parts: Parts, session: Session) -> Response:
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        cookie_name(parts),
        session.secret,
        max_age=int(session.lasts.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=parts.app_url.startswith("https:"),
    )
    return response


def _page(request: Request, parts: Parts, *, spent: bool = False, said: str = "", status: int = 200) -> Response:
    return draw(request, "sign_in.html", owner=_owner_shown(parts), spent=spent, said=said, status=status)


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

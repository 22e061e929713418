"""Letting somebody in, whichever way they came: a fresh session, its cookie, and the end of the one before."""

from secrets import token_urlsafe
from typing import Final

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from seenby.store import Transaction
from seenby.store.people import Session, put_session, secret_hash
from seenby.store.times import micros
from seenby.web.given import Parts, cookie_name
from seenby.web.where import public_address
from seenby.words.message import Sender

AGENT_CHARACTERS: Final = 300


def new_session(request: Request, parts: Parts) -> Session:
    """A session of its own for every signing in: what a browser brought along is never made good (fixation)."""
    return Session(
        secret=token_urlsafe(32),
        now=parts.now(),
        lasts=parts.settings.sign_in_for,
        agent=request.headers.get("user-agent", "")[:AGENT_CHARACTERS],
    )


async def let_in(tx: Transaction, request: Request, parts: Parts, sender: Sender) -> Session:
    """Sign the browser in as `sender`."""
    session = new_session(request, parts)
    await put_session(tx, session, team=sender.team, sender=sender.id)
    await note_entry(tx, request, parts, sender)
    return session


async def note_entry(tx: Transaction, request: Request, parts: Parts, sender: Sender) -> None:
    """The browser's earlier session ends; and from here the team works: an own look comes from such a place."""
    if earlier := request.cookies.get(cookie_name(parts)):
        await tx.run("end_session", hash=secret_hash(earlier))
    place = public_address(request, parts.settings.trusted_proxies)
    if place is not None:
        await tx.run("put_place", team=sender.team, address=place, at=micros(parts.now()))


def welcome(parts: Parts, session: Session) -> Response:
    """To the first page, with the session's cookie."""
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        cookie_name(parts),
        session.secret,
        max_age=int(session.lasts.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_https(parts),
    )
    return response


def is_https(parts: Parts) -> bool:
    """Whether people reach the pages by https."""
    return parts.app_url.startswith("https:")

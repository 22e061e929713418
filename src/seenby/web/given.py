"""What every page is given: the parts of this process, and who is signed in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from seenby.settings import Settings
from seenby.store import Store
from seenby.store.people import session_sender
from seenby.tell.live import Live
from seenby.tell.push import Pusher
from seenby.words.message import Sender
from seenby.words.token import Keyring


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The real parts, made elsewhere. `secret` is 32 bytes that sign what previews may show,
    `keys` find our own links in the mail that people sent.
    """

    store: Store
    settings: Settings
    app_url: str
    tracking_url: str
    preview_url: str
    smtp_address: str
    secret: bytes
    keys: Keyring
    now: Callable[[], datetime]
    live: Live
    pusher: Pusher


class SignInNeeded(Exception):  # noqa: N818 - not a fault: the way to a page leads over another
    """Nobody is signed in in this browser."""


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Given = Annotated[Parts, Depends(_parts)]


def cookie_name(parts: Parts) -> str:
    """The session cookie's name; with https the browser itself vouches for its origin (RFC 6265bis 4.1.3.2)."""
    return "__Host-seenby_session" if parts.app_url.startswith("https:") else "seenby_session"


async def signed_in(request: Request, parts: Given) -> Sender:
    """Who is signed in in this browser. Raises SignInNeeded."""
    session = request.cookies.get(cookie_name(parts))
    if session is None:
        raise SignInNeeded
    async with parts.store.read() as tx:
        sender = await session_sender(tx, session=session, now=parts.now())
    if sender is None:
        raise SignInNeeded
    return sender


SignedIn = Annotated[Sender, Depends(signed_in)]

"""`POST /api/own-views`: a sender's own program says that it is showing a message of theirs now.

For browser extensions and mail add-ins: they know what no tracker can, that the pixel about to be fetched is the
sender's own. Signed in like SMTP, with address and password (RFC 7617); JSON only, which no page of another origin can
send without being asked for permission first (WHATWG Fetch, CORS-preflight), and we give none.
"""

import secrets
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field

from seenby.store import people
from seenby.store.times import micros
from seenby.throttle import Throttle
from seenby.web.given import Given
from seenby.web.where import client_of
from seenby.words.limits import OWN_VIEWS
from seenby.words.token import MESSAGE_BYTES, encode_id

router = APIRouter(prefix="/api")
_password: Final = HTTPBasic(auto_error=False)


class OwnView(BaseModel):
    """`message` is a message's id here, or its Message-ID; `surface` what shows it, such as gmail or outlook."""

    message: str = Field(max_length=998)
    surface: str = Field(default="", max_length=40)
    seconds_ago: float = Field(default=0.0, ge=0.0, le=60.0)


@router.post("/own-views")
async def announce(
    view: OwnView,
    request: Request,
    parts: Given,
    given: Annotated[HTTPBasicCredentials | None, Depends(_password)],
) -> JSONResponse:
    """201: the next open that fits it, eight seconds back and ten forward, is the sender's own."""
    now, throttle = parts.now(), _throttle(request)
    peer = client_of(request, parts.settings.trusted_proxies)
    if throttle.is_exhausted(peer, now=now):
        return _error(429, "Too many wrong passwords from there. Try again in a quarter of an hour.")
    async with parts.store.read() as tx:
        sender = (
            await people.sender_with_password(tx, address=given.username, password=given.password) if given else None
        )
        message = await tx.one("message_of_team", name=view.message, team=sender.team) if sender else None
    if sender is None:
        throttle.failed(peer, now=now)
        return _error(401, "Sign in with a sender's address and SMTP password (HTTP Basic).")
    if message is None:
        return _error(404, "There is no such message of your team.")
    at = now - timedelta(seconds=view.seconds_ago)
    async with parts.store.write() as tx:
        known = await tx.one("count_own_views", message=message["id"])
        if known is None or known["n"] >= OWN_VIEWS:
            return _error(429, f"This message has {OWN_VIEWS} own views already.")
        identity = encode_id(secrets.token_bytes(MESSAGE_BYTES))
        await tx.run(
            "add_own_view", id=identity, team=sender.team, message=message["id"], at=micros(at), surface=view.surface
        )
        await tx.run("set_judge_at", id=message["id"], at=micros(now))
    return JSONResponse({"id": identity}, status_code=201)


def _throttle(request: Request) -> Throttle:
    throttle: Throttle = request.app.state.throttle
    return throttle


def _error(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status_code=status)

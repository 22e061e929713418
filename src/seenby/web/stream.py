"""The live stream: which messages changed, as server-sent events; the page fetches what it shows of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from seenby.store.people import session_sender
from seenby.web.given import Given, Parts, SignedIn, cookie_name

router = APIRouter()
ASK_EVERY: Final = 10.0  # seconds; a browser that was signed out hears nothing for longer


@router.get("/live")
async def live(
    request: Request,
    parts: Given,
    sender: SignedIn,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    last_event_id: Annotated[str, Header(max_length=20)] = "",
) -> StreamingResponse:
    """Everything since event `after`, or since the last one that this browser got, and then as it happens."""
    seen = int(last_event_id) if last_event_id.isdecimal() and last_event_id.isascii() else 0
    stream = parts.live.stream(team=sender.team, after=max(after, min(seen, 2**62)))
    return StreamingResponse(
        _while_signed_in(stream, parts, request.cookies.get(cookie_name(parts), "")),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _while_signed_in(stream: AsyncIterator[str], parts: Parts, session: str) -> AsyncIterator[str]:
    """The stream, until the browser is signed out; it says something every few seconds, so that this is noticed."""
    clock = asyncio.get_running_loop().time
    asked = clock()
    async for piece in stream:
        if clock() - asked > ASK_EVERY:
            async with parts.store.read() as tx:
                if await session_sender(tx, session=session, now=parts.now()) is None:
                    return
            asked = clock()
        yield piece

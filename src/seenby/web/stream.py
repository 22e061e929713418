"""The live stream: which messages changed, as server-sent events; the page fetches what it shows of them."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from seenby.web.given import Given, SignedIn

router = APIRouter()


@router.get("/live")
async def live(
    parts: Given,
    sender: SignedIn,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    last_event_id: Annotated[str, Header(max_length=20)] = "",
) -> StreamingResponse:
    """Everything since event `after`, or since the last one that this browser got, and then as it happens."""
    seen = int(last_event_id) if last_event_id.isdecimal() and last_event_id.isascii() else 0
    return StreamingResponse(
        parts.live.stream(team=sender.team, after=max(after, min(seen, 2**62))),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )

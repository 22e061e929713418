"""The preview: a message on an origin of its own, so that nothing in it can touch the app.

No cookie is read here. Images are fetched only when the capability says so: that fetch is a real one and
makes a real hit, which is the point of the built-in mailbox.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from seenby.report.moments import moments_of
from seenby.report.timeline import link_counts
from seenby.web.capability import Leave, Shown, read_leave
from seenby.web.given import Given, Parts
from seenby.web.kept import heat_page, kept_message, written_page
from seenby.web.rendering import page_of

router = APIRouter()
log = logging.getLogger(__name__)


def preview_headers(*, app_url: str, images: bool) -> Mapping[str, str]:
    """No script, no form, no frame of its own, shown inside the app only."""
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src {'http: https: data:' if images else 'data:'}; "
        f"form-action 'none'; base-uri 'none'; frame-ancestors {app_url}; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
        "Cache-Control": "no-store",
    }


@router.get("/m/{capability}")
async def show(capability: str, parts: Given) -> Response:
    """The message that the capability speaks of."""
    leave = read_leave(capability, secret=parts.secret, now=parts.now())
    make = await _asked(parts, leave) if leave is not None else None
    if leave is None or make is None:
        return _sentence(parts.app_url, "This preview has ended. Load the page around it again.", status=404)
    try:
        page = await asyncio.to_thread(make)
    except Exception as error:  # noqa: BLE001 - strangers wrote this message; a bad one is shown as such
        log.warning("a message could not be shown: %s", type(error).__name__)
        return _sentence(parts.app_url, "This message is built so oddly that it cannot be shown.", status=200)
    return HTMLResponse(page, headers=dict(preview_headers(app_url=parts.app_url, images=leave.images)))


async def _asked(parts: Parts, leave: Leave) -> Callable[[], str] | None:
    """What makes the page; None when there is nothing to show any more."""
    async with parts.store.read() as tx:
        if leave.shown is Shown.CAUGHT:
            caught = await tx.one("caught_copy", recipient=leave.id)
            return partial(page_of, bytes(caught["raw"])) if caught else None
        kept = await kept_message(tx, leave.id)
        if kept is None:
            return None
        if leave.shown is Shown.WRITTEN:
            return partial(written_page, kept)
        return partial(heat_page, kept, link_counts(await moments_of(tx, leave.id)), keys=parts.keys)


def _sentence(app_url: str, sentence: str, *, status: int) -> Response:
    page = f"<!doctype html><html lang='en'><title>Preview</title><body><p>{sentence}</p></body></html>"
    return HTMLResponse(page, status_code=status, headers=dict(preview_headers(app_url=app_url, images=False)))


async def nothing_else(request: Request, _error: Exception) -> Response:
    """Any other address of this origin."""
    return _sentence(request.app.state.parts.app_url, "Nothing here.", status=404)

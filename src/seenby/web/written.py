"""The message itself on its page: looked at without making a hit, and taken away as a file."""

import re
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from seenby.web.capability import Leave, Shown, grant
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.kept import Kept, harmless_copy, kept_message
from seenby.web.problem import NotFound
from seenby.words.message import Sender

router = APIRouter()
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 ._-]+")
_LONGEST_NAME: Final = 60


def preview_of(parts: Parts, message: str, *, heat: bool) -> str:
    """The address of the message's preview, on its own origin, good for an hour."""
    leave = Leave(shown=Shown.HEAT if heat else Shown.WRITTEN, id=message)
    return f"{parts.preview_url}/m/{grant(leave, secret=parts.secret, now=parts.now())}"


@router.get("/messages/{message_id}/written.eml")
async def as_written(message_id: str, parts: Given, sender: SignedIn) -> Response:
    """The message as it was submitted, to the byte."""
    kept = await _kept(parts, sender, message_id)
    return _file(kept.raw, kept, after="")


@router.get("/messages/{message_id}/recipients/{recipient}/copy.eml")
async def as_sent(message_id: str, recipient: str, parts: Given, sender: SignedIn) -> Response:
    """What one recipient was sent, with tokens that nobody believes."""
    kept = await _kept(parts, sender, message_id)
    async with parts.store.read() as tx:
        rows = {row["id"]: row for row in await tx.all("recipients_of", message=message_id)}
    if recipient not in rows:
        raise NotFound
    copy = harmless_copy(kept, rows[recipient], keys=parts.keys, host="seenby")
    return _file(copy, kept, after=f" to {rows[recipient]['address']}")


async def _kept(parts: Parts, sender: Sender, message_id: str) -> Kept:
    async with parts.store.read() as tx:
        kept = await kept_message(tx, message_id)
    if kept is None or kept.row["team"] != sender.team:
        raise NotFound
    return kept


def _file(content: bytes, kept: Kept, *, after: str) -> Response:
    """As a download, never shown by the browser: its content is somebody's, and its origin is the app's."""
    name = _UNSAFE.sub("_", f"{kept.row['subject'] or 'message'}{after}")[:_LONGEST_NAME].strip(" .") or "message"
    return Response(
        content,
        media_type="message/rfc822",
        headers={"Content-Disposition": f'attachment; filename="{name}.eml"', "Cache-Control": "no-store"},
    )

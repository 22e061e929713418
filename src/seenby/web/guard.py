"""What holds for every request, before any page: headers that keep a browser careful, and two refusals.

A change is refused unless the browser says that one of our own pages asked for it (Sec-Fetch-Site, or
Origin in browsers without it); the session cookie is SameSite=Lax besides. Asked otherwise are the control
door (see `control`) and what programs ask for in JSON, which knows no cookie. An Authorization header
proves nothing: a browser sends it along to every address behind a proxy that asks for a password.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seenby.web.control import CONTROL
from seenby.words.limits import ATTACHED_BYTES, FORM_BYTES, REQUEST_SECONDS, WRITTEN_BYTES

_LENGTH: Final = re.compile(r"[0-9]{1,9}")
# As it is, in a form, or in JSON (RFC 8259 7); PostgreSQL takes none in a text.
_NUL: Final = re.compile(rb"\0|%00|\\u0000")
API: Final = "/api/"
JSON: Final = "application/json"
# Where more may be sent than a form holds: what is written, and its files. The first that fits counts.
LARGE: Final[Mapping[str, int]] = {
    "/compose/files": ATTACHED_BYTES + 2 * WRITTEN_BYTES,
    "/compose": WRITTEN_BYTES,
    "/templates": WRITTEN_BYTES,
}
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def page_headers(*, preview_url: str) -> Mapping[str, str]:
    """For every answer of the app's origin. Nothing inline runs, nothing is fetched from elsewhere."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self'; worker-src 'self'; frame-src {preview_url}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


def is_own(headers: Headers, *, app_url: str) -> bool:
    """Whether one of our own pages sent this request."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    if origin is None:
        return False
    scheme, _, host = origin.partition("://")
    if app_url.startswith("https:") and scheme != "https":
        return False  # whoever sits on the line can write a page for the same name without TLS
    return origin == app_url or host == headers.get("host")


def is_large(path: str) -> bool:
    """Whether what is sent there may be long, or hold anything. It is read only once it is known who sends it."""
    return any(path == start or path.startswith(f"{start}/") for start in LARGE)


def _most(path: str) -> int:
    """How many bytes may be sent there."""
    return next((most for start, most in LARGE.items() if path == start or path.startswith(f"{start}/")), FORM_BYTES)


class Guard:
    """ASGI around the app."""

    def __init__(self, app: ASGIApp, *, app_url: str, preview_url: str) -> None:
        self._app = app
        self._app_url = app_url
        self._headers = page_headers(preview_url=preview_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with our headers on the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    answer.setdefault(name, value)
                answer.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None and scope["method"] not in _SAFE and is_large(scope["path"]):
            receive = _piecewise(receive, most=_most(scope["path"]))
        elif refusal is None and scope["method"] not in _SAFE:
            try:
                body = await asyncio.wait_for(_whole_body(receive), REQUEST_SECONDS)
            except TimeoutError:
                body, refusal = b"", PlainTextResponse("Refused: the form took too long.\n", status_code=408)
            if body is None or _NUL.search(body):
                refusal = too_large() if body is None else no_nul()
            receive = _again(body or b"", receive)
        if refusal is not None:
            await refusal(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if not _LENGTH.fullmatch(length) or int(length) > _most(scope["path"]):
            return too_large()
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return no_nul()
        if _names_charset(headers.get("content-type", "")):
            return not_utf8()
        if scope["path"].startswith(API):
            return None if headers.get("content-type", "").partition(";")[0].strip() == JSON else not_json()
        if scope["method"] in _SAFE or scope["path"].startswith(CONTROL) or is_own(headers, app_url=self._app_url):
            return None
        return PlainTextResponse("Refused: this change was not asked for by a page of Seenby.\n", status_code=403)


def _names_charset(content_type: str) -> bool:
    """Whether it is a form in parts that says how its bytes are to be read.

    No browser does (RFC 7578 5.1), and in UTF-7 or Python's own escapes a NUL or half a surrogate pair has other bytes.
    """
    told = content_type.lower()
    return told.startswith("multipart/") and "charset" in told


def not_utf8() -> PlainTextResponse:
    """What would be read otherwise than it was looked through."""
    return PlainTextResponse("Refused: a form is UTF-8, and says nothing else.\n", status_code=415)


def not_json() -> PlainTextResponse:
    """A form of another page could be sent with whatever a browser adds; JSON cannot, unless we allowed it."""
    return PlainTextResponse("Refused: this takes application/json.\n", status_code=415)


def no_nul() -> PlainTextResponse:
    """Nothing that a person types holds one."""
    return PlainTextResponse("Refused: nothing that we take holds a NUL.\n", status_code=400)


def too_large() -> PlainTextResponse:
    """More than any form of ours holds."""
    return PlainTextResponse(f"Refused: more than {FORM_BYTES} bytes.\n", status_code=413)


async def _whole_body(receive: Receive) -> bytes | None:
    """The body; None when it grows past the limit without having said so (chunked)."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or len(body) > FORM_BYTES:
            return None  # half a form is none
        if not message.get("more_body", False):
            return body


def _piecewise(receive: Receive, *, most: int) -> Receive:
    """The body as it comes, for whoever asks for it; never more than `most`, and none that stands still."""
    left, is_whole = most, False

    async def piece() -> Message:
        nonlocal left, is_whole
        if is_whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), REQUEST_SECONDS)
        except TimeoutError:
            raise HTTPException(408) from None
        left -= len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if left < 0:
            raise HTTPException(413)
        return message

    return piece


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, in one piece, then whatever comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def once_more() -> Message:
        return waiting.pop() if waiting else await receive()

    return once_more

"""A caught message as its recipient would see it: one HTML page.

Only looks: what it makes is shown in a sandboxed frame and never sent. It does not clean HTML; the page is
served where no script runs, nothing is signed in, and images are fetched only with leave.
"""

import base64
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from html import escape
from typing import Final
from urllib.parse import unquote

from seenby.instrument.charsets import shown
from seenby.words.limits import DEPTH

_INLINE_BYTES: Final = 8_000_000  # of all images that a message brings along
_IMAGES: Final = frozenset({"image/png", "image/gif", "image/jpeg", "image/webp", "image/svg+xml", "image/avif"})
_DOCTYPE: Final = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_CID: Final = re.compile(r"cid:([^\"'\s)>]{1,300})", re.IGNORECASE)
_URL: Final = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_TRAILING: Final = ".,;:!?)]}'\""
_NEW_TAB: Final = '<base target="_blank">'
_PLAIN: Final = (
    "<!doctype html><html lang=''><head>{base}<meta charset='utf-8'><title>Message</title><style>"
    "body{{font:15px/1.5 system-ui,sans-serif;margin:1.25rem;color:#1c2733;background:#fff}}"
    "pre{{font:inherit;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}}</style></head><body>{body}</body></html>"
)


def page_of(raw: bytes) -> str:
    """The message's own HTML, or its text, as a page."""
    message = message_from_bytes(raw)
    part = _body(message, 0)
    if part is None:
        return _PLAIN.format(base=_NEW_TAB, body="<p>This message has no text.</p>")
    text = _text(part)
    if part.get_content_type() == "text/html":
        return _opening_new_tabs(_with_own_images(text, message))
    return _PLAIN.format(base=_NEW_TAB, body=f"<pre>{_linked(text)}</pre>")


def _body(part: Message, depth: int) -> Message | None:
    """The part that a mail program shows: of alternatives the last it understands (RFC 2046 5.1.4), else the first."""
    if depth > DEPTH or part.get_content_disposition() == "attachment":
        return None
    if not part.is_multipart():
        return part if part.get_content_type() in ("text/html", "text/plain") else None
    if part.get_content_type() == "message/rfc822":
        return None
    found = [body for child in _children(part) if (body := _body(child, depth + 1)) is not None]
    if part.get_content_subtype() == "alternative":
        return next((body for body in reversed(found) if body.get_content_type() == "text/html"), _last(found))
    return found[0] if found else None


def _last(found: list[Message]) -> Message | None:
    return found[-1] if found else None


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    for child in payload if isinstance(payload, list) else ():
        if isinstance(child, Message):
            yield child


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: Message) -> str:
    return shown(_content(part), str(part.get_param("charset", "utf-8")))  # a stranger names no codec of Python's


def _with_own_images(html: str, message: Message) -> str:
    """`cid:` addresses (RFC 2392) replaced by the images themselves."""
    if "cid:" not in html.lower():
        return html
    own = dict(_own_images(message))
    return _CID.sub(lambda found: own.get(unquote(found[1]), "data:,"), html)


def _own_images(message: Message) -> Iterator[tuple[str, str]]:
    left = _INLINE_BYTES
    for part in message.walk():
        name = str(part.get("Content-ID", "")).strip().strip("<>")
        if not name or part.get_content_type() not in _IMAGES:
            continue
        content = _content(part)
        left -= len(content)
        if left < 0:
            return
        yield name, f"data:{part.get_content_type()};base64,{base64.b64encode(content).decode()}"


def _opening_new_tabs(html: str) -> str:
    """Links open beside the app, and an early DOCTYPE stays the first thing of the page."""
    doctype = _DOCTYPE.match(html)
    place = doctype.end() if doctype else 0
    return html[:place] + _NEW_TAB + html[place:]


def _linked(text: str) -> str:
    """Text as text, its web addresses as links."""
    pieces, place = [], 0
    for found in _URL.finditer(text):
        url = found[0].rstrip(_TRAILING)
        pieces += [escape(text[place : found.start()]), f'<a href="{escape(url)}">{escape(url)}</a>']
        place = found.start() + len(url)
    return "".join([*pieces, escape(text[place:])])

"""Every answer the tracker gives, as bytes. No cookie, no validator, nothing of the request in any of them.

Only a link's target varies, and it is let through only when it cannot end a header line.
"""

import re
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from typing import Final

# 43 bytes: GIF89a, 1x1, two colours, colour 0 transparent (graphic control extension), one pixel
GIF: Final = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    b"!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
_NEVER_KEEP: Final = b"Cache-Control: no-store, private, max-age=0\r\n"
_QUIET: Final = b"Referrer-Policy: no-referrer\r\nX-Robots-Tag: noindex\r\nX-Content-Type-Options: nosniff\r\n"
_TARGET: Final = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://[!-~]+")
_STYLE: Final = (
    b":root{color-scheme:light dark}"
    b"body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto 2rem;padding:0 1rem}"
    b"h1{font-size:1.7rem;line-height:1.25}"
    b"button{font:inherit;padding:.7rem 1.6rem;min-height:3rem;border:0;border-radius:.4rem;background:#0f5fa8;"
    b"color:#fff;cursor:pointer}button:focus-visible{outline:3px solid currentColor;outline-offset:3px}"
)
# Posts to where it stands, as a mail program's one click does (RFC 8058 3.2).
_FORM: Final = (
    b'<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
    b"<p><button>%s</button></p></form>"
)
_STATUS: Final = {
    200: b"OK",
    302: b"Found",
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    410: b"Gone",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A status line with its header lines, and the body. It is itself only, so that looking one up costs nothing."""

    head: bytes
    body: bytes

    @property
    def status(self) -> bytes:
        """Its three digits."""
        return self.head[9:12]

    def on_the_wire(self, second: int, *, is_last: bool = False, is_head: bool = False) -> bytes:
        """The bytes to send, with the time of `second`; no body in answer to HEAD (RFC 9110 9.3.2)."""
        ending = b"Connection: close\r\n\r\n" if is_last else b"\r\n"
        return self.head + _date(second) + ending + (b"" if is_head else self.body)


@lru_cache(maxsize=4)
def _date(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")


def _answer(status: int, kind: bytes, body: bytes, more: bytes = b"") -> Answer:
    lines = b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n" % (status, _STATUS[status], kind, len(body))
    return Answer(lines + _NEVER_KEEP + more, body)


def _text(status: int, text: str, more: bytes = b"") -> Answer:
    return _answer(status, b"text/plain; charset=utf-8", text.encode("utf-8"), _QUIET + more)


def _page(status: int, title: bytes, text: bytes, more: bytes = b"") -> Answer:
    """A small page that loads nothing, runs nothing, and sends forms nowhere but here."""
    body = (
        b'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        b'<meta name="viewport" content="width=device-width, initial-scale=1"><title>%s</title>'
        b"<style>%s</style></head><body><main><h1>%s</h1>%s</main></body></html>\n"
    ) % (title, _STYLE, title, text)
    policy = (
        b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return _answer(
        status, b"text/html; charset=utf-8", body, _QUIET + b"Content-Security-Policy: " + policy + b"\r\n" + more
    )


PIXEL: Final = _answer(200, b"image/gif", GIF, b"X-Content-Type-Options: nosniff\r\n")


MISSING: Final = _page(
    404,
    b"There is nothing here",
    b"<p>This link is not complete, or it was never one of ours. "
    b"Please open it once more from the message it came with.</p>",
)
FRONT: Final = _page(
    200,
    b"Nothing to see here",
    b"<p>This address only passes on images and links of messages. You can close this page.</p>",
)
SWITCHED_OFF: Final = _page(
    410,
    b"This link is switched off",
    b"<p>Somebody reported that it was used for harm, so it leads nowhere any more. "
    b"You need do nothing. If you expected this message, ask its sender.</p>",
)
UNSUBSCRIBE: Final = _page(
    200,
    b"Unsubscribe?",
    b"<p>If you press the button, the people who sent you this message can send you no more mail from here.</p>"
    + _FORM % b"Unsubscribe"
    + b"<p>You need not sign in or give a reason. Nothing about you or your device is kept but this wish.</p>",
)
UNSUBSCRIBED: Final = _page(
    200,
    b"You are unsubscribed",
    b"<p>Your wish is written down: from now on, mail to you from the people who sent you this message is refused "
    b"here. What is already on its way may still arrive.</p><p>You can close this page.</p>",
)
NOT_UNSUBSCRIBED: Final = _page(
    503,
    b"You are not unsubscribed yet",
    b"<p>Something does not work on our side just now, so your wish could not be written down. "
    b"Please try again in a few minutes.</p>" + _FORM % b"Try again",
    b"Retry-After: 120\r\n",
)
ROBOTS: Final = _text(200, "User-agent: *\nDisallow: /\n")
HEALTHY: Final = _text(200, "ok\n")
UNHEALTHY: Final = _text(503, "journal\n")
NOT_ALLOWED: Final = _text(405, "Only GET and HEAD.\n", b"Allow: GET, HEAD\r\n")
NOT_ALLOWED_HERE: Final = _text(405, "Only GET, HEAD and POST.\n", b"Allow: GET, HEAD, POST\r\n")
REFUSED: Final = {
    400: _text(400, "This is not HTTP/1.0 or HTTP/1.1.\n"),
    405: NOT_ALLOWED,
    431: _text(431, "The request is too long.\n"),
}
_REDIRECT: Final = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + _NEVER_KEEP + _QUIET + b"Location: "


@lru_cache(maxsize=256)  # a newsletter has few targets and many readers
def redirect(target: bytes) -> Answer | None:
    """The way to `target`, byte for byte; None when it is not http(s) or could end the header line."""
    return Answer(_REDIRECT + target + b"\r\n", b"") if _TARGET.fullmatch(target) else None

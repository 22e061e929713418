"""A request's head, read twice as strictly as it needs to be.

`read_plain` knows one shape only, a GET without a body, and knows it fast; whatever is any different goes to
`read_strictly`, which is llhttp. Bodies are never read, because nothing is asked for in one: who unsubscribes does so
by the address they post to. A request that has a body is the connection's last.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import httptools

from seenby.tracker.client import Told, what_is_told

_CACHED_BYTES: Final = 1024  # heads longer than this are not remembered
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110 5.6.2
_LINES: Final = re.compile(rb"(?:" + _TOKEN + rb":[\t -~\x80-\xff]*\r\n)+")
_PLAIN_LINE: Final = re.compile(rb"GET (/[!-\"$->@-~]*)(?:\?[!-\"$-~]*)? HTTP/1\.1\r\n")
_AUTHORITY: Final = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://[^/?#]*")
_ENDS_PLAINNESS: Final = frozenset((b"content-length", b"transfer-encoding", b"upgrade", b"expect"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A whole head. `path` is without query; `is_last` when the connection ends after the answer."""

    method: str
    path: bytes
    told: Told
    is_last: bool
    has_body: bool = False


@dataclass(frozen=True, slots=True)
class BadRequest:
    """A head that is none, with the status it is owed."""

    status: int


def read_plain(head: bytes) -> tuple[bytes, Told] | None:
    """Path and headers of a plain GET over HTTP/1.1 on a connection that stays open, else None: read it strictly.

    Clients on one connection, and image proxies on many, send the same header lines again and again.
    """
    asked = _PLAIN_LINE.match(head)
    if asked is None:
        return None
    rest = head[asked.end() :]
    told = _plain_told(rest) if len(rest) <= _CACHED_BYTES else _read_lines(rest)
    return None if told is None else (asked[1], told)


def _read_lines(rest: bytes) -> Told | None:
    if _LINES.fullmatch(rest, 0, len(rest) - 2) is None:
        return None
    lines = []
    for line in rest.split(b"\r\n")[:-2]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in _ENDS_PLAINNESS or (name == b"connection" and value.lower() != b"keep-alive"):
            return None
        lines.append((name, value))
    return what_is_told(lines)


_plain_told = lru_cache(maxsize=256)(_read_lines)


class _Head:
    """What llhttp calls back."""

    def __init__(self) -> None:
        self.url = b""
        self.lines: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self.keeps_alive = False
        self.parser = httptools.HttpRequestParser(self)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.keeps_alive = self.parser.should_keep_alive()  # known now only: llhttp forgets it with the message

    def on_message_complete(self) -> None:
        self.is_complete = True


def read_strictly(head: bytes) -> Request | BadRequest:
    """One head, up to and with its empty line."""
    told = _Head()
    parser = told.parser
    is_upgrade = False
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        is_upgrade = True  # we speak nothing else: answered as if it had not been asked for
    except httptools.HttpParserInvalidMethodError:
        return BadRequest(405 if re.match(_TOKEN + rb" [!-~]+ HTTP/1\.[01]\r\n", head) else 400)
    except httptools.HttpParserError:
        return BadRequest(400)
    if parser.get_http_version() not in ("1.0", "1.1"):
        return BadRequest(400)  # not 505: a 5xx of ours means that something is wrong on our side
    keeps_alive = told.keeps_alive and parser.get_http_version() == "1.1"
    has_body = not told.is_complete and not is_upgrade
    return Request(
        method=parser.get_method().decode("ascii"),
        path=_path(told.url),
        told=what_is_told(told.lines),
        is_last=is_upgrade or has_body or not keeps_alive,
        has_body=has_body,
    )


def _path(url: bytes) -> bytes:
    """The path in origin or absolute form (RFC 9112 3.2), without query and fragment."""
    if (authority := _AUTHORITY.match(url)) is not None:
        url = url[authority.end() :]
    return url.partition(b"?")[0].partition(b"#")[0]

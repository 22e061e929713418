"""Which MIME parts are the message's own words (RFC 2045, 2046), as byte ranges.

Only text/html and text/plain bodies of the message itself count. Attachments, enclosed messages,
reports, calendars and whatever is signed or encrypted are never changed, not even by a byte: the
reader would be told that the message was tampered with, and they would be right.

A stack instead of recursion, and limits on parts and depth, so that no message can tire us out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Final

from seenby.instrument.headers import Headers, scan_headers
from seenby.instrument.reasons import Left, Untouched
from seenby.words.limits import DEPTH, PARTS

REPORT_PARTS: Final = 10  # RFC 6522 3 knows three

_TYPE: Final = re.compile(rb"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100})/([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100})\s*(?=;|\(|\Z)")
_TOKEN: Final = re.compile(rb"\s*([!#$%&'+.^_`|~0-9A-Za-z*-]{1,100})\s*(?=;|\(|\Z)")
_PARAMETER: Final = re.compile(
    rb';(?:[\s;]|\([^()]*+\))*+(?:([!#$%&\'+.^_`|~0-9A-Za-z*-]{1,100})\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]++))\s*+(?:\([^()]*+\)\s*+)?)?',
    re.DOTALL,
)
_COMMENT: Final = re.compile(rb"\s*\([^()]*+\)\s*")
_PGP: Final = re.compile(rb"(?:^|>)-----BEGIN PGP (?:SIGNED )?MESSAGE-----", re.MULTILINE)


class Encoding(Enum):
    """The transfer encodings we can write (RFC 2045 6)."""

    IDENTITY = "7bit, 8bit"
    BINARY = "binary"
    QUOTED_PRINTABLE = "quoted-printable"
    BASE64 = "base64"


_ENCODINGS: Final = {
    b"": Encoding.IDENTITY,
    b"7bit": Encoding.IDENTITY,
    b"8bit": Encoding.IDENTITY,
    b"binary": Encoding.BINARY,
    b"quoted-printable": Encoding.QUOTED_PRINTABLE,
    b"base64": Encoding.BASE64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One text/html or text/plain body: where its content stands and how it is written."""

    start: int
    end: int
    is_html: bool
    charset: str
    encoding: Encoding
    newline: bytes
    alternative: int | None  # where the innermost multipart/alternative around it begins
    joined_by_spaces: bool  # format=flowed; delsp=yes (RFC 3676): a URL may go on in the next line


@dataclass(slots=True, kw_only=True)
class Parts:
    """What a scan found; `stop` when the whole message must stay as it is."""

    bodies: list[Body] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    stop: Untouched | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    start: int
    end: int
    depth: int
    alternative: int | None
    shown_alone: bool  # not one of the files that a related HTML page refers to


@dataclass(frozen=True, slots=True, kw_only=True)
class _Type:
    main: bytes
    sub: bytes
    parameters: dict[bytes, bytes]

    @property
    def has_name(self) -> bool:
        return any(name.split(b"*")[0] == b"name" for name in self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPart:
    """One part of a report: its type such as `message/delivery-status`, its fields, and where its content stands."""

    kind: str
    headers: Headers
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParts:
    """A multipart/report (RFC 6522): what it says it reports, empty if it does not say, and its parts."""

    report_type: str
    parts: tuple[ReportPart, ...]


_PLAIN: Final = _Type(main=b"text", sub=b"plain", parameters={})


def find_bodies(raw: bytes, headers: Headers) -> Parts:
    """The bodies of the message `raw` in order, and why other parts are left. Never raises."""
    found = Parts()
    if headers.malformed or headers.too_long:
        found.stop = Untouched.HEADERS_TOO_LONG if headers.too_long else Untouched.MALFORMED
        return found
    waiting = [_Range(start=0, end=len(raw), depth=0, alternative=None, shown_alone=True)]
    seen = 0
    while waiting and found.stop is None:
        here = waiting.pop()
        seen += 1
        part = headers if here.depth == 0 else scan_headers(raw, here.start, here.end)
        children = _visit(raw, here, part, found)
        if len(children) + len(waiting) + seen > PARTS:
            found.stop = Untouched.TOO_MANY_PARTS
        elif children and here.depth >= DEPTH:
            found.stop = Untouched.TOO_DEEP
        waiting.extend(reversed(children))
    return found


def report_parts(raw: bytes, headers: Headers) -> ReportParts | None:
    """The parts of a report, as many as matter and none of what is inside them; None for other mail. Never raises."""
    kind = _content_type(headers)
    boundary = kind.parameters.get(b"boundary", b"").rstrip() if kind else b""
    if kind is None or (kind.main, kind.sub) != (b"multipart", b"report") or not 0 < len(boundary) <= 200:
        return None
    found: list[ReportPart] = []
    for begin, end in islice(_between(raw, boundary, headers.end, len(raw)), REPORT_PARTS):
        part = scan_headers(raw, begin, end)
        if inner := _content_type(part):
            name = (inner.main + b"/" + inner.sub).decode("ascii")
            found.append(ReportPart(kind=name, headers=part, start=begin + part.end, end=end))
    report_type = kind.parameters.get(b"report-type", b"").decode("latin-1").strip().lower()
    return ReportParts(report_type=report_type, parts=tuple(found))


def _visit(raw: bytes, here: _Range, part: Headers, found: Parts) -> list[_Range]:
    """Enter one part: a body is noted, a multipart's children are handed back, all else is left."""
    kind = _content_type(part)
    if kind is None or part.malformed or part.too_long:
        _leave(found, here, Left.PART_MALFORMED, Untouched.MALFORMED)
    elif kind.main == b"multipart":
        if not here.depth or not _is_attached(part, kind):
            return _open_multipart(raw, here, part, kind, found)
    elif kind.main == b"application" and kind.sub in (b"pkcs7-mime", b"x-pkcs7-mime"):
        _leave_pkcs7(kind, here, found)
    elif kind.main == b"text" and kind.sub in (b"html", b"plain") and here.shown_alone and not _is_attached(part, kind):
        _note_body(here, part, kind, found)
    return []


def _leave(found: Parts, here: _Range, left: Left, whole: Untouched) -> None:
    """Leave one part; when it is the message itself, that is the answer."""
    found.left.append(left)
    if here.depth == 0:
        found.stop = whole


def _leave_pkcs7(kind: _Type, here: _Range, found: Parts) -> None:
    if kind.parameters.get(b"smime-type", b"").lower() == b"signed-data":
        _leave(found, here, Left.PART_SIGNED, Untouched.SIGNED)
    else:
        _leave(found, here, Left.PART_ENCRYPTED, Untouched.ENCRYPTED)


def _note_body(here: _Range, part: Headers, kind: _Type, found: Parts) -> None:
    start = here.start + part.end
    encodings = part.raw("Content-Transfer-Encoding")
    encoding = _ENCODINGS.get(_COMMENT.sub(b"", encodings[0]).lower() if encodings else b"")
    charset = kind.parameters.get(b"charset", b"").decode("latin-1").strip().lower()
    if encoding is None or len(encodings) > 1:
        _leave(found, here, Left.PART_ENCODING, Untouched.UNKNOWN_ENCODING)
        return
    found.bodies.append(
        Body(
            start=start,
            end=here.end,
            is_html=kind.sub == b"html",
            charset=charset,
            encoding=encoding,
            newline=_newline(part),
            alternative=here.alternative,
            joined_by_spaces=kind.parameters.get(b"delsp", b"").lower() == b"yes",
        )
    )


def _newline(part: Headers) -> bytes:
    first = part.source.find(b"\n")
    return b"\n" if first == 0 or (first > 0 and part.source[first - 1] != 0x0D) else b"\r\n"


def _open_multipart(raw: bytes, here: _Range, part: Headers, kind: _Type, found: Parts) -> list[_Range]:
    match kind.sub:
        case b"signed":
            _leave(found, here, Left.PART_SIGNED, Untouched.SIGNED)
        case b"encrypted":
            _leave(found, here, Left.PART_ENCRYPTED, Untouched.ENCRYPTED)
        case b"report":
            if here.depth == 0:
                found.stop = Untouched.REPORT
        case b"mixed" | b"alternative" | b"related":
            return _children(raw, here, part, kind, found)
        case _:
            pass  # digests, forms, partial messages: not the author's words to the reader
    return []


def _children(raw: bytes, here: _Range, part: Headers, kind: _Type, found: Parts) -> list[_Range]:
    boundary = kind.parameters.get(b"boundary", b"").rstrip()
    encoding = b"".join(part.raw("Content-Transfer-Encoding")).lower()
    if not boundary or len(boundary) > 200 or _ENCODINGS.get(encoding) not in (Encoding.IDENTITY, Encoding.BINARY):
        _leave(found, here, Left.PART_MALFORMED, Untouched.MALFORMED)  # RFC 2045 6.4 forbids encoding a multipart
        return []
    if not here.shown_alone:
        return []
    start = here.start + part.end
    root = kind.parameters.get(b"start") if kind.sub == b"related" else None
    alternative = start if kind.sub == b"alternative" else here.alternative
    children: list[_Range] = []
    for begin, end in _between(raw, boundary, start, here.end):
        alone = kind.sub != b"related" or not children or not _is_referred_to(raw, begin, end)
        child = _Range(start=begin, end=end, depth=here.depth + 1, alternative=alternative, shown_alone=alone)
        if root is not None and not children and root not in scan_headers(raw, begin, end).raw("Content-ID"):
            break  # RFC 2387 3.2: another part than the first is the page; nobody writes that, so we do not read it
        children.append(child)
        if len(children) > PARTS:
            break
    return children


def _is_referred_to(raw: bytes, begin: int, end: int) -> bool:
    """Whether a later part of a multipart/related is a file of the page (RFC 2387) rather than text of its own."""
    part = scan_headers(raw, begin, end)
    return bool(part.raw("Content-ID") or part.raw("Content-Location"))


def _between(raw: bytes, boundary: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The ranges between delimiter lines (RFC 2046 5.1.1); the line end before a delimiter belongs to it."""
    mark = b"--" + boundary
    tail = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\Z)")
    begin: int | None = None
    here = raw.find(mark, start, end)
    while here >= 0:
        found = tail.match(raw, here + len(mark), end) if here == start or raw[here - 1] == 0x0A else None
        if found:
            if begin is not None:
                yield begin, max(begin, _before_newline(raw, here))
            if found[1]:
                return
            begin = found.end()
        here = raw.find(mark, here + len(mark), end)
    if begin is not None:
        yield begin, end


def _before_newline(raw: bytes, here: int) -> int:
    return here - (2 if raw[here - 2 : here] == b"\r\n" else 1)


def _content_type(part: Headers) -> _Type | None:
    """The part's type; None when it cannot be told for sure."""
    values = part.raw("Content-Type")
    if not values:
        return _PLAIN  # RFC 2045 5.2
    found = _TYPE.match(values[0])
    if found is None or len(values) > 1:
        return None
    parameters = _parameters(values[0], found.end())
    if parameters is None or any(
        name in parameters for name in (b"boundary*", b"boundary*0", b"charset*", b"charset*0")
    ):
        return None
    return _Type(main=found[1].lower(), sub=found[2].lower(), parameters=parameters)


def _parameters(value: bytes, here: int) -> dict[bytes, bytes] | None:
    """The parameters after `here`; None when something is there that we cannot read, or one is given twice."""
    parameters: dict[bytes, bytes] = {}
    comment = _COMMENT.match(value, here)
    here = comment.end() if comment else here
    while here < len(value):
        found = _PARAMETER.match(value, here)
        if found is None or (found[1] and found[1].lower() in parameters):
            return None
        if found[1]:
            quoted, bare = found[2], found[3]
            parameters[found[1].lower()] = (
                bare if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL)
            )
        here = found.end()
    return parameters


def _is_attached(part: Headers, kind: _Type) -> bool:
    """A file rather than words: by its disposition (RFC 2183), or because it has a name; in doubt, a file."""
    values = part.raw("Content-Disposition")
    if kind.has_name or len(values) > 1:
        return True
    if not values:
        return False
    found = _TOKEN.match(values[0])
    parameters = _parameters(values[0], found.end()) if found else None
    if found is None or parameters is None or found[1].lower() != b"inline":
        return True
    return any(name.split(b"*")[0] in (b"filename", b"name") for name in parameters)


def is_inline_pgp(content: bytes) -> bool:
    """Whether text is signed or encrypted the old way, in line (RFC 9580 7 and 6.2)."""
    return b"-----BEGIN PGP " in content and _PGP.search(content) is not None

"""One recipient's copy: ranges of the original and tokens, joined.

What all copies of a message share is prepared once per analysis, transfer encoding included, with
gaps for the URLs. Same input, same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from seenby.instrument.analysis import Analysis, BodyPlan, Link, honeypot_target
from seenby.instrument.edits import HONEYPOT, PIXEL, CutEdit, Edit, Element, InsertEdit, LinkEdit, is_overfull, lines_of
from seenby.instrument.headers import Headers, scan_headers
from seenby.instrument.parts import Encoding
from seenby.instrument.reasons import Untouched
from seenby.instrument.transfer import (
    BASE64_WIDTH,
    after_soft_breaks,
    places,
    quoted,
    room_for_soft_break,
    soft_wrapped,
    to_base64,
)
from seenby.words.limits import LINE_BYTES
from seenby.words.policy import Level, Policy
from seenby.words.token import HONEYPOT_LINK, Keyring, Kind, Minter, link_tail

_LINKS: Final = -3  # all links, beside the numbers of our own elements


class CopyLink(NamedTuple):
    """One wrapped link of one copy."""

    number: int
    target: str
    url: str
    in_text: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """What goes to one recipient; `pixel` is the pixel's URL, `untouched` why nothing was instrumented.

    `honeypot`: the URL of the link that nobody sees; it is none of `links`.
    """

    message: bytes
    pixel: str | None
    links: tuple[CopyLink, ...]
    untouched: Untouched | None
    honeypot: str | None = None


@dataclass(frozen=True, slots=True)
class _Gap:
    """Where a URL goes; in quoted-printable text it is folded by `newline`."""

    number: int
    newline: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Lines of base64 that can only be encoded when they are complete."""

    pieces: "tuple[_Piece, ...]"
    newline: bytes


_Piece = bytes | _Gap | _Encoded


@dataclass(frozen=True, slots=True)
class _Template:
    """What copies with the same channels share: the message with its gaps, and of each link's token the common part."""

    pieces: tuple[_Piece, ...]
    links: tuple[tuple[Link, bytes], ...]
    honeypot: bytes


def stamp(
    analysis: Analysis,
    *,
    message: str,
    recipient: str | None,
    policy: Policy,
    keys: Keyring,
    key_id: int | None = None,
    tracking_url: str,
    prepend: bytes = b"",
) -> Copy:
    """The copy for one recipient, as far as `policy` allows. ValueError when an id is none, or the URL another."""
    if tracking_url != analysis.tracking_url:
        raise ValueError("the message was analysed for another tracking URL")
    with_pixel = policy.pixels is not Level.OFF and analysis.pixel_possible
    with_links = policy.links is not Level.OFF and bool(analysis.links)
    if analysis.untouched is not None or not (with_pixel or with_links):
        return Copy(untouched_copy(analysis, prepend=prepend), None, (), analysis.untouched)

    with_honeypot = (
        analysis.honeypot_possible and with_links and recipient is not None and policy.links >= Level.IDENTIFIED
    )
    template = _template(
        analysis,
        frozenset(
            number
            for number, is_wanted in (
                (PIXEL.number, with_pixel),
                (_LINKS, with_links),
                (HONEYPOT.number, with_honeypot),
            )
            if is_wanted
        ),
    )

    def minter(kind: Kind, level: Level) -> Minter:
        who = None if level is Level.COUNTED else recipient
        return Minter(tracking_url, kind, level, message=message, recipient=who, keys=keys, key_id=key_id)

    urls: dict[int, bytes] = {}
    pixel = minter(Kind.PIXEL, policy.pixels).url() if with_pixel else None
    if pixel is not None:
        urls[PIXEL.number] = pixel.encode("ascii")
    links = []
    honeypot = None
    if with_links:
        url_of = minter(Kind.LINK, policy.links).url
        for link, tail in template.links:
            url = url_of(tail)
            urls[link.number] = url.encode("ascii")
            links.append(CopyLink(link.number, link.target, url, link.in_text))
        if with_honeypot:
            honeypot = url_of(template.honeypot)
            urls[HONEYPOT.number] = honeypot.encode("ascii")
    return Copy(prepend + _joined(template.pieces, urls), pixel, tuple(links), None, honeypot)


def untouched_copy(message: Analysis | bytes, *, prepend: bytes = b"") -> bytes:
    """The message as it came, but for blind-copy fields and our own."""
    raw, headers = (message.raw, message.headers) if isinstance(message, Analysis) else (message, scan_headers(message))
    return prepend + b"".join(_public_head(headers)) + raw[headers.end :]


def _public_head(headers: Headers) -> Iterator[bytes]:
    here = 0
    for start, end in headers.private():
        yield headers.source[here:start]
        here = end
    yield headers.source[here : headers.end]


def _joined(pieces: tuple[_Piece, ...], urls: dict[int, bytes]) -> bytes:
    out: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            out.append(piece)
        elif isinstance(piece, _Gap):
            url = urls[piece.number]
            out.append(url if piece.newline is None else soft_wrapped(url, piece.newline))
        else:
            out.append(to_base64(_joined(piece.pieces, urls), piece.newline))
    return b"".join(out)


def _template(analysis: Analysis, wanted: frozenset[int]) -> _Template:
    known = analysis.templates.get(wanted)
    if known is None:
        pieces = tuple(_merged(_pieces(analysis, wanted)))
        known = _Template(pieces, tuple(_tails(analysis)) if _LINKS in wanted else (), _honeypot_tail(analysis, wanted))
        analysis.templates[wanted] = known
    return known  # type: ignore[return-value]  # only this function fills it


def _tails(analysis: Analysis) -> Iterator[tuple[Link, bytes]]:
    for link in analysis.links:
        tail = link_tail(analysis.tracking_url, link.number, link.target, in_text=link.in_text)
        assert tail is not None  # the analysis tried its length
        yield link, tail


def _honeypot_tail(analysis: Analysis, wanted: frozenset[int]) -> bytes:
    if HONEYPOT.number not in wanted:
        return b""
    target = honeypot_target(analysis.tracking_url)
    tail = link_tail(analysis.tracking_url, HONEYPOT_LINK, target, in_text=False)
    assert tail is not None  # the analysis tried its length
    return tail


def _merged(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """The same with neighbouring bytes in one piece."""
    fixed: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            fixed.append(piece)
            continue
        yield b"".join(fixed)
        fixed.clear()
        yield piece
    yield b"".join(fixed)


def _pieces(analysis: Analysis, wanted: frozenset[int]) -> Iterator[_Piece]:
    yield from _public_head(analysis.headers)
    here = analysis.headers.end
    for plan in analysis.plans:
        edits = [edit for planned in plan.edits if (edit := _wanted(planned, wanted))]
        if not edits:
            continue
        yield analysis.raw[here : plan.body.start]
        yield from _body_pieces(analysis.raw, plan, edits)
        here = plan.body.end
    yield analysis.raw[here:]


def _wanted(edit: Edit, wanted: frozenset[int]) -> Edit | None:
    """As much of an edit as this kind of copy gets."""
    match edit:
        case LinkEdit():
            return edit if _LINKS in wanted else None
        case InsertEdit():
            return edit.only(wanted)
        case CutEdit():
            return edit


def _body_pieces(raw: bytes, plan: BodyPlan, edits: list[Edit]) -> Iterator[_Piece]:
    written = raw[plan.body.start : plan.body.end]
    match plan.body.encoding:
        case Encoding.QUOTED_PRINTABLE:
            yield from _quoted_pieces(written, edits, plan.body.newline)
        case Encoding.BASE64:
            yield from _base64_pieces(plan.content, edits, plan.body.newline)
            yield written[len(written.rstrip(b"\r\n\t ")) :]
        case Encoding.BINARY:
            yield from _plain_pieces(plan.content, edits)
        case Encoding.IDENTITY:
            yield from _line_pieces(plan.content, edits, plan.body.newline)


def _plain_pieces(content: bytes, edits: list[Edit]) -> Iterator[_Piece]:
    here = 0
    for edit in edits:
        yield content[here : edit.start]
        yield from _replacement(edit)
        here = edit.end
    yield content[here:]


def _base64_pieces(content: bytes, edits: list[Edit], newline: bytes) -> Iterator[_Piece]:
    """Base64 text: only lines with a gap in them wait to be encoded, as every gap's length is known beforehand."""
    waiting: list[_Piece] = []
    filled = 0  # bytes that wait, which begin a line
    lead = b""
    for piece, length in _measured(content, edits):
        rest = -filled % BASE64_WIDTH  # what completes the line in work
        whole = (length - rest) // BASE64_WIDTH * BASE64_WIDTH
        if not isinstance(piece, bytes) or whole <= 0:
            waiting.append(piece)
            filled += length
            continue
        if filled:
            yield lead
            yield _Encoded((*waiting, piece[:rest]), newline)
            lead = newline
        yield lead + to_base64(piece[rest : rest + whole], newline)
        lead, waiting, filled = newline, [piece[rest + whole :]], length - rest - whole
    if filled:
        yield lead
        yield _Encoded(tuple(waiting), newline)


def _measured(content: bytes, edits: list[Edit]) -> Iterator[tuple[_Piece, int]]:
    """The pieces of `content`, each with the length that it will have."""
    gaps = (length for edit in edits for length in _gap_lengths(edit))
    for piece in _plain_pieces(content, edits):
        yield piece, len(piece) if isinstance(piece, bytes) else next(gaps)


def _gap_lengths(edit: Edit) -> Iterator[int]:
    match edit:
        case LinkEdit(width=width):
            yield width
        case InsertEdit(elements=elements):
            yield from (length for _element, length in elements)
        case CutEdit():
            return


def _replacement(edit: Edit) -> Iterator[_Piece]:
    match edit:
        case LinkEdit(number=number):
            yield _Gap(number)
        case InsertEdit(elements=elements):
            for element, _length in elements:
                yield from (element.opening, _Gap(element.number), element.closing)
        case CutEdit():
            return


def _line_pieces(content: bytes, edits: list[Edit], newline: bytes) -> Iterator[_Piece]:
    """Text in lines: one that would grow too long is broken inside its tags, where HTML allows any space."""
    here = 0
    for start, stop, touched in lines_of(content, edits):
        full = is_overfull(start, stop, touched)
        prefix = start
        for edit in touched:
            if full and isinstance(edit, LinkEdit) and edit.break_at is not None:
                yield from (
                    content[here : edit.break_at],
                    newline,
                    content[edit.break_at : edit.start],
                    _Gap(edit.number),
                )
                prefix = edit.start
            elif full and isinstance(edit, InsertEdit):
                yield content[here : edit.start]
                before = edit.start - prefix
                for element, _length in edit.elements:
                    yield from _broken(element, before, newline)
                    before = min(before, 1)
            else:
                yield content[here : edit.start]
                yield from _replacement(edit)
            here = edit.end
    yield content[here:]


def _broken(element: Element, before: int, newline: bytes) -> Iterator[_Piece]:
    """An element of ours on a line of its own, `before` bytes into a line that is full."""
    if before == 0:
        yield from (element.opening, _Gap(element.number), element.closing, newline)
        return
    tag, _space, rest = element.opening.partition(b" ")
    opening = tag + newline + rest if before + len(tag) <= LINE_BYTES else newline + element.opening
    yield from (opening, _Gap(element.number), element.closing[:-1], newline, b">")


def _quoted_pieces(written: bytes, edits: list[Edit], newline: bytes) -> Iterator[_Piece]:
    """Quoted-printable text: each new piece begins and ends with a soft line break, so that no line grows."""
    found = list(places(written, [place for edit in edits for place in (edit.start, edit.end)]))
    soft = b"=" + newline
    here = 0
    for edit, start, end in zip(edits, found[::2], found[1::2], strict=True):
        begin = after_soft_breaks(written, start) if edit.end > edit.start else start
        room = room_for_soft_break(written, here, begin)
        yield from (written[here:room], b"" if room == begin else soft, written[room:begin])
        here = end
        if isinstance(edit, CutEdit):
            yield soft if b"=\n" in written[begin:end] or b"=\r\n" in written[begin:end] else b""
            continue
        yield b"" if begin == 0 or written[begin - 1] == 0x0A else soft
        if isinstance(edit, LinkEdit):
            yield _Gap(edit.number, newline)
        else:
            yield from _quoted_elements(edit, newline)
        yield b"" if _line_ends(written, end) else soft
        if written.startswith(b"--", end):  # now at the start of a line, where it could be the boundary of a part
            yield b"=2D"
            here = end + 1
    yield written[here:]


def _quoted_elements(edit: InsertEdit, newline: bytes) -> Iterator[_Piece]:
    soft = b"=" + newline
    for at, (element, _length) in enumerate(edit.elements):
        yield soft if at else b""
        gap = _Gap(element.number, newline)
        yield from (quoted(element.opening, newline), soft, gap, soft, quoted(element.closing, newline))


def _line_ends(written: bytes, here: int) -> bool:
    return here >= len(written) or written.startswith((b"\r\n", b"\n", b"=\r\n", b"=\n"), here)

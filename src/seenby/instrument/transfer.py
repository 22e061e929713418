"""Transfer encodings (RFC 2045 6): a body's content, and the way back for the few bytes that change.

Only what is written as the RFC says is decoded; anything looser is left to the reader's own program.
"""

import binascii
import re
from collections.abc import Iterator
from typing import Final

from seenby.instrument.parts import Body, Encoding

_LOOSE_QP: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\r\n\t ]*+={0,2}[\r\n\t =]*+\Z")
QP_WIDTH: Final = 75  # and the `=` of a soft line break makes 76
_QP_LINE: Final = re.compile(rb"[^\r\n]{1,75}(?<!=)(?<!=3)")  # ends in no escape `=3D`
BASE64_WIDTH: Final = 57  # bytes that fill 76 columns
_EQUALS: Final = 0x3D


def content_of(raw: bytes, body: Body) -> bytes | None:
    """The decoded content of `body`, or None when it is not written as its encoding says."""
    written = raw[body.start : body.end]
    match body.encoding:
        case Encoding.QUOTED_PRINTABLE:
            if _LOOSE_QP.search(written):
                return None
            content = binascii.a2b_qp(written)
            return content if len(content) == _decoded_length(written, 0, len(written)) else None
        case Encoding.BASE64:
            return _from_base64(written)
        case Encoding.IDENTITY | Encoding.BINARY:
            return written


def _from_base64(written: bytes) -> bytes | None:
    if not _BASE64.match(written):
        return None
    try:
        return binascii.a2b_base64(written)
    except binascii.Error:
        return None


def to_base64(content: bytes, newline: bytes) -> bytes:
    """`content` in lines of 76 columns, without an end of line after the last."""
    return newline.join(
        binascii.b2a_base64(content[at : at + BASE64_WIDTH], newline=False)
        for at in range(0, len(content), BASE64_WIDTH)
    )


def places(written: bytes, wanted: list[int]) -> Iterator[int]:
    """Where in quoted-printable text each of the `wanted` (rising) decoded offsets stands.

    Found by counting: a stretch without `=` is as long as its content, so each guess lands closer,
    and no byte is looked at in Python but the last few.
    """
    here = known = 0
    for offset in wanted:
        while known < offset:
            ahead = _not_inside_escape(written, here, here + offset - known)
            if ahead == here:  # an escape stands right here
                is_soft = written[here + 1] in b"\r\n"
                known += 0 if is_soft else 1
                here += 2 if written[here + 1] == 0x0A else 3
                continue
            known += _decoded_length(written, here, ahead)
            here = ahead
        yield here


def after_soft_breaks(written: bytes, here: int) -> int:
    """`here`, or what follows the soft line breaks that stand there."""
    while True:
        if written.startswith(b"=\r\n", here):
            here += 3
        elif written.startswith(b"=\n", here):
            here += 2
        else:
            return here


def room_for_soft_break(written: bytes, start: int, here: int) -> int:
    """`here`, or, when the line is full up to there, where the last character of it stands."""
    if here - written.rfind(b"\n", start, here) - 1 != QP_WIDTH + 1 or here - start <= QP_WIDTH:
        return here
    return here - (3 if written[here - 3] == _EQUALS else 1)


def _decoded_length(written: bytes, start: int, end: int) -> int:
    return end - start - 2 * written.count(b"=", start, end) - written.count(b"=\r\n", start, end)


def _not_inside_escape(written: bytes, start: int, end: int) -> int:
    if end - 1 >= start and written[end - 1] == _EQUALS:
        return end - 1
    if end - 2 >= start and written[end - 2] == _EQUALS and written[end - 1] != 0x0A:
        return end - 2
    return end


def soft_wrapped(text: bytes, newline: bytes) -> bytes:
    """Text that needs no escapes, in pieces that each fill a line."""
    return (b"=" + newline).join(text[at : at + QP_WIDTH] for at in range(0, len(text), QP_WIDTH))


def quoted(text: bytes, newline: bytes) -> bytes:
    """Printable text in quoted-printable lines, of which none ends inside an escape."""
    return (b"=" + newline).join(_QP_LINE.findall(text.replace(b"=", b"=3D")))

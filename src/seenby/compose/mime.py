"""The bytes of a message that was written here (RFC 5322, RFC 2046), with CRLF line ends.

Header fields are put together here and not by `email.message`: that reads what looks like an encoded word in a subject
or a name as one, and what comes out is no longer what was typed. The bodies of parts are encoded by the standard
library. A blind copy's address is in no field unless `with_bcc` asks for it, for the sender's own Sent folder.
"""

import base64
import quopri
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from seenby.compose.people import Person, one_line

_UTF8: Final = Charset("utf-8")
_UTF8.header_encoding = QP
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")
_LINE: Final = 76
_PIECE: Final = 5  # characters of a long parameter on one line; each may become four bytes of three letters
# Types that a mail program would open up as part of the message itself (RFC 2046 5); an attachment is a file.
_OPENED: Final = ("multipart/", "message/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file that goes along."""

    name: str
    type: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message, complete. `boundary` is a word that no body holds."""

    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    subject: str
    text: str
    html: str
    at: datetime
    message_id: str
    boundary: str
    answers: str = ""
    references: tuple[str, ...] = ()
    attached: tuple[Attached, ...] = ()


def message_of(letter: Letter, *, with_bcc: bool = False) -> bytes:
    """The whole message."""
    head = [
        f"From: {_mailbox(letter.sender)}",
        *_people("To", letter.to),
        *_people("Cc", letter.cc),
        *(_people("Bcc", letter.bcc) if with_bcc else ()),
        _unstructured("Subject", letter.subject),
        f"Date: {format_datetime(letter.at)}",
        f"Message-ID: {letter.message_id}",
        *_thread(letter),
        "MIME-Version: 1.0",
    ]
    return _lines(head) + _body(letter)


def _body(letter: Letter) -> bytes:
    words = _multipart("alternative", f"{letter.boundary}-a", [_text("plain", letter.text), _text("html", letter.html)])
    if not letter.attached:
        return words
    return _multipart("mixed", f"{letter.boundary}-m", [words, *map(_file, letter.attached)])


def _multipart(subtype: str, boundary: str, parts: Iterable[bytes]) -> bytes:
    # "=_" comes out of neither quoted-printable nor base64 (RFC 2045 6.7).
    edge = f"=_{boundary}"
    head = _lines([f'Content-Type: multipart/{subtype}; boundary="{edge}"', ""])
    inner = b"".join(b"--%s\r\n%s\r\n" % (edge.encode("ascii"), part) for part in parts)
    return head + inner + b"--%s--\r\n" % edge.encode("ascii")


def _text(subtype: str, text: str) -> bytes:
    head = _lines([f"Content-Type: text/{subtype}; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", ""])
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    return head + quopri.encodestring(lines).replace(b"\n", b"\r\n")


def _file(file: Attached) -> bytes:
    told = file.type.strip().lower()
    is_plain = _TYPE.fullmatch(told) is not None and not told.startswith(_OPENED)
    head = [
        f"Content-Type: {told if is_plain else 'application/octet-stream'}",
        _disposition(file.name),
        "Content-Transfer-Encoding: base64",
        "",
    ]
    return _lines(head) + base64.encodebytes(file.raw).replace(b"\n", b"\r\n")


def _disposition(name: str) -> str:
    """RFC 2183, the name as RFC 2231 has it: in pieces when it is long, with its charset when it is not ASCII."""
    name = one_line(name) or "file"
    if re.fullmatch(r"[A-Za-z0-9 ._+-]{1,50}", name):
        return f'Content-Disposition: attachment;\r\n filename="{name}"'
    pieces = [
        quote(name[start : start + _PIECE].encode("utf-8", "replace"), safe="") for start in range(0, len(name), _PIECE)
    ]
    pieces[0] = f"utf-8''{pieces[0]}"
    return "Content-Disposition: attachment" + "".join(
        f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces)
    )


def _thread(letter: Letter) -> Iterable[str]:
    """RFC 5322 3.6.4."""
    if _MESSAGE_ID.fullmatch(letter.answers):
        yield f"In-Reply-To: {letter.answers}"
        known = [one for one in letter.references if _MESSAGE_ID.fullmatch(one) and one != letter.answers]
        yield "References: " + "\r\n ".join((*dict.fromkeys(known), letter.answers))


def _people(name: str, people: Sequence[Person]) -> Iterable[str]:
    if people:
        yield f"{name}: " + ",\r\n ".join(map(_mailbox, people))


def _mailbox(person: Person) -> str:
    name = one_line(person.name)
    if not name:
        return str(person.address)
    if name.isascii() and "=?" not in name and len(name) < _LINE - 10:
        quoted = name if _ATOMS.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{quoted}\r\n <{person.address}>"
    return f"{_encoded(name, before=6)}\r\n <{person.address}>"


def _unstructured(name: str, text: str) -> str:
    text = one_line(text)
    is_short = all(len(word) < _LINE - 20 for word in text.split(" "))
    if text.isascii() and "=?" not in text and is_short:
        return _folded(f"{name}: {text}")
    return f"{name}: {_encoded(text, before=len(name) + 2)}"


def _encoded(text: str, *, before: int) -> str:
    """As encoded words, folded (RFC 2047 2); `before` is how much of the first line is taken."""
    safe = text.encode("utf-8", "replace").decode()
    header = Header(safe, _UTF8, maxlinelen=_LINE, header_name="x" * max(0, before - 2))
    return header.encode(linesep="\r\n")


def _folded(line: str) -> str:
    out, length = [], 0
    for number, word in enumerate(line.split(" ")):
        if number > 1 and length + len(word) + 1 > _LINE:
            out.append("\r\n ")
            length = 1
        elif number:
            out.append(" ")
            length += 1
        out.append(word)
        length += len(word)
    return "".join(out)


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")

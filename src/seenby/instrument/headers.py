"""The fields at the top of a message or a part, as byte ranges (RFC 5322 2.2), and their text for the screen.

Nothing here writes a field. What strangers put into one (broken encoded words, control characters,
a thousand addresses) is tolerated, bounded and never raises.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from seenby.instrument.charsets import shown
from seenby.words.address import Address, parse_address
from seenby.words.errors import PolicyError
from seenby.words.limits import HEADER_BYTES
from seenby.words.policy import Asked, Level, parse_level

_BLANK_LINE: Final = re.compile(rb"\n\r?\n|\A\r?\n")
_FIELD: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
_NO_FIELD: Final = re.compile(rb"[^\n]*+(?:\n|\Z)")
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
# Fields that no recipient may see: blind copies (RFC 5322 3.6.3) and what was said to us.
_PRIVATE: Final = re.compile(
    rb"^(?:(?:resent-)?bcc|x-seenby[!-9;-~]*+)[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z)",
    re.IGNORECASE | re.MULTILINE,
)
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_ENCODED_WORD: Final = re.compile(r"=\?([\w.:-]{1,40}+)(?:\*[\w-]{0,20}+)?\?([bBqQ])\?([!->@-~]*+)\?=")
_Q_ESCAPE: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
# Control characters, line and paragraph separators, and what turns the direction of text around.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_MAILBOX_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.|\\\Z)*+(?:"|\Z)|[^"(),:;<>\\]++|.', re.DOTALL)
_CHANNEL: Final = re.compile(r"(?:(pixels?|links?)\s*=\s*)?([^\s=,;]+)\s*(?:[\s,;]|$)\s*", re.IGNORECASE)
SHOWN_BYTES: Final = 16_384  # of one field's value; enough for any subject, small enough to decode at will


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its lower-case name, and where it and its value stand, folding included."""

    name: str
    start: int
    value: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """The fields in order; `end` is where the body begins; `malformed` when a line was no field."""

    source: bytes
    fields: tuple[Field, ...]
    end: int
    malformed: bool
    too_long: bool

    def raw(self, name: str) -> tuple[bytes, ...]:
        """Each value of `name`, its folding undone, not decoded."""
        name = name.lower()
        return tuple(
            _FOLD.sub(b"", self.source[field.value : field.end]).strip(b" \t\r\n")
            for field in self.fields
            if field.name == name
        )

    def all(self, name: str) -> tuple[str, ...]:
        """Each value of `name` as text that is safe to show."""
        return tuple(_readable(value) for value in self.raw(name))

    def first(self, name: str) -> str | None:
        """The first value of `name` as text that is safe to show; None without such a field."""
        return next((_readable(value) for value in self.raw(name)), None)

    def addresses(self, name: str) -> tuple[tuple[str, Address], ...]:
        """Display name and address of every mailbox in the fields `name`; what is no mailbox is passed over."""
        return tuple(mailbox for value in self.raw(name) for mailbox in _mailboxes(_text(value)))

    def authors(self, name: str) -> tuple[Address, ...] | None:
        """Everybody whom some reader might take for the author in the fields `name`; None when we cannot be sure.

        A display name that is an address is one of them: many programs show the name and nothing else.
        """
        found: list[Address] = []
        for value in self.raw(name):
            text = _text(value)
            plain = _plain(text)
            ours = [(parse_address(shown_name), address) for shown_name, address in _mailboxes(plain)]
            if plain.count("@") != sum(1 if named is None else 2 for named, _address in ours):
                return None
            quoted = [parse_address(shown_name) for shown_name, _address in _mailboxes(text)]
            words = [parse_address(_words_decoded(word[0])) for word in _ENCODED_WORD.finditer(text)]
            found += [address for _named, address in ours]
            found += [address for address in (*(named for named, _address in ours), *quoted, *words) if address]
        return tuple(found)

    def private(self) -> tuple[tuple[int, int], ...]:
        """The ranges of the fields that must not leave the house: Bcc, Resent-Bcc and X-Seenby…"""
        return tuple(found.span() for found in _PRIVATE.finditer(self.source, 0, self.end))


def scan_headers(raw: bytes, start: int = 0, end: int | None = None) -> Headers:
    """The fields of the message (or part) in `raw[start:end]`. Never raises."""
    stop = len(raw) if end is None else end
    if start or stop < len(raw):  # a part: nothing needs what lies beyond the limit
        raw = raw[start : min(stop, start + HEADER_BYTES + 4)]
    blank = _BLANK_LINE.search(raw)
    body = blank.end() if blank else len(raw)
    fields, malformed = _fields(raw, min(body, HEADER_BYTES))
    return Headers(
        source=raw,
        fields=fields,
        end=body,
        malformed=malformed or _BARE_CR.search(raw, 0, min(body, HEADER_BYTES)) is not None,
        too_long=body > HEADER_BYTES,
    )


def _fields(raw: bytes, stop: int) -> tuple[tuple[Field, ...], bool]:
    fields: list[Field] = []
    malformed = False
    here = 0
    while here < stop and not raw.startswith((b"\n", b"\r\n"), here):
        found = _FIELD.match(raw, here, stop)
        if found:
            fields.append(Field(found[1].decode("ascii").lower(), here, found.start(2), found.end()))
        else:
            malformed = True
            found = _NO_FIELD.match(raw, here, stop)
            assert found is not None
        here = found.end()
    return tuple(fields), malformed


def _text(value: bytes) -> str:
    """Undecoded text: UTF-8 (RFC 6532) if it is, else each byte its own character."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _readable(value: bytes) -> str:
    return _safe(_words_decoded(_text(value[:SHOWN_BYTES])))


def _safe(text: str) -> str:
    return _UNSAFE.sub(" ", text).strip()


def _words_decoded(text: str) -> str:
    """`text` with its encoded words read (RFC 2047); neighbours in one charset are joined before decoding,

    because many programs cut a character of several bytes in two.
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    pending, charset, last = b"", "", 0
    for found in _ENCODED_WORD.finditer(text):
        between = text[last : found.start()]
        if pending and (between.strip() or found[1].lower() != charset):
            out.append(shown(pending, charset))
            pending = b""
        if between.strip() or not last:
            out.append(between)
        charset, last = found[1].lower(), found.end()
        pending += _word_bytes(found[2], found[3])
    return "".join((*out, shown(pending, charset), text[last:]))


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("ascii")
    if encoding in "qQ":
        return _Q_ESCAPE.sub(lambda escape: bytes((int(escape[1], 16),)), raw.replace(b"_", b" "))
    try:
        return base64.b64decode(raw.rstrip(b"=") + b"=" * (-len(raw.rstrip(b"=")) % 4))
    except (binascii.Error, ValueError):
        return raw


def _mailboxes(text: str) -> Iterator[tuple[str, Address]]:
    """The mailboxes of an address list (RFC 5322 3.4): groups opened up, comments dropped, garbage passed over."""
    name: list[str] = []
    angle: list[str] | None = None
    spec = ""
    comment = 0
    for piece in chain(map(re.Match[str].group, _MAILBOX_TOKEN.finditer(text)), (",",)):
        if piece in ("(", ")"):
            comment = max(comment + (1 if piece == "(" else -1), 0)
        elif comment:
            continue
        elif piece == "<":
            angle = []
        elif piece == ">" and angle is not None:
            spec, angle = "".join(angle), None
        elif piece in (",", ";"):
            if mailbox := _mailbox(name, spec):
                yield mailbox
            name, angle, spec = [], None, ""
        elif piece == ":" and angle is None:
            name = []  # what stood before was the name of a group
        elif angle is not None:
            angle.append(piece)
        else:
            name.append(piece)


def _plain(text: str) -> str:
    """An address list without what is quoted, commented or encoded in it: every `@` left is one of an address."""
    out: list[str] = []
    comment = 0
    for found in _MAILBOX_TOKEN.finditer(_ENCODED_WORD.sub("", text)):
        piece = found[0]
        if piece in ("(", ")"):
            comment = max(comment + (1 if piece == "(" else -1), 0)
        elif not comment and not piece.startswith('"'):
            out.append(piece)
    return "".join(out)


def _mailbox(name: list[str], spec: str) -> tuple[str, Address] | None:
    address = parse_address(spec or "".join(name).strip())
    if address is None:
        return None
    if not spec:
        return "", address
    shown_name = "".join(re.sub(r"\\(.)", r"\1", part[1:-1]) if part.startswith('"') else part for part in name)
    return _safe(_words_decoded(shown_name[:SHOWN_BYTES].strip())), address


def parse_asked(headers: Headers) -> Asked:
    """What the field `X-Seenby: pixel=off links=identified` asks for. Raises PolicyError.

    A level alone means both channels; a channel that is not named, or `on`, is not restricted; where
    two fields or two words speak of one channel, the stricter counts.
    """
    asked: dict[str, Level] = {}
    for value in headers.all("X-Seenby"):
        here = 0
        while here < len(value):
            found = _CHANNEL.match(value, here)
            if found is None:
                raise PolicyError(
                    f"'{value[here : here + 40]}' is no wish we know: write X-Seenby: pixel=off links=full."
                )
            here = found.end()
            if found[2].lower() == "on":
                continue
            level = parse_level(found[2])
            for channel in _channels(found[1]):
                asked[channel] = min(level, asked.get(channel, level))
    return Asked(pixels=asked.get("pixels"), links=asked.get("links"))


def parse_unsubscribe(headers: Headers) -> bool | None:
    """What the field `X-Seenby-Unsubscribe: on` asks for; None without one. Raises PolicyError."""
    return _on_or_off(headers, "X-Seenby-Unsubscribe")


def parse_honeypot(headers: Headers) -> bool | None:
    """What the field `X-Seenby-Honeypot: on` asks for; None without one. Raises PolicyError."""
    return _on_or_off(headers, "X-Seenby-Honeypot")


def _on_or_off(headers: Headers, name: str) -> bool | None:
    told = {value.strip().lower() for value in headers.all(name)}
    if not told:
        return None
    if told not in ({"on"}, {"off"}):
        shown_value = ", ".join(sorted(told))[:40]
        raise PolicyError(f"'{shown_value}' is no wish we know: write {name}: on, or off.")
    return told == {"on"}


def signs_field(signature: bytes, names: frozenset[str]) -> bool:
    """Whether a DKIM-Signature (RFC 6376 3.5) covers one of the fields `names`, there or not: tag h=."""
    tags = [tag.split(b"=", 1) for tag in signature.split(b";") if b"=" in tag]
    covered = [name for tag, value in tags if tag.strip() == b"h" for name in value.split(b":")]
    return any(name.strip().lower().decode("latin-1") in names for name in covered)


def _channels(named: str | None) -> tuple[str, ...]:
    if named is None:
        return ("pixels", "links")
    return ("pixels",) if named.lower().startswith("pixel") else ("links",)

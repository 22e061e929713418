"""HTML as bytes: where its links, its own marks for us and the pixel's place are. No tree, nothing is written.

One regular expression after the tokenizer of the HTML Standard (13.2.5) walks the text. Comments
(Outlook's conditional ones too), scripts, styles and other raw text are walked over whole, so that
what looks like a link in them is never taken for one. Every repeat in it is possessive: the time
is bounded by the length, whatever is sent.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_SPACE: Final = rb"[\t\n\f\r ]"
_NAME_END: Final = rb"(?=[\t\n\f\r />])"
_ATTRIBUTES: Final = (
    rb"(?:[\t\n\f\r /]++|[^\t\n\f\r />][^\t\n\f\r />=]*+"
    rb"(?:S*+=S*+(?:\"[^\"]*+\"|'[^']*+'|(?![\"'])[^\t\n\f\r >]*+)|(?!S*+=)))*+"
).replace(b"S", _SPACE)
_RAW_TEXT: Final = rb"script|style|title|textarea|xmp|iframe|noembed|noframes"
_ATTRIBUTE: Final = re.compile(
    (
        rb"([^\t\n\f\r />][^\t\n\f\r />=]*+)"
        rb"(?:S*+=S*+(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\t\n\f\r >]*+))|(?!S*+=))"
    ).replace(b"S", _SPACE)
)


def _token_pattern(*, images: bool) -> re.Pattern[bytes]:
    wanted = (
        rb"(?:/?(?:body|html|head)|a(?:rea)?|plaintext|" + (b"img|" if images else b"") + _RAW_TEXT + rb")" + _NAME_END
    )
    dull = rb"(?:[^<]++|<(?:(?!" + wanted + rb")/?[a-z][^\t\n\f\r />]*+" + _ATTRIBUTES + rb">|(?![a-z/!?])))*+"
    return re.compile(
        dull
        + rb"<(?:(?P<link>a(?:rea)?"
        + _NAME_END
        + _ATTRIBUTES
        + rb">)|(?P<image>img"
        + _NAME_END
        + _ATTRIBUTES
        + rb">)|(?P<frame>/?(?:body|html|head)"
        + _NAME_END
        + _ATTRIBUTES
        + rb">)|(?P<raw>"
        + _RAW_TEXT
        + rb")"
        + _NAME_END
        + _ATTRIBUTES
        + rb">(?:[^<]++|<(?!/(?P=raw)"
        + _NAME_END
        + rb"))*+|(?P<comment>!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>|\Z)))"
        + rb"|(?P<open>/?[a-z][\x00-\xff]*+)|(?P<bogus>[!?/][^>]*+>?))",
        re.IGNORECASE,
    )


_TOKENS: Final = _token_pattern(images=False)
_TOKENS_AND_IMAGES: Final = _token_pattern(images=True)
_ALL_TAGS: Final = re.compile(
    rb"<!--.*?-->|<(style|title|script)\b.*?</\1[^>]*+>|<[^>]*+>|&nbsp;|\s++", re.IGNORECASE | re.DOTALL
)
_FRAME_NAME: Final = re.compile(rb"/?[a-z]++", re.IGNORECASE)
_SMALL: Final = 4000  # bytes; HTML that shows nothing is smaller
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One `<a>` or `<area>` with an href: the value's range without spaces around it, and what its author asked."""

    start: int
    end: int
    break_at: int
    opted_out: bool


@dataclass(slots=True, kw_only=True)
class Markup:
    """What a walk over HTML found. `bottom` is the pixel's place, `top` the one for long pages."""

    anchors: list[Anchor] = field(default_factory=list)
    cuts: list[tuple[int, int]] = field(default_factory=list)
    bottom: int = 0
    top: int | None = None
    is_empty: bool = False


def walk(content: bytes, *, own_pixel: bytes = b"") -> Markup:
    """Find the links of `content`, the pixel's place, and old pixels whose address begins with `own_pixel`."""
    found = Markup(is_empty=_shows_nothing(content))
    frame: dict[bytes, tuple[int, int]] = {}
    cut_off = len(content)
    look = (_TOKENS_AND_IMAGES if own_pixel and own_pixel in content else _TOKENS).match
    here = 0
    while token := look(content, here):
        kind = token.lastgroup or "open"
        start, here = token.start(kind) - 1, token.end()
        if kind == "link":
            _note_link(content, token.start(kind), here - 1, found)
        elif kind == "frame":
            _note_frame(content, start, here, frame)
        elif kind == "image":
            _note_image(content, start, here, own_pixel, found)
        elif here == len(content) and not _is_whole(content, kind):
            cut_off = start
    _place_pixel(content, cut_off, frame, found)
    return found


def _is_whole(content: bytes, kind: str) -> bool:
    return (kind == "comment" and content.endswith((b"-->", b"--!>"))) or (kind == "bogus" and content.endswith(b">"))


def _note_frame(content: bytes, start: int, end: int, frame: dict[bytes, tuple[int, int]]) -> None:
    named = _FRAME_NAME.match(content, start + 1)
    assert named is not None
    name = named[0].lower()
    if name.startswith(b"/") or name not in frame:
        frame[name] = (start, end)  # the first opening counts, and the last closing


def _place_pixel(content: bytes, cut_off: int, frame: dict[bytes, tuple[int, int]], found: Markup) -> None:
    closing = frame.get(b"/body") or frame.get(b"/html")
    if closing and closing[0] >= frame.get(b"/head", closing)[0]:
        found.bottom = closing[0]
    else:
        found.bottom = len(content[:cut_off].rstrip(b"\t\n\f\r "))
    if b"body" in frame:
        found.top = frame[b"body"][1]
    elif b"/head" in frame:
        found.top = frame[b"/head"][1]
    elif not frame and content.lstrip()[:2] != b"<!":
        found.top = len(_BOM) if content.startswith(_BOM) else 0


def _note_link(content: bytes, start: int, end: int, found: Markup) -> None:
    href: re.Match[bytes] | None = None
    cut: tuple[int, int] | None = None
    opted_out = False
    name_end = start + (4 if content[start : start + 4].lower() == b"area" else 1)
    for attribute in _ATTRIBUTE.finditer(content, name_end, end):
        name = attribute[1].lower()
        if name == b"href":
            href = href or attribute
        elif name == b"clicktracking":
            opted_out = opted_out or b"".join(attribute.groups(b"")[1:]).strip().lower() == b"off"
        elif name == b"data-no-track" and cut is None:
            cut, opted_out = _with_space_before(content, attribute), True
    if cut:
        found.cuts.append(cut)
    if href and (span := _value_range(href)):
        found.anchors.append(Anchor(start=span[0], end=span[1], break_at=href.start(), opted_out=opted_out))


def _with_space_before(content: bytes, attribute: re.Match[bytes]) -> tuple[int, int]:
    start = attribute.start()
    while content[start - 1] in b"\t\n\f\r ":
        start -= 1
    return start, attribute.end()


def _value_range(attribute: re.Match[bytes]) -> tuple[int, int] | None:
    """The value without the spaces around it, which stay where they are; None when nothing is left."""
    group = attribute.lastindex or 1
    value = attribute[group]
    stripped = value.strip(b"\t\n\f\r ")
    if group == 1 or not stripped:
        return None
    if stripped == value:
        return attribute.span(group)
    start = attribute.start(group) + len(value) - len(value.lstrip(b"\t\n\f\r "))
    return start, attribute.end(group) - len(value) + len(value.rstrip(b"\t\n\f\r "))


def _note_image(content: bytes, start: int, end: int, own_pixel: bytes, found: Markup) -> None:
    for attribute in _ATTRIBUTE.finditer(content, start + 4, end - 1):
        if attribute[1].lower() == b"src":
            if (attribute[attribute.lastindex or 1]).startswith(own_pixel):
                found.cuts.append((start, end))
            return


def _shows_nothing(content: bytes) -> bool:
    """Whether a reader would see an empty page."""
    if len(content) > _SMALL or b"<img" in content.lower():
        return not content.strip()
    return not _ALL_TAGS.sub(b"", content)

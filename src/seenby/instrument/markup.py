"""HTML as bytes: where its links, its own marks for us and the pixel's place are. No tree, nothing is written.

One regular expression after the tokenizer of the HTML Standard (13.2.5) walks the text. Comments,
scripts, styles and other raw text are walked over whole, so that what looks like a link in them is
never taken for one. Every repeat in it is possessive: the time is bounded by the length, whatever
is sent.

One kind of comment is looked into: what Outlook alone reads, `<!--[if mso]>…<![endif]-->`. With a
comment or another condition in it, or a tag that does not end, it stays as it is.
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
_RAW_TEXT: Final = rb"style|title|textarea|xmp|iframe|noembed|noframes"
# A script goes on behind a `</script>` that answers a `<script>` in a comment of its own (HTML 13.2.5.20 to 31).
_SCRIPT: Final = (
    rb"(?:[^<]++|<!--(?:-*+>|(?:[^<-]++|-(?!->)|<(?!/?scriptE)|<scriptE(?:[^<-]++|-(?!->)|<(?!/scriptE))*+"
    rb"(?:</script|(?=-->)|\Z))*+(?:-->)?)|<(?!/scriptE|!--))*+"
).replace(b"E", _NAME_END)
# Links: HTML's, and the VML shapes that Outlook makes clickable.
_LINK: Final = rb"(?:a(?:rea)?|v:(?:roundrect|rect|shape|oval|line|polyline|curve|arc|image|group))"
_ATTRIBUTE: Final = re.compile(
    (
        rb"([^\t\n\f\r />][^\t\n\f\r />=]*+)"
        rb"(?:S*+=S*+(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\t\n\f\r >]*+))|(?!S*+=))"
    ).replace(b"S", _SPACE)
)


def _token_pattern(*, images: bool) -> re.Pattern[bytes]:
    wanted = (
        rb"(?:/?(?:body|html|head|noscript)|"
        + _LINK
        + rb"|plaintext|script|"
        + (b"img|" if images else b"")
        + _RAW_TEXT
        + rb")"
        + _NAME_END
    )
    dull = rb"(?:[^<]++|<(?:(?!" + wanted + rb")/?[a-z][^\t\n\f\r />]*+" + _ATTRIBUTES + rb">|(?![a-z/!?])))*+"
    return re.compile(
        dull
        + rb"<(?:(?P<link>"
        + _LINK
        + _NAME_END
        + _ATTRIBUTES
        + rb">)|(?P<image>img"
        + _NAME_END
        + _ATTRIBUTES
        + rb">)|(?P<noscript>/?noscript"
        + _NAME_END
        + _ATTRIBUTES
        + rb">)|(?P<frame>/?(?:body|html|head)"
        + _NAME_END
        + _ATTRIBUTES
        + rb">)|(?P<raw>script"
        + _NAME_END
        + _ATTRIBUTES
        + rb">"
        + _SCRIPT
        + rb"|(?P<element>"
        + _RAW_TEXT
        + rb")"
        + _NAME_END
        + _ATTRIBUTES
        + rb">(?:[^<]++|<(?!/(?P=element)"
        + _NAME_END
        + rb"))*+)|(?P<comment>!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>|\Z)))"
        + rb"|(?P<open>/?[a-z][\x00-\xff]*+)|(?P<bogus>[!?/][^>]*+>?))",
        re.IGNORECASE,
    )


_TOKENS: Final = _token_pattern(images=False)
_TOKENS_AND_IMAGES: Final = _token_pattern(images=True)
_ALL_TAGS: Final = re.compile(
    rb"<!--.*?-->|<style\b.*?</style[^>]*+>|<title\b.*?</title[^>]*+>|<script\b.*?</script[^>]*+>|<[^>]*+>|&nbsp;|\s++",
    re.IGNORECASE | re.DOTALL,
)
_ONLY_TAGS: Final = re.compile(rb"(?:" + _ALL_TAGS.pattern + rb")*+", _ALL_TAGS.flags)
_CONDITION: Final = re.compile(rb"<!--\[if\s[^\]<>\r\n]{1,100}+\]>", re.IGNORECASE)
_CONDITION_END: Final = b"<![endif]-->"
_NAME: Final = re.compile(rb"[^\t\n\f\r />]++")
_SHOWN_TEXT: Final = re.compile(rb"(?:[^<]++|<(?!/?a[\t\n\f\r />]))*+", re.IGNORECASE)
_SHOWN_BYTES: Final = 2000  # of a link's text; an address that people read is shorter
_FRAME_NAME: Final = re.compile(rb"/?[a-z]++", re.IGNORECASE)
_SMALL: Final = 4000  # bytes; HTML that shows nothing is smaller
_MAY_BREAK_OFF: Final = ("comment", "bogus", "raw", "open")
_SLASH: Final = 0x2F
_UNQUOTED: Final = 4  # the group of _ATTRIBUTE that holds a value without quotes
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One `<a>`, `<area>` or VML shape with an href: the value's range without spaces around it, what its author

    asked, and where its tag ends.
    """

    start: int
    end: int
    break_at: int
    tag_end: int
    is_quoted: bool
    opted_out: bool
    in_noscript: bool = False


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
    in_noscript = False
    cut_off = len(content)
    look = (_TOKENS_AND_IMAGES if own_pixel and own_pixel in content else _TOKENS).match
    here = 0
    while token := look(content, here):
        kind = token.lastgroup or "open"
        start, here = token.start(kind) - 1, token.end()
        if kind == "link":
            _note_link(content, token.start(kind), here - 1, found, in_noscript=in_noscript)
        elif kind == "noscript":
            in_noscript = content[start + 1] != _SLASH
        elif kind == "frame":
            _note_frame(content, start, here, frame)
        elif kind == "image":
            _note_image(content, start, here, own_pixel, found)
        elif kind == "comment" and content.startswith(b"<!--[", start):
            _note_condition(content, start, here, found, in_noscript=in_noscript)
        if kind in _MAY_BREAK_OFF and here == len(content) and not _is_whole(content, kind):
            cut_off = start
    _place_pixel(content, cut_off, frame, found)
    return found


def shown_text(content: bytes, anchor: Anchor) -> bytes:
    """What a reader sees of a link, its tags left out: up to the next `<a` or `</a`, or the first 2,000 bytes."""
    found = _SHOWN_TEXT.match(content, anchor.tag_end, anchor.tag_end + _SHOWN_BYTES)
    return b"" if found is None else _ALL_TAGS.sub(b"", found[0])


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


def _note_condition(content: bytes, start: int, end: int, found: Markup, *, in_noscript: bool) -> None:
    """Look into a comment for Outlook. Unquoted addresses stay: a token ending in `--` would end the comment."""
    opening = _CONDITION.match(content, start, end)
    stop = end - len(_CONDITION_END)
    if opening is None or opening.end() > stop or content[stop:end].lower() != _CONDITION_END:
        return
    here = opening.end()
    if content.find(b"<!", here, stop) >= 0:
        return
    inside = Markup()
    while token := _TOKENS.match(content, here, stop):
        kind, here = token.lastgroup or "open", token.end()
        if kind == "link":
            _note_link(content, token.start(kind), here - 1, inside, in_noscript=in_noscript)
        elif kind in ("open", "bogus") or (kind == "raw" and here == stop):
            return
    found.anchors += [anchor for anchor in inside.anchors if anchor.is_quoted]
    found.cuts += inside.cuts


def _note_link(content: bytes, start: int, end: int, found: Markup, *, in_noscript: bool) -> None:
    href: re.Match[bytes] | None = None
    cut: tuple[int, int] | None = None
    opted_out = False
    element = _NAME.match(content, start, end)
    for attribute in _ATTRIBUTE.finditer(content, element.end() if element else end, end):
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
        found.anchors.append(
            Anchor(
                start=span[0],
                end=span[1],
                break_at=href.start(),
                tag_end=end + 1,
                is_quoted=href.lastindex != _UNQUOTED,
                opted_out=opted_out,
                in_noscript=in_noscript,
            )
        )


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
    shown = _ONLY_TAGS.match(content)  # up to the first thing that is
    return shown is not None and shown.end() == len(content)

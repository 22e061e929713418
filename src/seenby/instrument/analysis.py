"""Read a message once: its links, the pixel's place, and what must not be touched.

An analysis is good for every recipient. How long each tracking URL will be is known here already
(tokens of one link differ in content, never in length), so everything that depends on lengths is
decided here and copies are only joined together later.
"""

import math
import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from seenby.instrument.charsets import can_rewrite, decoded, masked
from seenby.instrument.edits import HONEYPOT, PIXEL, CutEdit, Edit, Element, InsertEdit, LinkEdit, fitting
from seenby.instrument.headers import Headers, scan_headers
from seenby.instrument.markup import Anchor, Markup, shown_text, walk
from seenby.instrument.parts import Body, Encoding, Parts, find_bodies, is_inline_pgp
from seenby.instrument.prose import urls_in
from seenby.instrument.reasons import Left, Note, Untouched
from seenby.instrument.target import attribute_text, resolve
from seenby.instrument.transfer import content_of
from seenby.instrument.wishes import NO_WISHES, Wishes, shows_address
from seenby.words.limits import HTML_BYTES, LINKS
from seenby.words.policy import Level
from seenby.words.token import (
    HONEYPOT_LINK,
    MAX_URL,
    PATHS,
    Keyring,
    Kind,
    Token,
    checker,
    parse_token,
    sign_token,
    token_url,
)

CLIPPED: Final = 98_000  # Gmail shows 102 KB of a message; seen since 2010, 2026 still
_DOMAIN: Final = re.compile(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+\Z")
_OPENING: Final = re.compile(rb"<a(?=[\t\n\f\r />])", re.IGNORECASE)
_FOREIGN: Final = re.compile(rb"<(?:svg|math)(?=[\t\n\f\r />])", re.IGNORECASE)  # whose links close no others
_NO_KEYS: Final = Keyring(keys={0: bytes(32)}, current=0)
_LINK: Final = Token(kind=Kind.LINK, level=Level.FULL, message="A" * 16, recipient=None, link=0, target="")
_TOKEN_BYTES: Final = len(sign_token(_LINK, _NO_KEYS)) * 3 // 4  # around the target
_PIXEL: Final = Token(kind=Kind.PIXEL, level=Level.FULL, message="A" * 16, recipient=None)


@dataclass(frozen=True, slots=True)
class Link:
    """One link that can be tracked: its number in the message, and the redirect's exact Location."""

    number: int
    target: str
    in_text: bool


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """One body, its decoded content, and every edit it could get, in order."""

    body: Body
    content: bytes
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What one reading of a message found. `templates` holds what copies have in common, made on first use."""

    raw: bytes
    headers: Headers
    tracking_url: str
    links: tuple[Link, ...]
    has_html: bool
    pixel_possible: bool
    honeypot_possible: bool
    untouched: Untouched | None
    notes: tuple[Note, ...]
    plans: tuple[BodyPlan, ...] = field(repr=False)
    templates: dict[frozenset[int], object] = field(default_factory=dict, compare=False, repr=False)


def analyse(
    raw: bytes,
    *,
    tracking_url: str,
    keys: Keyring | None = None,
    wishes: Wishes = NO_WISHES,
    sender_domain: str = "",
) -> Analysis:
    """Read the message `raw`. Never raises, whatever it is given.

    With `keys`, tracking links of ours that the message quotes are followed to their targets, and old
    pixels of ours are taken out, so that a reply does not count for the mail it answers. A message that
    carries a DKIM-Signature stays as it is unless its signer is `sender_domain`, above it or below it,
    and the wishes allow it.
    """
    headers = scan_headers(raw)
    parts = find_bodies(raw, headers)
    reading = _Reading(
        raw=raw,
        tracking_url=tracking_url,
        keys=keys,
        unsubscribe=_unsubscribe_links(headers),
        wishes=wishes,
        is_wish=checker(keys, Kind.UNSUBSCRIBE) if keys else None,
    )
    if parts.stop is None:
        parts.stop = _why_signature_stays(headers, sender_domain, wishes)
    if parts.stop is None:
        parts.stop = reading.read(parts)
    if parts.stop is not None:
        reading.links, reading.plans = [], []
    has_html = any(body.is_html for body in parts.bodies)
    inserted = {
        element
        for plan in reading.plans
        for edit in plan.edits
        if isinstance(edit, InsertEdit)
        for element, _length in edit.elements
    }
    pixel_possible = PIXEL in inserted
    untouched = parts.stop
    if untouched is None and not reading.links and not pixel_possible:
        untouched = _why_nothing(parts, reading.left)
    if untouched is not None:
        reading.left.pop(Left.QUOTED_UNSUBSCRIBE, None)  # it was not touched either
    if parts.bodies and not has_html:
        reading.left[Left.TEXT_ONLY] = 1
    reading.left.update(parts.left)
    return Analysis(
        raw=raw,
        headers=headers,
        tracking_url=tracking_url,
        links=tuple(reading.links),
        has_html=has_html,
        pixel_possible=pixel_possible,
        honeypot_possible=HONEYPOT in inserted and untouched is None,
        untouched=untouched,
        notes=tuple(Note(reason=reason, count=count) for reason, count in reading.left.items()),
        plans=tuple(reading.plans) if untouched is None else (),
    )


def _why_signature_stays(headers: Headers, sender_domain: str, wishes: Wishes) -> Untouched | None:
    if not headers.raw("DKIM-Signature"):
        return None
    if not _is_signers(headers, sender_domain):
        return Untouched.DKIM_SIGNED
    return None if wishes.own_signatures else Untouched.SIGNATURE_KEPT


def _is_signers(headers: Headers, sender_domain: str) -> bool:
    """Whether each DKIM signature on the message (RFC 6376 3.5), if there is any, is the sender's own to break."""
    own = sender_domain.lower()
    return all(
        own and (domain == own or own.endswith(f".{domain}") or domain.endswith(f".{own}"))
        for domain in map(_signer, headers.raw("DKIM-Signature"))
    )


def _signer(signature: bytes) -> str:
    """The domain in tag d= of a signature, or a dot, which is within no domain, when it is not one."""
    tags = [tag.split(b"=", 1) for tag in signature.split(b";") if b"=" in tag]
    named = [value.strip().lower() for name, value in tags if name.strip() == b"d"]
    return named[0].decode("latin-1") if len(named) == 1 and _DOMAIN.match(named[0]) else "."


def _unsubscribe_links(headers: Headers) -> frozenset[str]:
    """The addresses of List-Unsubscribe (RFC 2369 3.2), which are in a body often, and never tracked."""
    values = b" ".join(headers.raw("List-Unsubscribe")).decode("latin-1")
    return frozenset(part.partition(">")[0].strip() for part in values.split("<")[1:])


def _why_nothing(parts: Parts, left: Counter[Left]) -> Untouched:
    told = {**dict.fromkeys(left), **dict.fromkeys(parts.left)}
    for reason, whole in (
        (Left.PART_SIGNED, Untouched.SIGNED),
        (Left.PART_ENCRYPTED, Untouched.ENCRYPTED),
        (Left.PART_CHARSET, Untouched.UNKNOWN_CHARSET),
        (Left.PART_ENCODING, Untouched.UNKNOWN_ENCODING),
        (Left.PART_TOO_LARGE, Untouched.HTML_TOO_LARGE),
        (Left.PART_MALFORMED, Untouched.MALFORMED),
    ):
        if reason in told:
            return whole
    if not parts.bodies:
        return Untouched.NO_BODY_PART
    return Untouched.EMPTY_BODY if left[Left.PART_EMPTY] == len(parts.bodies) else Untouched.NOTHING_TO_TRACK


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The bodies of one message being read, in order."""

    raw: bytes
    tracking_url: str
    keys: Keyring | None
    unsubscribe: frozenset[str]
    wishes: Wishes
    is_wish: Callable[[bytes], bytes | None] | None  # whether a text is a token of ours that unsubscribes somebody
    links: list[Link] = field(default_factory=list)
    plans: list[BodyPlan] = field(default_factory=list)
    left: Counter[Left] = field(default_factory=Counter)

    def read(self, parts: Parts) -> Untouched | None:
        """Plan the edits of every body; the answer when one of them forbids touching any."""
        contents = [(body, content) for body in parts.bodies if (content := self._content(body)) is not None]
        if any(is_inline_pgp(content) for _body, content in contents):
            return Untouched.SIGNED  # or encrypted; signatures in line speak of the whole text
        views = {body: masked(content, body.charset) for body, content in contents}
        pages = {body: walk(views[body], own_pixel=self._own_pixel()) for body, _content in contents if body.is_html}
        pixel_in = _pixel_body(pages)
        for body, content in contents:
            page = pages.get(body)
            view = views[body]
            edits = self._page_edits(body, view, page, pixel_in) if page else self._text_edits(body, view)
            if (page and page.is_empty) or not content.strip():
                self.left[Left.PART_EMPTY] += 1
            if edits:
                self.plans.append(BodyPlan(body, content, tuple(edits)))
        return None

    def _content(self, body: Body) -> bytes | None:
        if body.end - body.start > HTML_BYTES:
            self.left[Left.PART_TOO_LARGE] += 1
            return None
        content = content_of(self.raw, body) if can_rewrite(body.charset) else b""
        if content is None:
            self.left[Left.PART_MALFORMED] += 1
            return None
        # An undeclared ISO-2022 text has escapes, an undeclared UTF-16 one has zeros.
        if not can_rewrite(body.charset) or b"\x1b" in masked(content, body.charset) or b"\x00" in content:
            self.left[Left.PART_CHARSET] += 1
            return None
        return content

    def _own_pixel(self) -> bytes:
        return f"{self.tracking_url}{PATHS[Kind.PIXEL]}".encode() if self.keys else b""

    def _page_edits(self, body: Body, content: bytes, page: Markup, pixel_in: Body | None) -> list[Edit]:
        anchors = page.anchors if self._wants_links(html=True, any_there=bool(page.anchors)) else []
        found = [edit for anchor in self._first(anchors) if (edit := self._anchor_edit(body, content, anchor))]
        links = self._numbered(body, content, _links(found), in_text=False)
        cuts = [*_cuts(found), *(CutEdit(start=start, end=end) for start, end in page.cuts)]
        edits: list[Edit] = [*links, *cuts, *self._quoted(content, beside=[*links, *cuts])]
        if body is pixel_in:
            edits += self._inserted(content, page, links)
        return sorted(edits, key=lambda edit: (edit.start, edit.end))

    def _inserted(self, content: bytes, page: Markup, links: list[LinkEdit]) -> list[InsertEdit]:
        """Where the pixel goes, and before it the link that nobody sees, if it is wished."""
        pixel = (PIXEL, len(token_url(self.tracking_url, _PIXEL, _NO_KEYS) or ""))
        trap = self._honeypot(content, page, links)
        both = InsertEdit(start=page.bottom, end=page.bottom, elements=(*trap, pixel))
        grown = len(content) + both.width + sum(edit.width - edit.end + edit.start for edit in links)
        if grown <= CLIPPED or page.top in (None, page.bottom):
            return [both]
        top = page.top or 0
        bottom = both.only(frozenset({HONEYPOT.number}))
        return [InsertEdit(start=top, end=top, elements=(pixel,)), *([bottom] if bottom else [])]

    def _honeypot(self, content: bytes, page: Markup, links: list[LinkEdit]) -> tuple[tuple[Element, int], ...]:
        """The link that nobody sees, never as a page's first, and never within a link that its author left open."""
        if not self.wishes.honeypot or not any(link.end <= page.bottom for link in links):
            return ()
        last = max((found.start() for found in _OPENING.finditer(content, 0, page.bottom)), default=-1)
        length = _url_length(self.tracking_url, honeypot_target(self.tracking_url))
        if length is None or content.lower().rfind(b"</a", 0, page.bottom) < last:
            return ()
        if _FOREIGN.search(content, 0, page.bottom):
            return ()
        return ((HONEYPOT, length),)

    def _wants_links(self, *, html: bool, any_there: bool) -> bool:
        """Whether the sender wants links of such parts to be wrapped; if not and there are any, that is noted."""
        wanted = self.wishes.text.wraps(html=html)
        if any_there and not wanted:
            self.left[Left.PART_NOT_WANTED] += 1
        return wanted

    def _first(self, anchors: list[Anchor]) -> list[Anchor]:
        """As many as may be tracked yet; the others are not even looked at."""
        room = LINKS - len(self.links)
        if len(anchors) > room:
            self.left[Left.TOO_MANY_LINKS] += len(anchors) - room
        return anchors[:room]

    def _anchor_edit(self, body: Body, content: bytes, anchor: Anchor) -> LinkEdit | CutEdit | None:
        written = content[anchor.start : anchor.end]
        if reason := self._unwanted(body, content, anchor):
            self.left[reason] += 1
            return None
        text = written.decode("ascii") if written.isascii() else decoded(written, body.charset)
        href = None if text is None else attribute_text(text)
        target = None if href is None else resolve(href, charset_is_unicode=body.charset in ("utf-8", "utf8"))
        return self._edit(anchor.start, anchor.end, target, break_at=anchor.break_at)

    def _unwanted(self, body: Body, content: bytes, anchor: Anchor) -> Left | None:
        """Why the author or the sender does not want this link to be wrapped, or None."""
        if anchor.opted_out:
            return Left.OPTED_OUT
        if anchor.in_noscript and not self.wishes.noscript:
            return Left.IN_NOSCRIPT
        if self.wishes.keep_visible_urls:
            shown = decoded(shown_text(content, anchor), body.charset)
            if shown and shows_address(shown, tracking_url=self.tracking_url):
                return Left.VISIBLE_URL
        return None

    def _text_edits(self, body: Body, content: bytes) -> list[Edit]:
        found: list[LinkEdit | CutEdit] = []
        if not self._wants_links(html=False, any_there=b"://" in content):
            return []
        for start, end, sure in urls_in(content, joined_by_spaces=body.joined_by_spaces):
            if len(self.links) + len(found) >= LINKS:
                self.left[Left.TOO_MANY_LINKS] += 1
                break
            target = resolve(content[start:end].decode("ascii")) if sure else None
            if edit := self._edit(start, end, target or None, break_at=None):
                found.append(edit)
        links = self._numbered(body, content, _links(found), in_text=True)
        cuts = _cuts(found)
        return sorted([*links, *cuts, *self._quoted(content, beside=[*links, *cuts])], key=lambda edit: edit.start)

    def _edit(self, start: int, end: int, target: str | None, *, break_at: int | None) -> LinkEdit | CutEdit | None:
        """The edit that wraps `target` ('' is no web link, None an odd one), or None with the reason counted."""
        reason = Left.ODD_LINK if target is None else self._reason_to_leave(target)
        if target and reason is Left.OWN_LINK and self._unsubscribes(target):
            if end - start == len(target):
                return None  # as it stands: `_quoted` finds it
            self.left[Left.QUOTED_UNSUBSCRIBE] += 1
            return CutEdit(start=start, end=end)
        if target and reason is Left.OWN_LINK and (token := self._quoted_link(target)):
            if token.link == HONEYPOT_LINK:
                return CutEdit(start=start, end=end)  # it would count as the answering sender's own
            target = token.target
            reason = Left.LISTED_HOST if target and self.wishes.forbid(target) else None
        if not target or reason:
            if reason:
                self.left[reason] += 1
            return None
        width = _url_length(self.tracking_url, target)
        if width is None:
            self.left[Left.LINK_TOO_LONG] += 1
            return None
        return LinkEdit(start=start, end=end, target=target, width=width, break_at=break_at)

    def _reason_to_leave(self, target: str) -> Left | None:
        if target.startswith(self.tracking_url) and target[len(self.tracking_url) :][:1] in ("", "/", "?", "#"):
            return Left.OWN_LINK
        if target in self.unsubscribe:
            return Left.UNSUBSCRIBE_LINK
        return Left.LISTED_HOST if self.wishes.forbid(target) else None

    def _unsubscribes(self, url: str) -> bool:
        """Whether this is somebody's own way to unsubscribe, which whoever gets this message must not go."""
        prefix = self.tracking_url + PATHS[Kind.UNSUBSCRIBE]
        if self.is_wish is None or not url.startswith(prefix):
            return False
        return self.is_wish(url.removeprefix(prefix).encode("ascii")) is not None

    def _quoted(self, content: bytes, *, beside: list[Edit]) -> list[CutEdit]:
        """The tokens of such ways, wherever they stand, also where they are only shown; what is left leads nowhere."""
        prefix = (self.tracking_url + PATHS[Kind.UNSUBSCRIBE]).encode()
        if self.is_wish is None or prefix not in content:
            return []
        taken = sorted(map(_reach, beside))
        found = []
        for one in re.finditer(re.escape(prefix) + rb"([A-Za-z0-9_-]++)", content):
            before = bisect(taken, (one.end(1), 0)) - 1
            if self.is_wish(one[1]) and (before < 0 or taken[before][1] <= one.start()):
                found.append(CutEdit(start=one.start(1), end=one.end(1)))
        if found:
            self.left[Left.QUOTED_UNSUBSCRIBE] += len(found)
        return found

    def _quoted_link(self, url: str) -> Token | None:
        """What a tracking link of ours carries, if we signed it."""
        prefix = self.tracking_url + PATHS[Kind.LINK]
        if self.keys is None or not url.startswith(prefix):
            return None
        return parse_token(url.removeprefix(prefix), self.keys, kind=Kind.LINK)

    def _numbered(self, body: Body, content: bytes, found: list[LinkEdit], *, in_text: bool) -> list[LinkEdit]:
        """Those that fit their lines, numbered on from the links before."""
        kept = fitting(content, found) if body.encoding is Encoding.IDENTITY else found
        if len(kept) < len(found):
            self.left[Left.LINE_TOO_LONG] += len(found) - len(kept)
        first = len(self.links)
        kept = [edit.numbered(first + index) for index, edit in enumerate(kept)]
        self.links.extend(Link(edit.number, edit.target, in_text) for edit in kept)
        return kept


def _links(edits: Iterable[LinkEdit | CutEdit]) -> list[LinkEdit]:
    return [edit for edit in edits if isinstance(edit, LinkEdit)]


def _cuts(edits: Iterable[LinkEdit | CutEdit]) -> list[CutEdit]:
    return [edit for edit in edits if isinstance(edit, CutEdit)]


def _reach(edit: Edit) -> tuple[int, int]:
    """Where nothing else may be changed: for a link also what stands before it in its tag, where a line may begin."""
    start = edit.start
    if isinstance(edit, LinkEdit) and edit.break_at is not None:
        start = min(start, edit.break_at)
    return start, edit.end


def honeypot_target(tracking_url: str) -> str:
    """Where the link that nobody sees leads: to a page of the tracker's that says nothing much."""
    return f"{tracking_url}/"


def _url_length(tracking_url: str, target: str) -> int | None:
    """How long the tracking URL for `target` is; None when there can be none."""
    length = len(tracking_url) + len(PATHS[Kind.LINK]) + math.ceil((_TOKEN_BYTES + len(target)) * 4 / 3)
    if length <= MAX_URL:
        return length
    squeezed = token_url(tracking_url, replace(_LINK, target=target), _NO_KEYS)
    return None if squeezed is None else len(squeezed)


def _pixel_body(pages: dict[Body, Markup]) -> Body | None:
    """The body that gets the pixel: the first HTML that shows something, or the last of its alternatives,

    because a reader's program shows the last one it understands (RFC 2046 5.1.4).
    """
    shown = [body for body, page in pages.items() if not page.is_empty]
    if not shown:
        return None
    first = shown[0]
    return first if first.alternative is None else [b for b in shown if b.alternative == first.alternative][-1]

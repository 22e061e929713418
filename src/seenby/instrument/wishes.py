"""What a sender wants of the rewriting itself, beside the levels of a policy. The defaults wrap all that can be.

A wish only ever takes away: none makes us touch what we would otherwise leave. The one exception is the honeypot,
which is there only for who asks for it. `write_wishes` and `read_wishes` are how they are kept: a closed set of
fields and a version, so that what was written down by another version is never half understood.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from typing import Final, assert_never

import msgspec

from seenby.instrument.target import ascii_host
from seenby.words.url import host_of, is_within

# A label, a dot and a last label of letters: what mail programs and their warnings take for an address.
_LOOKS_LIKE_ADDRESS: Final = re.compile(
    r"(?:https?:[/\\]{2}\S+|(?:[\w-]{1,63}\.)++[^\W\d_]{2,63}\.?(?::[0-9]{1,5})?(?:[/?#]\S*)?)\Z", re.IGNORECASE
)
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"localhost|(?:{_LABEL}\.)+{_LABEL}")
_LONGEST: Final = 2000


class TextMode(StrEnum):
    """In which parts of a message links are wrapped. The pixel does not depend on it."""

    NONE = "none"
    HTML_AND_TEXT = "html_and_text"
    HTML_ONLY = "html_only"
    TEXT_ONLY = "text_only"

    def wraps(self, *, html: bool) -> bool:
        """Whether links of an HTML part (or of a text part) are wrapped."""
        match self:
            case TextMode.NONE:
                return False
            case TextMode.HTML_AND_TEXT:
                return True
            case TextMode.HTML_ONLY:
                return html
            case TextMode.TEXT_ONLY:
                return not html
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The sender's wishes.

    `never_hosts`: hosts that are never wrapped, and all below them, as `parse_host` writes them; here
    belong the domains that open an app on a phone, which a redirect would keep from opening.
    `keep_visible_urls`: leave an HTML link whose text is itself an address of another host than ours,
    so that what is read is what is followed. `noscript`: wrap links inside `<noscript>`.
    `own_signatures`: also rewrite mail that carries the sender's own domain's DKIM signature, which breaks
    it; a signature of anybody else's is never broken, whatever is wished. `honeypot`: add a link that nobody
    sees, so that whoever follows every link gives itself away: of a sender, to mail that goes to many; of a
    message, to it.
    """

    text: TextMode = TextMode.HTML_AND_TEXT
    never_hosts: frozenset[str] = frozenset()
    keep_visible_urls: bool = False
    noscript: bool = True
    own_signatures: bool = True
    honeypot: bool = False

    def forbid(self, target: str) -> bool:
        """Whether the host of the URL `target`, or one above it, is on the list."""
        if not self.never_hosts:
            return False
        return is_within(host_of(target), self.never_hosts)


NO_WISHES: Final = Wishes()
UNREADABLE: Final = "Your wishes for links could not be read, so links were wrapped as if you had none."


class _First(msgspec.Struct, tag_field="v", tag=1, forbid_unknown_fields=True, frozen=True):
    """The fields of version 1. Others are another version's, with another number."""

    text: TextMode
    never_hosts: list[str]
    keep_visible_urls: bool
    noscript: bool
    own_signatures: bool


class _Second(_First, tag=2, forbid_unknown_fields=True, frozen=True):
    """Those of version 2, which is written only where version 1 would not do."""

    honeypot: bool


def write_wishes(wishes: Wishes) -> str:
    """The wishes as text, the same for the same wishes; nothing when there are none."""
    if wishes == NO_WISHES:
        return ""
    written = _First(
        text=wishes.text,
        never_hosts=sorted(wishes.never_hosts),
        keep_visible_urls=wishes.keep_visible_urls,
        noscript=wishes.noscript,
        own_signatures=wishes.own_signatures,
    )
    if wishes.honeypot:
        written = _Second(**msgspec.structs.asdict(written), honeypot=True)
    return msgspec.json.encode(written).decode("utf-8")


def read_wishes(text: str) -> Wishes | None:
    """The wishes that `write_wishes` wrote, or None when the text is damaged or another version's. Never raises."""
    if not text:
        return NO_WISHES
    try:
        told = msgspec.json.decode(text.encode("utf-8", "replace"), type=_First | _Second)
    except (msgspec.DecodeError, RecursionError):
        return None
    if any(parse_host(host) != host for host in told.never_hosts):
        return None
    return Wishes(
        text=told.text,
        never_hosts=frozenset(told.never_hosts),
        keep_visible_urls=told.keep_visible_urls,
        noscript=told.noscript,
        own_signatures=told.own_signatures,
        honeypot=isinstance(told, _Second) and told.honeypot,
    )


def parse_host(text: str) -> str | None:
    """A host as links carry it (lower case, IDN in ASCII), from `Example.com` or `*.example.com`; None if none.

    A single word is none but `localhost`: `com` would be everybody's links.
    """
    name = text.strip().removeprefix("*.").rstrip(".")
    host = ascii_host(name) if name and not re.search(r"[\s/@:?#]", name) else None
    return host if host is not None and _NAME.fullmatch(host) else None


def shows_address(shown: str, *, tracking_url: str) -> bool:
    """Whether a link's text (entities not yet read) is an address of another host than the tracking host's."""
    text = unescape(shown[:_LONGEST]).strip()
    if not _LOOKS_LIKE_ADDRESS.match(text):
        return False
    host = host_of(text if "//" in text or "\\\\" in text else f"http://{text}".lower())
    return host != host_of(tracking_url)

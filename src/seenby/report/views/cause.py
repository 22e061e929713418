"""What a verdict says in the words that other products have for it: one cause for each hit.

Only the verdict is asked, its label and its reasons, so every view moves with it when it is revised. Where we do not
know, other products count: they show a machine only where they found one. Who the provider was stands in the reasons
at the level full only; below it a proxied open has none.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from seenby.report.timeline import OPEN, Moment
from seenby.words.verdict import Label

_APPLE: Final = frozenset({"apple_prefetch", "apple_network"})
_AHEAD: Final = frozenset({"gmail_prefetch", "early_proxy"})
# What a list of robots' programs and networks would have found, without looking at behaviour.
_LISTED: Final = frozenset(
    {"declared_scanner", "declared_preview", "script", "headless", "mail_security", "preview_network"}
)
_PROXIES: Final = frozenset({"image_proxy", "early_proxy"})


class Cause(StrEnum):
    """Who or what fetched, as far as other products tell these apart."""

    PERSON = "person"
    APPLE = "apple"  # Mail's privacy prefetch
    AHEAD = "ahead"  # a mailbox provider's prefetch, Apple's apart
    LISTED = "listed"  # a robot by its program's name or its network
    BEHAVED = "behaved"  # a robot by what it did
    OWN = "own"  # the sender's side
    UNKNOWN = "unknown"

    @property
    def is_found_out(self) -> bool:
        """Whether it is a machine that was recognised."""
        return self in (Cause.APPLE, Cause.AHEAD, Cause.LISTED, Cause.BEHAVED)

    @property
    def is_robot(self) -> bool:
        """Whether it is a machine that does not fetch for its reader's mailbox: a scanner, a preview, a script."""
        return self in (Cause.LISTED, Cause.BEHAVED)


def codes_of(hit: Moment) -> frozenset[str]:
    """The reasons of the verdict that stands."""
    return frozenset(reason.code for reason in hit.opinion.reasons) if hit.opinion else frozenset()


def cause_of(hit: Moment) -> Cause:
    """The cause of one hit."""
    return cause_by(hit.label, codes_of(hit))


def cause_by(label: Label, codes: Collection[str]) -> Cause:
    """The cause that a verdict names, by its label and the codes of its reasons."""
    match label:
        case Label.HUMAN | Label.PROXY_HUMAN:
            return Cause.PERSON
        case Label.SELF:
            return Cause.OWN
        case Label.UNKNOWN:
            return Cause.UNKNOWN
        case Label.PREFETCH if not _APPLE.isdisjoint(codes):
            return Cause.APPLE
        case Label.PREFETCH if not _AHEAD.isdisjoint(codes):
            return Cause.AHEAD
        case Label.PREFETCH | Label.SCANNER | Label.PREVIEW_BOT:
            return Cause.BEHAVED if _LISTED.isdisjoint(codes) else Cause.LISTED


def provider_of(hit: Moment) -> str:
    """Whose image proxy or prefetch fetched an open: Apple, Gmail, Yahoo, or empty."""
    if hit.channel != OPEN or hit.opinion is None:
        return ""
    for reason in hit.opinion.reasons:
        if reason.code in _APPLE:
            return "Apple"
        if reason.code == "gmail_prefetch":
            return "Gmail"
        if reason.code in _PROXIES:
            return next((name for name in ("Gmail", "Yahoo") if reason.detail.startswith(name)), "")
    return ""

"""A verdict: our reading of one hit, with its reasons. An opinion; it may be revised, the hit never."""

from dataclasses import dataclass
from enum import StrEnum


class Label(StrEnum):
    """Who caused a hit."""

    HUMAN = "human"  # a person, from their own client
    PROXY_HUMAN = "proxy_human"  # a person, through an image proxy that hides who and where
    PREFETCH = "prefetch"  # a provider fetching for everyone, read or not
    SCANNER = "scanner"  # security software, a script
    PREVIEW_BOT = "preview_bot"  # a link preview or an Office probe
    SELF = "self"  # the sender or the team looking at their own mail
    UNKNOWN = "unknown"  # honest and common

    @property
    def is_person(self) -> bool:
        """Whether the sum `human` counts it."""
        return self in (Label.HUMAN, Label.PROXY_HUMAN)

    @property
    def is_machine(self) -> bool:
        """Whether the sum `machine` counts it; unknown is in neither."""
        return self not in (Label.HUMAN, Label.PROXY_HUMAN, Label.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One argument: its code (docs/reference/reasons.md), its weight in log-odds for a person, and what was seen."""

    code: str
    weight: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One reading of one hit.

    `probability` is that a person other than the sender caused it; `reasons` stand strongest first;
    `rules` is the version of the rule set that judged.
    """

    label: Label
    probability: float
    reasons: tuple[Reason, ...]
    rules: str


class State(StrEnum):
    """What we can honestly say of a recipient about opening, or clicking."""

    SEEN = "seen"
    PROBABLY = "probably"
    CANNOT_KNOW = "cannot_know"
    NO_SIGN = "no_sign"

"""What a User-Agent claims to be, and whether it can be what it claims.

The claim is read here and believed nowhere: rules compare it with the network and with the other headers.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from seenby.judge.lists.agents import AGENTS, APPLE_MAIL, AgentKind

REMEMBERED: Final = 8192  # agents whose reading is kept
LONGEST: Final = 500  # characters of an agent that are read

_PATTERNS: Final = [(kind, name, re.compile(pattern, re.IGNORECASE)) for kind, name, pattern in AGENTS]
_ANY: Final = re.compile("|".join(f"(?:{pattern})" for _, _, pattern in AGENTS), re.IGNORECASE)
_APPLE_MAIL: Final = re.compile(APPLE_MAIL, re.IGNORECASE)
_PLATFORM: Final = re.compile(r"^Mozilla/\d\.0 \([^)]+\)")
_CHROMIUM: Final = re.compile(r"\bChrome/(\d{1,4})")
_LATE_PRODUCT: Final = re.compile(r"\b(Firefox|FxiOS|CriOS|EdgiOS|EdgA?|OPR|SamsungBrowser|GSA|DuckDuckGo)/\d")
_SAFARI: Final = re.compile(r"\bVersion/\d[\d.]* .*Safari/")
_OLD: Final = re.compile(r"\bMSIE \d|\bTrident/")
_NUMBERS: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A read User-Agent. `family` is the agent without its version numbers, which tells actors apart."""

    kind: AgentKind
    name: str = ""
    family: str = ""
    chromium: int | None = None  # major version, for browsers built on Chromium
    engine: str = ""  # chromium, gecko, webkit or trident, for browsers


@lru_cache(maxsize=REMEMBERED)
def agent_of(text: str | None) -> Agent:
    """Read one User-Agent; every string has an answer."""
    if text is None:
        return Agent(kind=AgentKind.NOT_KEPT)
    text = text.strip()[:LONGEST]
    family = _NUMBERS.sub("", text).lower()
    if not text:
        return Agent(kind=AgentKind.EMPTY)
    if text == "Mozilla/5.0":
        return Agent(kind=AgentKind.BARE, family=family)
    named = _named(text)
    if named is not None:
        return Agent(kind=named[0], name=named[1], family=family, chromium=_chromium(text))
    if _APPLE_MAIL.match(text):
        return Agent(kind=AgentKind.MAIL_CLIENT, name="Apple Mail", family=family, engine="webkit")
    if not _PLATFORM.match(text):
        kind = AgentKind.TRUNCATED if text.startswith("Mozilla/") else AgentKind.OTHER
        return Agent(kind=kind, family=family)
    engine = _engine(text)
    if not engine:
        return Agent(kind=AgentKind.TRUNCATED, family=family)
    return Agent(kind=AgentKind.BROWSER, family=family, chromium=_chromium(text), engine=engine)


def _named(text: str) -> tuple[AgentKind, str] | None:
    if not _ANY.search(text):  # one pass for the many that match nothing
        return None
    return next(((kind, name) for kind, name, pattern in _PATTERNS if pattern.search(text)), None)


def _chromium(text: str) -> int | None:
    found = _CHROMIUM.search(text)
    return int(found[1]) if found else None


def _engine(text: str) -> str:
    if _OLD.search(text):
        return "trident"
    if "Gecko/" in text and "Firefox/" in text:
        return "gecko"
    if _CHROMIUM.search(text) and "Safari/" in text:
        return "chromium"
    if _SAFARI.search(text) or (_LATE_PRODUCT.search(text) and "AppleWebKit/" in text):
        return "webkit"
    return ""

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
_WEB_VIEW: Final = re.compile(r"AppleWebKit/[\d.]+ \(KHTML, like Gecko\) Mobile/\w+ \S")  # an app's own page on iOS
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
    kind, name, engine = _read(text)
    return Agent(kind=kind, name=name, engine=engine, family=_NUMBERS.sub("", text).lower(), chromium=_chromium(text))


def _read(text: str) -> tuple[AgentKind, str, str]:
    if text in ("", "Mozilla/5.0"):
        return (AgentKind.BARE if text else AgentKind.EMPTY), "", ""
    named = _named(text)
    if named is not None:
        return *named, ""
    if _APPLE_MAIL.match(text):
        return AgentKind.MAIL_CLIENT, "Apple Mail", "webkit"
    engine = _engine(text) if _PLATFORM.match(text) else ""
    if engine:
        return AgentKind.BROWSER, "", engine
    return (AgentKind.TRUNCATED if text.startswith("Mozilla/") else AgentKind.OTHER), "", ""


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
    if _SAFARI.search(text) or _WEB_VIEW.search(text) or (_LATE_PRODUCT.search(text) and "AppleWebKit/" in text):
        return "webkit"
    return ""

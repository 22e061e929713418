"""What a request's headers say beside its User-Agent.

Only absence and contradiction inform, and only under an agent that claims to be a browser: mail programs and proxies
send what they like. Nothing is read from a hit whose headers policy did not keep.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seenby.judge.agents import Agent
from seenby.judge.lists.agents import AgentKind

_HINT_VERSION: Final = re.compile(r'"(?:Chromium|Google Chrome|Microsoft Edge|HeadlessChrome)";\s*v="(\d{1,4})"')
_PREFETCH_HEADERS: Final = ("sec-purpose", "purpose", "x-moz", "x-purpose")
# Chromium has sent Sec-Fetch-* since 80 and Accept-Language always; hints since 89.
SPEAKS_FETCH_METADATA: Final = 80


class Completeness(StrEnum):
    """How much of what a browser sends was sent."""

    UNKNOWN = "unknown"  # not a browser, or not kept
    FULL = "full"
    PARTIAL = "partial"
    BARE = "bare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The headers of one hit, read."""

    completeness: Completeness
    contradiction: str = ""  # what cannot be true together, in words
    mismatch: str = ""  # what does not fit the kind of fetch, in words
    purpose: str = ""  # the value of a prefetch or preview header
    scripted: bool = False  # the hints name a headless browser


def read_request(agent: Agent, headers: Mapping[str, str], *, opening: bool) -> Request:
    """Read the kept headers of one hit."""
    purpose = next((headers[name] for name in _PREFETCH_HEADERS if headers.get(name)), "")
    hints = headers.get("sec-ch-ua", "")
    if agent.kind not in (AgentKind.BROWSER, AgentKind.HEADLESS):
        return Request(completeness=Completeness.UNKNOWN, purpose=purpose, scripted="headless" in hints.lower())
    return Request(
        completeness=_completeness(agent, headers),
        contradiction=_contradiction(agent, headers, hints),
        mismatch=_mismatch(headers, opening=opening),
        purpose=purpose,
        scripted="headless" in hints.lower(),
    )


def _completeness(agent: Agent, headers: Mapping[str, str]) -> Completeness:
    language = bool(headers.get("accept-language"))
    metadata = bool(headers.get("sec-fetch-mode") or headers.get("sec-fetch-dest"))
    if not language and not metadata:
        return Completeness.BARE
    if not language:
        return Completeness.PARTIAL
    expected = agent.engine == "chromium" and (agent.chromium or 0) >= SPEAKS_FETCH_METADATA
    return Completeness.FULL if metadata or not expected else Completeness.PARTIAL


def _contradiction(agent: Agent, headers: Mapping[str, str], hints: str) -> str:
    if hints and agent.engine in ("gecko", "webkit", "trident"):
        return "Chromium's hints from a browser that is not Chromium"
    versions = [int(found) for found in _HINT_VERSION.findall(hints)]
    if agent.chromium is not None and versions and min(abs(agent.chromium - one) for one in versions) > 3:
        return "its hints name another version"
    platform = headers.get("sec-ch-ua-platform", "").strip('"').lower()
    family = agent.family
    if platform == "windows" and "windows" not in family:
        return "its hints name another system"
    if platform == "macos" and "macintosh" not in family:
        return "its hints name another system"
    if platform == "linux" and not ("linux" in family or "x11" in family):
        return "its hints name another system"
    return ""


def _mismatch(headers: Mapping[str, str], *, opening: bool) -> str:
    destination = headers.get("sec-fetch-dest", "")
    mode = headers.get("sec-fetch-mode", "")
    if opening and destination and destination != "image":
        return f"an image fetched as {destination[:20]}"
    if not opening and destination and destination not in ("document", "iframe"):
        return f"a page fetched as {destination[:20]}"
    if not opening and mode and mode != "navigate":
        return f"a page fetched in mode {mode[:20]}"
    return ""

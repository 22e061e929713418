"""One hit in one line of plain words, for the timeline."""

from functools import lru_cache
from typing import Final, assert_never

from ua_parser import parse

from seenby.judge.agents import LONGEST, agent_of
from seenby.judge.evidence import HONEYPOT, UNSUBSCRIBE, Seen
from seenby.judge.lists.agents import AgentKind
from seenby.words.verdict import Label, Verdict

REMEMBERED: Final = 4096  # agents whose name is kept
_SYSTEMS: Final = {"Mac OS X": "macOS", "Chrome OS": "ChromeOS"}
_PROXIES: Final = {
    AgentKind.GMAIL_PROXY: "Gmail",
    AgentKind.GMAIL_PREFETCH: "Gmail",
    AgentKind.YAHOO_PROXY: "Yahoo Mail",
}


@lru_cache(maxsize=REMEMBERED)
def client_name(text: str | None) -> str:
    """A client's name for people: Thunderbird, Chrome on Windows; empty where nothing can be said."""
    agent = agent_of(text)
    if agent.kind in _PROXIES:
        return _PROXIES[agent.kind]
    if agent.kind is AgentKind.MAIL_CLIENT and agent.name != "a mail program":
        return agent.name
    if not text or agent.kind not in (AgentKind.BROWSER, AgentKind.MAIL_CLIENT, AgentKind.HEADLESS, AgentKind.APP):
        return ""
    parsed = parse(text[:LONGEST])
    browser = parsed.user_agent.family if parsed.user_agent else ""
    system = parsed.os.family if parsed.os else ""
    for tail in (" Mobile WebView", " Mobile UI/WKWebView", " Mobile", " Webview"):
        browser = browser.removesuffix(tail)
    system = _SYSTEMS.get(system, system)
    if not browser or browser == "Other":
        return ""
    return f"{browser} on {system}" if system and system != "Other" else browser


@lru_cache(maxsize=REMEMBERED)
def system_name(text: str | None) -> str:
    """The operating system that a client names: Windows, iOS; empty where nothing can be said, or a proxy speaks."""
    agent = agent_of(text)
    if not text or agent.kind not in (AgentKind.BROWSER, AgentKind.MAIL_CLIENT, AgentKind.APP):
        return ""
    parsed = parse(text[:LONGEST]).os
    system = parsed.family if parsed else ""
    return "" if system == "Other" else _SYSTEMS.get(system, system)


def describe(verdict: Verdict, seen: Seen, *, links: int = 1) -> str:  # noqa: PLR0911 - one sentence a label
    """The timeline's sentence. `links`: how many links the same machine followed in this burst."""
    match verdict.label:
        case Label.HUMAN:
            return _human(seen)
        case Label.PROXY_HUMAN:
            return _proxied(verdict, seen)
        case Label.PREFETCH:
            return _prefetch(verdict)
        case Label.SCANNER:
            return _scanner(verdict, seen, links)
        case Label.PREVIEW_BOT:
            return _preview(verdict)
        case Label.SELF:
            return "Opened by the sender" if seen.channel == "open" else "Clicked by the sender"
        case Label.UNKNOWN:
            return _unknown(seen)
        case _:
            assert_never(verdict.label)


def _unknown(seen: Seen) -> str:
    link = _link(seen)
    what = "The images were" if seen.channel == "open" else f"{link[0].upper()}{link[1:]} was"
    return f"{what} fetched; whether by a person cannot be told"


def _human(seen: Seen) -> str:
    name = client_name(seen.agent)
    place = f" in {name}" if name else ""
    if seen.channel == "open":
        return f"Opened{place}"
    return f"Clicked {_link(seen)}{place}"


def _proxied(verdict: Verdict, seen: Seen) -> str:
    if any(reason.code == "one_click" for reason in verdict.reasons):
        return "Unsubscribed with the mailbox provider's button"
    name = client_name(seen.agent) or next((reason.detail for reason in verdict.reasons if reason.detail), "")
    return f"Opened in {name}, which hides place and device" if name else "Opened; the provider hides place and device"


def _prefetch(verdict: Verdict) -> str:
    codes = {reason.code for reason in verdict.reasons}
    if codes & {"apple_prefetch", "apple_network"}:
        return "Apple fetched the images in advance; nobody can know whether it was read"
    if "gmail_prefetch" in codes:
        return "Gmail fetched the images in advance; that is no open"
    if "browser_prefetch" in codes:
        return "A browser fetched the page in advance; that is no click"
    return "The mailbox provider fetched the images in advance"


def _scanner(verdict: Verdict, seen: Seen, links: int) -> str:
    scripted = {reason.code for reason in verdict.reasons} & {"script", "headless"}
    who = "A script" if scripted else "A security scanner"
    when = _after(seen.t)
    if seen.channel == "open":
        return f"{who} fetched the images, {when}"
    return f"{who} followed {f'{links} links' if links > 1 else _link(seen)}, {when}"


def _preview(verdict: Verdict) -> str:
    reason = verdict.reasons[0] if verdict.reasons else None
    if reason is not None and reason.code == "office_probe":
        return "Office asked about the link before opening it"
    name = reason.detail if reason is not None and reason.detail else "a chat or page"
    return f"A link preview was made for {name}"


def _link(seen: Seen) -> str:
    if seen.link == HONEYPOT:
        return "the hidden link"
    if seen.link == UNSUBSCRIBE:
        return "the unsubscribe link"
    return f"link {seen.link}" if seen.link is not None else "a link"


def _after(t: float) -> str:
    if t < 0:
        return "before sending"
    if t < 120:
        return f"{t:.0f} s after sending"
    if t < 7200:
        return f"{t / 60:.0f} min after sending"
    if t < 172_800:
        return f"{t / 3600:.0f} h after sending"
    return f"{t / 86_400:.0f} days after sending" if t < 1e9 else "long after sending"

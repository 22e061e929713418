"""Agent: what kind of program it says it is, as one argument among others.

Mail programs speak for a person: scanners pose as browsers. Libraries and scripted browsers speak against one. An old
or cut-off agent is what sandboxes send. A browser run by a script on Seenby's own machine is somebody trying Seenby
out, whatever it means elsewhere: no recipient's scanner comes from there. A browser in good order says nothing here:
everybody can write its name, and the other headers tell whether it is one.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family

_SIMPLE: Final = {
    AgentKind.SCRIPT: ("script", weights.SCRIPT),
    AgentKind.EMPTY: ("no_agent", weights.EMPTY_AGENT),
    AgentKind.TRUNCATED: ("truncated_agent", weights.TRUNCATED),
    AgentKind.OTHER: ("unknown_agent", weights.UNKNOWN_AGENT),
}


def agent(trace: Trace, scene: Scene) -> Finding | None:
    """What the agent's kind argues."""
    kind = trace.agent.kind
    if trace.request.scripted or kind is AgentKind.HEADLESS:
        return None if trace.network.here else Finding(code="headless", weight=weights.HEADLESS, family=Family.AGENT)
    if kind in _SIMPLE:
        code, weight = _SIMPLE[kind]
        return Finding(code=code, weight=weight, family=Family.AGENT, detail=trace.agent.name)
    if kind in (AgentKind.MAIL_CLIENT, AgentKind.OFFICE_PROBE):
        weight = weights.MAIL_CLIENT if trace.opening else weights.MAIL_CLIENT_CLICK
        return Finding(code="mail_client", weight=weight, family=Family.AGENT, detail=trace.agent.name)
    if kind is AgentKind.APP:
        weight = weights.APP_OPEN if trace.opening else weights.APP_CLICK
        return Finding(code="system_library", weight=weight, family=Family.AGENT, detail=trace.agent.name)
    return _browser(trace, scene) if kind is AgentKind.BROWSER else None


def _browser(trace: Trace, scene: Scene) -> Finding | None:
    if trace.agent.engine == "trident":
        return Finding(code="old_browser", weight=weights.OLD_ENGINE, family=Family.AGENT, detail="Internet Explorer")
    if trace.agent.chromium is None:
        return None
    sent_at = scene.evidence.sent_at
    ahead = trace.agent.chromium - weights.expected_chromium(sent_at.year, sent_at.month)
    weight = weights.at(weights.STALE_BROWSER, float(ahead))
    if weight == 0:
        return None
    return Finding(code="old_browser", weight=weight, family=Family.AGENT, detail=f"Chromium {trace.agent.chromium}")

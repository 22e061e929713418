"""Declared scanners and previews: the agent says itself that it is one.

A machine that says so is believed, whatever its network: nobody pretends to be a scanner. iMessage previews come from
the phone of the person who shared the link, so their address says nothing against them. Machines that say nothing are
the business of the other rules.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label


def declared_scanner(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A scanner: its agent names it."""
    if trace.agent.kind is not AgentKind.SCANNER:
        return None
    return Finding(
        code="declared_scanner",
        weight=weights.DECLARED_SCANNER,
        family=Family.AGENT,
        detail=trace.agent.name,
        label=Label.SCANNER,
    )


def declared_preview(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A link preview: its agent names it."""
    if trace.agent.kind not in (AgentKind.PREVIEW, AgentKind.IMESSAGE):
        return None
    weight = weights.IMESSAGE if trace.agent.kind is AgentKind.IMESSAGE else weights.PREVIEW
    return Finding(
        code="declared_preview", weight=weight, family=Family.AGENT, detail=trace.agent.name, label=Label.PREVIEW_BOT
    )

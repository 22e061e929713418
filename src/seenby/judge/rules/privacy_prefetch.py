"""Privacy prefetch: Apple Mail loading every image of a message in advance, read or not.

Certain only with two facts: the agent is exactly "Mozilla/5.0", and the address belongs to Apple's relay. It is not
"not opened" either: nobody can know, and the verdict says so. With the agent alone: from a rented computer it is a
script that sends the shortest agent there is; from a line that people use it may be Apple without its relay, so we do
not know. Apple never follows links. A script inside the relay's blocks would pass as Apple, and gain nothing.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label

_PEOPLES_LINES: Final = frozenset(
    {NetworkKind.UNLISTED, NetworkKind.CDN, NetworkKind.WEB_PROXY, NetworkKind.MAILBOX, NetworkKind.YAHOO}
)


def privacy_prefetch(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """Apple's prefetch if agent and network agree."""
    if trace.agent.kind is not AgentKind.BARE:
        return None
    if not trace.opening:
        return Finding(code="bare_agent", weight=weights.FORGED, family=Family.AGENT, label=Label.SCANNER)
    match trace.network.kind:
        case NetworkKind.APPLE_RELAY | NetworkKind.SILENT:
            return Finding(
                code="apple_prefetch", weight=weights.APPLE_PREFETCH, family=Family.AGENT, label=Label.PREFETCH
            )
        case NetworkKind.APPLE:
            return Finding(
                code="apple_network", weight=weights.APPLE_OWN_NETWORK, family=Family.AGENT, label=Label.PREFETCH
            )
        case kind if kind in _PEOPLES_LINES:
            return Finding(
                code="bare_agent_elsewhere", weight=weights.BARE_ELSEWHERE, family=Family.AGENT, label=Label.UNKNOWN
            )
        case _:
            return Finding(
                code="forged_proxy", weight=weights.FORGED, family=Family.AGENT, detail="Apple", label=Label.SCANNER
            )

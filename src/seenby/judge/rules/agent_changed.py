"""Agent changed: from a data centre, the open and the click came as two different browsers within a minute.

Seen from Microsoft's scans: one address, two agents that both look like people. Somebody who opens in one browser and
clicks in another within a minute sits at a desk, not in a data centre; so elsewhere the rule is silent.
"""

from bisect import bisect_left
from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family

WITHIN: Final = 75.0  # seconds
_DATA_CENTRES: Final = frozenset(
    {NetworkKind.CLOUD, NetworkKind.MICROSOFT, NetworkKind.MAIL_SECURITY, NetworkKind.HOSTING}
)


def agent_changed(trace: Trace, scene: Scene) -> Finding | None:
    """A machine that changes its mask between the image and the link."""
    if trace.network.kind not in _DATA_CENTRES or trace.agent.kind is not AgentKind.BROWSER:
        return None
    row = scene.browsers.get(trace.near, ())
    at = bisect_left(row, (trace.t, "", ""))
    for t, channel, family in row[max(0, at - 8) : at + 8]:
        if abs(t - trace.t) <= WITHIN and channel != trace.seen.channel and family != trace.agent.family:
            return Finding(code="agent_changed", weight=weights.AGENT_CHANGED, family=Family.COMPANY)
    return None

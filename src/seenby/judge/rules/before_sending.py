"""Before sending: the hit is older than the sending of the message.

Only our own side had the message then: an outgoing filter, or the sender looking at the draft. Which of the two, the
agent and the network tell. A second is allowed for the next hop being faster than our record of it.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.agents import agent_of
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.request import Completeness
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label

GRACE: Final = -1.0  # seconds
_PEOPLE: Final = frozenset({AgentKind.BROWSER, AgentKind.MAIL_CLIENT, AgentKind.GMAIL_PROXY})
_LINES: Final = frozenset({NetworkKind.UNLISTED, NetworkKind.SILENT, NetworkKind.GOOGLE, NetworkKind.WEB_PROXY})


def before_sending(trace: Trace, scene: Scene) -> Finding | None:
    """A machine or the sender: nobody else had the message yet."""
    if trace.t >= GRACE:
        return None
    own = any(agent_of(one.agent).family == trace.agent.family for one in scene.evidence.sender_devices)
    person = trace.agent.kind in _PEOPLE and trace.network.kind in _LINES
    looks_own = own or (person and trace.request.completeness is not Completeness.BARE)
    return Finding(
        code="before_sending",
        weight=weights.BEFORE_SENDING,
        family=Family.SENDER,
        detail=f"{-trace.t:.0f} s before",
        label=Label.SELF if looks_own else Label.SCANNER,
    )

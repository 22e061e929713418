"""Bounce: the message was refused, so no recipient has it.

The bounce notice that goes back to the sender quotes the message with its pixel, and the server that refused it may
have looked inside first. So a fetch like a person's is the sender's, the rest a machine's. In doubt we lean to the
sender: either way it is nobody else. A recipient with two mailboxes of which one refused would be hidden by this.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.request import Completeness
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label

_PEOPLE: Final = frozenset({AgentKind.BROWSER, AgentKind.MAIL_CLIENT, AgentKind.GMAIL_PROXY, AgentKind.YAHOO_PROXY,
                            AgentKind.MAILBOX_PROXY, AgentKind.NOT_KEPT, AgentKind.APP})  # fmt: skip
_MACHINE_NETWORKS: Final = frozenset({NetworkKind.MAIL_SECURITY, NetworkKind.CLOUD, NetworkKind.HOSTING})


def bounce(trace: Trace, scene: Scene) -> Finding | None:
    """The sender reading the bounce notice, or the server that refused."""
    if not scene.evidence.bounced:
        return None
    bare = trace.request.completeness is Completeness.BARE
    person = trace.agent.kind in _PEOPLE and trace.network.kind not in _MACHINE_NETWORKS and not bare
    label = Label.SELF if person else Label.SCANNER
    return Finding(code="bounced", weight=weights.BOUNCED, family=Family.SENDER, label=label)

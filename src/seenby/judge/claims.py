"""Which fetch an announced own view explains.

Each announcement explains one open, eight seconds back and ten forward: the one that fits its surface, and of those the
nearest, of two as near the later. A fetch from the sender's known address needs no announcement and uses it up.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from seenby.judge.agents import Agent, agent_of
from seenby.judge.evidence import Evidence, OwnView
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.networks import same_line
from seenby.judge.scene import Trace
from seenby.words.limits import OWN_VIEWS

BACK: Final = 8.0
FORWARD: Final = 10.0
REPEATS: Final = 2.0  # seconds in which the same client's further fetches belong to the same view

_NEVER: Final = frozenset(
    {AgentKind.SCANNER, AgentKind.PREVIEW, AgentKind.IMESSAGE, AgentKind.SCRIPT, AgentKind.HEADLESS}
)
_MACHINE_NETWORKS: Final = frozenset({NetworkKind.MAIL_SECURITY, NetworkKind.CLOUD})
_PROXIES: Final = frozenset({AgentKind.GMAIL_PROXY, AgentKind.YAHOO_PROXY, AgentKind.MAILBOX_PROXY, AgentKind.BARE})


def find_claims(evidence: Evidence, traces: Sequence[Trace]) -> Mapping[int, str]:
    """The hits that own views explain, each with the surface that announced it."""
    opens = [trace for trace in traces if trace.opening] if evidence.own_views else []
    claimed: dict[int, str] = {}
    for view in evidence.own_views[:OWN_VIEWS]:
        near = [one for one in opens if -BACK <= one.t - view.at_seconds <= FORWARD and one.index not in claimed]
        if any(_known(one, evidence) for one in near):
            continue
        fitting = [one for one in near if _fits(one, view, evidence)]
        if not fitting:
            continue
        chosen = min(fitting, key=lambda one: (not _meant(one.agent, view), abs(one.t - view.at_seconds), -one.t))
        for one in near:
            repeats = one.actor == chosen.actor and abs(one.t - chosen.t) <= REPEATS
            if one is chosen or (repeats and one.agent.kind not in _PROXIES):
                claimed[one.index] = view.surface
    return claimed


def _known(trace: Trace, evidence: Evidence) -> bool:
    return any(same_line(trace.seen.address, place) for place in evidence.known_addresses)


def _fits(trace: Trace, view: OwnView, evidence: Evidence) -> bool:
    if trace.agent.kind in _NEVER or trace.network.kind in _MACHINE_NETWORKS:
        return False
    if trace.agent.kind in _PROXIES or not evidence.sender_devices:
        return _possible(trace.agent, view.surface.lower())
    return any(agent_of(one.agent).family == trace.agent.family for one in evidence.sender_devices)


def _possible(agent: Agent, surface: str) -> bool:
    """Whether this agent can fetch for that surface."""
    open_to_all = agent.kind in (AgentKind.BROWSER, AgentKind.NOT_KEPT)
    if "gmail" in surface:
        return open_to_all or agent.kind in (AgentKind.GMAIL_PROXY, AgentKind.GMAIL_PREFETCH)
    if "outlook" in surface or "owa" in surface:
        return open_to_all or "Outlook" in agent.name or agent.kind is AgentKind.OFFICE_PROBE
    if "yahoo" in surface:
        return open_to_all or agent.kind is AgentKind.YAHOO_PROXY
    if "thunderbird" in surface:
        return agent.name == "Thunderbird" or agent.kind is AgentKind.NOT_KEPT
    if "apple" in surface:
        return agent.name == "Apple Mail" or agent.kind in (AgentKind.BARE, AgentKind.NOT_KEPT)
    return True


def _meant(agent: Agent, view: OwnView) -> bool:
    """Whether the surface names this very agent."""
    surface = view.surface.lower()
    if "gmail" in surface:
        return agent.kind in (AgentKind.GMAIL_PROXY, AgentKind.GMAIL_PREFETCH)
    return bool(agent.name) and agent.name.lower().split()[0] in surface

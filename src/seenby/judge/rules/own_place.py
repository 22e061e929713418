"""Own place and own devices: the fetch came from where the sender or the team is.

We believe an address that the sender is known to use, since two unrelated people rarely share one line on one message.
Loopback and private addresses never count: everybody on one machine, or behind one proxy, shares them. In doubt (a
colleague's token from the office line, with an agent that is none of the sender's) we do not know. A sender on a
strange network passes; `own_view` is the rule for that.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.agents import agent_of
from seenby.judge.evidence import Evidence, OwnNetwork
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.networks import is_within, network_of, same_line
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label

# Domains where one name means nothing about two people.
PUBLIC_DOMAINS: Final = frozenset(
    {
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "yahoo.com",
        "icloud.com",
        "me.com",
        "aol.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "proton.me",
        "fastmail.com",
        "mail.ru",
    }
)
_MACHINES: Final = frozenset({AgentKind.SCANNER, AgentKind.SCRIPT, AgentKind.HEADLESS, AgentKind.PREVIEW})


def own_place(trace: Trace, scene: Scene) -> Finding | None:
    """The sender's: a network the team named as its own, or an address the sender or the team is known to use.

    Of a network that was named we are told, so a colleague's copy is no doubt there, nor is a private address.
    """
    evidence = scene.evidence
    if trace.seen.settled:
        return None  # what is left is a neighbourhood, and where the team works today says nothing about then
    if (named := _own_network(trace.seen.address, evidence)) is not None:
        return Finding(
            code="own_network",
            weight=weights.OWN_KNOWN_ADDRESS,
            family=Family.SENDER,
            detail=named.name,
            label=Label.SELF,
        )
    if not _from_known_address(trace.seen.address, evidence):
        return None
    if _is_colleague(trace, scene) and not _has_own_agent(trace, evidence):
        return Finding(code="colleague_line", weight=weights.COLLEAGUE_LINE, family=Family.SENDER, label=Label.UNKNOWN)
    return Finding(code="own_address", weight=weights.OWN_KNOWN_ADDRESS, family=Family.SENDER, label=Label.SELF)


def own_device(trace: Trace, scene: Scene) -> Finding | None:
    """The sender's: a device of theirs, perhaps updated since, beside the line where it was last seen."""
    if trace.seen.settled:
        return None
    for device in scene.evidence.sender_devices:
        if not trace.agent.family or trace.agent.family != agent_of(device.agent).family:
            continue
        here, there = trace.network, network_of(device.address)
        if here.kind is not NetworkKind.SILENT and here.near == there.near:
            return Finding(code="own_device", weight=weights.OWN_DEVICE, family=Family.SENDER, label=Label.SELF)
    return None


def own_copy(trace: Trace, scene: Scene) -> Finding | None:
    """The sender's: the copy was addressed to the sender themselves."""
    reader = scene.readers.get(trace.seen.reader or "")
    own = scene.evidence.sender_address
    if reader is None or not own or (reader.address or "").lower() != own.lower():
        return None
    if trace.agent.kind in _MACHINES or trace.network.kind is NetworkKind.MAIL_SECURITY:
        return None
    return Finding(code="own_copy", weight=weights.OWN_KNOWN_ADDRESS, family=Family.SENDER, label=Label.SELF)


def resembles_own_device(trace: Trace, scene: Scene) -> Finding | None:
    """A little more likely the sender's: the agent is one of theirs, the line is not. Many people share an agent."""
    if trace.seen.agent and any(trace.seen.agent.strip() == one.agent.strip() for one in scene.evidence.sender_devices):
        return Finding(code="like_own_device", weight=-0.8, family=Family.SENDER)
    return None


def _own_network(address: str | None, evidence: Evidence) -> OwnNetwork | None:
    return next((one for one in evidence.own_networks if is_within(address, one.network)), None)


def _from_known_address(address: str | None, evidence: Evidence) -> bool:
    if not address:
        return False
    places = [*evidence.known_addresses, *(one.address for one in evidence.sender_devices)]
    return any(same_line(address, place) for place in places)


def _is_colleague(trace: Trace, scene: Scene) -> bool:
    reader = scene.readers.get(trace.seen.reader or "")
    evidence = scene.evidence
    if reader is None or not evidence.sender_domain or evidence.sender_domain in PUBLIC_DOMAINS:
        return False
    if evidence.sender_address and (reader.address or "").lower() == evidence.sender_address.lower():
        return False
    return reader.domain.lower() == evidence.sender_domain.lower()


def _has_own_agent(trace: Trace, evidence: Evidence) -> bool:
    return any(agent_of(one.agent).family == trace.agent.family for one in evidence.sender_devices)

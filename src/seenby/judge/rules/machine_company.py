"""Machine company: the same client did something that only machines do, within a quarter of an hour.

What followed all links in a second will also have fetched the image. The rule looks at the actor (line, agent and
completeness together), and at the whole line only for requests that are incomplete themselves, so a person beside a
machine on one line is left alone.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.request import Completeness
from seenby.judge.scene import Scene, Trace, within
from seenby.judge.weights import Family

_DOUBTFUL: Final = frozenset({AgentKind.BROWSER, AgentKind.TRUNCATED, AgentKind.OTHER, AgentKind.EMPTY})


def machine_company(trace: Trace, scene: Scene) -> Finding | None:
    """A machine: its client was seen being one."""
    span = weights.COMPANY_SECONDS
    if not trace.network.place or trace.network.kind is NetworkKind.SILENT:
        return None
    machines = scene.actor_machines.get(trace.actor, ())
    if within(machines, trace.t, weights.AT_ONCE_SECONDS):
        return Finding(code="machine_client", weight=weights.MACHINE_COMPANY_AT_ONCE, family=Family.COMPANY)
    if within(machines, trace.t, span):
        return Finding(code="machine_client", weight=weights.MACHINE_COMPANY, family=Family.COMPANY)
    incomplete = trace.agent.kind in _DOUBTFUL and trace.request.completeness is not Completeness.FULL
    if incomplete and within(scene.place_machines.get(trace.place, ()), trace.t, span):
        return Finding(code="machine_place", weight=weights.MACHINE_PLACE, family=Family.COMPANY)
    return None

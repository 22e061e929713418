"""Prior: where the scale stands before anything is known about a hit.

People's fetches are somewhat more common than those of machines that no rule knows. Where policy kept neither agent
nor address, the machines that are recognised by them hide among the people, so the scale starts lower.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family


def prior(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """The start of the sum."""
    start = weights.PRIOR_OPEN if trace.opening else weights.PRIOR_CLICK
    if trace.agent.kind is AgentKind.NOT_KEPT and trace.network.kind is NetworkKind.SILENT:
        less = weights.NOTHING_KEPT if trace.opening else weights.NOTHING_KEPT_CLICK
        return Finding(code="little_kept", weight=start + less, family=Family.PRIOR)
    return Finding(code="usual_open" if trace.opening else "usual_click", weight=start, family=Family.PRIOR)

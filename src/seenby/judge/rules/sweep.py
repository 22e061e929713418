"""Sweep: one line fetched the copies of several readers at once.

Readers of different organisations have nothing in common but the sender: what fetches all their copies is a filter on
the way out, or one scanner that serves both. Colleagues of one organisation share a line and may read at the same
time, so within one domain only many copies in a few seconds count. Image proxies, relays and web proxies serve
everybody and are left out.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.scene import Scene, Sweep, Trace
from seenby.judge.weights import Family


def sweep(trace: Trace, scene: Scene) -> Finding | None:
    """A machine going through the copies of many."""
    found = scene.sweeps.get(trace.index)
    if found is None:
        return None
    weight = _weight(found)
    if trace.agent.kind is AgentKind.MAIL_CLIENT:
        weight /= 2  # an office where everybody reads with the same program
    if weight == 0:
        return None
    detail = f"{found.readers} recipients within {found.seconds:.0f} s"
    return Finding(code="sweep", weight=weight, family=Family.BURST, detail=detail)


def _weight(found: Sweep) -> float:
    if found.domains >= 3 or (found.domains == 2 and found.readers >= 3):
        return weights.UNRELATED_READERS
    if found.domains == 2:
        return weights.SAME_DOMAIN_SWEEP
    return weights.SAME_DOMAIN_SWEEP if found.readers >= 3 and found.seconds <= weights.SWEEP_SECONDS / 2 else 0.0

"""Burst: one client followed several different links faster than a hand does.

The rule speaks of the client, not of the window: a person's click beside a scanner's burst, even from the same line, is
another actor and keeps its verdict. Opening three links in tabs takes a person some seconds and weighs little here. In
doubt (two links) almost nothing is said. A scanner that takes random pauses passes.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family, at


def burst(trace: Trace, scene: Scene) -> Finding | None:
    """A machine's haste over links."""
    run = scene.runs.get(trace.index)
    if run is None:
        return None
    if run.links < weights.BURST_LINKS:
        if run.mean_gap >= 1.0:
            return None
        return Finding(code="two_links", weight=weights.TWO_LINKS, family=Family.BURST, detail=_pace(run.mean_gap))
    weight = at(weights.BURST, run.mean_gap)
    if run.covers_all:
        weight += weights.BURST_ALL_LINKS
    if weight == 0:
        return None
    which = f"all {run.links} links" if run.covers_all else f"{run.links} links"
    return Finding(code="burst", weight=weight, family=Family.BURST, detail=f"{which}, {_pace(run.mean_gap)}")


def _pace(gap: float) -> str:
    return f"one every {gap:.1f} s"

"""All links: one client followed every link of a message that has several, however slowly.

Few readers follow everything, and scanners that take their time between two links still take all of them. Where there
are fewer than four links people do it too, so nothing is said. The weight is small: a reader with time on their hands
does it as well, and the haste of a scanner in a hurry is `burst`'s business.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family


def all_links(trace: Trace, scene: Scene) -> Finding | None:
    """Weakly a machine: it left nothing out."""
    if trace.index not in scene.complete or trace.index in scene.runs:
        return None
    detail = f"all {scene.evidence.n_links} links"
    return Finding(code="all_links", weight=weights.ALL_LINKS, family=Family.BURST, detail=detail)

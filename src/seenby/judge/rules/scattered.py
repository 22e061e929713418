"""Scattered: one agent followed different links of one copy from three lines or more within a minute.

A scanner that hides behind other people's lines takes a new one for each request. A person has one line, with the
phone beside it two. Networks that spread their own users over many addresses (security web proxies, relays) are left
out. A carrier may do so as well, so the weight leaves a reader who had opened the message standing.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family


def scattered(trace: Trace, scene: Scene) -> Finding | None:
    """A machine that is nowhere at home."""
    lines = scene.scattered.get(trace.index)
    if lines is None:
        return None
    return Finding(code="scattered", weight=weights.SCATTERED, family=Family.BURST, detail=f"{lines} lines")

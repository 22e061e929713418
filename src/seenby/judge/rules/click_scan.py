"""Click-time scan: two clients fetched one link in the same moment, and one of them looks like a machine.

Products such as Safe Links look at a page when a person clicks, within about a second before or after. So the pair
proves a click: the less credible fetch is its shadow, and the credible one is protected. Deleting both, as rules of
"two clicks within a second" do, deletes the person. If both look alike, nothing is said: people double-click.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family

CLEAR_DIFFERENCE: Final = 1.4  # log-odds between the two


def click_scan(trace: Trace, scene: Scene) -> Finding | None:
    """The shadow or the person of a pair."""
    others = scene.pairs.get(trace.index)
    if not others:
        return None
    own = scene.leaning[trace.index]
    best = max(scene.leaning[one] for one in others)
    worst = min(scene.leaning[one] for one in others)
    if best - own >= CLEAR_DIFFERENCE and best > 0:
        return Finding(code="click_scan", weight=weights.PAIR_SHADOW, family=Family.COMPANY)
    if own - worst >= CLEAR_DIFFERENCE and own > -0.5 and own >= best:
        return Finding(code="scanned_at_click", weight=weights.PAIR_PROTECTED, family=Family.COMPANY)
    return None

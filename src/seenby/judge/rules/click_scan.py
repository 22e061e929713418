"""Click-time scan: two clients fetched one link in the same moment, and one of them looks like a machine.

Products such as Safe Links look at a page when a person clicks, within about a second before or after. So the pair
proves a click: the less credible fetch is its shadow, and the credible one is protected. Deleting both, as rules of
"two clicks within a second" do, deletes the person. Of two that look alike, the one on the line where the message was
opened is the person; if neither was, nothing is said: people double-click.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace, before
from seenby.judge.weights import Family

CLEAR_DIFFERENCE: Final = 1.4  # log-odds between the two


def click_scan(trace: Trace, scene: Scene) -> Finding | None:
    """The shadow or the person of a pair."""
    others = scene.pairs.get(trace.index)
    if not others:
        return None
    own = _credit(trace, scene)
    theirs = [_credit(scene.traces[one], scene) for one in others]
    best, worst = max(theirs), min(theirs)
    if best - own >= CLEAR_DIFFERENCE and best > 0:
        return Finding(code="click_scan", weight=weights.PAIR_SHADOW, family=Family.COMPANY)
    if own - worst >= CLEAR_DIFFERENCE and own > -0.5 and own >= best:
        return Finding(code="scanned_at_click", weight=weights.PAIR_PROTECTED, family=Family.COMPANY)
    return None


def _credit(trace: Trace, scene: Scene) -> float:
    opened = bool(trace.network.near) and before(scene.line_opens.get(trace.near, ()), trace.t)
    return scene.leaning[trace.index] + (weights.OPENED_BEFORE if opened else 0.0)

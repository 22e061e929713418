"""Too soon: the hit came before, or hardly after, a person could have seen the message.

Under a second or two only machines are quick enough. Up to some ten seconds it is a weak sign: people sit before an
open mailbox, and so do testers. It never decides against a mail program or a complete browser that opened first. A
scanner that waits passes; `burst` and `headers` are meant for it. On Seenby's own machine mail arrives at once and no
recipient's scanner lives there, so haste says little.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family, at


def too_soon(trace: Trace, scene: Scene) -> Finding | None:
    """What the clock argues."""
    weight = at(weights.OPEN_AFTER if trace.opening else weights.CLICK_AFTER, trace.age)
    if trace.network.here:
        weight = max(weight, weights.HASTE_HERE)
    if weight < 0 and scene.evidence.mode == "campaign":
        weight *= weights.CAMPAIGN_HASTE
    if weight == 0:
        return None
    code = "too_soon" if weight < 0 else "had_time"
    return Finding(code=code, weight=weight, family=Family.TIME, detail=_span(trace.age))


def _span(t: float) -> str:
    if t < 120:
        return f"{t:.1f} s after sending"
    if t < 7200:
        return f"{t / 60:.0f} min after sending"
    return f"{t / 3600:.0f} h after sending" if t < 1e9 else "long after sending"

"""Own view: the sender's client announced that it shows this message.

We believe the announcement: it comes from the sender's own signed-in client. It is claimed once, eight seconds back and
ten forward, by the fetch that fits best, so that a reader who opens in the same seconds keeps theirs. In doubt (two
fetches fit equally well) the nearer one is taken. Got round by a client that announces late; then `own_place` is left.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label


def own_view(trace: Trace, scene: Scene) -> Finding | None:
    """The sender's: announced by their client."""
    surface = scene.claimed.get(trace.index)
    if surface is None:
        return None
    return Finding(
        code="own_view", weight=weights.OWN_VIEW, family=Family.SENDER, detail=surface[:40], label=Label.SELF
    )

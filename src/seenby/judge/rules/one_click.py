"""One click: a POST to the unsubscribe link by a mailbox provider (RFC 8058).

The provider posts when its user presses the button, and no scanner posts: that is why the RFC chose POST. It is a
person's wish through a provider; it is never counted as a click of the message. A browser's POST is left to the rules
that weigh browsers.
"""

from seenby.judge import weights
from seenby.judge.evidence import UNSUBSCRIBE
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label


def one_click(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A person, through their mailbox provider's unsubscribe button."""
    if trace.seen.link != UNSUBSCRIBE or trace.seen.method.upper() != "POST":
        return None
    if trace.agent.kind is AgentKind.BROWSER:
        return None
    return Finding(code="one_click", weight=weights.ONE_CLICK, family=Family.METHOD, label=Label.PROXY_HUMAN)

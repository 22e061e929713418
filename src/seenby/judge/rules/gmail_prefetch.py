"""Gmail prefetch: Google fetching images while the mailbox is open in a session, before the message is.

The agent is an Edge 12 with a second "Mozilla/5.0" behind it, a string no browser ever had; SparkPost counted it as
one to six in a hundred of Gmail's opens. It must come from Google's network: from elsewhere somebody copied the
string, which only scripts do. When the message is shown, the image proxy fetches again under its own name.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label


def gmail_prefetch(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A prefetch if it comes from Google, else a forgery."""
    if trace.agent.kind is not AgentKind.GMAIL_PREFETCH:
        return None
    if trace.network.kind in (NetworkKind.GOOGLE, NetworkKind.SILENT):
        return Finding(code="gmail_prefetch", weight=weights.GMAIL_PREFETCH, family=Family.AGENT, label=Label.PREFETCH)
    return Finding(
        code="forged_proxy", weight=weights.FORGED, family=Family.AGENT, detail=trace.agent.name, label=Label.SCANNER
    )

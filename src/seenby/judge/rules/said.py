"""Said: somebody of the team told us who it was.

They were there and we were not, so it ends the discussion, for this hit alone: whoever fetched in the same minute is
judged as before. The statement is kept beside the hit and can be taken back; the hit itself never changes. Got round
by a sender who says what is not so: then their own figures are wrong, and nobody else's.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label

_PROXIES = frozenset({AgentKind.GMAIL_PROXY, AgentKind.YAHOO_PROXY, AgentKind.MAILBOX_PROXY})


def said(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """The sender, or the recipient, because the team says so."""
    if trace.seen.mine:
        return Finding(code="own_said", weight=weights.OWN_SAID, family=Family.SENDER, label=Label.SELF)
    if trace.seen.theirs:
        proxied = trace.opening and trace.agent.kind in _PROXIES
        label = Label.PROXY_HUMAN if proxied else Label.HUMAN
        return Finding(code="person_said", weight=weights.PERSON_SAID, family=Family.COMPANY, label=label)
    return None

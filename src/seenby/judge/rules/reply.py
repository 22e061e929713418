"""Reply: the recipient answered, so a person had read the message by then.

A fetch like a client's within the hour before the answer was more likely theirs. It lifts nothing that looks like a
machine: a gateway scans mail whose recipient answers, too. Of several recipients, each one's answer speaks for the
fetches of their own copy.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.request import Completeness
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family

_CLIENTS: Final = frozenset({AgentKind.BROWSER, AgentKind.MAIL_CLIENT, AgentKind.NOT_KEPT, AgentKind.APP})


def reply(trace: Trace, scene: Scene) -> Finding | None:
    """A person: the answer came soon after."""
    reader = scene.readers.get(trace.seen.reader or "")
    replied = scene.evidence.replied_after if reader is None or reader.replied_after is None else reader.replied_after
    if replied is None or not 0 <= replied - trace.t <= weights.REPLY_SECONDS:
        return None
    if trace.agent.kind not in _CLIENTS or trace.request.completeness is Completeness.BARE:
        return None
    return Finding(code="replied", weight=weights.REPLIED, family=Family.COMPANY)

"""Office probes: before Office opens a link it asks the server what it is (OPTIONS, HEAD, a GET as ms-office).

Microsoft documents the existence and protocol discoveries. They prove that a person clicked in Word, Excel or Outlook,
and the browser's own request follows; counting both would count one click twice. So they are no click, and their
probability stays in the middle. In doubt (Office rendering an image) we leave the hit to the weighing rules.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label

_ASKS: Final = frozenset({"HEAD", "OPTIONS", "PROPFIND"})


def office_probe(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A probe: Office asking before it opens."""
    office = trace.agent.kind is AgentKind.OFFICE_PROBE
    outlook = trace.agent.kind is AgentKind.MAIL_CLIENT and "Outlook" in trace.agent.name
    asks = trace.seen.method.upper() in _ASKS
    if not ((office and (asks or not trace.opening)) or (outlook and asks)):
        return None
    return Finding(
        code="office_probe",
        weight=weights.OFFICE_PROBE,
        family=Family.METHOD,
        detail=trace.seen.method[:10],
        label=Label.PREVIEW_BOT,
    )

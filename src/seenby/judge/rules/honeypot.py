"""Honeypot: the link that nobody can see was followed.

Whoever follows every link follows this one. A person may reach it with a screen reader or out of the source text, so
the weight is strong and not infinite: a complete browser that opened first and clicked late is left unknown. The same
client's other hits within a quarter of an hour are drawn along (`machine_company`).
"""

from seenby.judge import weights
from seenby.judge.evidence import HONEYPOT
from seenby.judge.finding import Finding
from seenby.judge.request import Completeness
from seenby.judge.scene import Scene, Trace, within
from seenby.judge.weights import Family


def honeypot(trace: Trace, scene: Scene) -> Finding | None:
    """A machine: it follows what cannot be seen, or is the client that did."""
    if trace.seen.link == HONEYPOT:
        return Finding(code="honeypot", weight=weights.HONEYPOT, family=Family.HONEYPOT)
    span = weights.COMPANY_SECONDS
    if not trace.network.place:
        return None
    if within(scene.actor_honeypots.get(trace.actor, ()), trace.t, span):
        return Finding(code="honeypot_client", weight=weights.HONEYPOT_COMPANY, family=Family.HONEYPOT)
    if trace.anywhere[1] and within(scene.wide_honeypots.get(trace.anywhere, ()), trace.t, span):
        return Finding(code="honeypot_elsewhere", weight=weights.HONEYPOT_ELSEWHERE, family=Family.HONEYPOT)
    full = trace.request.completeness is Completeness.FULL
    if not full and within(scene.place_honeypots.get(trace.place, ()), trace.t, span):
        return Finding(code="honeypot_place", weight=weights.HONEYPOT_PLACE, family=Family.HONEYPOT)
    return None

"""Opened before clicking: people open a message and then click in it, on one line.

A click after a person-like open on the same line is very likely that person's; an open is confirmed by such a click
after it. Opens through a proxy or on another line help a little. A click although nobody opened is weakly suspicious
soon after sending and means nothing later, since many programs block images. A scanner that renders the page and then
clicks is held off by asking that the open itself looked like a person's.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.request import Completeness
from seenby.judge.scene import Scene, Trace, after, before
from seenby.judge.weights import Family, at

_CLIENTS: Final = frozenset({AgentKind.BROWSER, AgentKind.MAIL_CLIENT, AgentKind.NOT_KEPT, AgentKind.APP})


def opened_before(trace: Trace, scene: Scene) -> Finding | None:
    """A person: the message was opened like a person's before this click."""
    if trace.opening or not _credible(trace):
        return None
    if trace.network.near and before(scene.line_opens.get(trace.near, ()), trace.t):
        return Finding(code="opened_before", weight=weights.OPENED_BEFORE, family=Family.COMPANY)
    if before(scene.reader_opens.get(trace.seen.reader, ()), trace.t):
        return Finding(code="reader_opened", weight=weights.READER_OPENED, family=Family.COMPANY)
    return None


def clicked_after(trace: Trace, scene: Scene) -> Finding | None:
    """A person: a person-like click from the same line followed this open."""
    if not trace.opening or not trace.network.near or not _credible(trace):
        return None
    if not after(scene.line_clicks.get(trace.near, ()), trace.t):
        return None
    return Finding(code="clicked_after", weight=weights.CLICKED_AFTER, family=Family.COMPANY)


def unopened_click(trace: Trace, scene: Scene) -> Finding | None:
    """Weakly a machine: a click although nothing suggests that anybody opened."""
    if trace.opening or before(scene.reader_shown.get(trace.seen.reader, ()), trace.t):
        return None
    weight = at(weights.UNOPENED_CLICK, trace.age)
    return Finding(code="unopened_click", weight=weight, family=Family.COMPANY) if weight else None


def _credible(trace: Trace) -> bool:
    return trace.agent.kind in _CLIENTS and trace.request.completeness is not Completeness.BARE

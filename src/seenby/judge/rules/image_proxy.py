"""Image proxies: Gmail, Yahoo, Fastmail and others fetching an image because a message is being shown.

A person caused it, though the proxy hides who and where; generic bot lists throw these opens away. A claimed proxy
must come from its provider's network: outside it is forged. In the first seconds it may be the provider looking at its
own delivery (Yahoo's early fetches are uncertain), so there the odds are lower and the label may be prefetch. A proxy
that follows a link is no proxy's work.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.request import Completeness
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family, at
from seenby.words.verdict import Label

_KINDS: Final = {
    AgentKind.GMAIL_PROXY: NetworkKind.GOOGLE,
    AgentKind.YAHOO_PROXY: NetworkKind.YAHOO,
    AgentKind.MAILBOX_PROXY: NetworkKind.MAILBOX,
}
_PLAIN: Final = frozenset({AgentKind.EMPTY, AgentKind.BROWSER, AgentKind.TRUNCATED, AgentKind.OTHER, AgentKind.APP})


def image_proxy(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A person through a proxy, if it comes from that proxy's network."""
    expected = _KINDS.get(trace.agent.kind)
    if expected is None:
        return None
    name = trace.agent.name
    if trace.network.kind not in (expected, NetworkKind.SILENT):
        return Finding(
            code="forged_proxy", weight=weights.FORGED, family=Family.AGENT, detail=name, label=Label.SCANNER
        )
    if not trace.opening:
        return Finding(
            code="proxy_follows_link",
            weight=weights.PROXY_FOLLOWS_LINK,
            family=Family.AGENT,
            detail=name,
            label=Label.SCANNER,
        )
    yahoo = trace.agent.kind is AgentKind.YAHOO_PROXY
    early = at(weights.YAHOO_AFTER if yahoo else weights.PROXY_AFTER, trace.age)
    weight = (weights.YAHOO_PROXY if yahoo else weights.IMAGE_PROXY) + early
    label = Label.PROXY_HUMAN if weight > 0 else Label.PREFETCH
    code = "image_proxy" if weight > 0 else "early_proxy"
    return Finding(code=code, weight=weight, family=Family.AGENT, detail=name, label=label)


def mailbox_proxy(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A person through a mailbox provider that fetches images itself and does not say so (Proton)."""
    if trace.network.kind is not NetworkKind.MAILBOX or not trace.opening or trace.agent.kind not in _PLAIN:
        return None
    if trace.request.completeness is Completeness.FULL:
        return None  # a browser on the provider's VPN, to be weighed like any other
    weight = weights.YAHOO_PROXY + at(weights.PROXY_AFTER, trace.age)
    return Finding(
        code="mailbox_network",
        weight=weight,
        family=Family.NETWORK,
        detail=trace.network.owner,
        label=Label.PROXY_HUMAN,
    )

"""Network: whose line the fetch came from, as one argument among others.

A mail-security vendor's own space speaks strongly against a person and still not finally: isolation browsers bring
people from there. Clouds carry scanners and virtual desktops, so they speak less. Security web proxies carry people and
say nothing. Loopback and private addresses say nothing: everybody on one machine shares them. A scanner on the
reader's own line passes here.
"""

from typing import Final

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family

_ARGUMENTS: Final = {
    NetworkKind.SILENT: ("", 0.0),
    NetworkKind.APPLE_RELAY: ("", 0.0),
    NetworkKind.UNLISTED: ("ordinary_line", weights.UNLISTED),
    NetworkKind.MAIL_SECURITY: ("mail_security", weights.MAIL_SECURITY),
    NetworkKind.WEB_PROXY: ("web_proxy", weights.WEB_PROXY),
    NetworkKind.MICROSOFT: ("microsoft_network", weights.MICROSOFT),
    NetworkKind.CLOUD: ("cloud", weights.CLOUD),
    NetworkKind.HOSTING: ("hosting", weights.HOSTING),
    NetworkKind.CDN: ("relay_or_cdn", weights.CDN),
    NetworkKind.GOOGLE: ("google_network", weights.GOOGLE_BROWSER),
    NetworkKind.YAHOO: ("yahoo_network", weights.YAHOO_BROWSER),
    NetworkKind.MAILBOX: ("mailbox_line", weights.MAILBOX_NETWORK),
    NetworkKind.APPLE: ("apple_line", weights.APPLE_NETWORK),
    NetworkKind.PREVIEW: ("preview_network", weights.PREVIEW_NETWORK),
}


def network(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """What the owner of the address argues."""
    code, weight = _ARGUMENTS[trace.network.kind]
    if not code:
        return None
    return Finding(code=code, weight=weight, family=Family.NETWORK, detail=trace.network.owner)

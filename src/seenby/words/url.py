"""The one question about a URL that several rooms ask: which host it leads to."""

import re
from typing import Final

_HOST: Final = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://(?:[^/?#@]*+@)?(\[[^\]]*+\]|[^:/?#]*+)")


def host_of(url: str) -> str:
    """The host of an http(s) URL in lower case, without a dot at its end; empty when it is no such URL."""
    found = _HOST.match(url)
    return found[1].rstrip(".").lower() if found else ""


def is_within(host: str, listed: frozenset[str]) -> bool:
    """Whether `host` is one of those `listed`, or below one."""
    while host:
        if host in listed:
            return True
        _label, _dot, host = host.partition(".")
    return False

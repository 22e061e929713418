"""Who is asking: the client's address, and the headers that are evidence. Nothing else of a head is looked at.

`X-Forwarded-For` is believed only from a trusted proxy, and of it the rightmost address that is not itself
a trusted proxy: everything left of that was written by whoever sent the request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from seenby.words.hit import EVIDENCE_HEADERS, MAX_HEADER_VALUE

Network = IPv4Network | IPv6Network
_EVIDENCE: Final = {name.encode("ascii"): name for name in EVIDENCE_HEADERS}
_FORWARDED_MOST: Final = 50  # addresses looked at, from the right


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a head's header lines tell: User-Agent, evidence, and the X-Forwarded-For lines joined."""

    agent: str | None
    headers: Mapping[str, str]
    forwarded: str


def what_is_told(lines: Sequence[tuple[bytes, bytes]]) -> Told:
    """The part of header lines (names in lower case) that matters to us; several lines of one name are joined."""
    agent: str | None = None
    headers: dict[str, str] = {}
    forwarded: list[str] = []
    for name, value in lines:
        if name == b"user-agent":
            agent = value.decode("latin-1")[:MAX_HEADER_VALUE]
        elif name == b"x-forwarded-for":
            forwarded.append(value.decode("latin-1"))
        elif evidence := _EVIDENCE.get(name):
            text = value.decode("latin-1")
            headers[evidence] = (f"{headers[evidence]}, {text}" if evidence in headers else text)[:MAX_HEADER_VALUE]
    return Told(agent=agent, headers=headers, forwarded=",".join(forwarded))


def plain_address(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address in `text`, which may carry a port or a zone; an IPv4-mapped one as the IPv4 address it is."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_trusted(address: IPv4Address | IPv6Address, proxies: Sequence[Network]) -> bool:
    """Whether `address` is one of the proxies."""
    return any(address.version == network.version and address in network for network in proxies)


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """The client behind the trusted `peer`; `peer` itself, when it does not say."""
    found = peer
    for text in reversed(forwarded.rsplit(",", _FORWARDED_MOST)[-_FORWARDED_MOST:]):
        address = plain_address(text)
        if address is None:
            continue
        found = str(address)
        if not is_trusted(address, proxies):
            break
    return found

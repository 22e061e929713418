"""Where a request comes from, when proxies stand between.

`X-Forwarded-For` is believed only from a trusted proxy, and of it the rightmost address that is not itself
a trusted proxy: everything left of that was written by whoever sent the request.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network
_FORWARDED_MOST: Final = 50  # addresses looked at, from the right


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

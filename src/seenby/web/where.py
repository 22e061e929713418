"""Where a request comes from: for counting who guesses, and for knowing where the team works."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_network
from typing import Final

from fastapi import Request

from seenby.words.client import Network, client_address, is_trusted, plain_address

_HOME: Final = 64  # bits of an IPv6 address that a subscriber gets at least; the rest is theirs to change (RFC 6177)


def client_of(request: Request, proxies: Sequence[Network]) -> str:
    """One name for one client: its address, or the network that an IPv6 client may choose addresses from."""
    text = _address(request, proxies)
    address = plain_address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _HOME), strict=False))
    return text


def public_address(request: Request, proxies: Sequence[Network]) -> str | None:
    """Where the browser is, unless that says nothing: every reader on a private network looks alike."""
    address = plain_address(_address(request, proxies))
    return str(address) if address is not None and address.is_global else None


def _address(request: Request, proxies: Sequence[Network]) -> str:
    peer = request.client.host if request.client else ""
    address = plain_address(peer)
    if address is None or not is_trusted(address, proxies):
        return peer
    return client_address(str(address), ",".join(request.headers.getlist("x-forwarded-for")), proxies)

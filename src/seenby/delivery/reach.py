"""Connecting only to hosts that are public, for hosts that were named by people who do not run this installation.

Whoever names a host has our machine connect there, from inside our network (server-side request forgery). So the
name is asked for once, every address that it has must be public, and the connection goes to an address that was
looked at: a name that answers otherwise the second time gains nothing.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# Ways to write an IPv4 address as IPv6, behind which a private one can hide: RFC 6052 2.1, RFC 8215, RFC 3056.
_TRANSLATED: Final = tuple(ip_network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"))


class NotPublic(OSError):  # noqa: N818 - it is refused like a host that cannot be reached
    """The host is, or may be, inside a network that is not for everybody."""


def typed_host(text: str) -> str | None:
    """A host's name or address as somebody typed it, in one spelling; None when it is none."""
    host = text.strip().strip("[]").lower()
    return host if _HOST.fullmatch(host) else None


def typed_port(text: str) -> int | None:
    """A port as somebody typed it; None when it is none."""
    port = text.strip()
    return int(port) if port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536 else None


def is_public(text: str) -> bool:
    """Whether an address is anybody's on the internet: not loopback, private, link-local, multicast or reserved."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif any(address in one for one in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as this machine knows them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


async def public_addresses(host: str, port: int, *, ask: Resolve = resolve) -> Sequence[str]:
    """The addresses of a host, all of them public. Raises OSError, and NotPublic when one is not."""
    found = await ask(host, port)
    if not found or not all(is_public(one) for one in found):
        raise NotPublic(f"{host} is not on the public internet; only an owner of the installation may name such a host")
    return found


async def open_public(host: str, port: int, *, seconds: float, ask: Resolve = resolve) -> socket.socket:
    """A connection to a public address of the host. Raises OSError (TimeoutError is one)."""
    refusal: OSError = NotPublic(host)
    for address in await asyncio.wait_for(public_addresses(host, port, ask=ask), seconds):
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        opened.settimeout(0.0)
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(opened, (address, port)), seconds)
        except OSError as error:
            opened.close()
            refusal = error
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise refusal

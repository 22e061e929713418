"""Asking the DNS about names, a few seconds each; what nobody answers is DnsError, what is not there is empty."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import dns.exception
import dns.resolver
from dns.asyncresolver import Resolver

from seenby.delivery.dkim_record import DnsError

SECONDS: Final = 4.0


class Dns(Protocol):
    """What is asked of the DNS."""

    async def texts(self, name: str) -> Sequence[str]:
        """The TXT records, each in one piece. Raises DnsError."""
        ...

    async def addresses(self, host: str) -> Sequence[str]:
        """The A and AAAA records, also those behind an alias. Raises DnsError."""
        ...

    async def alias(self, host: str) -> str:
        """The name that a CNAME leads to; empty without one. Raises DnsError."""
        ...


class RealDns:
    """The resolver of this machine."""

    def __init__(self, *, resolver: Callable[[], Resolver] = Resolver) -> None:
        self._make = resolver

    async def texts(self, name: str) -> Sequence[str]:
        """See Dns."""
        return [b"".join(one.strings).decode("utf-8", "replace") for one in await self._ask(name, "TXT")]

    async def addresses(self, host: str) -> Sequence[str]:
        """See Dns."""
        return [one.to_text() for kind in ("A", "AAAA") for one in await self._ask(host, kind)]

    async def alias(self, host: str) -> str:
        """See Dns."""
        found = await self._ask(host, "CNAME")
        return str(found[0].target.to_text(omit_final_dot=True)) if found else ""

    async def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(await self._make().resolve(name, kind, lifetime=SECONDS, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise DnsError(f"The DNS did not answer for {name} ({type(error).__name__}).") from None

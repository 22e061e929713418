"""Who takes mail for a recipient's domain: its MX record, cut down to the name of whoever runs that server.

Asked beside sending and never before it: nothing here delays, changes or stops a message. The DNS learns of a domain,
never of an address. Whatever a name server answers, or if it never does, comes to a plain short name or to none.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
from dns.rdtypes.ANY.MX import MX

from seenby.words.limits import MX_AT_ONCE, MX_SECONDS, MX_WAITING

# Names that mean nothing outside one house or are nobody's (RFC 2606, 6761, 6762, 7686, 8375, 9476), never asked for.
_NOBODYS: Final = frozenset({"test", "invalid", "localhost", "local", "example", "onion", "alt", "internal", "lan"})
_NOBODYS_DOMAINS: Final = ("example.com", "example.net", "example.org", "home.arpa")
# Under these, two labels are a registry's and the third is somebody's. Not the public suffix list, which is long and
# needs refreshing: where this is too short two customers of one registry share a name, and learn from each other.
_SECOND_LEVEL: Final = frozenset({"ac", "co", "com", "edu", "gob", "gov", "gouv", "ltd", "me", "ne", "net", "or", "org",
                                  "plc", "sch"})  # fmt: skip
_HOST: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
_LONGEST: Final = 253  # characters; RFC 1035 2.3.4

Resolver = dns.asyncresolver.Resolver


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One copy that was sent, and the domain that it went to."""

    recipient: str
    domain: str


class MailHosts:
    """Copies whose mail host is still to be found out, and the way to do it.

    What waits is kept in memory only: with the process it is forgotten, and that mail is judged without.
    """

    def __init__(self, *, resolver: Callable[[], Resolver] = Resolver) -> None:
        self._resolver = resolver
        self._waiting: deque[Asking] = deque(maxlen=MX_WAITING)

    def note(self, *, recipient: str, address: str) -> None:
        """A copy is being sent; its domain is asked for later, if it may be."""
        domain = domain_of(address)
        if may_be_asked(domain):
            self._waiting.append(Asking(recipient=recipient, domain=domain))

    def take(self) -> list[Asking]:
        """The copies to be looked up now, together with all others that wait for the same domains."""
        domains: set[str] = set()
        taken, left = [], []
        for asking in self._waiting:
            if asking.domain in domains or len(domains) < MX_AT_ONCE:
                domains.add(asking.domain)
                taken.append(asking)
            else:
                left.append(asking)
        self._waiting.clear()
        self._waiting.extend(left)
        return taken

    async def look_up(self, domains: Collection[str]) -> Mapping[str, str]:
        """Who takes mail for each of these domains; empty where nobody says. One query each, all within two seconds."""
        try:
            resolver = self._resolver()
        except Exception:  # noqa: BLE001 - no name server is set on this machine, or its file cannot be read
            return dict.fromkeys(domains, "")
        hosts = await asyncio.gather(*(_mail_host(resolver, domain) for domain in domains))
        return dict(zip(domains, hosts, strict=True))


def domain_of(address: str) -> str:
    """What stands behind the last @, in small letters."""
    return address.rpartition("@")[2].strip().rstrip(".").lower()


def may_be_asked(domain: str) -> bool:
    """Whether a domain may be somebody's in the public DNS: no single label, no address, no reserved name."""
    labels = domain.split(".")
    if len(labels) < 2 or not all(labels) or len(domain) > _LONGEST or labels[-1] in _NOBODYS:
        return False
    if labels[-1].isdigit() or "[" in domain or ":" in domain:
        return False
    return not any(domain == one or domain.endswith(f".{one}") for one in _NOBODYS_DOMAINS)


def short_name(host: str) -> str:
    """Whoever runs a host, by the last labels of its name; empty when it is no host's name (RFC 1123 2.1).

    `mx1.eu.mail.example.co.uk` is run by `example.co.uk`, and `a.b.example.com` by `example.com`.
    """
    host = host.lower().rstrip(".")
    if len(host) > _LONGEST or _HOST.fullmatch(host) is None:
        return ""
    labels = host.split(".")
    is_of_registry = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if is_of_registry else -2 :])


async def _mail_host(resolver: Resolver, domain: str) -> str:
    """Whoever runs the server that is the first choice for a domain's mail; empty where nobody says."""
    try:
        name = dns.name.from_text(domain, idna_codec=dns.name.IDNA_2008_UTS_46)
        async with asyncio.timeout(MX_SECONDS):
            answer = await resolver.resolve(name, "MX", lifetime=0.9 * MX_SECONDS, search=False)
        offered = [one for one in answer if isinstance(one, MX)]
        if not offered:
            return ""
        first = min(offered, key=lambda one: (one.preference, one.exchange.canonicalize()))
        return short_name(first.exchange.to_text(omit_final_dot=True))  # a null MX (RFC 7505) is ".", and no name
    except dns.resolver.NoAnswer:
        return short_name(name.to_text(omit_final_dot=True))  # RFC 5321 5.1: the domain itself takes its mail
    except Exception:  # noqa: BLE001 - strangers write these answers, and nothing that they write may do harm
        return ""

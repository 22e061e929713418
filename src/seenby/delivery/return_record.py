"""What the DNS must say of the domain of return addresses: where its mail goes (MX), and who may send as it (SPF).

Looking up asks the DNS for two names and changes nothing; it never decides whether mail is sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.resolver

from seenby.delivery.dkim_record import DnsError, look_up

PATIENCE: Final = 5.0  # seconds
_SPF: Final = "v=spf1"

Lookup = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was found; `cure` is empty when all is well."""

    what: str
    cure: str = ""


def mail_servers(domain: str) -> Sequence[str]:
    """The hosts that take mail for `domain`, the first choice first; none without an MX record. Raises DnsError."""
    try:
        answer = dns.resolver.Resolver().resolve(domain, "MX", lifetime=PATIENCE, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise DnsError(f"The DNS did not answer for {domain} ({type(error).__name__}).") from None
    return [record.exchange.to_text(omit_final_dot=True) for record in sorted(answer, key=lambda one: one.preference)]


def check_return_path(domain: str, *, mx: Lookup = mail_servers, txt: Lookup = look_up) -> tuple[Record, Record]:
    """Whether bounces will find their way to `domain`, and whether mail from it will be believed. Raises DnsError."""
    return _mx(domain, mx(domain)), _spf(domain, [text for text in txt(domain) if text.lower().startswith(_SPF)])


def _mx(domain: str, hosts: Sequence[str]) -> Record:
    cure = f"Publish `{domain}. IN MX 10 <this machine's public name>.`, and let its port 25 lead to smtp_listen."
    if not hosts:
        return Record(what=f"{domain} has no MX record, so no bounce will come.", cure=cure)
    if hosts[0] in ("", "."):  # RFC 7505
        return Record(what=f"The MX record of {domain} says that it takes no mail.", cure=cure)
    return Record(what=f"Bounces to {domain} go to {hosts[0]}; its port 25 must lead to smtp_listen")


def _spf(domain: str, records: Sequence[str]) -> Record:
    cure = (
        f"Publish at {domain} the same SPF record (TXT, v=spf1 …) that covers your next hop for your own domain. "
        "Until then DMARC rests on DKIM alone."
    )
    if not records:
        return Record(what=f"{domain} has no SPF record, and every copy leaves from an address there.", cure=cure)
    if len(records) > 1:  # RFC 7208 4.5
        return Record(what=f"{domain} has several SPF records, which counts as a broken one.", cure=cure)
    return Record(what=f"{domain} has an SPF record; it must name the servers your next hop sends from")

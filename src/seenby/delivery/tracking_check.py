"""Whether the address that messages carry leads to our own tracker: name, certificate, and who answers there.

A redirect signed for this one question proves it: only a tracker with our keys follows it, and at the level *off* it
keeps no record of having done so.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx2
from cryptography import x509

from seenby.delivery.dkim_record import DnsError
from seenby.delivery.dns_ask import Dns
from seenby.delivery.domain_check import Check, State, could_not_ask
from seenby.delivery.mail_host import may_be_asked
from seenby.words.policy import Level
from seenby.words.token import MESSAGE_BYTES, Keyring, Kind, Token, encode_id, token_url

SECONDS: Final = 6.0
SOON: Final = timedelta(days=14)  # a certificate that ends sooner is told of; they are renewed at thirty days
_LOCAL: Final = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - read, not bound
OUTSIDE: Final = "Nobody outside this machine can reach it, so no recipient elsewhere is ever seen."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back for a fetch: the status, and where it leads."""

    status: int
    location: str = ""


Fetch = Callable[[str], Awaitable[Answered]]
Certificate = Callable[[str, int], Awaitable[datetime]]


async def fetch(url: str) -> Answered:
    """Fetch without following. Raises httpx2.HTTPError and OSError."""
    async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS, follow_redirects=False) as client:
        answer = await client.get(url)
    return Answered(status=answer.status_code, location=answer.headers.get("location", ""))


async def certificate_ends(host: str, port: int) -> datetime:
    """Until when the certificate at host:port is valid. Raises OSError, of which ssl.SSLError is one."""
    context = ssl.create_default_context()
    _reader, writer = await asyncio.wait_for(
        asyncio.open_connection(host, port, ssl=context, server_hostname=host), SECONDS
    )
    try:
        raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(raw).not_valid_after_utc
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def check_tracking(
    url: str,
    *,
    keys: Keyring,
    dns: Dns,
    now: datetime,
    chance: bytes,
    fetch: Fetch = fetch,
    certificate: Certificate = certificate_ends,
) -> list[Check]:
    """The checks in their order. `chance` is 12 random bytes."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    checks = [await _name(host, dns)]
    if parts.scheme == "https":
        checks.append(await _certificate(host, parts.port or 443, now=now, certificate=certificate))
    elif host not in _LOCAL:
        cure = (
            "Give it a certificate and write https into SEENBY_TRACKING_URL: mail programs warn of plain links, others "
            "on the way can read them, and one-click unsubscribing (RFC 8058) is offered for https only."
        )
        checks.append(Check(what="Encryption", state=State.WRONG, found="The address is plain http.", cure=cure))
    return [*checks, await _tracker(url, keys=keys, chance=chance, fetch=fetch)]


async def _name(host: str, dns: Dns) -> Check:
    what = f"Name {host}"
    if host in _LOCAL or _is_private(host):
        cure = "Put the tracker on the internet, and set SEENBY_TRACKING_URL to its public address."
        found = OUTSIDE if host in _LOCAL else "Only a network of your own reaches it, and no recipient elsewhere."
        return Check(what=what, state=State.WRONG, found=found, cure=cure)
    if _is_address(host):
        cure = "Use a name: spam filters distrust links to bare addresses."
        return Check(what=what, state=State.NOTE, found="It is an address without a name.", cure=cure)
    if not may_be_asked(host):
        found = f"{host} is a name for trying things out, which the public DNS does not know."
        return Check(what=what, state=State.WRONG, found=found, cure="Set SEENBY_TRACKING_URL to a public name.")
    return await _in_the_dns(what, host, dns)


async def _in_the_dns(what: str, host: str, dns: Dns) -> Check:
    try:
        alias, addresses = await dns.alias(host), await dns.addresses(host)
    except DnsError as error:
        return could_not_ask(what, error)
    if not addresses:
        cure = "Publish an A record (and AAAA) with the public address of the machine that the tracker runs on."
        return Check(
            what=what, state=State.WRONG, found="The DNS knows no address for it.", cure=cure, name=host,
            record=f"{host}. IN A THE-PUBLIC-ADDRESS",
        )  # fmt: skip
    said = f"{f'An alias of {alias}, ' if alias else ''}{', '.join(addresses[:6])}"
    if any(_is_private(one) for one in addresses):
        cure = "Recipients outside your network cannot reach a private address. Publish the public one."
        return Check(what=what, state=State.WRONG, found=said, cure=cure, name=host)
    return Check(what=what, state=State.GOOD, found=said)


async def _certificate(host: str, port: int, *, now: datetime, certificate: Certificate) -> Check:
    what = "Certificate"
    try:
        ends = await certificate(host, port)
    except ssl.SSLCertVerificationError as error:
        cure = "Get one for this very name, from an authority that everybody trusts, and have it served with its chain."
        return Check(
            what=what,
            state=State.WRONG,
            found=f"It is not trusted: {getattr(error, 'verify_message', error)}.",
            cure=cure,
        )
    except (OSError, ValueError) as error:
        cure = "Look whether the proxy in front of the tracker runs, and whether its port is open to this machine."
        found = f"No encrypted connection to {host}:{port} ({type(error).__name__})."
        return Check(what=what, state=State.UNKNOWN, found=found, cure=cure)
    said = f"Valid until {ends.astimezone(UTC):%-d %B %Y}."
    if ends - now < SOON:
        return Check(what=what, state=State.WRONG, found=said, cure="Renew it now; it usually renews by itself.")
    return Check(what=what, state=State.GOOD, found=said)


async def _tracker(url: str, *, keys: Keyring, chance: bytes, fetch: Fetch) -> Check:
    what = "Our tracker answers there"
    target = f"https://seenby.invalid/{encode_id(chance)}"  # followed by nobody
    token = Token(
        kind=Kind.LINK, level=Level.OFF, message=encode_id(chance[:MESSAGE_BYTES]), recipient=None, link=0,
        target=target,
    )  # fmt: skip
    asked = token_url(url, token, keys)
    if asked is None:
        return Check(what=what, state=State.UNKNOWN, found="The address is too long to carry a link.")
    try:
        answer = await fetch(asked)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        cure = (
            "Look whether the tracker runs, and whether what stands in front of it passes requests on. Some networks "
            "let no machine reach its own public address; then ask from a phone outside."
        )
        found = f"Nobody answered ({type(error).__name__})."
        return Check(what=what, state=State.UNKNOWN, found=found, cure=cure)
    if answer.status == 302 and answer.location == target:
        return Check(what=what, state=State.GOOD, found="It followed a link that only a tracker with our keys follows.")
    if answer.status == 404:
        cure = "Is it another Seenby's, or was a key made and the tracker not restarted? Its keys must be this one's."
        return Check(what=what, state=State.WRONG, found="It does not know our keys (404).", cure=cure)
    cure = "Have the proxy pass every path on to tracker_listen unchanged, and follow no redirect itself."
    return Check(what=what, state=State.WRONG, found=f"Somebody else answered, with {answer.status}.", cure=cure)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False

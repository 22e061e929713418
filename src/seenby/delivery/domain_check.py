"""Whether a sender's domain vouches for its mail: DKIM (RFC 6376), SPF (RFC 7208), DMARC (RFC 7489). And one tongue
for what any check of a domain comes to.

Looking changes nothing, and never decides whether mail is sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seenby.delivery.dkim import DkimKey, keys_for
from seenby.delivery.dkim_record import DnsError, check_key, record, record_name
from seenby.delivery.dns_ask import Dns
from seenby.delivery.mail_host import may_be_asked, short_name

_SPF: Final = "v=spf1"
_DMARC: Final = "v=dmarc1"


class State(StrEnum):
    """What came of looking."""

    GOOD = "good"
    NOTE = "note"  # works, and could be better
    WRONG = "wrong"
    UNKNOWN = "unknown"  # nobody answered, or nobody could


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `record` is what to publish at `name`, ready to be copied."""

    what: str
    state: State
    found: str
    cure: str = ""
    name: str = ""
    record: str = ""


async def check_sender_domain(domain: str, *, keys: Iterable[DkimKey], dns: Dns) -> list[Check]:
    """The three records of one domain that mail is written from."""
    if not may_be_asked(domain):
        found = f"{domain} is a name for trying things out, which the public DNS does not know."
        return [Check(what="DKIM, SPF and DMARC", state=State.UNKNOWN, found=found)]
    return [*await _dkim(domain, keys_for(domain, keys), dns=dns), await _spf(domain, dns), await _dmarc(domain, dns)]


def could_not_ask(what: str, error: DnsError) -> Check:
    """Nobody answered: that says nothing about the domain."""
    return Check(what=what, state=State.UNKNOWN, found=str(error), cure="Try again in a minute.")


async def _dkim(domain: str, keys: Sequence[DkimKey], *, dns: Dns) -> list[Check]:
    if not keys:
        cure = f"If your mail server signs it, all is well. Else let Seenby sign: seenby dkim create {domain}"
        found = "Seenby has no key for this domain, so it adds no signature."
        return [Check(what="DKIM", state=State.NOTE, found=found, cure=cure)]
    return [await _one_key(key, dns) for key in keys]


async def _one_key(key: DkimKey, dns: Dns) -> Check:
    what = f"DKIM, key {key.selector}"
    try:
        texts = await dns.texts(record_name(key))
    except DnsError as error:
        return could_not_ask(what, error)
    told = check_key(key, look_up=lambda _name: texts)
    if not told.cure:
        return Check(what=what, state=State.GOOD, found=told.what)
    cure = "Publish this TXT record, and no other at that name."
    return Check(what=what, state=State.WRONG, found=told.what, cure=cure, name=told.name, record=record(key))


async def _spf(domain: str, dns: Dns) -> Check:
    try:
        found = [text for text in await dns.texts(domain) if text.lower().split(" ")[0] == _SPF]
    except DnsError as error:
        return could_not_ask("SPF", error)
    if not found:
        cure = "Publish the record that your mail provider gives you, for the servers that your next hop sends from."
        return Check(
            what="SPF", state=State.WRONG, found="There is no record.", cure=cure, name=domain,
            record="v=spf1 include:YOUR-PROVIDER ~all",
        )  # fmt: skip
    if len(found) > 1:  # RFC 7208 4.5
        cure = "Put them together into one: several count as broken."
        return Check(what="SPF", state=State.WRONG, found=f"There are {len(found)} records.", cure=cure, name=domain)
    if found[0].lower().rstrip().endswith("+all"):
        cure = "End it with ~all or -all."
        return Check(what="SPF", state=State.WRONG, found=f"Anybody may send: {found[0]}", cure=cure, name=domain)
    note = f"{found[0]} (it must cover the servers that your next hop sends from)"
    return Check(what="SPF", state=State.GOOD, found=note)


async def _dmarc(domain: str, dns: Dns) -> Check:
    """At the domain, or at the one it belongs to (RFC 7489 6.6.3)."""
    above = short_name(domain)
    names = [f"_dmarc.{one}" for one in dict.fromkeys((domain, above)) if one]
    try:
        for name in names:
            found = [text for text in await dns.texts(name) if text.lower().lstrip().startswith(_DMARC)]
            if found:
                return _read_dmarc(name, found)
    except DnsError as error:
        return could_not_ask("DMARC", error)
    cure = "Publish this TXT record; large providers want one. It asks for nothing yet, and reports come to you."
    return Check(
        what="DMARC", state=State.WRONG, found="There is no record.", cure=cure, name=f"_dmarc.{domain}",
        record=f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}",
    )  # fmt: skip


def _read_dmarc(name: str, found: Sequence[str]) -> Check:
    if len(found) > 1:  # RFC 7489 6.6.3: then there is none
        cure = "Leave only one: several count as none."
        return Check(what="DMARC", state=State.WRONG, found=f"There are {len(found)} records.", cure=cure, name=name)
    tags = dict(part.strip().partition("=")[::2] for part in found[0].split(";") if "=" in part)
    policy = {tag.strip().lower(): value.strip() for tag, value in tags.items()}.get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        cure = "It needs p=none, p=quarantine or p=reject."
        return Check(what="DMARC", state=State.WRONG, found=found[0], cure=cure, name=name)
    if policy == "none":
        cure = "Once the reports show that all your mail passes, ask for p=quarantine."
        return Check(what="DMARC", state=State.NOTE, found=found[0], cure=cure)
    return Check(what="DMARC", state=State.GOOD, found=found[0])

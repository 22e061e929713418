"""Who takes mail for a domain, for as long as that is believed, and for whom it was found out."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.limits import MX_KNOWN, MX_UNKNOWN

_KNOWN: Final = timedelta(seconds=MX_KNOWN)
_UNKNOWN: Final = timedelta(seconds=MX_UNKNOWN)


async def believed(tx: Transaction, domains: Collection[str], *, now: datetime) -> Mapping[str, str]:
    """The mail hosts of these domains; empty where nobody said, and no entry where it is time to ask."""
    rows = await tx.all(
        "mail_hosts_of",
        domains=json.dumps(list(domains)),
        known_since=micros(now - _KNOWN),
        unknown_since=micros(now - _UNKNOWN),
    )
    return {row["domain"]: row["host"] for row in rows}


async def put(tx: Transaction, hosts: Mapping[str, str], *, at: datetime) -> None:
    """What was answered for each domain."""
    rows = [{"domain": domain, "host": host, "at": micros(at)} for domain, host in sorted(hosts.items())]
    await tx.many("put_mail_host", rows)


async def put_of_copies(tx: Transaction, hosts: Iterable[tuple[str, str]]) -> None:
    """Who took mail for each recipient's domain, by the recipient's id; what is written down stays."""
    await tx.many("set_mail_host", [{"recipient": copy, "host": host} for copy, host in sorted(hosts) if host])


async def sweep(tx: Transaction, *, now: datetime) -> None:
    """Forget what would be asked for again."""
    await tx.run("sweep_mail_hosts", before=micros(now - _KNOWN))

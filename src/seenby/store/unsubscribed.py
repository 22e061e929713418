"""People who want no more mail from a team: a wish is kept until somebody of the team lifts it, with a reason.

Colleagues are never among them: who joins the team is written to again.
"""

from dataclasses import dataclass
from datetime import datetime

from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.address import parse_address
from seenby.words.message import Untracked
from seenby.words.token import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who a token speaks of; `address` is an Address.key."""

    recipient: str
    address: str


async def person_of(tx: Transaction, token: Token) -> Person | None:
    """The recipient with this token; None for nobody, for one we no longer know, and for one of the team."""
    row = await tx.one("recipient_of_token", id=token.recipient, message=token.message) if token.recipient else None
    if row is None or (row["untracked"] is not None and Untracked(row["untracked"]).is_team):
        return None
    address = parse_address(row["address"])
    return Person(recipient=row["id"], address=address.key) if address else None


async def put(tx: Transaction, *, team: str, address: str, message: str, at: datetime) -> bool:
    """From now on the address wants no mail from the team; False when that was so already.

    A wish that is brought again after somebody lifted it is not a new one: `last_at` tells.
    """
    values = {"team": team, "address": address, "at": micros(at)}
    if await tx.run("add_unsubscribed", message=message, **values):
        return True
    if await tx.run("unsubscribe_again", message=message, **values):
        return True
    await tx.run("note_unsubscribed", **values)
    return False


async def refuses(tx: Transaction, *, team: str, address: str) -> bool:
    """Whether the address wants no mail from the team."""
    if await tx.one("is_unsubscribed", team=team, address=address) is None:
        return False
    return not await _is_colleague(tx, team=team, address=address)


async def _is_colleague(tx: Transaction, *, team: str, address: str) -> bool:
    domain = address.rpartition("@")[2]
    domains = {row["domain"] for row in await tx.all("team_domains", team=team)}
    return domain in domains or address in {row["address"] for row in await tx.all("addresses_of_team", team=team)}


async def lift(tx: Transaction, *, team: str, address: str, sender: str, why: str, at: datetime) -> bool:
    """Let the team write to the address again, because they asked for it; False when there was nothing to lift."""
    return bool(await tx.run("lift_unsubscribed", team=team, address=address, sender=sender, why=why, at=micros(at)))


async def take_lift_back(tx: Transaction, *, team: str, address: str) -> bool:
    """The address wants no mail, as before somebody lifted that; False when nobody had."""
    return bool(await tx.run("take_lift_back", team=team, address=address))

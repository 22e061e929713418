"""What administrators did, for the others to see: written in the transaction of what was done, and never changed.

A detail names addresses, domains and levels. It never holds a password, a link that signs in, or the text of a message.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import RowMapping

from seenby.store.store import Transaction
from seenby.store.times import micros

COMMAND_LINE: Final = ""  # who did it, when nobody was signed in
LONGEST: Final = 500  # characters of a detail


class Action(StrEnum):
    """What can be done that concerns others."""

    TEAM_RENAMED = "team_renamed"
    CEILING_SET = "ceiling_set"
    DOMAIN_ADDED = "domain_added"
    DOMAIN_REMOVED = "domain_removed"
    MEMBER_ADDED = "member_added"
    MEMBER_REMOVED = "member_removed"
    ROLE_SET = "role_set"
    PASSWORD_MADE = "password_made"  # noqa: S105 - a name
    SIGN_IN_LINK_MADE = "sign_in_link_made"
    SESSIONS_ENDED = "sessions_ended"
    PASSKEYS_REMOVED = "passkeys_removed"
    NEXT_HOP_SET = "next_hop_set"
    NETWORK_ADDED = "network_added"
    NETWORK_REMOVED = "network_removed"
    SEED_ADDED = "seed_added"
    SEED_REMOVED = "seed_removed"
    PERSON_ERASED = "person_erased"
    PERSON_EXPORTED = "person_exported"


async def put(tx: Transaction, action: Action, *, team: str, by: str, at: datetime, detail: str = "") -> None:
    """Write down that `by` (a sender's id, or COMMAND_LINE) did this to the team."""
    await tx.run("put_admin_log", team=team, sender=by, action=action.value, detail=detail[:LONGEST], at=micros(at))


async def page(tx: Transaction, *, team: str, before: int, limit: int) -> Sequence[RowMapping]:
    """What was done before entry number `before`, newest first."""
    return await tx.all("admin_log", team=team, before=before, limit=limit)

"""Who is in a team and as what. A team always has an owner: whoever changes roles takes turns with the others."""

from typing import Final

from seenby.store.people import OWNER, sender_of
from seenby.store.store import Transaction
from seenby.words.message import Sender

_OWN: Final = (
    "end_sessions",
    "drop_sign_in_links",
    "drop_addresses",
    "drop_preferences",
    "drop_push_subscriptions",
    "drop_passkeys",
    "drop_identities",
    "drop_saved_filters",
    "drop_saved_reports",
    "drop_reminders",
    "drop_unwatched",
    "drop_mailbox",
    "drop_attachments_of",
    "drop_drafts",
)


async def member(tx: Transaction, *, team: str, sender: str) -> Sender | None:
    """The sender with this id, if they are the team's."""
    row = await tx.one("member", id=sender, team=team)
    return sender_of(row) if row else None


async def set_role(tx: Transaction, who: Sender, role: str) -> bool:
    """Change what they may do; False when they are the last owner, who stays one."""
    await tx.run("hold_team", id=who.team)
    if role != OWNER and await _is_last_owner(tx, who):
        return False
    await tx.run("set_role", id=who.id, role=role)
    return True


async def remove(tx: Transaction, who: Sender, *, heir: str) -> bool:
    """Take them out with all that was theirs alone; False when they are the last owner.

    Mail stays the team's, texts that they shared go to `heir`, and what was accepted from them is still sent.
    """
    await tx.run("hold_team", id=who.team)
    if await _is_last_owner(tx, who):
        return False
    for statement in _OWN:
        await tx.run(statement, sender=who.id)
    await tx.run("give_templates", team=who.team, sender=who.id, to=heir)
    await tx.run("drop_templates", team=who.team, sender=who.id)
    await tx.run("drop_sender", sender=who.id)
    return True


async def _is_last_owner(tx: Transaction, who: Sender) -> bool:
    return await tx.one("other_owner", team=who.team, id=who.id) is None

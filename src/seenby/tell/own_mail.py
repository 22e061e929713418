"""Mail of ours to somebody of the team: put into the spool like any message, and sent by the same worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Any

from seenby.compose.people import one_line
from seenby.store import Transaction, mail
from seenby.words.message import Message, Recipient, Role, Untracked
from seenby.words.policy import OFF
from seenby.words.token import MESSAGE_BYTES, RECIPIENT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What such mail is written with: the name we go by, what its row needs, and chance as an argument."""

    host: str
    key_id: int
    tracking_url: str
    mint: Callable[[int], str]

    def new_identity(self) -> str:
        """A message's id."""
        return self.mint(MESSAGE_BYTES)

    def message_id(self, identity: str) -> str:
        """The Message-ID of the message with this id."""
        return f"<{identity}@{self.host}>"

    def new_mail(self, *, to: str, subject: str, identity: str, at: datetime) -> EmailMessage:
        """A mail that begins as all of ours do, with CRLF line endings; what it says is still to be put in."""
        mail = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
        mail["From"] = HeaderAddress("Seenby", "postmaster", self.host)
        mail["To"] = to
        # On one line, and without what `email` would take for an encoded word.
        mail["Subject"] = one_line(subject).replace("=?", "= ?")
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = self.message_id(identity)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 5
        return mail


async def put_own(  # noqa: PLR0913 - what a message is made of
    tx: Transaction,
    letterhead: Letterhead,
    *,
    raw: bytes,
    to: str,
    team: str,
    hop: str,
    untracked: Untracked,
    at: datetime,
    identity: str = "",
) -> None:
    """Put `raw` into the spool, from the empty return path: nobody answers that with a DSN (RFC 5321 4.5.5)."""
    identity = identity or letterhead.new_identity()
    message_id = letterhead.message_id(identity)
    message = Message(
        id=identity,
        team=team,
        sender=None,
        message_id=message_id,
        thread=message_id,
        subject="",
        from_address="",
        size=len(raw),
        key_id=letterhead.key_id,
        tracking_url=letterhead.tracking_url,
        untouched=None,
        notes=(),
        accepted_at=at,
    )
    recipient = Recipient(
        id=letterhead.mint(RECIPIENT_BYTES),
        address=to,
        name="",
        role=Role.TO,
        policy=OFF,
        untracked=untracked,
        hop=hop,
    )
    await mail.put_message(tx, message=message, recipients=[recipient], links=[], raw=raw)


def hop_of(row: Mapping[Any, Any]) -> str:
    """The name of a sender's next hop; empty: the installation's. `row` has `sender` and `next_hop`."""
    return f"sender:{row['sender']}" if row["next_hop"] else ""

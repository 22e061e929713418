"""A delivery status notification (RFC 3464): the mail that tells a sender what could not be sent.

Written by the stdlib `email` package, which is fine here: it is our own message, nobody else's.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from textwrap import wrap
from typing import Final

from seenby.words.message import UNWANTED

_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")  # others cannot be folded into a line
_SMTP_REPLY: Final = re.compile(r"([245])\d\d(?: (\1\.\d{1,3}\.\d{1,3})(?!\S))?", re.ASCII)  # RFC 5321 4.2, RFC 3463 2
_WORD: Final = 50  # characters; longer ones would not fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """What could not be sent: to whom, which message, and the last words of the next hop."""

    sender: str
    recipient: str
    subject: str
    message_id: str
    reply: str
    gave_up: bool  # True: nobody took it for days, or nobody was asked; False: it was refused

    @property
    def is_unwanted(self) -> bool:
        """Whether it was not sent because the recipient had unsubscribed."""
        return self.reply == UNWANTED


def compose_dsn(failed: Undelivered, *, host: str, message_id: str, at: datetime) -> bytes:
    """The whole message, CRLF line endings, from the empty envelope sender's own postmaster address."""
    form = (
        SMTP if failed.sender.isascii() else SMTPUTF8
    )  # an internationalised address has no other spelling (RFC 6532)
    dsn = MIMEMultipart("report", report_type="delivery-status", policy=form)
    dsn["From"] = f"Seenby <postmaster@{host}>"
    dsn["To"] = _literal(failed.sender)
    dsn["Subject"] = f"Not sent: {_literal(_subject(failed))}"
    dsn["Date"] = format_datetime(at)
    dsn["Message-ID"] = message_id
    dsn["Auto-Submitted"] = "auto-replied"  # RFC 3834 5
    if _MESSAGE_ID.fullmatch(failed.message_id) and "=?" not in failed.message_id:
        dsn["In-Reply-To"] = dsn["References"] = failed.message_id
    dsn.attach(MIMEText(_words(failed), "plain", "utf-8", policy=SMTP))
    dsn.attach(_status(failed, host=host))
    return dsn.as_bytes(policy=form)


def _literal(text: str) -> str:
    """`text` without anything that `email` would take for an encoded word, whose line breaks end a header."""
    return text.replace("=?", "= ?")


def _words(failed: Undelivered) -> str:
    if failed.is_unwanted:
        return (
            f"Your message was not sent to {failed.recipient}.\n\n{UNWANTED} If they asked you to write to them "
            f'again, choose "Write again" on Seenby\'s page "Who unsubscribed" first.\n\n'
            f"Subject: {_subject(failed)}\n\nOther recipients are not affected.\n"
        )
    if failed.gave_up:
        why = "The mail server could not be reached for days, so Seenby has given up. Its last word was:"
    else:
        why = "The mail server refused it for good. It said:"
    return (
        f"Your message could not be sent to {failed.recipient}.\n\n{why}\n\n    {failed.reply}\n\n"
        f"Subject: {_subject(failed)}\n\nOther recipients are not affected.\n"
    )


def _subject(failed: Undelivered) -> str:
    # On one line: `email` refuses a header with anything that Unicode calls the end of a line, U+2028 for one.
    return " ".join(failed.subject.encode("utf-8", "replace").decode().split()) or "(no subject)"


def _status(failed: Undelivered, *, host: str) -> Message:
    reply = _SMTP_REPLY.match(failed.reply)
    server, recipient = Message(policy=SMTP), Message(policy=SMTP)
    server["Reporting-MTA"] = f"dns; {host}"
    recipient["Final-Recipient"] = _literal(_typed(failed.recipient))
    recipient["Action"] = "failed"
    recipient["Status"] = (reply and reply[2]) or _own_status(failed)
    # Only what a server said in SMTP may be called so (RFC 3464 2.3.6); the other is our own description of a fault.
    said = " ".join(failed.reply.encode("ascii", "replace").decode().split())
    recipient["Diagnostic-Code"] = " ".join(("smtp;" if reply else "x-seenby;", *wrap(_literal(said), _WORD)))
    report = MIMEBase("message", "delivery-status", policy=SMTP)
    report.set_payload([server, recipient])
    return report


def _own_status(failed: Undelivered) -> str:
    """What happened where no server gave a code (RFC 3463 3.8, 3.5, 3.1)."""
    if failed.is_unwanted:
        return "5.7.1"
    return "4.4.7" if failed.gave_up else "5.0.0"


def _typed(address: str) -> str:
    """An address with its type; an internationalised one in the escapes of RFC 6533 3."""
    if address.isascii():
        return f"rfc822; {address}"
    return "utf-8; " + "".join(letter if letter.isascii() else f"\\x{{{ord(letter):X}}}" for letter in address)

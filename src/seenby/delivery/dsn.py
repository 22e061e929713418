"""A delivery status notification (RFC 3464): the mail that tells a sender what could not be sent.

Written by the stdlib `email` package, which is fine here: it is our own message, nobody else's.
"""

from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import format_datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """What could not be sent: to whom, which message, and the last words of the next hop."""

    sender: str
    recipient: str
    subject: str
    message_id: str
    reply: str
    gave_up: bool  # True: nobody took it for days; False: it was refused


def compose_dsn(failed: Undelivered, *, host: str, message_id: str, at: datetime) -> bytes:
    """The whole message, CRLF line endings, from the empty envelope sender's own postmaster address."""
    dsn = MIMEMultipart("report", report_type="delivery-status", policy=SMTP)
    dsn["From"] = f"Seenby <postmaster@{host}>"
    dsn["To"] = failed.sender
    dsn["Subject"] = f"Not sent: {failed.subject or '(no subject)'}"
    dsn["Date"] = format_datetime(at)
    dsn["Message-ID"] = message_id
    dsn["Auto-Submitted"] = "auto-replied"  # RFC 3834 5
    if failed.message_id:
        dsn["In-Reply-To"] = dsn["References"] = failed.message_id
    dsn.attach(MIMEText(_words(failed), "plain", "utf-8", policy=SMTP))
    dsn.attach(_status(failed, host=host))
    return dsn.as_bytes(policy=SMTP)


def _words(failed: Undelivered) -> str:
    if failed.gave_up:
        why = "The mail server could not be reached for days, so Seenby has given up. Its last word was:"
    else:
        why = "The mail server refused it for good. It said:"
    return (
        f"Your message could not be sent to {failed.recipient}.\n\n{why}\n\n    {failed.reply}\n\n"
        f"Subject: {failed.subject or '(no subject)'}\n\nOther recipients are not affected.\n"
    )


def _status(failed: Undelivered, *, host: str) -> Message:
    code = failed.reply.split(" ", 2)[1] if _has_enhanced(failed.reply) else ("4.4.7" if failed.gave_up else "5.0.0")
    server, recipient = Message(policy=SMTP), Message(policy=SMTP)
    server["Reporting-MTA"] = f"dns; {host}"
    recipient["Final-Recipient"] = f"rfc822; {failed.recipient}"
    recipient["Action"] = "failed"
    recipient["Status"] = code
    recipient["Diagnostic-Code"] = f"smtp; {failed.reply}"
    report = MIMEBase("message", "delivery-status", policy=SMTP)
    report.set_payload([server, recipient])
    return report


def _has_enhanced(reply: str) -> bool:
    words = reply.split(" ", 2)
    return len(words) > 1 and words[1].count(".") == 2 and words[1].replace(".", "").isdigit()

"""One recipient's copy, made anew from the spooled bytes whenever it is due; the same input gives the same copy.

The trace line that RFC 5321 4.4 asks for names neither the client nor anybody's address.
"""

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from seenby import maillog
from seenby.delivery.dkim import DkimKey, dkim_header, keys_for
from seenby.delivery.unsubscribing import unsubscribe_lines, unsubscribe_url
from seenby.instrument import Analysis, Headers, scan_headers, stamp, untouched_copy
from seenby.words.message import ClaimedCopy
from seenby.words.token import Keyring


def copy_of(
    analysis: Analysis, copy: ClaimedCopy, *, raw: bytes, keys: Keyring, host: str, dkim: Sequence[DkimKey]
) -> bytes:
    """The bytes that go to `copy.address`: instrumented as its policy says, or as they came; DKIM-signed if we may."""
    if copy.returned:  # a stranger's mail: nothing in it is ours to add, to take away, or to sign
        return f"Received: by {host} with ESMTP; {format_datetime(copy.accepted_at)}\r\n".encode("ascii") + raw
    headers = scan_headers(raw)
    signers = _signers(headers, dkim)
    added = added_headers(headers, message_id=copy.message_id, host=host, at=copy.accepted_at)
    if copy.unsubscribe and (url := unsubscribe_url(copy, keys=keys)):
        added += unsubscribe_lines(headers, url=url, untouched=analysis.untouched, is_signed_again=bool(signers))
    if copy.untracked:
        made = untouched_copy(raw, prepend=added)
    else:
        made = stamp(
            analysis,
            message=copy.message,
            recipient=copy.recipient,
            policy=copy.policy,
            keys=keys,
            key_id=copy.key_id if copy.key_id in keys.keys else None,
            tracking_url=copy.tracking_url,
            prepend=added,
        ).message
    return _signed(made, keys=signers, message=copy.message)


def _signers(headers: Headers, dkim: Sequence[DkimKey]) -> Sequence[DkimKey]:
    """The keys for the author's domain, the one DMARC looks for (RFC 7489 3.1); none when we have none."""
    domains = [address.domain for _name, address in headers.addresses("from")]
    return next((keys for domain in domains if (keys := keys_for(domain, dkim))), ())


def _signed(made: bytes, *, keys: Sequence[DkimKey], message: str) -> bytes:
    """`made` with signatures by `keys`."""
    try:
        return b"".join(dkim_header(made, by=key) for key in keys) + made
    except Exception as error:  # noqa: BLE001 - dkimpy refuses header lines that are none; a message goes out all the same
        maillog.unsigned(message, error)
        return made


def added_headers(headers: Headers, *, message_id: str, host: str, at: datetime) -> bytes:
    """The lines a submission server puts on top (RFC 6409 8): trace, and Message-ID and Date where they are missing."""
    lines = [f"Received: by {host} with ESMTPA; {format_datetime(at)}"]
    if not headers.raw("message-id"):
        lines.append(f"Message-ID: {message_id}")
    if not headers.raw("date"):
        lines.append(f"Date: {format_datetime(at)}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")

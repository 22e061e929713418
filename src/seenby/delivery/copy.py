"""One recipient's copy, made anew from the spooled bytes whenever it is due; the same input gives the same copy.

The trace line that RFC 5321 4.4 asks for names neither the client nor anybody's address.
"""

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from seenby.delivery.dkim import DkimKey, dkim_header
from seenby.instrument import Analysis, scan_headers, stamp, untouched_copy
from seenby.words.message import ClaimedCopy
from seenby.words.token import Keyring


def copy_of(
    analysis: Analysis, copy: ClaimedCopy, *, raw: bytes, keys: Keyring, host: str, dkim: Sequence[DkimKey]
) -> bytes:
    """The bytes that go to `copy.address`: instrumented as its policy says, or as they came; DKIM-signed if we may."""
    added = added_headers(raw, message_id=copy.message_id, host=host, at=copy.accepted_at)
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
    domain = copy.from_address.rpartition("@")[2]
    key = next((key for key in dkim if domain == key.domain or domain.endswith(f".{key.domain}")), None)
    return dkim_header(made, by=key) + made if key else made


def added_headers(raw: bytes, *, message_id: str, host: str, at: datetime) -> bytes:
    """The lines a submission server puts on top (RFC 6409 8): trace, and Message-ID and Date where they are missing."""
    headers = scan_headers(raw)
    lines = [f"Received: by {host} with ESMTPSA; {format_datetime(at)}"]
    if not headers.raw("message-id"):
        lines.append(f"Message-ID: {message_id}")
    if not headers.raw("date"):
        lines.append(f"Date: {format_datetime(at)}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")

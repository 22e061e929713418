"""A capability: leave to see one message for an hour, on the preview's origin, where nobody is signed in.

Text and MAC: `shown.id.expiry.images.mac`, keyed BLAKE2b (RFC 7693) with a personalisation of its own: whoever changes
the form of the text changes that as well, so that what was granted before an update is none, and not misread.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Final

LASTS: Final = timedelta(hours=1)
LONGEST: Final = 200


class Shown(StrEnum):
    """What of a message is shown."""

    CAUGHT = "caught"  # a recipient's copy, which the built-in mailbox caught
    WRITTEN = "written"  # the message as it was submitted
    HEAT = "heat"  # the same, with how many people followed each link


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What a capability allows: to see the recipient's copy or the message named by `id`, perhaps with its images."""

    shown: Shown
    id: str
    images: bool = False


def grant(leave: Leave, *, secret: bytes, now: datetime) -> str:
    """The capability for `leave`, good for an hour."""
    text = f"{leave.shown}.{leave.id}.{int((now + LASTS).timestamp())}.{int(leave.images)}"
    return f"{text}.{_mac(text, secret)}"


def read_leave(capability: str, *, secret: bytes, now: datetime) -> Leave | None:
    """What it allows now, or None. Never raises."""
    text, _, mac = capability.rpartition(".")
    if len(capability) > LONGEST or not capability.isascii() or not hmac.compare_digest(mac, _mac(text, secret)):
        return None
    shown, what, ends, images = text.split(".")
    if now >= datetime.fromtimestamp(int(ends), UTC):
        return None
    return Leave(shown=Shown(shown), id=what, images=images == "1")


def _mac(text: str, secret: bytes) -> str:
    digest = blake2b(text.encode(), key=secret, digest_size=16, person=b"seenby.preview.2").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

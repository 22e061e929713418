"""A message, who submitted it, and where each copy of it stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from seenby.words.address import Address
from seenby.words.policy import Policy

CAMPAIGN_FROM: Final = 20  # recipients of one message; from here on it is read as a campaign


class Role(StrEnum):
    """How a recipient was named."""

    TO = "to"
    CC = "cc"
    BCC = "bcc"  # in the envelope, in no header


class Untracked(StrEnum):
    """Why one recipient's copy carries no token though the message could."""

    OWN = "own"
    COLLEAGUE = "colleague"
    OFF = "off"
    RETURNED = "returned"

    @property
    def sentence(self) -> str:
        """For the screen."""
        return _UNTRACKED[self]

    @property
    def is_team(self) -> bool:
        """Whether it is because the recipient is on the sender's side, where nobody unsubscribes."""
        return self in (Untracked.OWN, Untracked.COLLEAGUE, Untracked.RETURNED)


_UNTRACKED = {
    Untracked.OWN: "Not tracked: this is the sender's own address.",
    Untracked.COLLEAGUE: "Not tracked: a colleague.",
    Untracked.OFF: "Not tracked: tracking was switched off.",
    Untracked.RETURNED: "Not tracked: mail that came back for the sender, forwarded as it came.",
}


# What stands where a server's reply would, of a copy that was not sent because its recipient had unsubscribed.
UNWANTED: Final = "They unsubscribed from your team's mail before this message was sent, so it was not."


class Delivery(StrEnum):
    """Where one copy stands."""

    QUEUED = "queued"
    SENT = "sent"  # the next hop took responsibility; not: it reached the inbox
    DEFERRED = "deferred"
    BOUNCED = "bounced"  # refused for good, with a reply
    FAILED = "failed"  # given up; nobody ever took it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The person or program allowed to submit through us. `policy` is what they want by default."""

    id: str
    team: str
    address: str
    role: str
    policy: Policy
    ceiling: Policy  # the team's
    notify: bool
    next_hop: str
    wishes: str = ""  # of the rewriting, as they were written down
    unsubscribe: bool = False  # whether recipients get a way to unsubscribe


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a client handed us in one SMTP transaction, after AUTH; or what somebody wrote on the pages.

    `chosen` is what its writer chose there, in place of their default; what limits both limits it as well.
    """

    sender: Sender
    envelope_from: Address
    recipients: tuple[Address, ...]
    raw: bytes
    at: datetime
    chosen: Policy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What a stranger handed us for the return address of one recipient's copy."""

    recipient: str
    raw: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The message is on disk under this id; it will have exactly one fate per recipient."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An ordinary no: an SMTP reply code, an enhanced code (RFC 3463) and a sentence."""

    code: int
    status: str
    why: str


Intake = Accepted | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One address one message goes to, with the policy frozen at acceptance."""

    id: str
    address: str
    name: str
    role: Role
    policy: Policy
    untracked: Untracked | None
    hop: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One accepted message, without its bytes."""

    id: str
    team: str
    sender: str | None
    message_id: str
    thread: str
    subject: str
    from_address: str
    size: int
    key_id: int
    tracking_url: str
    untouched: str | None
    notes: tuple[str, ...]
    accepted_at: datetime
    wishes: str = ""  # the sender's wishes of the rewriting, frozen
    unsubscribe: bool = False  # whether recipients' copies offer to unsubscribe
    honeypot: bool = False  # whether a copy carries a link that nobody sees


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedCopy:
    """One recipient's copy, ours to send until the claim ends."""

    recipient: str
    team: str
    message: str
    address: str
    policy: Policy
    untracked: bool
    hop: str
    attempts: int
    from_address: str
    message_id: str
    subject: str
    sender: str | None
    key_id: int
    tracking_url: str
    accepted_at: datetime
    wishes: str = ""
    unsubscribe: bool = False  # this copy offers to unsubscribe
    unwanted: bool = False  # its recipient has unsubscribed by now
    returned: bool = False  # somebody else's mail, forwarded as it came

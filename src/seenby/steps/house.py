"""What the steps need: the parts, the rules of the house, and clock and chance as arguments."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seenby.delivery.dkim import DkimKey
from seenby.delivery.hop import NextHop
from seenby.delivery.mail_host import MailHosts
from seenby.delivery.recent import Recent
from seenby.delivery.retry import Patience
from seenby.store import (
    Store,
)
from seenby.tell.own_mail import Letterhead
from seenby.words.policy import Policy
from seenby.words.token import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the steps need: the parts, the rules of the house, and clock and chance as arguments."""

    store: Store
    keys: Keyring
    tracking_url: str
    host: str  # the name we go by in trace lines, Message-IDs and DSNs
    ceiling: Policy
    next_hop: NextHop | None
    return_path: str = ""  # the domain of return addresses; empty: the sender's own address
    patience: Patience
    repeat_window: timedelta
    burst_wait: timedelta
    keep_address: timedelta
    keep_message: timedelta
    dkim: tuple[DkimKey, ...]
    holder: str  # this process, in claims
    now: Callable[[], datetime]
    mint: Callable[[int], str]  # that many random bytes as base64url
    recent: Recent = field(default_factory=Recent, compare=False, repr=False)
    mail_hosts: MailHosts | None = field(default=None, compare=False, repr=False)  # None: nothing is asked

    @property
    def letterhead(self) -> Letterhead:
        """What our own mail to somebody of the team is written with."""
        return Letterhead(host=self.host, key_id=self.keys.current, tracking_url=self.tracking_url, mint=self.mint)

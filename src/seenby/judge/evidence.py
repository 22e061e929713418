"""All a rule may look at: one message, its readers, and every hit on it.

Facts only. What the sender's policy did not allow to be kept is None or empty, and its absence proves nothing.
What was learned from other messages is a fact, too: how many of their hits came to what. Times are seconds after
sending, so a case can be moved, stretched and replayed without a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from seenby.words.habit import Habit, HabitKey

Mode = Literal["one_to_one", "campaign"]
Link = int | str | None

HONEYPOT: Final = "hp"
UNSUBSCRIBE: Final = "unsub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One recipient of the message, by the id that hits carry.

    `mail_host` is who takes mail for the domain, by its MX; empty where nobody asked or nobody answered.
    """

    id: str
    domain: str = ""
    address: str | None = None
    replied_after: float | None = None  # seconds after sending when they answered, if that is known exactly
    role: str = "to"
    mail_host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnView:
    """The sender's own client said: I am showing my own message now, on this surface."""

    at_seconds: float
    surface: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderDevice:
    """A device the sender signed in with: its agent and the address last seen."""

    agent: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNetwork:
    """A network that the team says is its own, in CIDR form, and what they call it."""

    network: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One hit as the judge sees it.

    `t` may be negative (fetched before the message left); `reader` is None for a token that everybody shares;
    `link` is a number, "hp" for the honeypot, "unsub", or None for an open. `agent` None means that no header
    was kept at all; an empty string means that the client sent none. `mine`: the sender said "that was me".
    `theirs`: somebody of the team said that it was the recipient. `left` is when this reader's own copy left, in
    the same seconds: with retries and long queues hours after the first. `settled`: nothing more of its burst is
    awaited, and of its address only the network is left.
    """

    id: str
    t: float
    channel: str  # "open" or "click"
    reader: str | None = None
    reader_domain: str = ""
    link: Link = None
    in_text: bool = False
    method: str = "GET"
    address: str | None = None
    agent: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    mine: bool = False
    theirs: bool = False
    left: float = 0.0
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A message and its hits.

    `known_addresses` are the sender's and the team's own, `own_networks` what they named besides; `bounced` that it
    was refused; `habits` what earlier hits
    came to at these readers' domains, at their mail hosts, and at all.
    """

    sent_at: datetime
    hits: tuple[Seen, ...]
    mode: Mode = "one_to_one"
    recipients: tuple[Reader, ...] = ()
    n_links: int = 0
    link_kinds: Mapping[str, str] = field(default_factory=dict)
    honeypot: bool = False
    sender_address: str | None = None
    sender_domain: str = ""
    known_addresses: frozenset[str] = frozenset()
    own_networks: tuple[OwnNetwork, ...] = ()
    own_views: tuple[OwnView, ...] = ()
    sender_devices: tuple[SenderDevice, ...] = ()
    replied_after: float | None = None
    bounced: bool = False
    shared_pixel: bool = False
    habits: Mapping[HabitKey, Habit] = field(default_factory=dict)

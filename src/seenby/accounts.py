"""Accounts: the first one, further senders, and the ways to get in. Asked by the command line and by the pages."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from seenby.delivery.hop import parse_next_hop
from seenby.store import Store, Transaction, admin_log, people
from seenby.store.admin_log import COMMAND_LINE, Action
from seenby.words.address import Address, parse_address
from seenby.words.errors import SeenbyError
from seenby.words.message import Sender

LINK_LASTS: Final = timedelta(hours=1)
SECRET_BYTES: Final = 16  # 128 bits, in passwords and links
ID_BYTES: Final = 9


class AccountError(SeenbyError):
    """There is no such account, or there is one already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """What somebody new needs, shown once: the SMTP password, and a link that signs in to the pages."""

    address: str
    password: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What making an account needs: the store, the pages' address, clock and chance."""

    store: Store
    app_url: str
    now: Callable[[], datetime]
    mint: Callable[[int], str]

    async def ensure_owner(self, address: str) -> str | None:
        """Make the team and its owner if there are none; the owner's SMTP password, the only time it is known."""
        owner = _parsed(address)
        async with self.store.write() as tx:
            team = await self._team(tx)
            if any(row["role"] == people.OWNER for row in await tx.all("senders_of", team=team)):
                return None
            there = await people.sender_by_address(tx, owner.key)
            if there is not None:  # made by `seenby sender add` before the first start: they have a password
                await tx.run("set_role", id=there.id, role=people.OWNER)
                return None
            if await tx.one("owner_of_address", address=owner.key):
                raise AccountError(f"{owner.key} belongs to another sender. Start with --owner and another address.")
            return await self._add(tx, owner, team=team, role=people.OWNER, next_hop="")

    async def owner(self) -> str:
        """The owner's address."""
        async with self.store.read() as tx:
            team = await tx.one("first_team")
            rows = await tx.all("senders_of", team=team["id"]) if team else ()
        return next((str(row["address"]) for row in rows if row["role"] == people.OWNER), "")

    async def add_sender(self, address: str, *, next_hop: str = "", new_password: bool = False) -> dict[str, str]:
        """A sender with an SMTP password; with `new_password`, another one for a sender who is there.

        Raises AccountError, and SettingsError for a next hop that cannot be read.
        """
        parsed = _parsed(address)
        parse_next_hop(next_hop)
        async with self.store.write() as tx:
            there = await people.sender_by_address(tx, parsed.key)
            if there is not None and not new_password:
                raise AccountError(
                    f"{parsed.key} is a sender already. Its password is not kept in readable form; "
                    f"`seenby sender add {parsed.key} --new-password` makes a new one."
                )
            if there is not None:
                password = self.mint(SECRET_BYTES)
                await tx.run("set_password", id=there.id, password_hash=people.secret_hash(password))
                await self._log(tx, Action.PASSWORD_MADE, there)
                if next_hop:
                    await tx.run("set_next_hop", id=there.id, next_hop=next_hop)
                    await self._log(tx, Action.NEXT_HOP_SET, there)
            else:
                if await tx.one("owner_of_address", address=parsed.key):
                    raise AccountError(f"{parsed.key} belongs to another sender. Remove it under Settings there first.")
                team = await self._team(tx)
                password = await self._add(tx, parsed, team=team, role=people.MEMBER, next_hop=next_hop)
                await self._log_new(tx, parsed, team=team, by=COMMAND_LINE)
        return {"address": parsed.key, "user": parsed.key, "password": password}

    async def sign_in_link(self, address: str, *, at_start: bool = False) -> dict[str, str]:
        """A link that signs this sender in, once and within the hour; only what a start prints is not logged.

        Raises AccountError.
        """
        async with self.store.write() as tx:
            sender = await people.sender_by_address(tx, address)
            if sender is None:
                raise AccountError(f"There is no sender {address}. Make one: seenby sender add {address}")
            link = await self.link_for(tx, sender)
            if not at_start:
                await self._log(tx, Action.SIGN_IN_LINK_MADE, sender)
        ends_at = self.now() + LINK_LASTS
        return {"address": sender.address, "link": link, "ends_at": ends_at.isoformat(timespec="seconds")}

    async def add_member(self, address: str, *, team: str, by: str) -> Newcomer:
        """Somebody new in a team, with what they need to begin. Raises AccountError."""
        parsed = _parsed(address)
        async with self.store.write() as tx:
            if await people.sender_by_address(tx, parsed.key) or await tx.one("owner_of_address", address=parsed.key):
                raise AccountError(f"{parsed.key} belongs to somebody here already.")
            if await people.is_another_teams(tx, parsed, team=team):
                raise AccountError(f"{parsed.domain} is another team's here. Whoever runs this installation can help.")
            password = await self._add(tx, parsed, team=team, role=people.MEMBER, next_hop="")
            sender = await people.sender_by_address(tx, parsed.key)
            assert sender is not None
            link = await self.link_for(tx, sender)
            await self._log_new(tx, parsed, team=team, by=by)
        return Newcomer(address=parsed.key, password=password, link=link)

    async def new_password(self, tx: Transaction, sender: Sender) -> str:
        """Another SMTP password; the old one opens nothing any more."""
        password = self.mint(SECRET_BYTES)
        await tx.run("set_password", id=sender.id, password_hash=people.secret_hash(password))
        return password

    async def link_for(self, tx: Transaction, sender: Sender) -> str:
        """A link that signs this sender in, once and within the hour."""
        secret = self.mint(SECRET_BYTES)
        await people.put_sign_in_link(tx, sender=sender, link=secret, ends_at=self.now() + LINK_LASTS)
        return f"{self.app_url}/sign-in/{secret}"

    async def _log(self, tx: Transaction, action: Action, whose: Sender) -> None:
        await admin_log.put(tx, action, team=whose.team, by=COMMAND_LINE, detail=whose.address, at=self.now())

    async def _log_new(self, tx: Transaction, address: Address, *, team: str, by: str) -> None:
        await admin_log.put(tx, Action.MEMBER_ADDED, team=team, by=by, detail=address.key, at=self.now())

    async def _team(self, tx: Transaction) -> str:
        if team := await tx.one("first_team"):
            return str(team["id"])
        made = self.mint(ID_BYTES)
        await people.add_team(tx, team=made, at=self.now())
        return made

    async def _add(self, tx: Transaction, address: Address, *, team: str, role: str, next_hop: str) -> str:
        password = self.mint(SECRET_BYTES)
        await people.add_sender(
            tx,
            sender=self.mint(ID_BYTES),
            team=team,
            address=address,
            role=role,
            password=password,
            next_hop=next_hop,
            at=self.now(),
        )
        return password


def _parsed(address: str) -> Address:
    parsed = parse_address(address)
    if parsed is None:
        raise AccountError(f"'{address[:80]}' is no address: write it as name@domain.")
    return parsed

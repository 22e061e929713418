"""The steps of the story over a store of the test's own, with a clock that the test moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from seenby.accounts import Accounts
from seenby.delivery.hop import NextHop, Tls
from seenby.delivery.retry import Patience
from seenby.flow import accept
from seenby.keys import new_keyring
from seenby.steps.house import House
from seenby.store import Store, people
from seenby.wiring import mint
from seenby.words.address import Address, parse_address
from seenby.words.message import Accepted, Intake, Sender, Submission
from seenby.words.policy import FULL

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ALICE, RITA, ROB = "alice@acme.test", "rita@out.test", "rob@out.test"
MAIL = (
    f"From: Alice <{ALICE}>\r\nTo: {RITA}\r\nSubject: Our offer\r\nMessage-ID: <offer@acme.test>\r\n"
    "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    "<p>Hi <a href='https://x.test/'>x</a></p>\r\n"
).encode()


@dataclass(slots=True)
class Clock:
    """A clock that stands until it is moved."""

    at: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, span: timedelta) -> None:
        self.at += span


def make_house(store: Store, *, clock: Callable[[], datetime], **rules: Any) -> House:
    """A house with the rules of an installation that has changed no setting."""
    parts: dict[str, Any] = {
        "store": store,
        "keys": new_keyring(),
        "tracking_url": "http://t.test",
        "host": "t.test",
        "ceiling": FULL,
        "next_hop": None,
        "patience": Patience(first=timedelta(minutes=5), longest=timedelta(hours=4), give_up=timedelta(days=5)),
        "repeat_window": timedelta(hours=1),
        "burst_wait": timedelta(seconds=90),
        "keep_address": timedelta(hours=24),
        "keep_message": timedelta(days=30),
        "dkim": (),
        "holder": "test",
        "now": clock,
        "mint": mint,
    }
    return House(**parts | rules)


def hop_to(port: int, *, tls: Tls = Tls.NONE, **rest: Any) -> NextHop:
    """A next hop on this machine."""
    return NextHop(host="127.0.0.1", port=port, tls=tls, **rest)


async def add_sender(house: House, address: str = ALICE, *, next_hop: str = "") -> Sender:
    """A new sender, as the gateway knows them after AUTH."""
    accounts = Accounts(store=house.store, app_url="http://a.test", now=house.now, mint=mint)
    await accounts.add_sender(address, next_hop=next_hop)
    async with house.store.read() as tx:
        sender = await people.sender_by_address(tx, address)
    assert sender is not None
    return sender


def addresses(texts: Sequence[str]) -> tuple[Address, ...]:
    parsed = [parse_address(text) for text in texts]
    return tuple(address for address in parsed if address is not None)


async def submit(
    house: House, sender: Sender, raw: bytes = MAIL, *, to: Sequence[str] = (RITA,), from_: str = ""
) -> Intake:
    """Hand a message to the house."""
    (envelope_from,) = addresses([from_ or sender.address])
    return await accept(
        house,
        Submission(sender=sender, envelope_from=envelope_from, recipients=addresses(to), raw=raw, at=house.now()),
    )


async def submitted(house: House, sender: Sender, raw: bytes = MAIL, *, to: Sequence[str] = (RITA,)) -> str:
    """The id of a message that was taken."""
    intake = await submit(house, sender, raw, to=to)
    assert isinstance(intake, Accepted), intake
    return intake.message


async def rows(store: Store, statement: str, **values: object) -> list[dict[str, Any]]:
    """What a named statement finds."""
    async with store.read() as tx:
        return [dict(row) for row in await tx.all(statement, **values)]

"""Sending copies: claiming them, making their bytes, and writing down what came of each."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from seenby import maillog
from seenby.delivery.copy import copy_of
from seenby.delivery.dsn import Undelivered, compose_dsn
from seenby.delivery.hop import NextHop, parse_next_hop
from seenby.delivery.outcome import event_kind, settle
from seenby.delivery.smtp import Answer
from seenby.instrument import NO_WISHES, Analysis, Wishes
from seenby.instrument.wishes import read_wishes
from seenby.report import sums
from seenby.steps.accepting import OFFLOAD, analysed
from seenby.steps.house import House
from seenby.store import (
    Transaction,
    hits,
    mail,
    outbox,
    returned,
)
from seenby.tell.own_mail import hop_of, put_own
from seenby.words.address import parse_address
from seenby.words.event import Event, EventKind
from seenby.words.message import (
    ClaimedCopy,
    Delivery,
    Untracked,
)
from seenby.words.return_path import sign_return_path
from seenby.words.token import MESSAGE_BYTES

DSN_CHANNEL: Final = "dsn"
LEASE: Final = timedelta(minutes=1)  # after this a dead worker's copies are anybody's
RENEW_EVERY: Final = 15.0  # seconds; a living worker keeps its claims, however slow the next hop


async def server_of(house: House, tx: Transaction, hop: str) -> NextHop | None:
    """The server behind a hop's name: a sender's own, or the installation's; None is the built-in mailbox."""
    if not hop:
        return house.next_hop
    row = await tx.one("sender_by_id", id=hop.removeprefix("sender:"))
    return parse_next_hop(row["next_hop"]) if row and row["next_hop"] else house.next_hop


@asynccontextmanager
async def holding(house: House, copies: Sequence[ClaimedCopy]) -> AsyncIterator[None]:
    """Keep the claims while we work; when we are told to stop, give back what has no answer yet."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            try:
                async with house.store.write() as tx:
                    await mail.renew_claims(tx, copies=copies, holder=house.holder, until=house.now() + LEASE)
            except Exception as error:  # noqa: BLE001 - the next renewal may come through before the claims run out
                maillog.failed("renew", error)

    keeper = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        async with house.store.write() as tx:
            await mail.release_copies(tx, copies=copies, holder=house.holder, now=house.now())
        raise
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def copies_of(house: House, claimed: Sequence[ClaimedCopy]) -> AsyncIterator[tuple[ClaimedCopy, bytes]]:
    """Each claimed copy with its bytes; a message is analysed once for the whole batch."""
    known: dict[str, tuple[bytes, Analysis]] = {}
    for copy in claimed:
        if copy.message not in known:
            async with house.store.read() as tx:
                raw = await mail.spooled(tx, message=copy.message)
            if raw is None:
                continue  # its fate was settled by another process after our claim ran out
            known[copy.message] = (
                raw,
                await analysed(
                    house,
                    raw,
                    tracking_url=copy.tracking_url,
                    sender=parse_address(copy.from_address),
                    wishes=_frozen_wishes(copy),
                    to_be_sent=False,
                ),
            )
        raw, analysis = known[copy.message]
        make = partial(copy_of, analysis, copy, raw=raw, keys=house.keys, host=house.host, dkim=house.dkim)
        yield copy, (make() if len(raw) < OFFLOAD else await asyncio.to_thread(make))


def _frozen_wishes(copy: ClaimedCopy) -> Wishes:
    """The wishes the message was accepted with; damage to what was kept of them stops no mail."""
    wishes = read_wishes(copy.wishes)
    if wishes is None:
        maillog.unreadable_wishes(copy.message)
    return wishes or NO_WISHES


def note_domains(house: House, copies: Sequence[ClaimedCopy]) -> None:
    """Have it found out who takes mail for these copies' domains."""
    if house.mail_hosts is not None:
        for copy in copies:
            if not copy.untracked:
                house.mail_hosts.note(recipient=copy.recipient, address=copy.address)


async def settle_copy(house: House, copy: ClaimedCopy, answer: Answer, *, caught: bytes | None = None) -> None:
    """Write down what came of an attempt, and tell whoever must know, in one transaction."""
    now = house.now()
    async with house.store.write() as tx:
        if caught is not None:
            await mail.catch(tx, copy=copy, raw=caught, at=now)
        await write_down(house, tx, copy, answer, at=now)


async def write_down(house: House, tx: Transaction, copy: ClaimedCopy, answer: Answer, *, at: datetime) -> None:
    """What came of a copy that we hold, its event, and the sender's notice."""
    await mail.hold(tx, [copy.message])  # the judge does as well: a deadlock would send the copy twice
    came_to = settle(answer, copy, now=at, patience=house.patience)
    attempt = house.mint(MESSAGE_BYTES)
    if not await mail.settle_copy(
        tx, copy=copy, holder=house.holder, attempt=attempt, settled=came_to, at=at, keep=house.keep_message
    ):
        return
    event = Event(
        id=f"{came_to.state.value}:{copy.recipient}:{attempt}",
        team=copy.team,
        kind=event_kind(came_to.state),
        message=copy.message,
        recipient=copy.recipient,
        at=at,
        detail=came_to.reply,
    )
    await hits.put_event(tx, event)
    if came_to.state is Delivery.SENT:
        await returned.came_back_before(tx, copy, at=at)
    await sums.count(tx, copy.message)
    if came_to.state in (Delivery.BOUNCED, Delivery.FAILED) and copy.sender is not None:
        await outbox.put(tx, event=event.id, channel=DSN_CHANNEL, team=copy.team, at=at)
    maillog.settled(copy.message, state=came_to.state.value, attempts=copy.attempts)


async def tell_failure(house: House, tx: Transaction, event: str, *, at: datetime) -> None:
    """Put the mail that tells a sender of a failure into the spool, like any other message."""
    told = await tx.one("failure_of", event=event)
    if told is None:
        return
    identity = house.letterhead.new_identity()
    raw = compose_dsn(
        Undelivered(
            sender=told["sender_address"],
            recipient=told["address"],
            subject=told["subject"],
            message_id=told["message_id"],
            reply=told["detail"],
            gave_up=told["kind"] == EventKind.MESSAGE_FAILED,
        ),
        host=house.host,
        message_id=house.letterhead.message_id(identity),
        at=at,
    )
    await put_own(
        tx,
        house.letterhead,
        raw=raw,
        to=told["sender_address"],
        team=told["team"],
        hop=hop_of(told),
        untracked=Untracked.OWN,
        at=at,
        identity=identity,
    )


def return_path_of(house: House, copy: ClaimedCopy) -> str:
    """The envelope sender of a copy, the same at every attempt; a DSN's is empty whatever is set."""
    if not house.return_path or not copy.from_address:
        return copy.from_address
    key_id = copy.key_id if copy.key_id in house.keys.keys else None
    return sign_return_path(copy.recipient, house.keys, domain=house.return_path, key_id=key_id)

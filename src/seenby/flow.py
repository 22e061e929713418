"""THE STORY of one email, in the order it happens:

    accept or post → send → look_up → take_back → drain → judge → tell → sweep

`accept` when a mail program hands us a message, `post` when one that was written on the pages is due, and `file` puts
it into its writer's own Sent folder; `send` when copies are due; `look_up` beside it: who takes mail for their domains;
`take_back` when mail comes to a copy's return address, most often a bounce; `drain` when hits have come in; `judge`
when a message has hits nobody has read yet; `tell` when a sender is to be told of failure; `sweep` when evidence has
served its purpose. What the longer steps are made of lies in steps/; docs/flow.md walks through all of it.

What a step promises is on disk when it returns, and doing it twice comes to the same.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from seenby import maillog
from seenby.delivery.intake import MAX_HOPS
from seenby.delivery.sent_folder import next_filing
from seenby.delivery.smtp import Answer, Outcome, SmtpSession
from seenby.inbound.report import read_report
from seenby.instrument import scan_headers
from seenby.journal import Reader
from seenby.judge import lesson
from seenby.report import sums
from seenby.report.reading import decide, gather, is_current, write
from seenby.steps.accepting import decide_on, keep, note_accepted
from seenby.steps.house import House
from seenby.steps.posting import file_copy, post_draft
from seenby.steps.sending import (
    DSN_CHANNEL,
    LEASE,
    copies_of,
    holding,
    note_domains,
    return_path_of,
    server_of,
    settle_copy,
    tell_failure,
    write_down,
)
from seenby.store import (
    Transaction,
    drafts,
    habits,
    hits,
    mail,
    mail_hosts,
    outbox,
    returned,
    unsubscribed,
)
from seenby.store.drafts import FILED
from seenby.store.times import micros
from seenby.tell.own_mail import hop_of, put_own
from seenby.words.event import Event, EventKind
from seenby.words.hit import Hit
from seenby.words.limits import REPORTS
from seenby.words.message import (
    UNWANTED,
    Accepted,
    Delivery,
    Intake,
    Refused,
    Returned,
    Submission,
    Untracked,
)
from seenby.words.report import ReportKind
from seenby.words.token import MESSAGE_BYTES, Kind, encode_id

BATCH_COPIES: Final = 10
BATCH_DRAFTS: Final = 5
BATCH_FILED: Final = 5
FILING_LEASE: Final = timedelta(minutes=10)  # longer than a batch of servers that do not answer
SLIP: Final = (
    "Something went wrong here, and nothing was sent. Try once more; if it fails again, tell your administrator."
)
KEEP_DRAFTS: Final = timedelta(days=1)  # those that were sent or deleted
BATCH_HITS: Final = 500
FEW_HITS: Final = 20  # a thread would take longer to wake than these to be judged
BATCH_MESSAGES: Final = 100
BATCH_SETTLED: Final = 1000  # a transaction holds up others that write
CAUGHT: Final = Answer(outcome=Outcome.TAKEN, reply="Kept in the built-in mailbox: no next hop is set.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How many copies were due, and whether their next hop could be reached."""

    copies: int
    reached: bool


async def accept(house: House, submission: Submission) -> Intake:
    """Decide every recipient's policy and put the message on disk. 250 may leave when this returned Accepted."""
    decided = await decide_on(house, submission)
    if isinstance(decided, Refused):
        return decided
    async with house.store.write() as tx:
        message = await keep(house, tx, decided)
    note_accepted(message, decided)
    return Accepted(message=message.id)


async def post(house: House) -> int:
    """Hand what was written on the pages and is due to acceptance; how many drafts were due."""
    house = replace(house, holder=f"{house.holder}:{house.mint(4)}")  # a claim belongs to one round
    now = house.now()
    async with house.store.write() as tx:
        due = await drafts.claim(tx, holder=house.holder, now=now, until=now + LEASE, limit=BATCH_DRAFTS)
    for draft in due:
        try:
            await post_draft(house, draft, at=now)
        except (SQLAlchemyError, OSError) as error:  # its lease runs out and it comes back
            maillog.failed("post", error)
        except Exception as error:  # noqa: BLE001 - a slip of ours: its writer is told, and all of it is kept
            maillog.failed("post", error)
            async with house.store.write() as tx:
                await drafts.fail(tx, draft, holder=house.holder, problem=SLIP, at=now)
    return len(due)


async def file(house: House) -> int:
    """Put what was written on the pages into its writer's own Sent folder; how many messages were due.

    A copy may be filed twice when we die between the server's word and our note of it; it is never lost quietly.
    """
    now = house.now()
    async with house.store.write() as tx:
        due = await outbox.claim(tx, channel=FILED, now=now, lease=FILING_LEASE, limit=BATCH_FILED)
    for event in due:
        async with house.store.read() as tx:
            copy = await drafts.sent_copy(tx, event)
        said = await file_copy(copy) if copy is not None else ""
        async with house.store.write() as tx:
            if copy is not None:
                await tx.run("note_mailbox", sender=copy.sender, at=micros(now), problem=said)
            wait = None if not said or copy is None else next_filing(copy.attempts)
            if wait is not None:
                await tx.run("defer_outbox", event=event, channel=FILED, due_at=micros(now + wait))
            else:
                await outbox.settle(tx, channel=FILED, event=event)
                await tx.run("drop_sent_copy", event=event)
    return len(due)


async def send(house: House, *, hop: str) -> Batch:
    """Send the copies that are due at one next hop, over one connection."""
    house = replace(house, holder=f"{house.holder}:{house.mint(4)}")  # a claim belongs to one batch
    now = house.now()
    async with house.store.write() as tx:
        copies = await mail.claim_copies(
            tx, hop=hop, holder=house.holder, now=now, until=now + LEASE, limit=BATCH_COPIES
        )
        for copy in copies:
            if copy.unwanted:
                await write_down(house, tx, copy, Answer(outcome=Outcome.UNWANTED, reply=UNWANTED), at=now)
        server = await server_of(house, tx, hop)
    due = [copy for copy in copies if not copy.unwanted]
    note_domains(house, due)
    async with holding(house, due):
        if server is None:
            async for copy, made in copies_of(house, due):
                await settle_copy(house, copy, CAUGHT, caught=made)
            return Batch(copies=len(copies), reached=True)
        async with SmtpSession(server, hello=house.host) as session:
            async for copy, made in copies_of(house, due):
                answer = await session.send(
                    envelope_from=return_path_of(house, copy), recipient=copy.address, message=made
                )
                await settle_copy(house, copy, answer)
            await session.goodbye()
        return Batch(copies=len(copies), reached=not session.is_unreachable)


async def look_up(house: House) -> int:
    """Find out who takes mail for the domains of copies that were sent just now; how many copies it was for.

    It is evidence for the judge, like the hits. Sending never waits for it, and mail is judged without it as well.
    """
    asking = house.mail_hosts.take() if house.mail_hosts is not None else []
    if house.mail_hosts is None or not asking:
        return 0
    domains = {one.domain for one in asking}
    async with house.store.read() as tx:
        known = await mail_hosts.believed(tx, domains, now=house.now())
    found = await house.mail_hosts.look_up(domains - known.keys())
    async with house.store.write() as tx:
        await mail_hosts.put(tx, found, at=house.now())
    hosts = {**known, **found}
    async with house.store.write() as tx:
        await mail_hosts.put_of_copies(tx, [(one.recipient, hosts[one.domain]) for one in asking])
    return len(asking)


async def take_back(house: House, came: Returned) -> Intake:
    """Take mail that came to a copy's return address: write down what it says, and forward it to the sender.

    250 may leave when this returned Accepted. A copy's fate changes only if a server says in so many
    words that it could not deliver it. Nobody but the sender is ever written to.
    """
    if len(scan_headers(came.raw).raw("received")) > MAX_HOPS:
        return Refused(code=554, status="5.4.6", why="The message is going round in circles")
    report = await asyncio.to_thread(read_report, came.raw)
    identity = _identity(came)
    async with house.store.write() as tx:
        copy = await returned.held_copy(tx, recipient=came.recipient)
        if copy is None:
            return Refused(code=550, status="5.1.1", why="There is no such return address")
        if await returned.is_known(tx, identity=identity):
            return Accepted(message=copy["message"])
        is_end = report.kind is ReportKind.FAILED and copy["state"] == Delivery.SENT.value  # which comes once
        if not is_end and await returned.count(tx, copy) >= REPORTS:
            return Refused(code=550, status="5.7.1", why="Too much mail has come to this return address")
        await returned.write(tx, copy, report, identity=identity, at=came.at)
        await sums.count(tx, copy["message"])
        await put_own(
            tx,
            house.letterhead,
            raw=came.raw,
            to=copy["from_address"],  # where it would have gone without us
            team=copy["team"],
            hop=hop_of(copy),
            untracked=Untracked.RETURNED,
            at=came.at,
        )
    maillog.returned(copy["message"], kind=report.kind.value)
    return Accepted(message=copy["message"])


async def drain(house: House, journal: Reader) -> int:
    """Take a batch of hits into the store, and note which messages are to be judged; how many hits there were.

    Somebody who unsubscribes comes the same way and is no hit to be judged: from this transaction on the
    team's mail to them is refused.

    How far the journal has been read is written in the same transaction, and each hit has an id of
    its own: a batch comes in once, however often it is brought.
    """
    async with house.store.read() as tx:
        done = await hits.positions(tx)
    batch = await journal.claim(done, limit=BATCH_HITS)
    for report in batch.torn:
        maillog.torn(report)
    if batch.hits or batch.done:
        async with house.store.write() as tx:
            known = await _messages(tx, {hit.token.message for hit in batch.hits})
            await mail.hold(tx, known)
            ours = [hit for hit in batch.hits if hit.token.message in known]
            left = [hit for hit in ours if hit.token.kind is Kind.UNSUBSCRIBE]
            seen = [hit for hit in ours if hit.token.kind is not Kind.UNSUBSCRIBE]
            await hits.put_hits(tx, seen, teams={message: row["team"] for message, row in known.items()})
            for hit in left:
                await _unsubscribe(tx, hit, message=known[hit.token.message])
            if left:
                await sums.count_several(tx, [hit.token.message for hit in left])
            await hits.advance(tx, done=batch.done)
            to_judge = sorted({hit.token.message for hit in seen})
            await tx.many("set_judge_at", [{"id": message, "at": micros(house.now())} for message in to_judge])
        lag = (house.now() - batch.hits[-1].at).total_seconds() if batch.hits else 0.0
        maillog.drained(hits=len(ours), unknown=len(batch.hits) - len(ours), lag=lag)
    gone = await journal.settle({**done, **batch.done})
    if gone:
        async with house.store.write() as tx:
            await tx.many("drop_drained", [{"segment": segment} for segment in gone])
    return len(batch.hits)


async def judge(house: House, *, message: str) -> None:
    """Read all hits of a message again, revise what we believe of them, and write the events that tell of it.

    Hits that come in meanwhile leave the message due, and it is judged once more; so do hits whose burst
    may not be complete, of which the bell does not tell yet.
    """
    async with house.store.read() as tx:
        row = await tx.one("message_of_token", id=message)
        if row is None:
            return
        facts = await gather(tx, message=row, now=house.now())
    if len(facts.kept) <= FEW_HITS:
        decision = decide(facts, window=house.repeat_window)
    else:
        decision = await asyncio.to_thread(decide, facts, window=house.repeat_window)
    async with house.store.write() as tx:
        if not await tx.run("hold_judgement", id=message) or not await is_current(tx, facts):
            return  # another was quicker, or more came in: then it is due again
        again = await write(tx, facts, decision, now=house.now(), burst_wait=house.burst_wait)
        await sums.count(tx, message)
        tx.later("judged", {"id": message, "seen": row["judge_at"], "again": micros(again) if again else None})


async def tell(house: House) -> int:
    """Write to senders whose message could not be sent; how many were told."""
    now = house.now()
    async with house.store.write() as tx:
        events = await outbox.claim(tx, channel=DSN_CHANNEL, now=now, lease=LEASE, limit=BATCH_COPIES)
    for event in events:
        try:
            async with house.store.write() as tx:
                await tell_failure(house, tx, event, at=now)
                await outbox.settle(tx, channel=DSN_CHANNEL, event=event)
        except Exception as error:  # noqa: BLE001 - its lease runs out and it comes back; the others are told
            maillog.failed("tell", error)
    return len(events)


async def sweep(house: House) -> int:
    """Erase what was kept for a time: hits' addresses, messages to look at, sessions; how many hits were settled.

    What a hit's last verdict teaches of its recipient's domain is counted in the transaction that settles the hit.
    """
    now = house.now()
    settled = 0
    while batch := await _settle_hits(house, before=now - house.keep_address):
        settled += batch
        if batch < BATCH_SETTLED:
            break
    async with house.store.write() as tx:
        await tx.run("sweep_sessions", now=micros(now))
        await tx.run("sweep_sign_in_links", now=micros(now))
        await tx.run("sweep_challenges", now=micros(now))
        await drafts.sweep(tx, before=now - KEEP_DRAFTS)
        await tx.run("sweep_places", before=micros(now - timedelta(days=30)))
        await mail_hosts.sweep(tx, now=now)
    while await _forget_messages(house, before=now) == BATCH_MESSAGES:
        pass
    return settled


# ---------------------------------------------------------------- what the steps are made of


async def _forget_messages(house: House, *, before: datetime) -> int:
    """Drop the texts of messages that were kept to be looked at, a batch of them; how many there were."""
    async with house.store.write() as tx:
        return await tx.run("sweep_spool", now=micros(before), limit=BATCH_MESSAGES)


async def _settle_hits(house: House, *, before: datetime) -> int:
    """Settle a batch of hits, and learn from them; how many there were."""
    async with house.store.write() as tx:
        due = await habits.due(tx, before=before, limit=BATCH_SETTLED)
        taught = {one.hit: lesson(one.verdict) for one in due if one.verdict is not None}
        await habits.settle(tx, due, lessons={hit: person for hit, person in taught.items() if person is not None})
    return len(due)


def _identity(came: Returned) -> str:
    """The same for the same mail, brought twice because our 250 was lost."""
    said = came.recipient.encode("ascii") + came.raw
    return encode_id(blake2b(said, digest_size=MESSAGE_BYTES, person=b"seenby.returned").digest())


async def _messages(tx: Transaction, ids: Iterable[str]) -> Mapping[str, Mapping[Any, Any]]:
    """The messages that hits speak of, by id; those the store does not know are left out."""
    return {row["id"]: row for row in await tx.all("messages_of_tokens", ids=json.dumps(sorted(ids)))}


async def _unsubscribe(tx: Transaction, hit: Hit, *, message: Mapping[Any, Any]) -> None:
    """The recipient wants no more mail from the team; told of once, however often they say so or it is brought."""
    person = await unsubscribed.person_of(tx, hit.token)
    if person is None or not await unsubscribed.put(
        tx, team=message["team"], address=person.address, message=message["id"], at=hit.at
    ):
        return
    event = Event(
        id=f"{EventKind.UNSUBSCRIBED.value}:{hit.id}",
        team=message["team"],
        kind=EventKind.UNSUBSCRIBED,
        message=message["id"],
        recipient=person.recipient,
        at=hit.at,
        bell=bool(message["notify"]),
    )
    await hits.put_event(tx, event)
    maillog.unsubscribed(message["id"])

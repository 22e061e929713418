"""THE STORY of one email, in the order it happens:

    accept or post → send → look_up → take_back → drain → judge → tell → sweep

`accept` when a mail program hands us a message, `post` when one that was written on the pages is due (and `file`
puts it into its writer's own Sent folder); `send` when
copies are due; `look_up` beside it: who takes
mail for their domains; `take_back` when mail comes to a copy's return address, most often a bounce; `drain`
when hits have come in; `judge` when a message has hits nobody has read yet; `tell` when a sender is to be
told of failure; `sweep` when evidence has served its purpose. docs/flow.md walks through it.

What a step promises is on disk when it returns, and doing it twice comes to the same.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from seenby import maillog
from seenby.compose.letters import Dated, letters, problems
from seenby.compose.mime import Attached, Letter, message_of
from seenby.consent.policy import decide_policy, switched
from seenby.delivery.copy import copy_of
from seenby.delivery.dkim import DkimKey
from seenby.delivery.dsn import Undelivered, compose_dsn
from seenby.delivery.hop import NextHop, parse_next_hop
from seenby.delivery.intake import (
    MAX_HOPS,
    Team,
    answering,
    as_wished,
    new_message,
    new_recipients,
    own_domain,
    references,
    refusal,
    wishes_for,
    with_honeypot,
)
from seenby.delivery.mail_host import MailHosts
from seenby.delivery.outcome import event_kind, settle
from seenby.delivery.recent import Recent
from seenby.delivery.retry import Patience
from seenby.delivery.sent_folder import MailboxError, next_filing, parse_mailbox
from seenby.delivery.sent_folder import put as put_into
from seenby.delivery.smtp import Answer, Outcome, SmtpSession
from seenby.inbound.report import read_report
from seenby.instrument import NO_WISHES, Analysis, Headers, Wishes, analyse, parse_asked, scan_headers
from seenby.instrument.headers import parse_honeypot, parse_unsubscribe
from seenby.instrument.wishes import read_wishes
from seenby.journal import Reader
from seenby.judge import lesson
from seenby.report import sums
from seenby.report.reading import decide, gather, is_current, write
from seenby.store import (
    Store,
    Transaction,
    answers,
    drafts,
    habits,
    hits,
    mail,
    mail_hosts,
    outbox,
    people,
    returned,
    unsubscribed,
)
from seenby.store.drafts import FILED, Draft, SentCopy
from seenby.store.times import micros
from seenby.tell.own_mail import Letterhead, hop_of, put_own
from seenby.words.address import Address, parse_address
from seenby.words.errors import PolicyError
from seenby.words.event import Event, EventKind
from seenby.words.hit import Hit
from seenby.words.limits import MESSAGE_BYTES as MAIL_BYTES
from seenby.words.limits import REPORTS
from seenby.words.message import (
    UNWANTED,
    Accepted,
    ClaimedCopy,
    Delivery,
    Intake,
    Message,
    Recipient,
    Refused,
    Returned,
    Sender,
    Submission,
    Untracked,
)
from seenby.words.policy import Policy
from seenby.words.report import ReportKind
from seenby.words.return_path import sign_return_path
from seenby.words.token import MESSAGE_BYTES, Keyring, Kind, encode_id

DSN_CHANNEL: Final = "dsn"
LEASE: Final = timedelta(minutes=1)  # after this a dead worker's copies are anybody's
RENEW_EVERY: Final = 15.0  # seconds; a living worker keeps its claims, however slow the next hop
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
_OFFLOAD: Final = 100_000  # bytes from which reading or stamping a message would keep others waiting


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How many copies were due, and whether their next hop could be reached."""

    copies: int
    reached: bool


async def accept(house: House, submission: Submission) -> Intake:
    """Decide every recipient's policy and put the message on disk. 250 may leave when this returned Accepted."""
    decided = await _decide(house, submission)
    if isinstance(decided, Refused):
        return decided
    async with house.store.write() as tx:
        message = await _keep(house, tx, decided)
    _note_accepted(message, decided)
    return Accepted(message=message.id)


async def post(house: House) -> int:
    """Hand what was written on the pages and is due to acceptance; how many drafts were due."""
    house = replace(house, holder=f"{house.holder}:{house.mint(4)}")  # a claim belongs to one round
    now = house.now()
    async with house.store.write() as tx:
        due = await drafts.claim(tx, holder=house.holder, now=now, until=now + LEASE, limit=BATCH_DRAFTS)
    for draft in due:
        try:
            await _post(house, draft, at=now)
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
        said = await _filed(copy) if copy is not None else ""
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
                await _write_down(house, tx, copy, Answer(outcome=Outcome.UNWANTED, reply=UNWANTED), at=now)
        server = await _server(house, tx, hop)
    due = [copy for copy in copies if not copy.unwanted]
    _note_domains(house, due)
    async with _holding(house, due):
        if server is None:
            async for copy, made in _copies(house, due):
                await _settle(house, copy, CAUGHT, caught=made)
            return Batch(copies=len(copies), reached=True)
        async with SmtpSession(server, hello=house.host) as session:
            async for copy, made in _copies(house, due):
                answer = await session.send(
                    envelope_from=_return_path(house, copy), recipient=copy.address, message=made
                )
                await _settle(house, copy, answer)
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
            ours = [hit for hit in batch.hits if hit.token.message in known]
            left = [hit for hit in ours if hit.token.kind is Kind.UNSUBSCRIBE]
            seen = [hit for hit in ours if hit.token.kind is not Kind.UNSUBSCRIBE]
            await hits.put_hits(tx, seen, teams={message: row["team"] for message, row in known.items()})
            for hit in left:
                await _unsubscribe(tx, hit, message=known[hit.token.message])
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
                await _tell_failure(house, tx, event, at=now)
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


async def team_of(tx: Transaction, sender: Sender) -> Team:
    """Whose mail the sender's is."""
    return Team(
        id=sender.team,
        own=frozenset(row["address"] for row in await tx.all("addresses_of", sender=sender.id)),
        colleagues=frozenset(row["address"] for row in await tx.all("addresses_of_team", team=sender.team)),
        domains=frozenset(row["domain"] for row in await tx.all("team_domains", team=sender.team)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A submission that can be taken, with everything decided but its place among what is kept."""

    submission: Submission
    headers: Headers
    sender: Sender
    team: Team
    analysis: Analysis
    recipients: Sequence[Recipient]
    wishes: Wishes
    is_read: bool  # what the sender wishes could be read
    unsubscribe: bool
    links: Sequence[mail.KeptLink]


async def _decide(house: House, submission: Submission) -> _Decided | Refused:
    """All of acceptance that changes nothing."""
    headers = scan_headers(submission.raw)
    async with house.store.read() as tx:
        sender = await people.sender_by_id(tx, submission.sender.id)  # switches may have moved since AUTH
        team = await team_of(tx, submission.sender)
    if sender is None:
        return Refused(code=550, status="5.7.1", why="This account is gone")
    if refused := refusal(submission, headers, team=team):
        return refused
    try:
        ceilings = (house.ceiling, sender.ceiling, submission.chosen or sender.policy)
        policy = decide_policy(ceilings=ceilings, asked=parse_asked(headers))
        unsubscribe, honeypot = parse_unsubscribe(headers), parse_honeypot(headers)
    except PolicyError as error:
        return Refused(code=550, status="5.7.1", why=str(error))
    kept = read_wishes(sender.wishes)
    wishes = wishes_for(kept, submission, headers, honeypot=honeypot)
    analysis = await _analysed(
        house,
        submission.raw,
        tracking_url=house.tracking_url,
        sender=submission.envelope_from,
        wishes=wishes,
        to_be_sent=True,
    )
    hop = f"sender:{sender.id}" if sender.next_hop else ""
    return _Decided(
        submission=submission,
        headers=headers,
        sender=sender,
        team=team,
        analysis=analysis,
        recipients=new_recipients(submission, headers, team=team, policy=policy, hop=hop, mint=house.mint),
        wishes=wishes,
        is_read=kept is not None,
        unsubscribe=sender.unsubscribe if unsubscribe is None else unsubscribe,
        links=[
            mail.KeptLink(number=link.number, part="text" if link.in_text else "html", target=link.target)
            for link in analysis.links
        ],
    )


async def _keep(house: House, tx: Transaction, decided: _Decided) -> Message:
    """Put a message and what is to be told of it on disk, when the transaction commits."""
    submission, headers = decided.submission, decided.headers
    message = new_message(
        submission,
        headers,
        decided.analysis,
        key_id=house.keys.current,
        tracking_url=house.tracking_url,
        host=house.host,
        known_thread=await mail.thread_of(tx, team=decided.team.id, message_ids=references(headers)),
        mint=house.mint,
    )
    message = as_wished(
        with_honeypot(message, decided.analysis, decided.recipients),
        wishes=decided.wishes,
        is_read=decided.is_read,
        unsubscribe=decided.unsubscribe,
    )
    await mail.put_message(tx, message=message, recipients=decided.recipients, links=decided.links, raw=submission.raw)
    await hits.put_event(tx, _about(message, EventKind.MESSAGE_ACCEPTED, at=submission.at))
    if answer := answering(headers):
        await answers.find_answer(tx, answer, team=decided.team.id, at=submission.at)
    return message


def _note_accepted(message: Message, decided: _Decided) -> None:
    recipients, links = len(decided.recipients), len(decided.links)
    maillog.accepted(message.id, recipients=recipients, links=links, untouched=message.untouched)


async def _post(house: House, draft: Draft, *, at: datetime) -> None:
    """Make messages of a draft, all of them or none. That it was sent is written where they are."""
    async with house.store.read() as tx:
        sender = await people.sender_by_id(tx, draft.sender)
        files = await drafts.files(tx, draft.id)
        is_filed = await tx.one("mailbox_of", sender=draft.sender) is not None
        own = {row["address"] for row in await tx.all("addresses_of", sender=draft.sender)}
    if draft.written.from_ not in own:
        sender = None
    made = await _made(house, draft, sender, files, at=at)
    if sender is None or isinstance(made, str):
        async with house.store.write() as tx:
            await drafts.fail(tx, draft, holder=house.holder, problem=f"{made}", at=at)
        return
    async with house.store.write() as tx:
        # First of all: whoever takes it back at this moment waits for this row, and is too late or in time.
        if not await drafts.finish(tx, draft, holder=house.holder, at=at):
            return
        kept = [await _keep(house, tx, decided) for _letter, decided in made]
        await drafts.name_message(tx, draft, message=kept[0].id)
        for message, (letter, _decided) in zip(kept, made, strict=True):
            if not draft.written.notify:
                await tx.run("unwatch", sender=sender.id, team=sender.team, message=message.id)
            if is_filed:
                event, raw = f"filed:{message.id}", message_of(letter, with_bcc=True)
                await drafts.keep_copy(tx, event=event, team=sender.team, sender=sender.id, raw=raw, at=at)
    for message, (_letter, decided) in zip(kept, made, strict=True):
        _note_accepted(message, decided)


async def _made(
    house: House, draft: Draft, sender: Sender | None, files: tuple[Attached, ...], *, at: datetime
) -> Sequence[tuple[Letter, _Decided]] | str:
    """The letters of a draft with what acceptance decides of each; or why none of them can go, in words."""
    if sender is None:
        return f"{draft.written.from_} is no longer an address of yours. Choose another one to write as."
    if why := problems(draft.written, attached_bytes=sum(len(file.raw) for file in files)):
        return " ".join(why)
    made: list[tuple[Letter, _Decided]] = []
    for letter in letters(draft.written, Dated(at=at, draft=draft.id, host=house.host), files=files):
        submission = _written_submission(house, letter, draft, sender, at=at)
        if len(submission.raw) > MAIL_BYTES:
            return f"With its files it comes to more than a server takes: {MAIL_BYTES // 1_048_576} MB are the most."
        decided = await _decide(house, submission)
        if isinstance(decided, Refused):
            return f"{decided.why}."
        made.append((letter, decided))
    return made


async def _filed(copy: SentCopy) -> str:
    """File one copy; why it did not work, in words, or nothing."""
    mailbox = parse_mailbox(copy.url)
    if mailbox is None:
        return "The mailbox cannot be read. Connect it again." if copy.url else ""
    try:
        await put_into(mailbox, copy.raw, folder=copy.folder, at=copy.at)
    except MailboxError as error:
        maillog.failed("file", error)
        return str(error)
    return ""


def _written_submission(house: House, letter: Letter, draft: Draft, sender: Sender, *, at: datetime) -> Submission:
    """A letter as if a mail program had handed it in, with what its writer chose to track."""
    return Submission(
        sender=sender,
        envelope_from=letter.sender.address,
        recipients=tuple(person.address for person in (*letter.to, *letter.cc, *letter.bcc)),
        raw=message_of(letter),
        at=at,
        chosen=switched(
            sender.policy,
            sender.ceiling.within(house.ceiling),
            pixels=draft.written.pixels,
            links=draft.written.links,
        ),
    )


async def _analysed(
    house: House, raw: bytes, *, tracking_url: str, sender: Address | None, wishes: Wishes, to_be_sent: bool
) -> Analysis:
    """The message read: kept when it is `to_be_sent`, and found again when it is."""
    domain = own_domain(sender) if sender else ""
    key = (raw, tracking_url, domain, wishes)
    if not to_be_sent and (known := house.recent.take(key)):
        return known
    read = partial(analyse, raw, tracking_url=tracking_url, keys=house.keys, wishes=wishes, sender_domain=domain)
    if len(raw) >= _OFFLOAD:
        return await asyncio.to_thread(read)
    analysis = read()
    if to_be_sent:
        house.recent.put(key, analysis)
    return analysis


async def _server(house: House, tx: Transaction, hop: str) -> NextHop | None:
    """The server behind a hop's name: a sender's own, or the installation's; None is the built-in mailbox."""
    if not hop:
        return house.next_hop
    row = await tx.one("sender_by_id", id=hop.removeprefix("sender:"))
    return parse_next_hop(row["next_hop"]) if row and row["next_hop"] else house.next_hop


@asynccontextmanager
async def _holding(house: House, copies: Sequence[ClaimedCopy]) -> AsyncIterator[None]:
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


async def _copies(house: House, claimed: Sequence[ClaimedCopy]) -> AsyncIterator[tuple[ClaimedCopy, bytes]]:
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
                await _analysed(
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
        yield copy, (make() if len(raw) < _OFFLOAD else await asyncio.to_thread(make))


def _frozen_wishes(copy: ClaimedCopy) -> Wishes:
    """The wishes the message was accepted with; damage to what was kept of them stops no mail."""
    wishes = read_wishes(copy.wishes)
    if wishes is None:
        maillog.unreadable_wishes(copy.message)
    return wishes or NO_WISHES


def _note_domains(house: House, copies: Sequence[ClaimedCopy]) -> None:
    if house.mail_hosts is not None:
        for copy in copies:
            if not copy.untracked:
                house.mail_hosts.note(recipient=copy.recipient, address=copy.address)


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


async def _settle(house: House, copy: ClaimedCopy, answer: Answer, *, caught: bytes | None = None) -> None:
    """Write down what came of an attempt, and tell whoever must know, in one transaction."""
    now = house.now()
    async with house.store.write() as tx:
        if caught is not None:
            await mail.catch(tx, copy=copy, raw=caught, at=now)
        await _write_down(house, tx, copy, answer, at=now)


async def _write_down(house: House, tx: Transaction, copy: ClaimedCopy, answer: Answer, *, at: datetime) -> None:
    """What came of a copy that we hold, its event, and the sender's notice."""
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


async def _tell_failure(house: House, tx: Transaction, event: str, *, at: datetime) -> None:
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


def _return_path(house: House, copy: ClaimedCopy) -> str:
    """The envelope sender of a copy, the same at every attempt; a DSN's is empty whatever is set."""
    if not house.return_path or not copy.from_address:
        return copy.from_address
    key_id = copy.key_id if copy.key_id in house.keys.keys else None
    return sign_return_path(copy.recipient, house.keys, domain=house.return_path, key_id=key_id)


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
    await sums.count(tx, message["id"])
    maillog.unsubscribed(message["id"])


def _about(message: Message, kind: EventKind, *, at: datetime) -> Event:
    return Event(
        id=f"{kind.value}:{message.id}", team=message.team, kind=kind, message=message.id, recipient=None, at=at
    )

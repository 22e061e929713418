"""Taking a message: everything is decided first, which changes nothing, and then kept in one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from seenby import maillog
from seenby.consent.policy import decide_policy
from seenby.delivery.intake import (
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
from seenby.instrument import Analysis, Headers, Wishes, analyse, parse_asked, scan_headers
from seenby.instrument.headers import parse_honeypot, parse_unsubscribe
from seenby.instrument.wishes import read_wishes
from seenby.steps.house import House
from seenby.store import (
    Transaction,
    answers,
    hits,
    mail,
    people,
)
from seenby.words.address import Address
from seenby.words.errors import PolicyError
from seenby.words.event import Event, EventKind
from seenby.words.message import (
    Message,
    Recipient,
    Refused,
    Sender,
    Submission,
)

OFFLOAD: Final = 100_000  # bytes from which reading or stamping a message would keep others waiting


async def team_of(tx: Transaction, sender: Sender) -> Team:
    """Whose mail the sender's is."""
    return Team(
        id=sender.team,
        own=frozenset(row["address"] for row in await tx.all("addresses_of", sender=sender.id)),
        colleagues=frozenset(row["address"] for row in await tx.all("addresses_of_team", team=sender.team)),
        domains=frozenset(row["domain"] for row in await tx.all("team_domains", team=sender.team)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
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


async def decide_on(house: House, submission: Submission) -> Decided | Refused:
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
    analysis = await analysed(
        house,
        submission.raw,
        tracking_url=house.tracking_url,
        sender=submission.envelope_from,
        wishes=wishes,
        to_be_sent=True,
    )
    hop = f"sender:{sender.id}" if sender.next_hop else ""
    return Decided(
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


async def keep(house: House, tx: Transaction, decided: Decided) -> Message:
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


def note_accepted(message: Message, decided: Decided) -> None:
    """Once it is on disk: say so in the log."""
    recipients, links = len(decided.recipients), len(decided.links)
    maillog.accepted(message.id, recipients=recipients, links=links, untouched=message.untouched)


def _about(message: Message, kind: EventKind, *, at: datetime) -> Event:
    return Event(
        id=f"{kind.value}:{message.id}", team=message.team, kind=kind, message=message.id, recipient=None, at=at
    )


async def analysed(
    house: House, raw: bytes, *, tracking_url: str, sender: Address | None, wishes: Wishes, to_be_sent: bool
) -> Analysis:
    """The message read: kept when it is `to_be_sent`, and found again when it is."""
    domain = own_domain(sender) if sender else ""
    key = (raw, tracking_url, domain, wishes)
    if not to_be_sent and (known := house.recent.take(key)):
        return known
    read = partial(analyse, raw, tracking_url=tracking_url, keys=house.keys, wishes=wishes, sender_domain=domain)
    if len(raw) >= OFFLOAD:
        return await asyncio.to_thread(read)
    analysis = read()
    if to_be_sent:
        house.recent.put(key, analysis)
    return analysis

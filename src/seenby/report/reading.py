"""Reading a message's hits again: facts in; verdicts, counts and events out, written in the caller's transaction.

Everything a message has is read at every turn, because a later hit can change what an earlier one
meant. What comes out the same is not written again, so reading twice is reading once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seenby import maillog
from seenby.judge import Evidence, OwnView, Reader, Seen, judge, states
from seenby.report.tally import Look, counted
from seenby.store import Transaction, hits
from seenby.store.hits import KeptHit, Standing, Tally
from seenby.store.times import micros, moment
from seenby.words.event import Event, EventKind
from seenby.words.verdict import Label, Reason, Verdict

CAMPAIGN_FROM = 20  # recipients of one message; from here on it is read as a campaign
PLACES_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One message with everything that was seen of it."""

    message: Mapping[Any, Any]
    recipients: Sequence[Mapping[Any, Any]]
    kept: Sequence[KeptHit]
    standing: Mapping[str, Standing]


async def read_again(tx: Transaction, *, message: Mapping[Any, Any], window: timedelta, now: datetime) -> None:
    """Judge every hit of `message` (a row of message_of_token), and write what changed."""
    reading = _Reading(
        message=message,
        recipients=await tx.all("recipients_of", message=message["id"]),
        kept=await hits.hits_of(tx, message=message["id"]),
        standing=await hits.standing_verdicts(tx, message=message["id"]),
    )
    verdicts = _verdicts(reading, await _evidence(tx, reading, now=now))
    own = counted(_looks(reading, verdicts), window=window)
    for hit in reading.kept:
        await _write_verdict(tx, reading, hit, verdict=verdicts[hit.id], is_own=hit.id in own, now=now)
    for person in reading.recipients:
        await _write_tally(tx, person, reading.kept, verdicts=verdicts, own=own)
    if reading.kept:
        await tx.run("touch_message", message=message["id"], at=micros(reading.kept[-1].at))


def _verdicts(reading: _Reading, evidence: Evidence) -> Mapping[str, Verdict]:
    """A verdict for every hit; a settled one keeps the verdict it had while its evidence was there."""
    try:
        fresh = judge(evidence)
    except Exception as error:  # noqa: BLE001 - a slip in one rule must not lose hits; unknown is a verdict
        maillog.failed("judge", error)
        fresh = {}
    puzzled = Verdict(
        label=Label.UNKNOWN, probability=0.5, reasons=(Reason(code="judge_failed", weight=0.0),), rules="none"
    )
    return {
        hit.id: reading.standing[hit.id].verdict
        if hit.settled and hit.id in reading.standing
        else fresh.get(hit.id, puzzled)
        for hit in reading.kept
    }


async def _evidence(tx: Transaction, reading: _Reading, *, now: datetime) -> Evidence:
    message = reading.message
    sent_at = moment(message["accepted_at"])
    since = micros(now - PLACES_KEPT)
    domains = {row["id"]: row["address"].rpartition("@")[2].lower() for row in reading.recipients}
    return Evidence(
        sent_at=sent_at,
        mode="campaign" if len(reading.recipients) >= CAMPAIGN_FROM else "one_to_one",
        recipients=tuple(
            Reader(id=row["id"], address=row["address"], domain=domains[row["id"]], role=row["role"])
            for row in reading.recipients
        ),
        n_links=message["link_count"],
        known_addresses=frozenset(row["address"] for row in await tx.all("places", team=message["team"], since=since)),
        own_views=tuple(
            OwnView(at_seconds=(moment(row["at"]) - sent_at).total_seconds(), surface=row["surface"])
            for row in await tx.all("own_views", message=message["id"])
        ),
        hits=tuple(_seen(hit, sent_at=sent_at, domains=domains) for hit in reading.kept),
    )


def _seen(hit: KeptHit, *, sent_at: datetime, domains: Mapping[str, str]) -> Seen:
    return Seen(
        id=hit.id,
        t=(hit.at - sent_at).total_seconds(),
        reader=hit.recipient,
        reader_domain=domains.get(hit.recipient or "", ""),
        channel=hit.channel,
        link=hit.link,
        in_text=hit.in_text,
        method=hit.method,
        address=hit.address,
        agent=hit.agent,
        headers=hit.headers,
        settled=hit.settled,
    )


def _looks(reading: _Reading, verdicts: Mapping[str, Verdict]) -> Sequence[Look]:
    return [
        Look(hit=hit.id, reader=hit.recipient, channel=hit.channel, link=hit.link, at=hit.at)
        for hit in reading.kept
        if verdicts[hit.id].label.is_person
    ]


async def _write_verdict(
    tx: Transaction, reading: _Reading, hit: KeptHit, *, verdict: Verdict, is_own: bool, now: datetime
) -> None:
    before = reading.standing.get(hit.id)
    message, team = reading.message["id"], reading.message["team"]
    if before is None or _differs(before.verdict, verdict):
        revision = before.revision + 1 if before else 1
        await hits.put_verdict(
            tx, hit=hit.id, team=team, message=message, revision=revision, verdict=verdict, counted=is_own, at=now
        )
    elif before.counted != is_own:
        revision = before.revision
        await tx.run("set_counted", hit=hit.id, counted=int(is_own))
    else:
        return
    await hits.put_event(
        tx,
        Event(
            id=f"hit:{hit.id}:{revision}:{int(is_own)}",
            team=team,
            kind=EventKind.HIT_JUDGED,
            message=message,
            recipient=hit.recipient,
            hit=hit.id,
            at=hit.at,
        ),
    )
    if is_own:
        await hits.put_event(tx, _seen_event(reading, hit))


def _seen_event(reading: _Reading, hit: KeptHit) -> Event:
    kind = EventKind.OPENED if hit.channel == hits.OPEN else EventKind.CLICKED
    return Event(
        id=f"{kind.value}:{hit.id}",
        team=reading.message["team"],
        kind=kind,
        message=reading.message["id"],
        recipient=hit.recipient,
        hit=hit.id,
        bell=bool(reading.message["notify"]),
        at=hit.at,
    )


def _differs(old: Verdict, new: Verdict) -> bool:
    """Whether the change is one to write down: another label, or a probability that moved by a percent."""
    return old.label is not new.label or abs(old.probability - new.probability) >= 0.01


async def _write_tally(
    tx: Transaction,
    person: Mapping[Any, Any],
    kept: Sequence[KeptHit],
    *,
    verdicts: Mapping[str, Verdict],
    own: frozenset[str],
) -> None:
    mine = [hit for hit in kept if hit.recipient == person["id"]]
    opens = [hit for hit in mine if hit.id in own and hit.channel == hits.OPEN]
    clicks = [hit for hit in mine if hit.id in own and hit.channel == hits.CLICK]
    opened, clicked = states([(hit.channel, verdicts[hit.id]) for hit in mine])
    await hits.put_tally(
        tx,
        recipient=person["id"],
        tally=Tally(
            opened=opened,
            clicked=clicked,
            opens=len(opens),
            clicks=len(clicks),
            machines=sum(verdicts[hit.id].label.is_machine for hit in mine),
            opened_at=opens[-1].at if opens else None,
            clicked_at=clicks[-1].at if clicks else None,
        ),
    )

"""Reading a message's hits again, in three steps: gather the facts, decide, write what changed.

Everything a message has is looked at every time, because a later hit can change what an earlier one
meant. What comes out the same is not written again, so reading twice is reading once. Deciding is
the long part and needs no transaction: the store is not held up by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from seenby import maillog
from seenby.judge import Evidence, OwnView, Reader, Seen, judge, states
from seenby.judge.evidence import HONEYPOT
from seenby.report.counting import Look, counted
from seenby.store import Transaction, answers, hits, mail_hosts
from seenby.store.habits import habits_of
from seenby.store.hits import KeptHit, Standing, Tally
from seenby.store.times import micros, moment
from seenby.words.event import Event, EventKind
from seenby.words.message import CAMPAIGN_FROM, Delivery
from seenby.words.policy import Level
from seenby.words.token import HONEYPOT_LINK
from seenby.words.verdict import Label, Reason, Verdict

PLACES_KEPT: Final = timedelta(days=30)
_PUZZLED: Final = Verdict(
    label=Label.UNKNOWN, probability=0.5, reasons=(Reason(code="judge_failed", weight=0.0),), rules="none"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One message with everything that was seen of it, and what we believed until now."""

    message: Mapping[Any, Any]  # a row of message_of_token
    recipients: Sequence[Mapping[Any, Any]]
    kept: Sequence[KeptHit]
    standing: Mapping[str, Standing]
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be written of a message: verdicts that are new or changed, and everybody's counts."""

    changed: Sequence[tuple[KeptHit, Verdict, bool]]  # the bool: an open or click of its own
    tallies: Mapping[str, Tally]


async def gather(tx: Transaction, *, message: Mapping[Any, Any], now: datetime) -> Facts:
    """The facts of one message."""
    recipients = await tx.all("recipients_of", message=message["id"])
    kept = await hits.hits_of(tx, message=message["id"])
    return Facts(
        message=message,
        recipients=recipients,
        kept=kept,
        standing=await hits.standing_verdicts(tx, message=message["id"]),
        evidence=await _evidence(tx, message, recipients, kept, now=now),
    )


def decide(facts: Facts, *, window: timedelta) -> Decision:
    """What the facts come to. Pure; the longer the more hits."""
    verdicts = _verdicts(facts)
    own = counted(_looks(facts, verdicts), window=window)
    seen = {hit.id: seen for hit, seen in zip(facts.kept, facts.evidence.hits, strict=True)}
    mine: dict[str, list[KeptHit]] = {person["id"]: [] for person in facts.recipients}
    replied = {person["id"] for person in facts.recipients if person["replied_at"] is not None}
    for hit in facts.kept:
        if hit.recipient in mine:
            mine[hit.recipient].append(hit)
    return Decision(
        changed=[
            (hit, verdicts[hit.id], hit.id in own)
            for hit in facts.kept
            if _is_news(facts.standing.get(hit.id), verdicts[hit.id], is_own=hit.id in own)
        ],
        tallies={
            person: _tally(theirs, seen, verdicts, own, replied=person in replied) for person, theirs in mine.items()
        },
    )


async def write(tx: Transaction, facts: Facts, decision: Decision, *, now: datetime) -> None:
    """Write what changed, and the events that tell of it."""
    for hit, verdict, is_own in decision.changed:
        await _write_verdict(tx, facts, hit, verdict=verdict, is_own=is_own, now=now)
    for person in facts.recipients:
        if _changes(person, decision.tallies[person["id"]]):
            await hits.put_tally(tx, recipient=person["id"], tally=decision.tallies[person["id"]])
    if facts.kept:
        await tx.run("touch_message", message=facts.message["id"], at=micros(facts.kept[-1].at))


def _verdicts(facts: Facts) -> Mapping[str, Verdict]:
    """A verdict for every hit; a settled one keeps the verdict it had while its evidence was there."""
    try:
        fresh = judge(facts.evidence)
    except Exception as error:  # noqa: BLE001 - a slip in one rule must not lose hits; unknown is a verdict
        maillog.failed("judge", error)
        fresh = {}
    return {
        hit.id: facts.standing[hit.id].verdict
        if hit.settled and hit.id in facts.standing
        else _kept(fresh.get(hit.id, _PUZZLED), level=hit.level)
        for hit in facts.kept
    }


def _kept(verdict: Verdict, *, level: Level) -> Verdict:
    """What may be written of a verdict: below `full` its reasons stay, without the program or network they name."""
    if level is Level.FULL:
        return verdict
    return replace(verdict, reasons=tuple(replace(reason, detail="") for reason in verdict.reasons))


def _is_news(before: Standing | None, verdict: Verdict, *, is_own: bool) -> bool:
    return before is None or before.counted != is_own or _differs(before.verdict, verdict)


def _changes(person: Mapping[Any, Any], tally: Tally) -> bool:
    was = (person["opened"], person["clicked"], person["opens"], person["clicks"], person["machines"])
    new = (tally.opened.value, tally.clicked.value, tally.opens, tally.clicks, tally.machines)
    return (
        was != new
        or person["opened_at"] != _micros(tally.opened_at)
        or person["clicked_at"] != _micros(tally.clicked_at)
    )


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


async def _evidence(
    tx: Transaction,
    message: Mapping[Any, Any],
    recipients: Sequence[Mapping[Any, Any]],
    kept: Sequence[KeptHit],
    *,
    now: datetime,
) -> Evidence:
    sent_at = moment(message["accepted_at"])
    since = micros(now - PLACES_KEPT)
    has_answers = any(row["replied_at"] is not None for row in recipients)
    answered = await answers.known_times(tx, message=message["id"]) if has_answers else {}
    domains = {row["id"]: row["address"].rpartition("@")[2].lower() for row in recipients}
    hosts = await _mail_hosts(tx, recipients, domains, now=now)
    return Evidence(
        sent_at=sent_at,
        mode="campaign" if len(recipients) >= CAMPAIGN_FROM else "one_to_one",
        recipients=tuple(
            Reader(
                id=row["id"],
                address=row["address"],
                domain=domains[row["id"]],
                role=row["role"],
                replied_after=_seconds_after(sent_at, answered.get(row["id"])),
                mail_host=hosts[row["id"]],
            )
            for row in recipients
        ),
        n_links=message["link_count"],
        honeypot=bool(message["honeypot"]),
        known_addresses=frozenset(row["address"] for row in await tx.all("places", team=message["team"], since=since)),
        own_views=tuple(
            OwnView(at_seconds=(moment(row["at"]) - sent_at).total_seconds(), surface=row["surface"])
            for row in await tx.all("own_views", message=message["id"])
        ),
        hits=tuple(_seen(hit, sent_at=sent_at, domains=domains) for hit in kept),
        bounced=bool(recipients) and all(row["state"] == Delivery.BOUNCED for row in recipients),
        habits=await habits_of(tx, team=message["team"], readers={(domains[one], hosts[one]) for one in hosts}),
    )


async def _mail_hosts(
    tx: Transaction, recipients: Sequence[Mapping[Any, Any]], domains: Mapping[str, str], *, now: datetime
) -> Mapping[str, str]:
    """Who took each recipient's mail, as written down when it was sent, or as it was answered since."""
    later = {domains[row["id"]] for row in recipients if not row["mail_host"]}
    known = await mail_hosts.believed(tx, later, now=now) if later else {}
    return {row["id"]: row["mail_host"] or known.get(domains[row["id"]], "") for row in recipients}


def _seconds_after(sent_at: datetime, at: int | None) -> float | None:
    return None if at is None else (moment(at) - sent_at).total_seconds()


def _seen(hit: KeptHit, *, sent_at: datetime, domains: Mapping[str, str]) -> Seen:
    return Seen(
        id=hit.id,
        t=(hit.at - sent_at).total_seconds(),
        reader=hit.recipient,
        reader_domain=domains.get(hit.recipient or "", ""),
        channel=hit.channel,
        link=HONEYPOT if hit.link == HONEYPOT_LINK else hit.link,
        in_text=hit.in_text,
        method=hit.method,
        address=hit.address,
        agent=hit.agent,
        headers=hit.headers,
        settled=hit.settled,
    )


def _looks(facts: Facts, verdicts: Mapping[str, Verdict]) -> Sequence[Look]:
    return [
        Look(hit=hit.id, reader=hit.recipient, channel=hit.channel, link=hit.link, at=hit.at)
        for hit in facts.kept
        if verdicts[hit.id].label.is_person and hit.link != HONEYPOT_LINK  # whoever follows that, it is no click
    ]


async def _write_verdict(
    tx: Transaction, facts: Facts, hit: KeptHit, *, verdict: Verdict, is_own: bool, now: datetime
) -> None:
    before = facts.standing.get(hit.id)
    message, team = facts.message["id"], facts.message["team"]
    if before is None or _differs(before.verdict, verdict):
        revision = before.revision + 1 if before else 1
        await hits.put_verdict(
            tx, hit=hit.id, team=team, message=message, revision=revision, verdict=verdict, counted=is_own, at=now
        )
    else:
        revision = before.revision
        await tx.run("set_counted", hit=hit.id, counted=int(is_own))
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
        await hits.put_event(tx, _seen_event(facts, hit))


def _seen_event(facts: Facts, hit: KeptHit) -> Event:
    kind = EventKind.OPENED if hit.channel == hits.OPEN else EventKind.CLICKED
    return Event(
        id=f"{kind.value}:{hit.id}",
        team=facts.message["team"],
        kind=kind,
        message=facts.message["id"],
        recipient=hit.recipient,
        hit=hit.id,
        bell=bool(facts.message["notify"]),
        at=hit.at,
    )


def _differs(old: Verdict, new: Verdict) -> bool:
    """Whether the change is one to write down: another label, other reasons, or a probability moved by a percent."""
    if old.label is not new.label or abs(old.probability - new.probability) >= 0.01:
        return True
    return {reason.code for reason in old.reasons} != {reason.code for reason in new.reasons}


def _tally(
    mine: Sequence[KeptHit],
    seen: Mapping[str, Seen],
    verdicts: Mapping[str, Verdict],
    own: frozenset[str],
    *,
    replied: bool,
) -> Tally:
    opens = [hit for hit in mine if hit.id in own and hit.channel == hits.OPEN]
    clicks = [hit for hit in mine if hit.id in own and hit.channel == hits.CLICK]
    opened, clicked = states([(seen[hit.id], verdicts[hit.id]) for hit in mine], replied=replied)
    return Tally(
        opened=opened,
        clicked=clicked,
        opens=len(opens),
        clicks=len(clicks),
        machines=sum(verdicts[hit.id].label.is_machine for hit in mine),
        opened_at=opens[-1].at if opens else None,
        clicked_at=clicks[-1].at if clicks else None,
    )

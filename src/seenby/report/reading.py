"""Reading a message's hits again, in three steps: gather the facts, decide, write what changed.

Everything a message has is looked at every time, because a later hit can change what an earlier one
meant. What comes out the same is not written again, so reading twice is reading once. Deciding is
the long part and needs no transaction: the store is not held up by it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from seenby import maillog
from seenby.judge import Evidence, OwnNetwork, OwnView, Reader, Seen, judge, states
from seenby.judge.evidence import HONEYPOT
from seenby.judge.networks import network_of
from seenby.report.counting import Look, counted
from seenby.report.facets import facets_of
from seenby.report.holding import FIRST, tellings
from seenby.report.views.cause import Cause, cause_by
from seenby.store import Transaction, answers, facets, hits, mail_hosts
from seenby.store.habits import habits_of
from seenby.store.hits import KeptHit, Revised, Standing, Tally
from seenby.store.times import micros, moment
from seenby.words.event import Event, EventKind
from seenby.words.message import CAMPAIGN_FROM, Delivery, Untracked
from seenby.words.policy import Level
from seenby.words.token import HONEYPOT_LINK
from seenby.words.verdict import Label, Reason, Verdict

ME, PERSON = "me", "person"  # what the team may say of a hit
STATEMENTS: Final = frozenset({"own_said", "person_said"})
# Reasons that looked at the whole address, which a settled hit no longer has.
WHOLE_ADDRESS: Final = STATEMENTS | {
    "own_view",
    "own_address",
    "own_network",
    "own_device",
    "like_own_device",
    "colleague_line",
    "apple_prefetch",
    "apple_network",
    "bare_agent_elsewhere",
}
_OF_MESSAGE: Final = ("recipients_of", "hits_of", "standing_verdicts", "said_of", "believed", "own_views")
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
    earlier: Mapping[str, Verdict]  # of settled hits of which a statement was taken back: what stood before it
    believed: tuple[int, int, int]  # verdicts, revisions and people who were erased, by which a change is noticed
    said: Mapping[str, str]  # of which hits the team said who it was: me, or person
    evidence: Evidence
    again: bool  # settled verdicts are looked at as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be written of a message: verdicts that are new or changed, and everybody's counts."""

    changed: Sequence[tuple[KeptHit, Verdict, bool]]  # the bool: an open or click of its own
    own: Sequence[KeptHit]  # every open and click of its own
    tallies: Mapping[str, Tally]
    facets: facets.Counts  # what reports are cut by


async def gather(tx: Transaction, *, message: Mapping[Any, Any], now: datetime, again: bool = False) -> Facts:
    """The facts of one message. `again`: those that are left of settled hits, too, but of no hit that is still unread.

    Whoever reads a hit for the first time tells of it, and history is judged without telling anybody.
    """
    of_message, of_team = {"message": message["id"]}, {"team": message["team"]}
    await tx.ahead(
        *((name, of_message) for name in _OF_MESSAGE),
        ("places", {**of_team, "since": micros(now - PLACES_KEPT)}),
        ("own_networks", of_team),
    )
    recipients = await tx.all("recipients_of", message=message["id"])
    kept = await hits.hits_of(tx, message=message["id"])
    standing = await hits.standing_verdicts(tx, message=message["id"])
    if again:
        kept = [hit for hit in kept if hit.id in standing]
    said = {row["hit"]: row["what"] for row in await tx.all("said_of", message=message["id"])}
    unsaid = {
        hit.id for hit in kept if hit.settled and hit.id not in said and _was_said(standing.get(hit.id))
    }  # their evidence is gone, and what was believed before is the best that is left
    return Facts(
        message=message,
        recipients=recipients,
        kept=kept,
        standing=standing,
        earlier=await _earlier(tx, message["id"], unsaid) if unsaid else {},
        believed=await _believed(tx, message["id"]),
        said=said,
        evidence=await _evidence(tx, message, recipients, kept, said=said, now=now, again=again),
        again=again,
    )


async def is_current(tx: Transaction, facts: Facts) -> bool:
    """Whether nobody has judged the message since its facts were gathered, or erased one of its people."""
    return await _believed(tx, facts.message["id"]) == facts.believed


async def _believed(tx: Transaction, message: str) -> tuple[int, int, int]:
    row = await tx.one("believed", message=message)
    return (int(row["verdicts"]), int(row["revisions"]), int(row["erased"])) if row else (0, 0, 0)


async def _earlier(tx: Transaction, message: str, hit_ids: Collection[str]) -> Mapping[str, Verdict]:
    """The last verdict of each of these hits that rests on no statement."""
    rows = await tx.all("verdicts_of", message=message)  # oldest first
    read = [(row["hit"], hits.verdict_of(row)) for row in rows if row["hit"] in hit_ids]
    return {hit: verdict for hit, verdict in read if not _rests_on(verdict, STATEMENTS)}


def _was_said(standing: Standing | None) -> bool:
    return standing is not None and _rests_on(standing.verdict, STATEMENTS)


def _rests_on(verdict: Verdict, codes: Collection[str]) -> bool:
    return any(reason.code in codes for reason in verdict.reasons)


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
        own=[hit for hit in facts.kept if hit.id in own],
        tallies={
            person: _tally(theirs, seen, verdicts, own, replied=person in replied) for person, theirs in mine.items()
        },
        facets=facets_of(facts.kept, verdicts, own=own, left_out=_left_out(facts.recipients)),
    )


def _left_out(recipients: Sequence[Mapping[Any, Any]]) -> frozenset[str]:
    """Those whom no figure counts: the team itself, and mailboxes that nobody reads."""
    team = {row["id"] for row in recipients if row["untracked"] not in (None, Untracked.OFF)}
    return frozenset(team | {row["id"] for row in recipients if row["is_seed"]})


async def write(
    tx: Transaction, facts: Facts, decision: Decision, *, now: datetime, burst_wait: timedelta
) -> datetime | None:
    """Write what changed, and the events that tell of it; when to come back for those that may not be told of yet."""
    await _write_verdicts(tx, facts, decision, now=now)
    for person in facts.recipients:
        if _changes(person, decision.tallies[person["id"]]):
            await hits.put_tally(tx, recipient=person["id"], tally=decision.tallies[person["id"]])
    if facts.message["sender"] is not None:
        await facets.put(tx, facts.message, decision.facets)
    if facts.kept:
        tx.later("touch_message", {"message": facts.message["id"], "at": micros(facts.kept[-1].at)})
    return await _tell(tx, facts, decision, now=now, burst_wait=burst_wait)


async def _tell(
    tx: Transaction, facts: Facts, decision: Decision, *, now: datetime, burst_wait: timedelta
) -> datetime | None:
    """Tell of every open and click of its own, once each, and never of history that was judged again."""
    changed = {hit.id for hit, _, _ in decision.changed}
    held: list[datetime] = []
    told: list[Event] = []
    for hit, at in _due(facts, decision.own, burst_wait=burst_wait):
        if hit.at <= now < at:  # a hit from the future, by a clock that was set, waits for nothing
            held.append(at)
        elif (hit.id in changed or at != hit.at) and not facts.again:
            told.append(_seen_event(facts, hit))  # again is nothing: its id is the hit's
    await hits.put_events(tx, told)
    return min(held, default=None)


def _due(facts: Facts, own: Sequence[KeptHit], *, burst_wait: timedelta) -> Iterator[tuple[KeptHit, datetime]]:
    """Each with when its sender may be told of it; what this very machine fetched is part of no scanner's burst."""
    left = {person["id"]: _left(person, facts.message) for person in facts.recipients}
    times: dict[str | None, list[datetime]] = {}
    for hit in facts.kept:
        times.setdefault(hit.recipient, []).append(hit.at)
    told = {recipient: tellings(theirs, longest=burst_wait) for recipient, theirs in times.items()}
    for hit in own:
        copy_left = left.get(hit.recipient or "", moment(facts.message["accepted_at"]))
        if hit.settled or hit.at - copy_left > FIRST or network_of(hit.address).here:
            yield hit, hit.at
        else:
            yield hit, told[hit.recipient][hit.at]


def _left(person: Mapping[Any, Any], message: Mapping[Any, Any]) -> datetime:
    """When this recipient's copy left; before that, when the message came."""
    at: int = person["sent_at"] or message["accepted_at"]
    return moment(at)


def _verdicts(facts: Facts) -> Mapping[str, Verdict]:
    """A verdict for every hit; a settled one keeps the verdict it had while its evidence was there.

    When history is judged again, so are settled hits of which enough is kept. What was said of a hit always holds.
    """
    try:
        fresh = judge(facts.evidence)
    except Exception as error:  # noqa: BLE001 - a slip in one rule must not lose hits; unknown is a verdict
        maillog.failed("judge", error)
        fresh = {}
    return {hit.id: _settled(facts, hit) or _kept(fresh.get(hit.id, _PUZZLED), level=hit.level) for hit in facts.kept}


def _settled(facts: Facts, hit: KeptHit) -> Verdict | None:
    """What is believed of a hit whose evidence was erased; None when it is to be judged by what there is."""
    standing = facts.standing.get(hit.id)
    if not hit.settled or standing is None or hit.id in facts.said:
        return None
    before = facts.earlier.get(hit.id, standing.verdict)
    is_enough = hit.level is Level.FULL and not _rests_on(before, WHOLE_ADDRESS)
    return None if facts.again and is_enough else before


def _kept(verdict: Verdict, *, level: Level) -> Verdict:
    """What may be written of a verdict: below `full` its reasons stay, without the program or network they name."""
    if level is Level.FULL:
        return verdict
    return replace(verdict, reasons=tuple(replace(reason, detail="") for reason in verdict.reasons))


def _is_news(before: Standing | None, verdict: Verdict, *, is_own: bool) -> bool:
    return before is None or before.counted != is_own or _differs(before.verdict, verdict)


def _cause(verdict: Verdict) -> Cause:
    return cause_by(verdict.label, {reason.code for reason in verdict.reasons})


def _changes(person: Mapping[Any, Any], tally: Tally) -> bool:
    was = (person["opened"], person["clicked"], person["opens"], person["clicks"], person["machines"])
    new = (tally.opened.value, tally.clicked.value, tally.opens, tally.clicks, tally.machines)
    return (
        was != new
        or (person["fetched"], person["apple"], person["scanned"]) != (tally.fetched, tally.apple, tally.scanned)
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
    said: Mapping[str, str],
    now: datetime,
    again: bool,
) -> Evidence:
    sent_at = moment(message["accepted_at"])
    since = micros(now - PLACES_KEPT)
    has_answers = any(row["replied_at"] is not None for row in recipients)
    answered = await answers.known_times(tx, message=message["id"]) if has_answers else {}
    domains = {row["id"]: row["address"].rpartition("@")[2].lower() for row in recipients}
    hosts = await _mail_hosts(tx, recipients, domains, now=now)
    left = {row["id"]: (_left(row, message) - sent_at).total_seconds() for row in recipients}
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
        own_networks=tuple(
            OwnNetwork(network=row["network"], name=row["name"])
            for row in await tx.all("own_networks", team=message["team"])
        ),
        own_views=tuple(
            OwnView(at_seconds=(moment(row["at"]) - sent_at).total_seconds(), surface=row["surface"])
            for row in await tx.all("own_views", message=message["id"])
        ),
        hits=tuple(
            _seen(
                hit,
                sent_at=sent_at,
                domain=domains.get(hit.recipient or "", ""),
                left=left.get(hit.recipient or "", 0.0),
                said=said.get(hit.id, ""),
                again=again,
            )
            for hit in kept
        ),
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


def _seen(hit: KeptHit, *, sent_at: datetime, domain: str, left: float, said: str, again: bool) -> Seen:
    near = hit.network.partition("/")[0] if again and hit.network else None
    return Seen(
        id=hit.id,
        t=(hit.at - sent_at).total_seconds(),
        reader=hit.recipient,
        reader_domain=domain,
        channel=hit.channel,
        link=HONEYPOT if hit.link == HONEYPOT_LINK else hit.link,
        in_text=hit.in_text,
        method=hit.method,
        address=hit.address or near,
        agent=hit.agent,
        headers=hit.headers,
        mine=said == ME,
        theirs=said == PERSON,
        left=left,
        settled=hit.settled,
    )


def _looks(facts: Facts, verdicts: Mapping[str, Verdict]) -> Sequence[Look]:
    return [
        Look(hit=hit.id, reader=hit.recipient, channel=hit.channel, link=hit.link, at=hit.at)
        for hit in facts.kept
        if verdicts[hit.id].label.is_person and hit.link != HONEYPOT_LINK  # whoever follows that, it is no click
    ]


async def _write_verdicts(tx: Transaction, facts: Facts, decision: Decision, *, now: datetime) -> None:
    """All at once: of a copy that was fetched ten thousand times, one by one would keep others from writing."""
    revised, counted = [], {}
    for hit, verdict, is_own in decision.changed:
        before = facts.standing.get(hit.id)
        if before is None or _differs(before.verdict, verdict):
            revision = before.revision + 1 if before else 1
            revised.append(Revised(hit=hit.id, revision=revision, verdict=verdict, counted=is_own))
        else:
            counted[hit.id] = is_own
    message, team = facts.message["id"], facts.message["team"]
    await hits.put_verdicts(tx, revised, team=team, message=message, at=now)
    await hits.set_counted(tx, counted)
    revisions = {hit: facts.standing[hit].revision for hit in counted} | {one.hit: one.revision for one in revised}
    await hits.put_events(
        tx, [_judged_event(facts, hit, revision=revisions[hit.id], is_own=own) for hit, _, own in decision.changed]
    )


def _judged_event(facts: Facts, hit: KeptHit, *, revision: int, is_own: bool) -> Event:
    return Event(
        id=f"hit:{hit.id}:{revision}:{int(is_own)}",
        team=facts.message["team"],
        kind=EventKind.HIT_JUDGED,
        message=facts.message["id"],
        recipient=hit.recipient,
        hit=hit.id,
        at=hit.at,
    )


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
    causes = {_cause(verdicts[hit.id]) for hit in mine}
    return Tally(
        opened=opened,
        clicked=clicked,
        opens=len(opens),
        clicks=len(clicks),
        machines=sum(verdicts[hit.id].label.is_machine for hit in mine),
        fetched=any(hit.channel == hits.OPEN for hit in mine),
        apple=Cause.APPLE in causes,
        scanned=any(cause.is_robot for cause in causes),
        opened_at=opens[-1].at if opens else None,
        clicked_at=clicks[-1].at if clicks else None,
    )

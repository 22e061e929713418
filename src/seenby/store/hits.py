"""Hits as facts, verdicts as opinions with a history, and what both come to for each recipient."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

from seenby.store.store import Transaction
from seenby.store.times import micros, moment
from seenby.words.event import Event
from seenby.words.hit import Hit
from seenby.words.policy import Level
from seenby.words.token import Kind
from seenby.words.verdict import Label, Reason, State, Verdict

OPEN, CLICK = "open", "click"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHit:
    """A hit as the store holds it. `settled`: its evidence was erased, its verdict stays as it is."""

    id: str
    recipient: str | None
    channel: str
    link: int | None
    in_text: bool
    at: datetime
    method: str
    address: str | None
    network: str | None  # /24 or /48, at the level full
    agent: str | None
    headers: Mapping[str, str]
    level: Level
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The verdict that stands for one hit; `counted`: it is an open or click of its own, no repeat."""

    verdict: Verdict
    revision: int
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """A new verdict on one hit: the first, or one that takes an earlier one's place."""

    hit: str
    revision: int
    verdict: Verdict
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the verdicts come to for one recipient."""

    opened: State
    clicked: State
    opens: int
    clicks: int
    machines: int
    fetched: bool  # the images were, by whomever
    apple: bool  # by Apple's prefetch
    scanned: bool  # a scanner fetched images or links
    opened_at: datetime | None
    clicked_at: datetime | None


def network_of(address: str | None) -> str | None:
    """The part of an IP address that may be kept: IPv4 /24, IPv6 /48."""
    if address is None:
        return None
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return str(ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))


async def positions(tx: Transaction) -> dict[str, int]:
    """How far each segment of the journal has been taken in."""
    return {row["segment"]: row["place"] for row in await tx.all("drained")}


async def advance(tx: Transaction, *, done: Mapping[str, int]) -> None:
    """These segments have been taken in up to here."""
    await tx.many("put_drained", [{"segment": segment, "place": place} for segment, place in done.items()])


async def put_hits(tx: Transaction, hits: Sequence[Hit], *, teams: Mapping[str, str]) -> None:
    """Keep hits, each once however often it is brought; `teams` names the team of every message."""
    await tx.many("add_hit", [_hit_row(hit, team=teams[hit.token.message]) for hit in hits])


def _hit_row(hit: Hit, *, team: str) -> dict[str, object]:
    token = hit.token
    is_full = token.level is Level.FULL
    return {
        "id": hit.id,
        "team": team,
        "message": token.message,
        "recipient": token.recipient,
        "channel": OPEN if token.kind is Kind.PIXEL else CLICK,
        "link": token.link,
        "in_text": int(token.in_text),
        "level": int(token.level),
        "at": micros(hit.at),
        "method": hit.method,
        "address": hit.address,
        "network": network_of(hit.address) if is_full else None,
        "agent": hit.agent,
        "headers": json.dumps(dict(hit.headers)),
    }


async def hits_of(tx: Transaction, *, message: str) -> Sequence[KeptHit]:
    """Every hit of one message, oldest first."""
    return [_kept(row) for row in await tx.all("hits_of", message=message)]


def _kept(row: Mapping[Any, Any]) -> KeptHit:
    return KeptHit(
        id=row["id"],
        recipient=row["recipient"],
        channel=row["channel"],
        link=row["link"],
        in_text=bool(row["in_text"]),
        at=moment(row["at"]),
        method=row["method"],
        address=row["address"],
        network=row["network"],
        agent=row["agent"],
        headers=json.loads(row["headers"]),
        level=Level(row["level"]),
        settled=bool(row["settled"]),
    )


def verdict_of(row: Mapping[Any, Any]) -> Verdict:
    """A row of verdicts as the verdict it is."""
    return Verdict(
        label=Label(row["label"]),
        probability=row["permille"] / 1000,
        reasons=tuple(
            Reason(code=code, weight=weight, detail=detail) for code, weight, detail in json.loads(row["reasons"])
        ),
        rules=row["rules"],
    )


async def standing_verdicts(tx: Transaction, *, message: str) -> dict[str, Standing]:
    """The verdict that stands for each hit of one message, by hit id."""
    return {
        row["hit"]: Standing(verdict=verdict_of(row), revision=row["revision"], counted=bool(row["counted"]))
        for row in await tx.all("standing_verdicts", message=message)
    }


async def put_verdicts(tx: Transaction, revised: Sequence[Revised], *, team: str, message: str, at: datetime) -> None:
    """What we believe of these hits from now on; earlier verdicts stay in their history."""
    tx.later("supersede", [{"hit": one.hit, "at": micros(at)} for one in revised if one.revision > 1])
    rows = [
        {
            "hit": one.hit,
            "revision": one.revision,
            "team": team,
            "message": message,
            "label": one.verdict.label.value,
            "permille": round(one.verdict.probability * 1000),
            "reasons": json.dumps([(reason.code, reason.weight, reason.detail) for reason in one.verdict.reasons]),
            "rules": one.verdict.rules,
            "counted": int(one.counted),
            "at": micros(at),
        }
        for one in revised
    ]
    tx.later("add_verdict", rows)


async def set_counted(tx: Transaction, counted: Mapping[str, bool]) -> None:
    """Whether each of these hits is an open or click of its own; what we believe of it stays."""
    tx.later("set_counted", [{"hit": hit, "counted": int(is_own)} for hit, is_own in counted.items()])


async def put_tally(tx: Transaction, *, recipient: str, tally: Tally) -> None:
    """What the verdicts come to for one recipient."""
    tx.later(
        "set_states",
        {
            "recipient": recipient,
            "opened": tally.opened.value,
            "clicked": tally.clicked.value,
            "opens": tally.opens,
            "clicks": tally.clicks,
            "machines": tally.machines,
            "fetched": int(tally.fetched),
            "apple": int(tally.apple),
            "scanned": int(tally.scanned),
            "opened_at": micros(tally.opened_at) if tally.opened_at else None,
            "clicked_at": micros(tally.clicked_at) if tally.clicked_at else None,
        },
    )


async def put_event(tx: Transaction, event: Event) -> None:
    """One thing worth telling, once however often it is written."""
    await put_events(tx, [event])


async def put_events(tx: Transaction, events: Sequence[Event]) -> None:
    """Things worth telling, in this order, each once however often it is written."""
    rows = [
        {
            "id": event.id,
            "team": event.team,
            "kind": event.kind.value,
            "message": event.message,
            "recipient": event.recipient,
            "hit": event.hit,
            "bell": int(event.bell),
            "at": micros(event.at),
            "detail": event.detail,
        }
        for event in events
    ]
    tx.later("add_event", rows)
    ringing = [{"event": row["id"], "team": row["team"], "at": row["at"]} for row in rows if row["bell"]]
    if ringing:
        tx.later("add_push", ringing)

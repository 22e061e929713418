"""`seenby seed`: made-up mail, to look around with or to see how Seenby does with very much of it.

Everything is made from one seed, so that two stores come out alike. No mail is sent and nobody is written to: the
addresses are of domains that cannot exist (RFC 2606). What is made has ids of its own, by which it is removed again.
Its hits count as settled from the start, so that no habit of a domain is ever learned from them.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from seenby.store import Store, Transaction, domains, labels
from seenby.store.facets import write_counts
from seenby.store.lists import rank
from seenby.store.times import DAY, micros
from seenby.words.errors import SeenbyError
from seenby.words.event import EventKind
from seenby.words.message import Sender

BATCH: Final = 1000
PREFIX: Final = "sample"
FIRST, LAST = f"{PREFIX}0000000000", f"{PREFIX}9999999999"
_SPAN: Final = timedelta(days=365)
_TOLD: Final = timedelta(days=14)
MOST_TOLD: Final = 1000
_HOUR: Final = 3_600_000_000  # in microseconds
_NAMES: Final = (
    "Ana Lima", "Ben Okafor", "Chiara Rossi", "Dmitri Volkov", "Elin Berg", "Farah Aziz", "George Hill", "Hana Sato",
    "Ivan Petrov", "Julia Novak", "Karim Haddad", "Lena Vogt", "Marta Silva", "Noah Stein", "Olga Kos", "Priya Nair",
)  # fmt: skip
_TOPICS: Final = (
    "Our offer for", "Minutes of", "Next steps with", "Invoice for", "Invitation:", "News about", "Question about",
    "Contract for", "Prices for", "Thanks for",
)  # fmt: skip
_THINGS: Final = (
    "the autumn campaign", "the new office", "the pilot", "your order", "the workshop", "the renewal", "the migration",
    "the audit", "the summer party", "the roadmap",
)  # fmt: skip
_LABELS: Final = ("Proposal", "Newsletter", "Support")
_CHROME: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a hit is made of, and how often such a one comes."""

    label: str
    permille: int
    reasons: tuple[tuple[str, float, str], ...]
    agent: str
    often: int


_KINDS: Final = (
    _Kind(
        label="human",
        permille=930,
        reasons=(("full_headers", 1.0, ""), ("usual_open", 1.0, "")),
        agent=_CHROME,
        often=40,
    ),
    _Kind(
        label="proxy_human", permille=880, reasons=(("image_proxy", 2.0, "Gmail"),), agent="GoogleImageProxy", often=25
    ),
    _Kind(label="prefetch", permille=310, reasons=(("apple_prefetch", -0.8, ""),), agent="Mozilla/5.0", often=20),
    _Kind(
        label="scanner",
        permille=30,
        reasons=(("mail_security", -3.0, "Proofpoint"), ("too_soon", -2.6, "0.6 s after sending")),
        agent=_CHROME,
        often=12,
    ),
    _Kind(label="unknown", permille=480, reasons=(("bare_headers", -2.4, ""),), agent=_CHROME, often=3),
)
_CAUSES: Final = {"prefetch": "prefetch:apple_prefetch", "scanner": "scanner:mail_security:Proofpoint"}
_OFTEN: Final = tuple(kind.often for kind in _KINDS)


@dataclass(slots=True, kw_only=True)
class _Rows:
    """What one transaction writes."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    recipients: list[dict[str, Any]] = field(default_factory=list)
    hits: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # messages by label
    words: list[dict[str, Any]] = field(default_factory=list)
    facets: list[dict[str, Any]] = field(default_factory=list)
    domains: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)  # of people's hits that the feed may still show


async def seed(
    store: Store, *, senders: Sequence[Sender], messages: int, hits_each: float, now: datetime
) -> AsyncIterator[int]:
    """Make so many messages with so many hits each on average; how many there are so far. Raises SeenbyError."""
    if not senders:
        raise SeenbyError("There is no sender yet: start Seenby once, or run `seenby sender add`.")
    senders = [sender for sender in senders if sender.team == senders[0].team]
    async with store.read() as tx:
        is_there = await tx.one("any_seeded", first=FIRST, last=LAST)
    if is_there:
        raise SeenbyError("There is made-up mail already. Remove it first: seenby seed --remove")
    chance = random.Random(1)  # noqa: S311 - the same mail in every store
    done, told = 0, list[dict[str, Any]]()
    while done < messages:
        size, rows = min(BATCH, messages - done), _Rows()
        for number in range(done, done + size):
            _add(rows, chance, number, of=messages, sender=chance.choice(senders), hits_each=hits_each, now=now)
        async with store.write() as tx:
            await _write(tx, rows)
            made = [message["id"] for message in rows.messages]
            batch = {"first": made[0], "last": made[-1]}
            await tx.run("seed_settled", **batch)
            await tx.run("seed_sums", **batch)
            await tx.many("seed_domains", rows.domains)
            await _count(tx, {labels.ALL_MAIL: made, **rows.labels}, times=1)
        told = sorted([*told, *rows.told], key=lambda event: event["at"])[-MOST_TOLD:]
        done += size
        yield done
    async with store.write() as tx:
        await tx.many("add_event", told)  # in their order, and without a bell: nothing happened


async def _count(tx: Transaction, called: Mapping[str, Sequence[str]], *, times: int) -> None:
    """Add what messages came to, by label, to its days; with -1 take it off again."""
    for label, messages in sorted(called.items()):
        await labels.add_to_days(tx, messages, label=label, times=times)


async def _write(tx: Transaction, rows: _Rows) -> None:
    await tx.many("seed_message", rows.messages)
    await tx.many("seed_recipient", rows.recipients)
    await tx.many("add_hit", rows.hits)
    await tx.many("add_verdict", rows.verdicts)
    for label, called in rows.labels.items():
        await tx.all("add_label", team=rows.messages[0]["team"], label=label, messages=json.dumps(called))
    await tx.many("add_search", rows.words)
    await tx.many("put_facets", rows.facets)


def _add(
    rows: _Rows, chance: random.Random, number: int, *, of: int, sender: Sender, hits_each: float, now: datetime
) -> None:
    """One message, its people, and what they did."""
    message = f"{PREFIX}{number:010d}"
    at = now - _SPAN * ((of - number) / of)
    topic, thing = chance.choice(_TOPICS), chance.choice(_THINGS)
    people = [_person(chance) for _ in range(1 + (chance.random() < 0.2) + (chance.random() < 0.1))]
    common: dict[str, Any] = {"team": sender.team, "message": message}
    best: dict[str, int] = {"opened": 0, "clicked": 0, "replied": 0}
    active = at
    facets: Counter[tuple[str, str, str]] = Counter()
    for which, (name, address) in enumerate(people):
        recipient = f"{number:010d}{which}"
        made = _hits(chance, hits_each / len(people), at=at, now=now, recipient=recipient, common=common)
        came_to = _came_to(made)
        bounced = not made and chance.random() < 0.05
        replied = came_to["opened"] == "seen" and chance.random() < 0.25 and came_to["opened_at"] + _HOUR <= micros(now)
        rows.recipients.append(
            common
            | {"id": recipient, "name": name, "address": address, "domain": address.partition("@")[2]}
            | {"at": micros(at), "sent_at": None if bounced else micros(at + timedelta(seconds=1))}
            | {"state": "bounced" if bounced else "sent", "reply": "550 5.1.1 No such user" if bounced else "250 OK"}
            | {"replied_at": came_to["opened_at"] + _HOUR if replied else None}
            | came_to
        )
        for hit in made:
            rows.hits.append(hit["hit"])
            rows.verdicts.append(hit["verdict"])
            facets.update(_facets(hit))
            active = max(active, hit["at"])
            if hit["verdict"]["counted"] and hit["at"] > now - _TOLD:
                rows.told.append(_event(hit["hit"]))
        best["opened"] = max(best["opened"], rank(came_to["opened"]))
        best["clicked"] = max(best["clicked"], rank(came_to["clicked"]))
        best["replied"] |= int(replied)
    went_to = domains.counted(_went_to(row) for row in rows.recipients[-len(people) :])
    rows.domains.append({"message": message, "domains": domains.write_counts(went_to)})
    thread = f"{PREFIX}{chance.randrange(number + 1):010d}" if chance.random() < 0.3 else message
    rows.messages.append(
        {"id": message, "team": sender.team, "sender": sender.id, "message_id": f"<{message}@sample.invalid>"}
        | {"thread": thread, "subject": f"{topic} {thing}", "from_address": sender.address, "link_count": 4}
        | {"at": micros(at), "active_at": micros(active)}
        | best
    )
    if chance.random() < 0.3:
        rows.labels[chance.choice(_LABELS)].append(message)
    whose = {"message": message, "team": sender.team, "sender": sender.id, "day": micros(at) // DAY}
    if facets:
        keys = {key[:2] for key in facets}
        counts = {key: (facets[*key, "opens"], facets[*key, "clicks"], facets[*key, "machines"]) for key in keys}
        rows.facets.append({**whose, **write_counts(counts)})
    words = " ".join([topic, thing, sender.address, *(f"{name} {address}" for name, address in people)])
    rows.words.append(common | {"words": words})


def _person(chance: random.Random) -> tuple[str, str]:
    """A name and an address; a few domains have many people, many have a few."""
    name = chance.choice(_NAMES)
    domain = f"company{int(1000 * chance.random() ** 3)}.example"
    return name, f"{name.lower().replace(' ', '.')}{chance.randrange(50)}@{domain}"


def _hits(
    chance: random.Random, mean: float, *, at: datetime, now: datetime, recipient: str, common: dict[str, Any]
) -> list[dict[str, Any]]:
    """A recipient's hits until now, oldest first, each with its verdict."""
    count = int(chance.expovariate(1 / mean)) if mean > 0 else 0
    made = []
    for number in range(count):
        came = at + timedelta(seconds=1 + chance.expovariate(1 / 40_000))
        [kind] = chance.choices(_KINDS, _OFTEN)
        is_click = kind.label in ("human", "scanner") and chance.random() < 0.25
        link = chance.randrange(4) if is_click else None
        if came > now:
            continue
        hit = f"{recipient}-{number}"
        kept = common | {"id": hit, "recipient": recipient, "channel": "click" if is_click else "open"}
        kept |= {"link": link, "in_text": 0, "level": 3, "at": micros(came)}
        kept |= {"method": "GET", "address": None, "network": "203.0.113.0/24", "agent": kind.agent, "headers": "{}"}
        verdict = common | {"hit": hit, "revision": 1, "label": kind.label, "permille": kind.permille}
        verdict |= {"reasons": json.dumps(kind.reasons), "rules": "sample", "at": micros(came)}
        verdict |= {"counted": int(kind.label in ("human", "proxy_human"))}
        made.append({"hit": kept, "verdict": verdict, "at": came})
    return sorted(made, key=lambda one: one["at"])


def _went_to(row: Mapping[str, Any]) -> tuple[str, domains.Sums]:
    """A recipient's domain and what their copy counts for, as counting it would say; each has a pixel of its own."""
    is_sent, seen, clicked = row["state"] == "sent", row["opens"] + row["clicks"] > 0, row["clicked"] == "seen"
    sums = (True, is_sent, is_sent, is_sent and seen, clicked, row["replied_at"] is not None, not is_sent)
    return row["domain"], tuple(map(int, sums))


def _facets(made: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What a hit counts for in which dimension, as judging it would say."""
    hit, verdict, at = made["hit"], made["verdict"], made["at"]
    if verdict["label"] in ("prefetch", "scanner"):
        return [("cause", _CAUSES[verdict["label"]], "machines")]
    if not verdict["counted"]:
        return []
    what = "opens" if hit["channel"] == "open" else "clicks"
    proxied = verdict["label"] == "proxy_human"
    client, system = ("Gmail", "hidden") if proxied else ("Chrome", "Windows")
    hour = str(at.weekday() * 24 + at.hour)
    cut = {"client": client, "system": system, "country": "hidden" if proxied else "", "hour": hour}
    return [(dimension, value, what) for dimension, value in cut.items()]


def _event(hit: dict[str, Any]) -> dict[str, Any]:
    """A person's hit as the feed shows it."""
    kind = EventKind.OPENED if hit["channel"] == "open" else EventKind.CLICKED
    event = {name: hit[name] for name in ("team", "message", "recipient", "at")}
    return event | {"id": f"{kind.value}:{hit['id']}", "kind": kind.value, "hit": hit["id"], "bell": 0, "detail": ""}


def _came_to(made: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a recipient's hits come to, as judging them would say."""
    own = [one for one in made if one["verdict"]["counted"]]
    opens = [one["hit"]["at"] for one in own if one["hit"]["channel"] == "open"]
    clicks = [one["hit"]["at"] for one in own if one["hit"]["channel"] == "click"]
    hidden = any(one["verdict"]["label"] in ("prefetch", "unknown") for one in made)
    machines = sum(one["verdict"]["label"] in ("prefetch", "scanner") for one in made)
    return {
        "opened": "seen" if own else "cannot_know" if hidden else "no_sign",
        "clicked": "seen" if clicks else "no_sign",
        "opens": len(opens),
        "clicks": len(clicks),
        "machines": machines,
        "fetched": int(any(one["hit"]["channel"] == "open" for one in made)),
        "apple": int(any(one["verdict"]["label"] == "prefetch" for one in made)),
        "scanned": int(any(one["verdict"]["label"] == "scanner" for one in made)),
        "opened_at": max(opens, default=clicks[-1] if clicks else None),
        "clicked_at": max(clicks, default=None),
    }


async def remove(store: Store) -> AsyncIterator[int]:
    """Take all made-up mail out again, a piece at a time; how many messages are gone so far."""
    gone = 0
    while True:
        async with store.write() as tx:
            found = [row["id"] for row in await tx.all("seeded_page", first=FIRST, last=LAST, limit=BATCH)]
            if not found:
                break
            piece = {"first": found[0], "last": found[-1]}
            called = defaultdict(list, {labels.ALL_MAIL: found})
            for row in await tx.all("seeded_labels", **piece):
                called[row["label"]].append(row["message"])
            await _count(tx, called, times=-1)
            for statement in _REMOVED:
                await tx.run(statement, **piece)
        gone += len(found)
        yield gone
    async with store.write() as tx:
        await tx.run("unseed_empty_day_facets")
        await tx.run("unseed_search", first=FIRST, last=LAST)  # all at once: it is found by reading all


_TABLES: Final = "empty_days facets sums labels reminders said events verdicts hits recipients messages"
_REMOVED: Final = tuple(f"unseed_{table}" for table in _TABLES.split())

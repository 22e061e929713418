"""A team's week for the pages to show: mail to several people, readers, machines, delays, and hostile texts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from seenby.instrument.reasons import Left
from seenby.report import sums
from seenby.store import Store
from seenby.store.mail import KeptLink, put_message
from seenby.store.people import add_sender, add_team, put_sign_in_link, sender_by_address
from seenby.store.times import micros
from seenby.words.address import parse_address
from seenby.words.message import Message, Recipient, Role, Untracked
from seenby.words.policy import FULL, Level, Policy
from seenby.words.token import Keyring

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TEAM, OTHER_TEAM = "team-blue", "team-grey"
ALICE, BOB, CHARLIE = "alice@blue.test", "bob@blue.test", "charlie@grey.test"
KEYS = Keyring(keys={1: b"k" * 32}, current=1)
HOSTILE = "<script>document.title='owned'</script>\"><img src=x onerror=alert(1)>"

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
APPLE = "Mozilla/5.0"
SCANNER = "python-requests/2.32.3"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A recipient and what is said of them."""

    address: str
    name: str = ""
    role: Role = Role.TO
    policy: Policy = FULL
    untracked: Untracked | None = None
    state: str = "sent"
    reply: str = ""
    opened: str = "no_sign"
    clicked: str = "no_sign"
    opens: int = 0
    clicks: int = 0
    machines: int = 0


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """A hit with its verdict; `reader` is an address or None."""

    after: timedelta
    reader: str | None
    channel: str = "open"
    link: int | None = None
    agent: str | None = THUNDERBIRD
    address: str = "198.51.100.23"
    label: str = "human"
    permille: int = 920
    reasons: tuple[tuple[str, float, str], ...] = (
        ("mail_client", 1.5, "Thunderbird"),
        ("usual_open", 1.0, ""),
        ("had_time", 0.5, ""),
        ("hosting", -0.4, ""),
    )
    counted: int = 1
    method: str = "GET"
    earlier: Mapping[str, Any] | None = None  # a verdict that no longer stands


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A message, whom it went to, and what came of it."""

    id: str
    subject: str
    ago: timedelta
    people: tuple[Person, ...]
    sender: str = ALICE
    links: tuple[str, ...] = ()
    fetches: tuple[Fetch, ...] = ()
    untouched: str | None = None
    notes: tuple[str, ...] = ()
    thread: str = ""
    raw: bytes | None = None
    team: str = TEAM
    bells: tuple[tuple[str, str, timedelta], ...] = field(default=())


async def add_people(store: Store) -> None:
    """Alice and Bob are one team; Charlie must see nothing of theirs."""
    async with store.write() as tx:
        for team in (TEAM, OTHER_TEAM):
            await add_team(tx, team=team, at=NOW)
        for sender, team, role in ((ALICE, TEAM, "owner"), (BOB, TEAM, "member"), (CHARLIE, OTHER_TEAM, "owner")):
            address = parse_address(sender)
            assert address is not None
            await add_sender(
                tx, sender=f"id-{sender}", team=team, address=address, role=role, password="secret", next_hop="", at=NOW
            )


async def sign_in_link(store: Store, address: str, *, link: str, now: datetime = NOW) -> str:
    """The path that signs `address` in."""
    async with store.write() as tx:
        sender = await sender_by_address(tx, address)
        assert sender is not None
        await put_sign_in_link(tx, sender=sender, link=link, ends_at=now + timedelta(minutes=30))
    return f"/sign-in/{link}"


async def add_mail(store: Store, mail: Mail, *, now: datetime = NOW) -> None:
    """Everything one message leaves in the store."""
    at = now - mail.ago
    message = Message(
        id=mail.id,
        team=mail.team,
        sender=f"id-{mail.sender}",
        message_id=f"<{mail.id}@blue.test>",
        thread=mail.thread or mail.id,
        subject=mail.subject,
        from_address=mail.sender,
        size=2311,
        key_id=1,
        tracking_url="http://127.0.0.1:8026",
        untouched=mail.untouched,
        notes=mail.notes,
        accepted_at=at,
    )
    ids = {person.address: f"{mail.id}-{number}" for number, person in enumerate(mail.people)}
    people = [
        Recipient(
            id=ids[person.address],
            address=person.address,
            name=person.name,
            role=person.role,
            policy=person.policy,
            untracked=person.untracked,
            hop="caught",
        )
        for person in mail.people
    ]
    links = [KeptLink(number=number, part="html", target=target) for number, target in enumerate(mail.links)]
    async with store.write() as tx:
        await put_message(
            tx,
            message=message,
            recipients=people,
            links=links,
            raw=OFFER_WRITTEN if mail.raw else b"Subject: x\r\n\r\n",
        )
        for person in mail.people:
            await _tell_fate(tx, mail, person, recipient=ids[person.address], at=at)
        last = at
        for number, fetch in enumerate(mail.fetches):
            await _add_fetch(
                tx, mail, fetch, hit=f"{mail.id}-hit-{number}", recipient=ids.get(fetch.reader or ""), at=at
            )
            last = max(last, at + fetch.after)
        await tx.run("touch_message", message=mail.id, at=micros(last))
        await tx.run("end_spool", message=mail.id, until=micros(now + timedelta(days=30)))
        if mail.raw is not None:
            for recipient in ids.values():
                await tx.run("catch", recipient=recipient, team=mail.team, message=mail.id, raw=mail.raw, at=micros(at))
        await sums.count(tx, mail.id)


async def _tell_fate(tx: Any, mail: Mail, person: Person, *, recipient: str, at: datetime) -> None:
    at_micros = micros(at + timedelta(seconds=2))
    await tx.run("claim_copies", hop="caught", holder="w", now=2**60, until=2**60, limit=1000)
    await tx.run(
        "settle_copy",
        recipient=recipient,
        holder="w",
        state=person.state,
        reply=person.reply,
        due_at=None,
        sent_at=at_micros if person.state == "sent" else None,
    )
    await tx.run(
        "add_attempt",
        id=f"try-{recipient}",
        team=mail.team,
        message=mail.id,
        recipient=recipient,
        at=at_micros,
        outcome=person.state,
        reply=person.reply or "250 2.0.0 Ok",
    )
    await tx.run(
        "set_states",
        recipient=recipient,
        opened=person.opened,
        clicked=person.clicked,
        opens=person.opens,
        clicks=person.clicks,
        machines=person.machines,
        fetched=int(any(one.reader == person.address and one.channel == "open" for one in mail.fetches)),
        apple=0,
        scanned=0,
        opened_at=_latest(mail, person, "open", at=at) if person.opens else None,
        clicked_at=_latest(mail, person, "click", at=at) if person.clicks else None,
    )


def _latest(mail: Mail, person: Person, channel: str, *, at: datetime) -> int | None:
    """When somebody last opened or clicked."""
    after = [
        one.after for one in mail.fetches if one.reader == person.address and one.channel == channel and one.counted
    ]
    return micros(at + max(after)) if after else None


async def _add_fetch(tx: Any, mail: Mail, fetch: Fetch, *, hit: str, recipient: str | None, at: datetime) -> None:
    when = micros(at + fetch.after)
    common = {"team": mail.team, "message": mail.id}
    await tx.run(
        "add_hit",
        id=hit,
        **common,
        recipient=recipient,
        channel=fetch.channel,
        link=fetch.link,
        in_text=0,
        level=int(Level.FULL),
        at=when,
        method=fetch.method,
        address=fetch.address,
        network="198.51.100.0/24",
        agent=fetch.agent,
        headers=json.dumps({"accept-language": "en-GB"}),
    )
    revision = 1
    if fetch.earlier is not None:
        await tx.run("add_verdict", hit=hit, revision=1, **common, rules="1", counted=0, at=when, **fetch.earlier)
        await tx.run("supersede", hit=hit, at=when + 60_000_000)
        revision = 2
    await tx.run(
        "add_verdict",
        hit=hit,
        revision=revision,
        **common,
        label=fetch.label,
        permille=fetch.permille,
        reasons=json.dumps(fetch.reasons),
        rules="1",
        counted=fetch.counted,
        at=when + (60_000_000 if fetch.earlier else 0),
    )
    await tx.run(
        "add_event",
        id=f"event-{hit}",
        **common,
        kind=("opened" if fetch.channel == "open" else "clicked") if fetch.counted else "hit_judged",
        recipient=recipient,
        hit=hit,
        bell=fetch.counted,
        at=when,
        detail="",
    )


def minutes(count: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=count)


RITA, OMAR, MEI = "rita@customer.test", "omar@partner.test", "mei.lin@studio.test"
OFFER_HTML = b"""From: Alice Blue <alice@blue.test>
To: Rita Sommer <rita@customer.test>
Subject: Offer for the autumn campaign
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=cut

--cut
Content-Type: text/plain; charset=utf-8

Hello Rita, the offer: http://127.0.0.1:8026/c/text
--cut
Content-Type: text/html; charset=utf-8

<html><body style="font-family: sans-serif"><p>Hello Rita,</p>
<p>here is <a href="http://127.0.0.1:8026/c/abc">the offer</a> we spoke about, and
<a href="http://127.0.0.1:8026/c/def">our calendar</a>.</p><p>Kind regards<br>Alice</p>
<script>document.title='owned'</script>
<img src="http://127.0.0.1:8026/o/pixel" width="1" height="1" alt=""></body></html>
--cut--
""".replace(b"\n", b"\r\n")
# The same before it got its pixel and links.
OFFER_WRITTEN = (
    OFFER_HTML.replace(b"http://127.0.0.1:8026/c/abc", b"https://blue.test/offer")
    .replace(b"http://127.0.0.1:8026/c/def", b"https://blue.test/calendar")
    .replace(b", the offer: http://127.0.0.1:8026/c/text", b"")
    .replace(b'<img src="http://127.0.0.1:8026/o/pixel" width="1" height="1" alt="">', b"")
)


def week() -> tuple[Mail, ...]:
    """The mails, oldest first."""
    scanned = tuple(
        Fetch(
            after=timedelta(seconds=9 + number / 2),
            reader=OMAR,
            channel="click",
            link=number,
            agent=SCANNER,
            address="203.0.113.80",
            label="scanner",
            permille=20,
            counted=0,
            reasons=(("burst", -3.1, "3 links in 2 s"), ("too_soon", -2.0, "9 s"), ("usual_click", 0.6, "")),
        )
        for number in range(3)
    )
    return (
        Mail(
            id="m-minutes",
            subject="Minutes of Tuesday's call",
            ago=timedelta(days=6, hours=3),
            people=(Person(address="team@customer.test", opened="no_sign"),),
            notes=(Left.TEXT_ONLY.sentence,),
        ),
        Mail(
            id="m-signed",
            subject="Signed contract, please keep",
            ago=timedelta(days=5),
            people=(Person(address="legal@customer.test", name="Legal desk"),),
            untouched="signed",
        ),
        Mail(
            id="m-bounce",
            subject="Welcome to the pilot group",
            ago=timedelta(days=3, hours=2),
            people=(
                Person(
                    address="nobody@gone.test",
                    name="Nadia Ooms",
                    state="bounced",
                    reply="550 5.1.1 <nobody@gone.test>: Recipient address rejected: User unknown",
                ),
                Person(
                    address="slow@late.test", state="deferred", reply="451 4.7.1 Greylisted, please try again later"
                ),
            ),
            links=("https://blue.test/pilot",),
        ),
        Mail(
            id="m-hostile",
            subject=f"Re: {HOSTILE}",
            ago=timedelta(days=2, hours=4),
            sender=BOB,
            people=(Person(address="odd@customer.test", name='<b>Bold</b> & "quoted"', opened="seen", opens=1),),
            fetches=(Fetch(after=minutes(30), reader="odd@customer.test", agent=HOSTILE),),
        ),
        Mail(
            id="m-news",
            subject="What changed in November, and a very long subject line that goes on to say far more than anybody "
            "would ever want to read in a list of messages, just to see where it ends",
            ago=timedelta(days=1, hours=5),
            sender=BOB,
            people=tuple(
                Person(
                    address=f"reader{number}@list.test",
                    opened=("seen", "cannot_know", "no_sign", "probably")[number % 4],
                )
                for number in range(9)
            ),
            links=("https://blue.test/november",),
        ),
        Mail(
            id="m-offer",
            subject="Offer for the autumn campaign",
            ago=timedelta(hours=3),
            thread="t-offer",
            people=(
                Person(address=RITA, name="Rita Sommer", opened="seen", clicked="seen", opens=2, clicks=1),
                Person(
                    address=OMAR,
                    name="Omar Haddad",
                    role=Role.CC,
                    opened="cannot_know",
                    machines=5,
                ),
                Person(address=MEI, name="Mei Lin", role=Role.CC, opened="probably", opens=1),
                Person(address=BOB, name="Bob Blue", role=Role.BCC, untracked=Untracked.COLLEAGUE),
            ),
            links=("https://blue.test/offer/autumn?ref=mail", "https://blue.test/calendar", "https://blue.test/terms"),
            raw=OFFER_HTML,
            fetches=(
                *scanned,
                Fetch(
                    after=minutes(1),
                    reader=OMAR,
                    agent=APPLE,
                    address="17.58.99.4",
                    label="prefetch",
                    permille=60,
                    counted=0,
                    reasons=(("apple_prefetch", -2.8, ""),),
                ),
                Fetch(
                    after=minutes(2),
                    reader=OMAR,
                    agent=APPLE,
                    address="17.58.99.7",
                    label="prefetch",
                    permille=60,
                    counted=0,
                    reasons=(("apple_prefetch", -2.8, ""),),
                ),
                Fetch(after=minutes(42), reader=RITA),
                Fetch(after=minutes(47), reader=RITA, counted=0),
                Fetch(after=minutes(44), reader=RITA, channel="click", link=0, agent=CHROME, permille=970),
                Fetch(
                    after=minutes(95),
                    reader=MEI,
                    agent=GMAIL,
                    label="proxy_human",
                    permille=780,
                    reasons=(("image_proxy", 1.2, "Gmail"),),
                    earlier={
                        "label": "unknown",
                        "permille": 450,
                        "reasons": json.dumps([["image_proxy", -0.2, "Gmail"]]),
                    },
                ),
                Fetch(
                    after=minutes(120),
                    reader=MEI,
                    agent=None,
                    label="unknown",
                    permille=480,
                    counted=0,
                    reasons=(("no_agent", -0.1, ""),),
                ),
                Fetch(after=minutes(171), reader=RITA, permille=940),
            ),
        ),
        Mail(
            id="m-offer-2",
            subject="Re: Offer for the autumn campaign",
            ago=minutes(20),
            thread="t-offer",
            people=(Person(address=RITA, name="Rita Sommer", opened="seen", opens=1),),
            links=("https://blue.test/calendar",),
            fetches=(Fetch(after=minutes(12), reader=RITA),),
            raw=OFFER_HTML,
        ),
        Mail(
            id="m-private",
            subject="Charlie's own business",
            ago=minutes(90),
            team=OTHER_TEAM,
            sender=CHARLIE,
            people=(Person(address="x@elsewhere.test", opened="seen", opens=1),),
            fetches=(Fetch(after=minutes(12), reader="x@elsewhere.test"),),
        ),
    )

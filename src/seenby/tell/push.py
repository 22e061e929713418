"""Notifications for browsers that have no page open (Web Push, RFC 8030), encrypted for that browser alone (RFC 8291).

Off until somebody asks for it in their browser: the notification then goes through the browser maker's push service,
which sees when and how long it is, and not what it says. Nothing goes to any other host.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from seenby import maillog
from seenby.compose.people import one_line
from seenby.store import Store, preferences, telling
from seenby.store.telling import Pushed, Subscription
from seenby.store.times import moment
from seenby.tell.saying import counted, did
from seenby.tell.wanted import quiet_until, read_wanted
from seenby.words.event import EventKind

# Who may be told to pass a notification on: the push services of the browsers there are. A member of the team names the
# address, so any other host would be asked to answer on their word.
PUSH_SERVICES: Final = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
BATCH: Final = 200
LEASE: Final = timedelta(minutes=1)
SINGLY: Final = 3  # as many are told one by one; more at once become one notification
FRESH: Final = timedelta(minutes=10)  # older news is told as one: nobody wants a flood after a night without a network
STALE: Final = timedelta(days=2)  # nobody is told at all any more
AGAIN: Final = timedelta(minutes=5)  # after a push service took nothing
_LONGEST: Final = 120  # characters of a subject or name; a push service takes 4,096 octets of everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a browser shows. `path` is where a click on it leads; one `tag` is shown once."""

    title: str
    body: str
    path: str
    tag: str

    def as_json(self) -> str:
        """As the page's service worker reads it."""
        return json.dumps({"title": self.title, "body": self.body, "path": self.path, "tag": self.tag})


def is_push_service(endpoint: str, *, services: Sequence[str] = PUSH_SERVICES) -> bool:
    """Whether a browser's push address lies at a push service that is known. Never raises."""
    try:
        url = urlsplit(endpoint)
        host, port = url.hostname or "", url.port
    except ValueError:
        return False
    known = any(host == one or host.endswith(f".{one}") for one in services)
    return url.scheme == "https" and known and port in (None, 443) and "@" not in url.netloc


def notices(rows: Sequence[Mapping[Any, Any]], *, now: datetime) -> Sequence[Notice]:
    """What is shown of these events, oldest first: each by itself, or one for all where they are many or old."""
    news = [row for row in rows if now - moment(row["at"]) < STALE]
    if len(news) > SINGLY or any(now - moment(row["at"]) > FRESH for row in news):
        kinds = [row["kind"] for row in news]
        first = news[0]["id"]
        return [Notice(title="While you were away", body=counted(kinds), path="/bell", tag=f"since:{first}")]
    return [_notice(row) for row in news]


def _notice(row: Mapping[Any, Any]) -> Notice:
    who = "You" if row["kind"] == EventKind.REMINDED else row["name"] or row["address"] or "Somebody"
    return Notice(
        title=f"{_short(who)} {did(row['kind'])}",
        body=_short(row["subject"] or "(no subject)"),
        path=f"/messages/{row['message']}",
        tag=row["id"],
    )


def _short(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


class Pusher:
    """Sends notifications. `secret` is 32 bytes, the same on every machine of an installation."""

    def __init__(self, secret: bytes, *, contact: str) -> None:
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256, FIPS 186-5
        self._private = ec.derive_private_key(int.from_bytes(secret) % (order - 1) + 1, ec.SECP256R1())
        self._contact = contact

    @cached_property
    def public_key(self) -> str:
        """What browsers subscribe with (RFC 8292 3.2): an uncompressed point as base64url."""
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    async def push(self, to: Subscription, notice: Notice) -> Pushed:
        """Hand one notification to the browser's push service."""
        return await asyncio.to_thread(self._push, to, notice)

    def _push(self, to: Subscription, notice: Notice) -> Pushed:
        from seenby.tell.push_service import deliver  # noqa: PLC0415 - its HTTP libraries take a start longer

        return deliver(to, notice.as_json(), private_key=self._private, contact=self._contact)


async def push_due(store: Store, pusher: Pusher, *, now: datetime) -> int:
    """Tell everybody's browsers what they are to be told; how many notifications a push service took."""
    async with store.read() as tx:
        waiting = await telling.who_is_due(tx, now=now)
    taken = 0
    for sender in waiting:
        try:
            taken += await _push_to(store, pusher, sender, now=now)
        except Exception as error:  # noqa: BLE001 - its lease runs out and it comes back; the others are told
            maillog.failed("push", error)
    return taken


async def _push_to(store: Store, pusher: Pusher, sender: str, *, now: datetime) -> int:
    async with store.write() as tx:
        due = await telling.take_due(tx, sender=sender, now=now, lease=LEASE, limit=BATCH)
        wanted = read_wanted(await preferences.chosen(tx, sender))
        browsers = await telling.subscriptions(tx, sender)
        if until := quiet_until(wanted, now):
            await telling.put_off(tx, sender=sender, events=list(due), until=until)
            return 0
    rows = sorted(due.values(), key=lambda row: row["at"])
    became = [
        (browser, await pusher.push(browser, notice)) for notice in notices(rows, now=now) for browser in browsers
    ]
    taken = sum(fate is Pushed.TAKEN for _, fate in became)
    async with store.write() as tx:
        for gone in {browser.endpoint for browser, fate in became if fate is Pushed.GONE}:
            await tx.run("drop_push_subscription", endpoint=gone, sender=sender)
        if taken or Pushed.LATER not in {fate for _, fate in became}:
            await telling.forget(tx, sender=sender, events=list(due))
        else:
            await telling.put_off(tx, sender=sender, events=list(due), until=now + AGAIN)
    return taken

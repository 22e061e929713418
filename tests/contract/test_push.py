"""Notifications, told to a real HTTP server that stands for a push service and read with the browser's own keys."""

import asyncio
import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import text

from seenby.store import Store, hits, preferences, telling
from seenby.store.people import sender_by_address
from seenby.store.telling import Pushed, Subscription
from seenby.tell import digest
from seenby.tell.digest import write_digests
from seenby.tell.push import Notice, Pusher, is_push_service, notices, push_due
from seenby.words.event import Event, EventKind
from seenby.words.message import Sender
from tests.browser.lively import ALICE, BOB, CHARLIE, HOSTILE, NOW, RITA, TEAM, Mail, Person, add_mail, add_people
from tests.house import make_house

pytestmark = pytest.mark.anyio
PUSHER = Pusher(b"p" * 32, contact="https://app.test")
MINUTE = timedelta(minutes=1)


def coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Service:
    """What the browsers' push service took, and what it answers."""

    port: int = 0
    status: int = 201
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def browser(self, name: str) -> "Browser":
        return Browser(service=self, name=name)


@dataclass
class Browser:
    """A browser's keys, with which alone its notifications can be read."""

    service: Service
    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def subscription(self) -> Subscription:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        endpoint = f"http://127.0.0.1:{self.service.port}/{self.name}"
        return Subscription(endpoint=endpoint, p256dh=coded(point), auth=coded(self.secret))

    def shown(self) -> list[dict[str, str]]:
        bodies = [body for path, _, body in self.service.taken if path == f"/{self.name}"]
        read = [http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret) for body in bodies]
        return [json.loads(one) for one in read]


@contextmanager
def served() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.taken.append((self.path, {name.title(): value for name, value in self.headers.items()}, body))
            self.send_response(told.status)
            self.send_header("Location", f"http://127.0.0.1:{told.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    with served() as told:
        yield told


@pytest.fixture
async def team(store: Store) -> Store:
    await add_people(store)
    for sender, name in ((ALICE, "offer"), (BOB, "bobs")):
        people = (Person(address=RITA, name="Rita"),)
        await add_mail(
            store, Mail(id=name, subject=name, ago=timedelta(hours=1), people=people, sender=sender), now=NOW
        )
    return store


async def sender_of(store: Store, address: str) -> Sender:
    async with store.read() as tx:
        sender = await sender_by_address(tx, address)
    assert sender is not None
    return sender


async def allow(store: Store, address: str, browser: Browser) -> None:
    sender = await sender_of(store, address)
    async with store.write() as tx:
        assert await telling.put_subscription(tx, sender, browser.subscription, at=NOW, most=20)


async def choose(store: Store, address: str, **values: str) -> None:
    sender = await sender_of(store, address)
    async with store.write() as tx:
        await preferences.choose(tx, sender, tuple(values), values)


async def happen(
    store: Store, number: int, *, message: str = "offer", kind: EventKind = EventKind.OPENED, at: datetime = NOW
) -> None:
    event = Event(
        id=f"{kind.value}:{number}", team=TEAM, kind=kind, message=message, recipient=f"{message}-0", at=at, bell=True
    )
    async with store.write() as tx:
        await hits.put_event(tx, event)


async def found(store: Store, sql: str) -> list[dict[str, Any]]:
    async with store.read() as tx:
        return [dict(row) for row in (await tx.connection.execute(text(sql))).mappings()]


async def test_the_browser_is_told_what_only_it_can_read_and_by_whom(team, service):
    phone = service.browser("phone")
    await allow(team, ALICE, phone)
    await happen(team, 1)
    assert await push_due(team, PUSHER, now=NOW) == 1
    assert phone.shown() == [{"title": "Rita opened", "body": "offer", "path": "/messages/offer", "tag": "opened:1"}]
    (_, headers, body) = service.taken[0]
    assert b"Rita" not in body
    assert headers["Ttl"] == "43200"
    token, key = headers["Authorization"].removeprefix("vapid t=").split(",k=")
    assert key == PUSHER.public_key
    point = base64.urlsafe_b64decode(key + "=")
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims = jwt.decode(token, ECKey.import_key(public), algorithms=["ES256"]).claims
    assert claims["sub"] == "https://app.test"
    assert claims["aud"] == f"http://127.0.0.1:{service.port}"


async def test_each_event_is_told_once(team, service):
    phone = service.browser("phone")
    await allow(team, ALICE, phone)
    await happen(team, 1)
    await happen(team, 1)
    assert await push_due(team, PUSHER, now=NOW) == 1
    assert await push_due(team, PUSHER, now=NOW + MINUTE * 10) == 0
    assert await found(team, "select * from outbox") == []


async def test_nobody_is_told_of_others_mail_unless_they_want_it(team, service):
    alices, bobs, charlies = (service.browser(name) for name in ("alice", "bob", "charlie"))
    for address, browser in ((ALICE, alices), (BOB, bobs), (CHARLIE, charlies)):
        await allow(team, address, browser)
        if address != ALICE:
            await choose(team, address, of_team="1")
    await happen(team, 1, message="bobs")
    await happen(team, 2, message="offer")
    await push_due(team, PUSHER, now=NOW)
    assert [one["body"] for one in alices.shown()] == ["offer"]
    assert [one["body"] for one in bobs.shown()] == ["bobs", "offer"]
    assert charlies.shown() == []


async def test_many_at_once_and_old_news_become_one(team, service):
    phone = service.browser("phone")
    await allow(team, ALICE, phone)
    for number in range(12):
        await happen(team, number, kind=EventKind.CLICKED if number % 4 == 0 else EventKind.OPENED)
    await push_due(team, PUSHER, now=NOW)
    await happen(team, 20, at=NOW - timedelta(hours=5))
    await push_due(team, PUSHER, now=NOW + MINUTE)
    told = phone.shown()
    assert [one["body"] for one in told] == ["9 opens, 3 clicks", "1 open"]
    assert {one["title"] for one in told} == {"While you were away"}


async def test_in_quiet_hours_nothing_rings_and_afterwards_it_is_summed_up(team, service):
    phone = service.browser("phone")
    await allow(team, ALICE, phone)
    await choose(team, ALICE, quiet="09:00-11:00")
    await happen(team, 1)
    await push_due(team, PUSHER, now=NOW)
    await push_due(team, PUSHER, now=NOW + timedelta(hours=1, minutes=29))
    assert phone.shown() == []
    await push_due(team, PUSHER, now=NOW + timedelta(hours=1, minutes=30))
    assert [one["title"] for one in phone.shown()] == ["While you were away"]


async def test_only_the_first_open_is_told_to_those_who_want_that(team, service):
    phone = service.browser("phone")
    await allow(team, ALICE, phone)
    await choose(team, ALICE, first_only="1")
    await happen(team, 1)
    await happen(team, 2)
    await happen(team, 3, kind=EventKind.CLICKED)
    await push_due(team, PUSHER, now=NOW)
    assert [one["title"] for one in phone.shown()] == ["Rita opened", "Rita clicked a link in"]


async def test_a_message_that_nobody_watches_is_not_told_of(team, service):
    phone = service.browser("phone")
    await allow(team, ALICE, phone)
    async with team.write() as tx:
        await tx.run("unwatch", sender=f"id-{ALICE}", message="offer", team=TEAM)
    await happen(team, 1)
    await push_due(team, PUSHER, now=NOW)
    assert service.taken == []
    assert await found(team, "select * from outbox") == []


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_wants_no_more_is_forgotten(team, service, status):
    await allow(team, ALICE, service.browser("phone"))
    service.status = status
    await happen(team, 1)
    assert await push_due(team, PUSHER, now=NOW) == 0
    assert await found(team, "select * from push_subscriptions") == []
    assert await found(team, "select * from outbox") == []


@pytest.mark.parametrize("status", [429, 500, 307])
async def test_a_service_that_takes_nothing_is_asked_again_and_followed_nowhere(team, service, status):
    phone = service.browser("phone")
    await allow(team, ALICE, phone)
    service.status = status
    await happen(team, 1)
    assert await push_due(team, PUSHER, now=NOW) == 0
    assert await push_due(team, PUSHER, now=NOW + MINUTE) == 0
    assert [path for path, _, _ in service.taken] == ["/phone"]
    service.status = 201
    assert await push_due(team, PUSHER, now=NOW + 6 * MINUTE) == 1
    assert {one["tag"] for one in phone.shown()} == {"opened:1"}


async def test_keys_that_are_none_are_forgotten_and_raise_nothing():
    bad = Subscription(endpoint="http://127.0.0.1:1/x", p256dh=coded(b"\x04" * 65), auth=coded(b"a" * 16))
    notice = Notice(title="t", body="b", path="/", tag="t")
    assert await PUSHER.push(bad, notice) in (Pushed.GONE, Pushed.LATER)


def test_hostile_names_and_subjects_fit_into_a_notification():
    row = {
        "id": "x",
        "kind": EventKind.OPENED,
        "at": 0,
        "subject": HOSTILE * 100,
        "name": "\ud800" + "n" * 5000,
        "address": RITA,
        "message": "m",
    }
    (one,) = notices([row], now=datetime.fromtimestamp(0, NOW.tzinfo))
    assert len(one.as_json().encode()) < 3000


@pytest.mark.parametrize(
    ("endpoint", "known"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", True),
        ("https://wns2-par02p.notify.windows.com/w/?token=abc", True),
        ("https://web.push.apple.com/abc", True),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com.evil.test/x", False),
        ("https://evil.test/fcm.googleapis.com", False),
        ("https://fcm.googleapis.com@127.0.0.1/", False),
        ("https://user@fcm.googleapis.com/", False),
        ("https://127.0.0.1/", False),
        ("https://fcm.googleapis.com:8080/", False),
        ("https://[::1", False),
        ("https://evilfcm.googleapis.com/", False),
        ("", False),
    ],
)
def test_only_the_browsers_own_services_are_told(endpoint, known):
    assert is_push_service(endpoint) is known


async def test_the_daily_mail_says_what_people_did_and_comes_once(team):
    house = make_house(team, clock=lambda: NOW)
    await choose(team, ALICE, digest="08:00", digested="2026-11-21", zone="Europe/Berlin")
    await happen(team, 1, at=NOW - timedelta(hours=20))
    await happen(team, 2, kind=EventKind.CLICKED, at=NOW - timedelta(hours=4))
    await happen(team, 3, at=NOW - timedelta(hours=1))  # after eight: tomorrow's
    await happen(team, 4, message="bobs", at=NOW - timedelta(hours=4))
    for _ in range(2):
        await write_digests(team, house.letterhead, app_url="https://app.test", now=NOW)
    spooled = await found(
        team, "select s.raw, m.id from spool s join messages m on m.id = s.message where m.sender is null"
    )
    assert len(spooled) == 1
    told = message_from_bytes(bytes(spooled[0]["raw"]), policy=default)
    assert told["To"] == ALICE
    assert told["Subject"] == "Your mail since yesterday: 1 open, 1 click"
    body = told.get_body(("plain",))
    assert body is not None
    assert "Rita clicked a link in “offer”" in body.get_content()
    assert "bobs" not in body.get_content()


async def test_two_workers_at_the_same_moment_write_one_daily_mail(team):
    house = make_house(team, clock=lambda: NOW)
    await choose(team, ALICE, digest="08:00", digested="2026-11-21")
    await happen(team, 1, at=NOW - timedelta(hours=20))

    async def write() -> int:
        return await write_digests(team, house.letterhead, app_url="https://app.test", now=NOW)

    assert sum(await asyncio.gather(*(write() for _ in range(6)))) == 1


async def test_one_daily_mail_that_fails_keeps_nobody_elses_back(team, monkeypatch):
    house = make_house(team, clock=lambda: NOW)
    for address in (ALICE, BOB):
        await choose(team, address, digest="08:00", digested="2026-11-21", of_team="1")
    await happen(team, 1, at=NOW - timedelta(hours=20))
    whole = digest.compose_digest

    def breaks_for_alice(one: digest.Digest, **rest: Any) -> bytes:
        if one.to == ALICE:
            raise ValueError("a slip")
        return whole(one, **rest)

    async def write() -> int:
        return await write_digests(team, house.letterhead, app_url="https://app.test", now=NOW)

    monkeypatch.setattr(digest, "compose_digest", breaks_for_alice)
    assert await write() == 1
    monkeypatch.setattr(digest, "compose_digest", whole)
    assert [await write(), await write()] == [1, 0]


async def test_a_day_without_news_has_no_mail(team):
    await choose(team, ALICE, digest="08:00", digested="2026-11-21")
    assert (
        await write_digests(team, make_house(team, clock=lambda: NOW).letterhead, app_url="https://app.test", now=NOW)
        == 0
    )
    async with team.read() as tx:
        assert (await preferences.chosen(tx, f"id-{ALICE}"))["digested"] == "2026-11-22"

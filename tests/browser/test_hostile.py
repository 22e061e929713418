"""Hostile texts in every field that is kept: nothing runs, nothing leaves, nothing fails, no table calculates."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Dialog
from sqlalchemy import text

from seenby.delivery.dsn import Undelivered, compose_dsn
from seenby.report.export import COLUMNS
from seenby.store.people import sender_by_address
from seenby.store.tables import METADATA
from seenby.store.times import micros
from tests.browser.hostile import BYTES, PAYLOADS
from tests.browser.lively import ALICE, NOW, TEAM, Fetch, Mail, Person
from tests.browser.places import PLACES
from tests.browser.test_pages import House, chromium, house, lively, utc_now
from tests.house import make_house, submitted

__all__ = ["chromium", "house", "lively"]  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(400), pytest.mark.xdist_group("hostile")]
# An element that one of the texts made, an address that runs, and a handler that stands in the page.
GOT_IN = """() => [
  ...document.querySelectorAll('[pwn], script:not([src]), base, object, embed, iframe[srcdoc]'),
  ...document.querySelectorAll('meta[http-equiv], style, link[href^="http"]'),
  ...[...document.querySelectorAll('a[href], form[action], [formaction], [src]')].filter((one) =>
    ['href', 'action', 'formaction', 'src'].some((name) =>
      /^\\s*(javascript|vbscript|data:text)/i.test(one.getAttribute(name) || ''))),
  ...[...document.querySelectorAll('*')].filter((one) => [...one.attributes].some((each) =>
    /^(on|hx-on|data-hx-on)/.test(each.name) || (/^(data-)?(hx|sse)-/.test(each.name)
      && /^\\s*\\w+:\\/\\//.test(each.value)))),
].map((one) => one.outerHTML.slice(0, 200))"""
RUNS = re.compile(r"^[=+\-@\t\r\n\N{FULLWIDTH EQUALS SIGN}]")


class Watch:
    """A browser that is signed in, and everything in it that should not happen."""

    def __init__(self, house: House, chromium: Browser) -> None:
        self.house = house
        self.faults: list[str] = []
        self.context = chromium.new_context()
        self.context.expose_function("__hit", lambda: self.faults.append(f"ran on {self.page.url}"))
        own = (house.url, house.url.replace(str(house.ports[0]), str(house.ports[1])))
        self.context.route(lambda url: not url.startswith(own), self._away)
        self.context.request.get(house.path_in())
        self.page = self.context.new_page()
        self.page.on("dialog", self._asked)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))

    def _away(self, route: Any) -> None:
        self.faults.append(f"left {self.page.url} for {route.request.url}")
        route.abort()

    def _asked(self, dialog: Dialog) -> None:
        self.faults.append(f"asked {dialog.message}")
        dialog.dismiss()

    def look(self, path: str) -> None:
        answer = self.page.goto(self.house.url + path)
        assert answer is not None
        if answer.status >= 500:
            self.faults.append(f"{path}: {answer.status}")
        self.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        self.faults += [f"{path} has {found}" for found in self.page.evaluate(GOT_IN)]
        if "owned" in self.page.title() or not self.page.url.startswith(self.house.url):
            self.faults.append(f"{path} became {self.page.url} {self.page.title()}")

    def post(self, path: str, **form: Any) -> None:
        answer = self.context.request.post(
            self.house.url + path, form=form, headers={"Origin": self.house.url}, max_redirects=0
        )
        if answer.status >= 500 or answer.status in (403, 404, 405):
            self.faults.append(f"POST {path} {list(form.values())}: {answer.status}")

    def fetch(self, path: str) -> bytes:
        answer = self.context.request.get(self.house.url + path)
        if answer.status >= 500:
            self.faults.append(f"{path}: {answer.status}")
        return answer.body()


def mails() -> Iterator[Mail]:
    """One for each text, with the text wherever a stranger or a sender could have put it."""
    for number, hostile in enumerate(PAYLOADS):
        reader = f"r{number}@customer.test"
        fetch = Fetch(
            after=timedelta(minutes=2), reader=reader, agent=hostile, reasons=(("mail_client", 1.5, hostile),)
        )
        click = Fetch(after=timedelta(minutes=3), reader=reader, channel="click", link=0, agent=hostile)
        machine = Fetch(
            after=timedelta(seconds=3),
            reader=reader,
            agent=hostile,
            label="scanner",
            permille=9,
            counted=0,
            reasons=(("burst", -3.0, hostile),),
        )
        page = f'<p>{hostile}</p><a href="{hostile}">x</a>'.encode(errors="replace")
        yield Mail(
            id=f"x-{number}",
            subject=hostile,
            ago=timedelta(minutes=5 + number),
            people=(
                Person(address=reader, name=hostile, opened="seen", clicked="seen", opens=1, clicks=1),
                Person(address=f"b{number}@gone.test", name=hostile, state="bounced", reply=f"550 {hostile}"),
            ),
            links=(hostile, f"https://evil.test/?{quote(hostile)}"),
            fetches=(fetch, click, machine),
            raw=b"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page,
        )


# What only the doors' own checks keep short or plain: as a store of an older version, or a broken one, might have it.
SPOILED = (
    "update hits set headers = json_object('accept-language', "
    "(select subject from messages m where m.id = hits.message))",
    "update hits set network = (select subject from messages m where m.id = hits.message)",
    "update attempts set reply = (select subject from messages m where m.id = attempts.message)",
    "update events set detail = (select subject from messages m where m.id = events.message)",
    "update sessions set agent = (select subject from messages m where m.id = 'x-8')",
    "update messages set from_address = (select subject from messages m where m.id = 'x-9') where id = 'x-0'",
)


def _rows() -> dict[str, list[dict[str, Any]]]:
    """What forms do not reach: figures by program and country, keys and names that other programs gave."""
    own = {"team": TEAM, "sender": f"id-{ALICE}"}
    at, day = micros(utc_now()), (utc_now() - datetime(1970, 1, 1, tzinfo=UTC)).days
    named = [
        {**own, "dimension": dimension, "day": day, "value": hostile, "opens": 2, "clicks": 1, "machines": 3}
        for dimension in ("client", "system", "country", "cause")
        for hostile in PAYLOADS
    ]
    domains = [
        {"team": TEAM, "sender": "", "day": day, "domain": hostile, "copies": 9, "sent": 8, "measured": 7, "opened": 3}
        for hostile in PAYLOADS
    ]
    keys = [
        {**own, "id": f"key-{number}", "public_key": b"", "sign_count": 0, "name": hostile, "made_at": at}
        for number, hostile in enumerate(PAYLOADS)
    ]
    browsers = [
        {**own, "endpoint": f"https://push.test/{number}", "p256dh": "", "auth": "", "agent": hostile, "made_at": at}
        for number, hostile in enumerate(PAYLOADS)
    ]
    providers = [{**own, "issuer": hostile, "subject": hostile, "made_at": at} for hostile in PAYLOADS]
    log = [{**own, "action": "team_named", "detail": hostile, "at": at} for hostile in PAYLOADS]
    return {
        "day_facets": named,
        "day_domains": domains,
        "passkeys": keys,
        "push_subscriptions": browsers,
        "identities": providers,
        "admin_log": log,
    }


# How many of each are there once every form was sent with every text; what is refused is refused in words.
KEPT = {
    "labels": 60,
    "saved_filters": 50,
    "notes": 60,
    "templates": 60,
    "drafts": 60,
    "saved_reports": 50,
    "own_networks": 50,
    "unsubscribed": 1,
}


def kept(house: House) -> dict[str, int]:
    async def count() -> dict[str, int]:
        async with house.store.read() as tx:
            return {
                name: (await tx.connection.execute(text(f"select count(*) from {name}"))).scalar_one() for name in KEPT
            }

    return house.wait(count())


@pytest.fixture
def spoiled(house: House) -> House:
    """A house full of it."""
    for mail in mails():
        house.add(mail)

    async def spoil() -> None:
        async with house.store.write() as tx:
            for statement in SPOILED:
                try:
                    await tx.connection.execute(text(statement))
                except Exception as problem:
                    raise AssertionError(statement) from problem
            for name, rows in _rows().items():
                for row in rows:
                    await tx.connection.execute(METADATA.tables[name].insert().values(row))

    house.wait(spoil())
    return house


@pytest.fixture
def watch(spoiled: House, chromium: Browser) -> Iterator[Watch]:
    watching = Watch(spoiled, chromium)
    yield watching
    watching.context.close()
    assert not watching.faults, "\n".join(watching.faults[:40])


def fill(watch: Watch) -> None:
    """Every form that keeps a text, with every text."""
    for number, hostile in enumerate(PAYLOADS):
        reader, one = f"r{number}@customer.test", f"hostile-{number:04}"
        watch.post("/labels", message=f"x-{number}", label=hostile)
        watch.post("/filters?words=x", name=hostile)
        watch.post(f"/people/{reader}/note", text=hostile)
        watch.post("/unsubscribed/lift", address=reader, why=hostile, they_asked="true")
        watch.post("/settings/judge/networks", network=f"203.0.{number}.0/24", name=hostile)
        watch.post("/settings/writing/signature", html=f"<p>{hostile}</p>", text=hostile)
        if number % 4 == 0:  # one of a kind each, or refused in words
            watch.post("/settings/team/name", name=hostile)
            watch.post("/settings/team/add", address=hostile)
            watch.post("/settings/domains", domain=hostile)
            watch.post("/settings/addresses", address=hostile)
            watch.post("/settings/links", text="html", keep=hostile, opt_out=hostile)
        watch.post("/reports/saved", name=hostile[:80], query=f"?label={quote(hostile)}"[:500], mail_to=hostile)
        watch.post("/templates", draft=one, name=hostile, subject=hostile, html=f"<p>x {hostile}</p>", shared="1")
        watch.post(
            "/compose/save",
            draft=one,
            **{"from": ALICE},
            name=hostile,
            to=f"{hostile} <{reader}>, {hostile}",
            subject=hostile,
            html=f"<p>{hostile}</p>",
            zone=hostile,
            day=hostile,
        )


def test_hostile_texts_stay_texts_on_every_page_and_in_every_file(watch: Watch) -> None:
    for number in range(0, len(PAYLOADS), 2):
        watch.house.leaves(f"r{number}@customer.test", minutes=1)
    fill(watch)
    counted = kept(watch.house)
    assert {name: count for name, count in counted.items() if count < KEPT[name]} == {}
    for path in PLACES:
        watch.look(path.replace("m-offer", "x-8"))
    for number, hostile in enumerate(PAYLOADS):
        (watch.fetch if number % 2 else watch.look)(f"/messages/x-{number}")
        if number % 3:
            continue
        look = watch.look if number % 12 == 0 else watch.fetch
        asked = quote(hostile)
        look(f"/people/r{number}@customer.test")
        look(f"/compose?draft=hostile-{number:04}")
        look(f"/templates/hostile-{number:04}")
        look(f"/mailbox/x-{number}-0")
        look(f"/?words={asked}&label={asked[:40]}")
        look(f"/people?find={asked}")
    watch.look("/organisations/customer.test")
    no_file_calculates(watch)


def no_file_calculates(watch: Watch) -> None:
    """CSV, Excel, PDF and the pieces of pages that are fetched alone."""
    for path in (
        "/export.csv",
        "/reports/days.csv",
        "/reports/programs.csv",
        "/reports/where.csv",
        "/reports/filtered.csv",
        "/reports/when.csv",
        "/reports/organisations.csv",
        "/settings/log/export.csv",
    ):
        rows = list(csv.reader(io.StringIO(watch.fetch(path).decode("utf-8-sig"))))
        assert rows, path
        for cell in (cell for row in rows for cell in row):
            assert not RUNS.match(cell), (path, cell)
            # A program that splits at another sign begins a cell there.
            assert not re.search(r"(?<!^')[;,|\t\r\n][=+@\N{FULLWIDTH EQUALS SIGN}]", cell), (path, cell)
    assert len(next(csv.reader(io.StringIO(watch.fetch("/export.csv").decode("utf-8-sig"))))) == len(COLUMNS)
    with zipfile.ZipFile(io.BytesIO(watch.fetch("/export.xlsx"))) as book:
        for name in book.namelist():
            if name.endswith(".xml"):
                tree = ElementTree.fromstring(book.read(name))
                assert not [one for one in tree.iter() if one.tag.endswith(("}f", "}hyperlink"))], name
    assert watch.fetch("/reports/report.pdf").startswith(b"%PDF-")
    pdf = watch.fetch("/reports/report.pdf")
    assert b"/JavaScript" not in pdf
    assert b"/URI" not in pdf
    for path in ("/rows", "/feed/hot", "/bell/count", "/bell"):
        assert b"<script pwn" not in watch.fetch(path), path


def test_mail_of_our_own_about_them_has_the_headers_we_wrote() -> None:
    for hostile in PAYLOADS:
        told = Undelivered(
            sender=ALICE,
            recipient=RECIPIENT,
            subject=hostile,
            message_id=hostile,
            reply=f"550 {hostile}",
            gave_up=False,
        )
        raw = compose_dsn(told, host="seenby.test", message_id="<x@seenby.test>", at=NOW)
        assert not (b"\r\n" + raw).lower().count(b"\r\nbcc:"), hostile
        mail = message_from_bytes(raw, policy=policy.default)
        assert mail["To"] == ALICE
        assert mail["Bcc"] is None
        assert mail["Set-Cookie"] is None
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "message/delivery-status"]


RECIPIENT = "rita@customer.test"


def test_what_comes_through_the_gateway_is_text_as_well(house: House, chromium: Browser) -> None:
    """The same in the bytes of mail: subjects, names, targets and the names of files, raw and as encoded words."""
    steps = make_house(house.store, clock=utc_now)

    async def send(raw: bytes) -> str:
        async with house.store.read() as tx:
            sender = await sender_by_address(tx, ALICE)
        assert sender is not None
        return await submitted(steps, sender, raw, to=[RECIPIENT])

    sent = [
        house.wait(send(_raw(line)))
        for line in (*(hostile.encode("utf-8", "replace") for hostile in PAYLOADS), *BYTES[1:])
    ]
    watching = Watch(house, chromium)
    watching.look("/")
    for number, message in enumerate(sent):
        (watching.look if number % 4 == 0 else watching.fetch)(f"/messages/{message}")
    watching.look(f"/people/{RECIPIENT}")
    for path in ("/export.csv", "/export.xlsx", "/mailbox", "/feed", "/people"):
        watching.fetch(path)
    watching.context.close()
    assert not watching.faults, "\n".join(watching.faults[:40])


def _raw(words: bytes) -> bytes:
    line = re.sub(rb"[\r\n\0]+", b" ", words)
    quoted = line.replace(b"\\", b"").replace(b'"', b"'")
    markup = line.replace(b'"', b"&quot;")
    return (
        b"From: Alice <"
        + ALICE.encode()
        + b'>\r\nTo: "'
        + quoted
        + b'" <'
        + RECIPIENT.encode()
        + b">\r\nSubject: "
        + line
        + b"\r\nMessage-ID: <"
        + re.sub(rb"[^a-z]", b"", line)[:30]
        + b"@blue.test>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=cut\r\n\r\n--cut\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>"
        + line
        + b'</p><a href="https://shop.test/'
        + markup
        + b'">x</a><a href="'
        + markup
        + b'">y</a>\r\n--cut\r\n'
        b'Content-Disposition: attachment; filename="'
        + quoted
        + b'"\r\nContent-Type: text/plain\r\n\r\nx\r\n--cut--\r\n'
    )

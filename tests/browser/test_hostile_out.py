"""Hostile texts in what leaves the pages: mail of our own, files, a person's data, notifications.

Nothing in it runs or fetches, no header is there that we did not write, and no line is more than one.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Worker, expect
from sqlalchemy import text

from seenby import flow
from seenby.compose.people import one_line
from seenby.mailed import mail_reports
from seenby.store.times import micros
from seenby.tell.digest import LINES, Digest, compose_digest
from seenby.tell.own_mail import Letterhead
from seenby.tell.push import notices
from seenby.words.event import EventKind
from tests.browser.hostile import PAYLOADS
from tests.browser.lively import ALICE, NOW, RITA, TEAM
from tests.browser.test_hostile import GOT_IN, RUNS, Watch, mails
from tests.browser.test_pages import House, chromium, house, lively, utc_now
from tests.house import make_house

__all__ = ["chromium", "house", "lively"]  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(400), pytest.mark.xdist_group("hostile")]
TURNING: Final = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
APP: Final = "https://app.test"
OURS: Final = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
WRITTEN: Final = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]


@pytest.fixture
def watch(house: House, chromium: Browser) -> Iterator[Watch]:
    for mail in mails():
        house.add(mail)
    watching = Watch(house, chromium)
    yield watching
    watching.context.close()
    assert not watching.faults, "\n".join(watching.faults[:40])


def hidden(words: str) -> list[str]:
    """What nobody sees and what turns text around; a joiner inside a word is part of it."""
    odd, text = {"Cc", "Cs", "Zl", "Zp"}, words.replace("\r\n", "").replace("\n", "")
    return [ascii(one) for one in text if unicodedata.category(one) in odd or one in TURNING]


def read(raw: bytes, *, headers: Sequence[str]) -> EmailMessage:
    """A mail of ours with these headers and no others, whose lines are lines."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail.keys() == list(headers)
    assert not mail.defects
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert not hidden(str(mail["Subject"])), ascii(str(mail["Subject"]))
    assert not re.search(r"=\?[\w-]+\?[bq]\?", str(mail["Subject"]), re.IGNORECASE), "no word is decoded twice"
    return mail


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


# ---------------------------------------------------------------- the daily mail


def letterhead() -> Letterhead:
    return Letterhead(host="seenby.test", key_id=1, tracking_url="http://t.test", mint=lambda _bytes: "minted")


def news(hostile: Sequence[str]) -> list[dict[str, Any]]:
    kinds = (EventKind.OPENED, EventKind.CLICKED, EventKind.REPLIED)
    return [
        {
            "kind": kinds[number % 3],
            "name": one,
            "address": RITA,
            "subject": one,
            "message": f"m{number}",
            "at": micros(NOW),
        }
        for number, one in enumerate(hostile)
    ]


def test_the_daily_mail_is_ours_whatever_people_are_called(watch: Watch) -> None:
    for start in range(0, len(PAYLOADS), LINES):
        told = PAYLOADS[start : start + LINES]
        digest = Digest(to=ALICE, rows=news(told), clock=UTC, app_url=APP)  # type: ignore[arg-type]
        raw = compose_digest(digest, letterhead=letterhead(), identity="minted", at=NOW)
        mail = read(raw, headers=OURS)
        assert mail["To"] == ALICE
        assert mail.get_content_type() == "multipart/alternative"
        plain, html = body(mail, "plain"), body(mail, "html")
        lines = [line for line in plain.splitlines() if line]
        assert len(lines) == len(told) + 1, "a line each, and why it comes"
        assert hidden(plain) == []
        assert hidden(html) == []
        shown(watch, html, told)


def shown(watch: Watch, html: str, told: Sequence[str]) -> None:
    """The HTML as a mail program with no protection of its own would show it, with scripts and all."""
    page = watch.context.new_page()
    page.on("dialog", watch._asked)
    page.on("request", lambda request: watch.faults.append(f"the mail asked {request.url}"))
    page.set_content(html, wait_until="networkidle")
    assert page.evaluate(GOT_IN) == []
    links = page.locator("a")
    assert links.count() == len(told)
    paths = [links.nth(number).get_attribute("href") for number in range(links.count())]
    assert paths == [f"{APP}/messages/m{number}" for number in range(len(told))]
    for number, hostile in enumerate(told):
        expect(links.nth(number)).to_contain_text(" ".join(one_line(hostile)[:40].split()))
    for number in range(links.count()):  # nothing waits to be touched, either
        links.nth(number).hover()
        links.nth(number).focus()
    page.close()


# ---------------------------------------------------------------- reports by mail


def test_a_mailed_report_is_ours_whatever_it_is_called(watch: Watch) -> None:
    house, clerk = watch.house, make_house(watch.house.store, clock=utc_now)

    async def saved() -> None:
        async with house.store.write() as tx:
            for number, hostile in enumerate(PAYLOADS):
                assert await tx.run(
                    "save_report", id=f"r{number:03}", team=TEAM, sender=f"id-{ALICE}", name=hostile[:80],
                    query="?" + urlencode({"days": "7", "label": hostile[:40]}), every="day",
                    form="csv" if number % 4 else "pdf", mail_to=ALICE, due_at=micros(utc_now()) - number,
                    at=micros(utc_now()), most=500,
                )  # fmt: skip

    async def mailed() -> list[bytes]:
        count = 0
        while more := await mail_reports(house.store, clerk.letterhead, app_url=APP, now=utc_now()):
            count += more
        assert count == len(PAYLOADS)
        async with house.store.read() as tx:
            left = (await tx.connection.execute(text("select problem from saved_reports where problem <> ''"))).all()
            assert left == []
            sql = "select s.raw from spool s join messages m on m.id = s.message where m.sender is null"
            return [bytes(row[0]) for row in await tx.connection.execute(text(sql))]

    house.wait(saved())
    letters = house.wait(mailed())
    assert len(letters) == len(PAYLOADS)
    for raw in letters:
        mail = read(raw, headers=OURS)
        assert mail["To"] == ALICE
        [file] = mail.iter_attachments()
        assert file.keys() == ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "MIME-Version"]
        assert file.get_filename() in ("report.pdf", "report.csv")
        assert not hidden(body(mail, "plain"))
        harmless(file)
    titles = {str(message_from_bytes(raw, policy=policy.default)["Subject"]).strip() for raw in letters}
    assert {f"Report: {one_line(hostile[:80])}".strip() for hostile in PAYLOADS} - titles == set()


def harmless(file: Any) -> None:
    content = file.get_payload(decode=True)
    if file.get_filename() == "report.pdf":
        assert file.get_content_type() == "application/pdf"
        assert content.startswith(b"%PDF-")
        assert not re.search(rb"/(JavaScript|JS|URI|Launch|OpenAction|AA|EmbeddedFile)\b", content)
        return
    assert file.get_content_type() == "text/csv"
    for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))):
        assert not [cell for cell in row if RUNS.match(cell)]


# ---------------------------------------------------------------- one person's data


def test_a_person_s_data_is_a_file_that_only_says_it(watch: Watch) -> None:
    house = watch.house

    async def spoil() -> None:
        # JSON may hold half a surrogate pair, which no text of a file can.
        odd = json.dumps({"accept-language": "\ud800 \x00 </script><script pwn>__hit()</script>"})
        async with house.store.write() as tx:
            await tx.connection.execute(text("update hits set headers = :odd where message = 'x-8'"), {"odd": odd})
            await tx.connection.execute(
                text("update hits set headers = json_object('accept-language', (select subject from messages m "
                     "where m.id = hits.message)) where message <> 'x-8'")
            )  # fmt: skip

    house.wait(spoil())
    for number, hostile in enumerate(PAYLOADS):
        address = f"r{number}@customer.test"
        watch.post(f"/people/{address}/note", text=hostile)
        told = json.loads(downloaded(watch, address) if number % 6 == 2 else asked(watch, address))
        assert told["address"] == address
        assert told["messages"][0]["subject"] == hostile
        assert told["messages"][0]["name"] == hostile
        assert [one["agent"] for one in told["messages"][0]["fetches"]] == [hostile] * 3
        assert len(told["messages"][0]["fetches"][0]["headers"]) == 1


def downloaded(watch: Watch, address: str) -> str:
    """By the button of the page."""
    watch.page.goto(f"{watch.house.url}/settings/privacy")
    form = watch.page.locator("form[action='/settings/privacy/export']")
    form.get_by_label("Address").fill(address)
    with watch.page.expect_download() as waiting:
        form.get_by_role("button").click()
    assert waiting.value.suggested_filename == "seenby-person.json"
    return waiting.value.path().read_bytes().decode("utf-8")


def asked(watch: Watch, address: str) -> str:
    """As the browser asks for it."""
    answer = watch.context.request.post(
        f"{watch.house.url}/settings/privacy/export", form={"address": address}, headers={"Origin": watch.house.url}
    )
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="seenby-person.json"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    return answer.body().decode("utf-8")


# ---------------------------------------------------------------- files that go along


def attach(watch: Watch, draft: str, name: str, kind: str) -> None:
    """As a browser sends it, which escapes a quote and line ends alone (WHATWG HTML, multipart/form-data)."""
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").encode("utf-8", "replace")
    kind_line = one_line(kind).encode("utf-8", "replace")
    raw = b"".join((
        b'--cut\r\nContent-Disposition: form-data; name="draft"\r\n\r\n', draft.encode(),
        b'\r\n--cut\r\nContent-Disposition: form-data; name="file"; filename="', escaped, b'"\r\nContent-Type: ',
        kind_line or b"text/plain", b"\r\n\r\n", b"x=1", b"\r\n--cut--\r\n",
    ))  # fmt: skip
    answer = watch.context.request.post(
        f"{watch.house.url}/compose/files",
        data=raw,
        headers={"Origin": watch.house.url, "Content-Type": "multipart/form-data; boundary=cut", "HX-Request": "true"},
    )
    assert answer.status == 200, (answer.status, name)
    assert "<script pwn" not in answer.text()


def test_files_keep_their_names_and_no_more(watch: Watch) -> None:
    drafts = [f"files-{number:04}" for number in range(0, len(PAYLOADS), 18)]
    for number, hostile in enumerate(PAYLOADS):
        attach(watch, drafts[number // 18], hostile, hostile if number % 2 else "text/html")
    subject = "files"
    for draft in drafts:
        watch.look(f"/compose?draft={draft}")
        watch.post(
            "/compose/save", draft=draft, to=RITA, subject=subject, html="<p>x</p>", **{"from": ALICE, "name": "Alice"}
        )
        watch.look(f"/compose?draft={draft}")
        watch.post("/compose/send", draft=draft, to=RITA, subject=subject, html="<p>x</p>", **{"from": ALICE})
    sent = watch.house.wait(posted(watch.house))
    assert len(sent) == len(drafts)
    names = [name for raw in sent for name in files_of(raw)]
    assert len(names) == len(PAYLOADS)
    assert [name for name in names if hidden(name) or "/" in name or "\\" in name] == []
    for message in watch.house.wait(messages(watch.house, subject)):
        watch.look(f"/messages/{message}")
        for path in (f"/messages/{message}/written.eml", f"/messages/{message}/recipients/{message}/copy.eml"):
            watch.fetch(path)


def files_of(raw: bytes) -> list[str]:
    """The names of a message's files, each as plain as a file can be."""
    mail = read(raw, headers=WRITTEN)
    assert mail["To"].addresses[0].addr_spec == RITA
    files = list(mail.iter_attachments())
    for file in files:
        assert file.keys() == ["Content-Type", "Content-Disposition", "Content-Transfer-Encoding"]
        assert file.get_content_disposition() == "attachment"
        assert file.get_payload(decode=True) == b"x=1"
        assert file.get_content_maintype() not in ("multipart", "message")
    return [str(file.get_filename()) for file in files]


async def posted(house: House) -> list[bytes]:
    """What is waiting, gone now: the messages as they were written."""
    clerk = make_house(house.store, clock=lambda: utc_now() + timedelta(minutes=1))
    while await flow.post(clerk):
        pass
    async with house.store.read() as tx:
        problems = (await tx.connection.execute(text("select problem from drafts where problem <> ''"))).all()
        assert problems == []
        sql = "select s.raw from spool s join messages m on m.id = s.message where m.subject = 'files' order by m.id"
        return [bytes(row[0]) for row in await tx.connection.execute(text(sql))]


async def messages(house: House, subject: str) -> list[str]:
    async with house.store.read() as tx:
        sql = "select id from messages where subject = :subject"
        return [row[0] for row in await tx.connection.execute(text(sql), {"subject": subject})]


def test_a_message_as_a_file_has_a_plain_name(watch: Watch) -> None:
    for number in range(len(PAYLOADS)):
        for path in (f"/messages/x-{number}/written.eml", f"/messages/x-{number}/recipients/x-{number}-0/copy.eml"):
            answer = watch.context.request.get(watch.house.url + path)
            assert answer.status == 200, path
            assert re.fullmatch(
                r'attachment; filename="[A-Za-z0-9 ._-]{1,60}\.eml"', answer.headers["content-disposition"]
            ), answer.headers["content-disposition"]
            assert answer.headers["content-type"] == "message/rfc822"
            assert "set-cookie" not in answer.headers


# ---------------------------------------------------------------- notifications


def test_a_notification_says_texts_and_leads_home(watch: Watch) -> None:
    for hostile in PAYLOADS:
        row = {**news([hostile])[0], "id": "e1", "message": "m-1"}
        [notice] = notices([row], now=NOW)
        told = json.loads(notice.as_json())
        assert set(told) == {"title", "body", "path", "tag"}
        assert told["path"] == "/messages/m-1"
        assert not hidden(told["title"] + told["body"]), ascii(told["title"])
        assert len(notice.as_json().encode()) < 3000


LEADS: Final = (
    "//evil.test/x",
    "/\\evil.test/x",
    "\\\\evil.test/x",
    "/\t/evil.test/x",
    "/\n\\evil.test",
    "\t//evil.test",
    "http://evil.test/x",
    "https:evil.test",
    "javascript:__hit()",
    "data:text/html,x",
    "http:\\\\evil.test",
    " //evil.test",
    "/.//evil.test/../..//evil.test",
    "http://[",
    {"toString": 1},
    ["//evil.test"],
    7,
    None,
)


# Stands where the browser would show it. Where a click leads is what the browser makes of the path.
CAUGHT: Final = """() => {
  self.caught = null
  registration.showNotification = async (title, { body, data }) => {
    self.caught = { title, body, url: new URL(data.path, location.href).href }
  }
}"""


def test_a_notification_never_leads_elsewhere(watch: Watch) -> None:
    """A push service that lies, or a slip of ours: the worker of the pages believes no address of another origin."""
    page, context, url = watch.page, watch.context, watch.house.url
    context.grant_permissions(["notifications"], origin=url)
    page.goto(url)
    with context.expect_event("serviceworker") as waiting:
        page.evaluate(
            "navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready).then(() => 1)"
        )
    worker: Worker = waiting.value
    chrome = context.new_cdp_session(page)
    found: list[str] = []
    chrome.on("ServiceWorker.workerRegistrationUpdated", lambda told: found.extend(
        one["registrationId"] for one in told["registrations"]))  # fmt: skip
    chrome.send("ServiceWorker.enable")
    page.wait_for_timeout(200)
    for number, path in enumerate((*LEADS, *PAYLOADS, "/messages/m-1?x=//evil.test")):
        text_in = str(path) if isinstance(path, str) else "x"
        told = {"title": text_in or "x", "body": text_in, "path": path, "tag": f"t{number}"}
        worker.evaluate(CAUGHT)
        chrome.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": url, "registrationId": found[-1], "data": json.dumps(told)},
        )
        shown: Any = None
        for _ in range(250):
            if shown := worker.evaluate("self.caught"):
                break
            page.wait_for_timeout(20)
        assert shown, ("nothing was shown", path)
        assert shown["url"].startswith(f"{url}/"), (path, shown)
        assert (shown["title"], shown["body"]) == (told["title"], told["body"])
    assert page.url.startswith(url)

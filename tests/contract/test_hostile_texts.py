"""Every hostile text through every door that keeps one, on both databases: kept as it was, or refused in words.

PostgreSQL has no NUL in a text and no half of a surrogate pair; SQLite's driver has none of the latter. So neither may
come as far as a statement, whatever a form, a question, a header, a mail or a hit says.
"""

import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import quote

import httpx2
import pytest
from fastapi.openapi.utils import get_openapi
from sqlalchemy import text

from seenby import flow
from seenby.compose.written import read_draft
from seenby.steps.house import House
from seenby.store import Store, hits
from seenby.store.people import sender_by_address
from seenby.web import make_app
from seenby.wiring import mint
from seenby.words.hit import Hit
from seenby.words.limits import LABEL_CHARACTERS, NOTE_CHARACTERS
from seenby.words.message import Returned, Sender
from seenby.words.policy import Level
from seenby.words.token import Kind, Token
from tests.browser.hostile import BYTES, PAYLOADS
from tests.browser.lively import ALICE, NOW, RITA, TEAM
from tests.house import make_house, rows, submitted
from tests.unit.conftest import alice, team
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

__all__ = ["alice", "team"]  # fixtures
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
LONG: Final = ("W" * 50_000, "\N{GRINNING FACE}" * 4000, "e\N{COMBINING ACUTE ACCENT}" * 9000, "a b " * 12_000)
TEXTS: Final = (*(one.encode("utf-8", "surrogatepass") for one in (*PAYLOADS, *LONG)), *BYTES[1:])
NULS: Final = (b"a\0b", b"\0", b"x" * 100 + b"\0")
FORM: Final = {**OURS, "Content-Type": "application/x-www-form-urlencoded"}
# What takes a text and keeps it: the form's field, and what else it has to say.
KEEPERS: Final[Sequence[tuple[str, str, dict[str, str]]]] = (
    ("/labels", "label", {"message": "m-offer"}),
    ("/filters?words=x", "name", {}),
    (f"/people/{RITA}/note", "text", {}),
    ("/unsubscribed/lift", "why", {"address": "left@customer.test", "they_asked": "true"}),
    ("/accuracy/seeds", "address", {}),
    ("/settings/judge/networks", "name", {"network": "203.0.113.0/24"}),
    ("/settings/judge/networks", "network", {}),
    ("/settings/team/name", "name", {}),
    ("/settings/team/add", "address", {}),
    ("/settings/domains", "domain", {}),
    ("/settings/addresses", "address", {}),
    ("/settings/links", "hosts", {"text": "html"}),
    ("/settings/writing/signature", "html", {}),
    ("/settings/writing/signature", "text", {}),
    ("/settings/notifications", "zone", {}),
    ("/settings/privacy/export", "address", {}),
    ("/settings/next-hop", "user", {"host": "mail.test", "port": "587", "tls": "starttls", "password": "x"}),
    ("/settings/next-hop", "host", {"port": "587", "tls": "starttls"}),
    ("/reports/saved", "name", {"query": "?days=7"}),
    ("/reports/saved", "query", {"name": "x"}),
    ("/reports/saved", "mail_to", {"name": "x", "every": "day"}),
    ("/templates", "name", {"draft": "template-1", "html": "<p>x</p>"}),
    ("/templates", "html", {"draft": "template-2", "name": "x"}),
    ("/compose/save", "subject", {"draft": "draft-0001", "from": ALICE}),
    ("/compose/save", "to", {"draft": "draft-0002", "from": ALICE}),
    ("/compose/save", "html", {"draft": "draft-0003", "from": ALICE}),
    ("/compose/save", "zone", {"draft": "draft-0004", "from": ALICE, "day": "x"}),
    ("/compose/people", "table", {"draft": "draft-0005", "from": ALICE}),
)
SHOWING: Final = (
    *("/", "/feed", "/bell", "/people", f"/people/{RITA}", "/messages/m-offer", "/drafts", "/templates", "/accuracy"),
    *("/reports", "/reports/saved", "/reports/report.pdf", "/unsubscribed", "/export.csv", "/export.xlsx", "/mailbox"),
    *("/settings", "/settings/team", "/settings/judge", "/settings/log", "/settings/writing", "/compose"),
)


def form_of(field: str, value: bytes, rest: dict[str, str]) -> bytes:
    said = [f"{name}={quote(one)}" for name, one in rest.items()]
    return "&".join([*said, f"{field}={quote(value)}"]).encode()


def readable(raw: bytes) -> str:
    """As a form's bytes become text."""
    return raw.decode("utf-8", "replace")


async def kept(store: Store, sql: str) -> set[str]:
    async with store.read() as tx:
        return {str(row[0]) for row in await tx.connection.execute(text(sql))}


async def answers_well(client: httpx2.AsyncClient) -> None:
    """The pages that show what was kept."""
    for path in SHOWING:
        assert (await client.get(path)).status_code == 200, path


async def test_a_form_keeps_a_text_or_refuses_it_in_words(alice: httpx2.AsyncClient) -> None:
    for path, field, rest in KEEPERS:
        for value in TEXTS:
            answer = await alice.post(path, content=form_of(field, value, rest), headers=FORM)
            assert answer.status_code in (200, 303, 413, 422), (path, field, value[:80])
        for value in NULS:
            answer = await alice.post(path, content=form_of(field, value, rest), headers=FORM)
            assert answer.status_code == 400, (path, field, value[:80])
    await answers_well(alice)


async def test_what_was_typed_is_there_again(team: Store, alice: httpx2.AsyncClient) -> None:
    def shown(raw: bytes) -> str:
        return " ".join(readable(raw).split())[:LABEL_CHARACTERS].rstrip()

    short = [raw for raw in TEXTS if len(raw) <= 200]
    assert len(short) > 60
    for number, raw in enumerate(short):
        labels = form_of("label", raw, {"message": "m-offer"})
        assert (await alice.post("/labels", content=labels, headers=FORM)).status_code == 303
        draft = {"draft": f"draft-{number:04}", "from": ALICE, "html": "<p>x</p>"}
        await alice.post("/compose/save", content=form_of("subject", raw, draft), headers=FORM)
        await alice.post(f"/people/{RITA}/note", content=form_of("text", raw, {}), headers=FORM)
        note = readable(raw).replace("\r\n", "\n").strip()[:NOTE_CHARACTERS]
        assert await kept(team, "select text from notes") == {note}, raw
    assert await kept(team, "select label from labels") == {shown(raw) for raw in short}
    drafts = {read_draft(one).subject for one in await kept(team, "select content from drafts")}
    assert drafts == {readable(raw) for raw in short}


READ_OTHERWISE: Final = (
    ("utf-7", b"a+AAA-b"),
    ("utf-16-be", b"\x00a\x00\x00\xd8\x00"),
    ("utf-16", b"\xff\xfea\x00\x00\x00"),
    ("raw_unicode_escape", b"a\\ud800b"),
    ("unicode_escape", b"a\\x00b\\ud800"),
    ('"unicode_escape"', b"a\\ud800"),
    ("punycode", b"a-99999999"),
    ("no-such", b"x"),
)


def in_parts(value: bytes) -> bytes:
    fields = {"draft": b"draft-0001", "message": b"m-offer", "from": ALICE.encode(), "zone": b"UTC"}
    fields |= dict.fromkeys(("label", "name", "text", "subject", "html", "to", "query"), value)
    parts = (
        b'--cut\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), one)
        for name, one in fields.items()
    )
    return b"".join(parts) + b"--cut--\r\n"


async def test_no_form_says_how_its_bytes_are_to_be_read(alice: httpx2.AsyncClient) -> None:
    for path in ("/labels", "/compose/save", "/templates", f"/people/{RITA}/note", "/reports/saved"):
        for charset, value in READ_OTHERWISE:
            for said in (f"; charset={charset}", f"; Charset={charset}", f"; charset*=''{charset}"):
                headers = {**OURS, "Content-Type": f"multipart/form-data; boundary=cut{said}"}
                answer = await alice.post(path, content=in_parts(value), headers=headers)
                assert answer.status_code == 415, (path, charset)
        for value in (*TEXTS[::3], *BYTES[1:]):
            headers = {**OURS, "Content-Type": "multipart/form-data; boundary=cut"}
            answer = await alice.post(path, content=in_parts(value), headers=headers)
            assert answer.status_code in (200, 303, 400, 413, 422), (path, value[:80])
        answer = await alice.post(path, content=in_parts(b"a\0b"), headers=headers)
        assert answer.status_code == 400, path


async def test_a_question_may_say_anything(team: Store, alice: httpx2.AsyncClient) -> None:
    spec = get_openapi(title="", version="", routes=make_app(parts_of(team)).routes)
    asked = [
        (path, one["name"])
        for path, methods in spec["paths"].items()
        for one in methods.get("get", {}).get("parameters", ())
        if one["in"] == "query" and "{" not in path and path != "/live"
    ]
    assert len(asked) > 40
    for number, (path, name) in enumerate(asked):
        for raw in (*TEXTS[number % 5 :: 5], *BYTES[1:]):
            answer = await alice.get(f"{path}?{name}={quote(raw[:2500])}")
            assert answer.status_code in (200, 303, 404, 422), (path, name, raw[:80])
        assert (await alice.get(f"{path}?{name}=%00")).status_code == 400


async def test_a_path_may_say_anything(alice: httpx2.AsyncClient) -> None:
    for start in ("/messages", "/people", "/organisations", "/templates", "/compose/going", "/mailbox", "/reports"):
        for raw in TEXTS:
            answer = await alice.get(f"{start}/{quote(raw[:1500], safe='')}")
            assert answer.status_code in (200, 303, 404, 405, 422), (start, raw[:80])
        assert (await alice.get(f"{start}/a%00b")).status_code == 400


@pytest.mark.parametrize(
    "user", [b"a\0b:x", b"\0:\0", b"\xff\xfe:x", b"alice@blue.test:\0", b"alice@blue.test:\xed\xa0\x80"]
)
async def test_a_program_may_say_anything(team: Store, user: bytes) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {base64.b64encode(user).decode()}"}
    said = ('"x"', '"\\ud800"', '"\\uDC00 x"', f'"{chr(0x1F600) * 300}"', "[]", "1e999", "NaN")
    async with browser(parts_of(team)) as program:
        for one in said:
            for body in (f'{{"message": {one}}}', f'{{"message": "x", "surface": {one}}}', f'{{"x": {one}}}', one):
                answer = await program.post("/api/own-views", content=body.encode(), headers=headers)
                assert answer.status_code in (400, 401, 422), (body, answer.text)


@pytest.mark.parametrize("cookie", ['"a\\000b"', '"\\377"', "\xff\xfe", '"', "a" * 4000])
async def test_a_cookie_may_say_anything(team: Store, cookie: str) -> None:
    async with browser(parts_of(team)) as stranger:
        answer = await stranger.get("/", headers=[(b"Cookie", b"seenby_session=" + cookie.encode("latin-1"))])
        assert answer.status_code == 303


async def test_a_browser_may_call_itself_anything(team: Store) -> None:
    for agent in (raw[:900] for raw in TEXTS[::4] if not {*b"\r\n\0"} & {*raw}):
        async with browser(parts_of(team)) as opened:
            async with team.write() as tx:
                await tx.run("drop_sign_in_links", sender=f"id-{ALICE}")
            opened.headers = httpx2.Headers([(b"User-Agent", agent)])
            await sign_in(opened, team)
            assert (await opened.get("/settings/sign-in")).status_code == 200


async def test_mail_and_what_comes_back_of_it_may_say_anything(team: Store, alice: httpx2.AsyncClient) -> None:
    house = make_house(team, clock=lambda: NOW)
    async with team.read() as tx:
        sender = await sender_by_address(tx, ALICE)
    assert sender is not None
    for raw in TEXTS:
        message = await sent_and_answered(house, sender, raw)
        assert (await alice.get(f"/messages/{message}")).status_code == 200, raw[:80]
    await answers_well(alice)


async def sent_and_answered(house: House, sender: Sender, raw: bytes) -> str:
    """A mail full of it, a fetch of its pixel by a program that calls itself so, and a report that says it."""
    line = raw.replace(b"\r", b" ").replace(b"\n", b" ")[:900]
    mail = b"".join((
        b"From: Alice <", ALICE.encode(), b'>\r\nTo: "', line.replace(b'"', b""), b'" <', RITA.encode(), b">\r\n",
        b"Subject: ", line, b"\r\nMessage-ID: <", line.replace(b">", b"")[:200], b"@x>\r\nReferences: ", line,
        b"\r\nContent-Type: text/html\r\n\r\n<a href='https://x.test/", line.replace(b"'", b""), b"'>x</a>\r\n",
    ))  # fmt: skip
    message = await submitted(house, sender, mail, to=[RITA])
    [copy] = await rows(house.store, "recipients_of", message=message)
    said = readable(raw)[:500]
    hit = Hit(
        id=mint(16),
        at=NOW + timedelta(seconds=99),
        token=Token(kind=Kind.PIXEL, level=Level.FULL, message=message, recipient=copy["id"], target=None, link=None),
        method="GET",
        address="198.51.100.7",
        agent=said,
        headers={"accept-language": said},
    )
    async with house.store.write() as tx:
        await hits.put_hits(tx, [hit], teams={message: TEAM})
    await flow.judge(house, message=message)
    report = b"".join((
        b"From: <>\r\nSubject: ", line, b"\r\nContent-Type: multipart/report; report-type=delivery-status; ",
        b"boundary=cut\r\n\r\n--cut\r\n\r\nx\r\n--cut\r\nContent-Type: message/delivery-status\r\n\r\n",
        b"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; ", line, b"\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        b"Diagnostic-Code: smtp; 550 ", line, b"\r\n--cut--\r\n",
    ))  # fmt: skip
    await flow.take_back(house, Returned(recipient=copy["id"], raw=report, at=NOW))
    return message

"""What an attacker tries at the pages: another site's forms, the control door from outside, endless requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from seenby.accounts import Accounts
from seenby.folder import open_folder
from seenby.store import Store, open_store
from seenby.tell.live import Live
from seenby.web import make_app
from seenby.web.control import control_router
from seenby.web.message import SHOWN_HITS
from seenby.web.rendering import page_of
from seenby.wiring import _listen, _server, mint
from seenby.words.errors import KeyFileError
from tests.browser.lively import ALICE, NOW, Fetch, Mail, Person, add_mail, add_people
from tests.conftest import empty_store
from tests.unit.test_web_pages import APP, OURS, browser, parts_of, sign_in

pytestmark = pytest.mark.anyio
FLOOD = SHOWN_HITS + 500
KEY = "k" * 43
HELD = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(database_url=await empty_store(request, tmp_path), data=tmp_path)
    await add_people(opened)
    yield opened
    await opened.close()


@contextlib.asynccontextmanager
async def command_line(store: Store, *, client: str = "127.0.0.1") -> AsyncIterator[httpx2.AsyncClient]:
    """The app with its control door, asked from `client`."""
    app = make_app(parts_of(store))
    app.include_router(
        control_router(
            Accounts(store=store, app_url=APP, now=lambda: NOW, mint=mint), key=KEY, repeat_window=timedelta(hours=1)
        )
    )
    transport = httpx2.ASGITransport(app=app, client=(client, 50000))
    async with httpx2.AsyncClient(transport=transport, base_url=APP) as opened:
        yield opened


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": f"{APP}.evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": APP},
        {"Authorization": "Basic dTpw", "Sec-Fetch-Site": "cross-site"},
        {"Authorization": f"Bearer {KEY}", "Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain", "Authorization": "Basic dTpw"},
    ],
    ids=str,
)
async def test_no_other_site_changes_anything(store: Store, sent: dict[str, str]) -> None:
    async with browser(parts_of(store)) as opened:
        await sign_in(opened, store)
        for address in ("/settings/switches", "/settings/addresses", "/settings/domains", "/bell/seen", "/sign-out"):
            assert (await opened.post(address, headers=sent, content=b"address=evil@acme.test")).status_code == 403
        assert (await opened.post("/sign-out", headers=OURS)).status_code == 303


@pytest.mark.parametrize("length", ["\xb2", "-1", "+1", "1_0", "9" * 5000, "1, 1"], ids=lambda text: text[:5])
async def test_an_absurd_length_is_refused(store: Store, length: str) -> None:
    async with browser(parts_of(store)) as opened:
        headers = [(b"Sec-Fetch-Site", b"same-origin"), (b"Content-Length", length.encode("latin-1"))]
        assert (await opened.post("/sign-out", headers=headers)).status_code == 413


async def test_the_control_door_opens_with_its_key_on_this_machine(store: Store) -> None:
    async with command_line(store) as opened:
        answer = await opened.post("/control/sign-in", json={"address": ALICE}, headers=HELD)
        assert answer.status_code == 200
        assert answer.json()["link"].startswith(f"{APP}/sign-in/")


@pytest.mark.parametrize(
    "key", [None, "", "Bearer", "Bearer ", f"Bearer {KEY[:-1]}", f"bearer {KEY}", f"Basic {KEY}", "\xe9"]
)
async def test_the_control_door_stays_shut_without_its_key(store: Store, key: str | None) -> None:
    async with command_line(store) as opened:
        headers = [] if key is None else [(b"Authorization", key.encode("latin-1"))]
        answer = await opened.post("/control/sign-in", json={"address": ALICE}, headers=headers)
        assert answer.status_code in (403, 422)
        assert "sign-in/" not in answer.text


@pytest.mark.parametrize(
    "sent",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Origin": APP},
        {"Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
async def test_neither_a_proxy_nor_a_browser_finds_the_control_door(store: Store, sent: dict[str, str]) -> None:
    async with command_line(store) as opened:
        answer = await opened.post("/control/sign-in", json={"address": ALICE}, headers={**HELD, **sent})
        assert answer.status_code == 404


@pytest.mark.parametrize("client", ["192.0.2.1", "2001:db8::1", ""])
async def test_nobody_elsewhere_finds_the_control_door(store: Store, client: str) -> None:
    async with command_line(store, client=client) as opened:
        answer = await opened.post("/control/sign-in", json={"address": ALICE}, headers=HELD)
        assert answer.status_code == 404


@pytest.mark.parametrize("left", ["", "\n", "short"])
def test_a_secret_that_a_crash_emptied_is_none(tmp_path: Path, left: str) -> None:
    folder = open_folder(tmp_path / "data")
    folder.secret("pages.key")
    (folder.keys / "pages.key").write_text(left)
    with pytest.raises(KeyFileError, match="Remove it"):
        folder.secret("pages.key")


@contextlib.asynccontextmanager
async def listening(store: Store) -> AsyncIterator[int]:
    """The pages on a real socket; gives the port."""
    parts = parts_of(store)
    sock = _listen("127.0.0.1:0", "APP")
    server = _server(make_app(parts))
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        Live.stop(parts.live)
        await task


async def answer_to(port: int, request: bytes, *, more: bytes = b"", times: int = 0) -> bytes:
    """What comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        writer.write(request)
        for _ in range(times):
            writer.write(more)
            await writer.drain()
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    ("request_", "more"),
    [(b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: " + b"a" * 60_000 + b"\r\n"), (b"GET /", b"a" * 60_000)],
    ids=["header", "address"],
)
async def test_an_endless_head_is_not_gathered(store: Store, request_: bytes, more: bytes) -> None:
    async with listening(store) as port:
        answer = await answer_to(port, request_, more=more, times=200)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET /sign-in HTTP/1.1\r\nHost: x\r\n\r\nGET /"], ids=repr)
async def test_whoever_never_ends_a_request_is_cut_off(
    store: Store, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seenby.web.timed.REQUEST_SECONDS", 0.1)
    async with listening(store) as port:
        assert b"HTTP/1.1 5" not in await asyncio.wait_for(answer_to(port, begun), 20)


async def test_whoever_never_ends_a_form_is_told_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seenby.web.guard.REQUEST_SECONDS", 0.1)
    monkeypatch.setattr("seenby.web.timed.REQUEST_SECONDS", 0.1)
    begun = b"POST /sign-out HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 10\r\n\r\na="
    async with listening(store) as port:
        assert (await asyncio.wait_for(answer_to(port, begun), 20)).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /sign-out HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /sign-out HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /sign-in HTTP/1.1\r\nHost: x\r\n X: folded\r\nContent-Length : 5\r\n\r\n",
        b"GET /sign-in HTTP/1.1\r\n\r\n",
        b"GET /sign-in HTTP/1.1\nHost: x\nContent-Length: z\n\n",
    ],
    ids=["CL and TE", "two lengths", "space before colon", "no host", "no length"],
)
async def test_a_request_that_two_servers_would_read_differently_is_refused(store: Store, request_: bytes) -> None:
    async with listening(store) as port:
        answer = await answer_to(port, request_.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
        assert answer.count(b"HTTP/1.1 ") == 1


async def test_a_message_whose_pixel_was_fetched_without_end_still_has_a_page(store: Store) -> None:
    second = timedelta(seconds=1)
    rita = Person(address="rita@out.test", name="Rita")
    fetches = tuple(
        Fetch(after=second * number, reader=rita.address, label="unknown", agent=f"robot-{number}")
        for number in range(FLOOD)
    )
    await add_mail(
        store, Mail(id="flooded", subject="Flooded", ago=timedelta(hours=2), people=(rita,), fetches=fetches)
    )
    async with browser(parts_of(store)) as opened:
        await sign_in(opened, store)
        page = (await opened.get("/messages/flooded")).text
    assert f"of {FLOOD:,} are shown" in page
    assert f"robot-{FLOOD - 1}<" in page
    assert "robot-0<" not in page
    assert page.count("<tr>") == SHOWN_HITS + 1


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "unicode_escape", "utf-7", "zlib", "rot13", "no-such", "\u20ac"]
)
def test_a_message_names_no_codec_of_pythons(charset: str) -> None:
    raw = f"Content-Type: text/plain; charset={charset}\r\n\r\nh\\u0069-gxa<b>\r\n".encode()
    assert "h\\u0069-gxa&lt;b&gt;" in page_of(raw)

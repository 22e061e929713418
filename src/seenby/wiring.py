"""Builds the real parts of one process and hands them over: the only place that knows every class.

Two processes make a whole Seenby on one machine: the tracker, which must answer whatever happens, and
the app (gateway, worker and pages), which is the one process that may write a SQLite store. With
PostgreSQL the app's roles may run as processes of their own, on as many machines as one likes.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn

from seenby import maillog
from seenby.accounts import Accounts
from seenby.delivery.dkim import dkim_keys
from seenby.delivery.hop import parse_next_hop
from seenby.delivery.mail_host import MailHosts
from seenby.delivery.retry import Patience
from seenby.folder import Folder, open_folder
from seenby.gateway import open_gateway
from seenby.gateway.certificate import tls_context
from seenby.journal import FileReader
from seenby.journal.bus import Bus
from seenby.journal.jetstream import JetStreamReader
from seenby.journal.seal import Seal
from seenby.keys import known_key_ids
from seenby.metrics import served
from seenby.networkdata import load_lists
from seenby.settings import Settings, split_listen
from seenby.steps.house import House
from seenby.store import Store, open_store
from seenby.tell.live import Live
from seenby.tell.push import Pusher
from seenby.web import Parts, make_app, make_preview
from seenby.web.control import control_router
from seenby.web.timed import TimedConnection
from seenby.words.errors import KeyFileError, SettingsError
from seenby.words.limits import REQUEST_BYTES
from seenby.words.token import Keyring, decode_id, encode_id
from seenby.worker import Worker

PORT_PATIENCE: Final = 10.0  # seconds to wait for a port or lock that an ended process has not quite let go
STUCK_SECONDS: Final = 10.0  # a loop or a store that did not answer for so long is not well
STORE_EVERY: Final = 5.0
_GOODBYE: Final = 2  # seconds that open requests get at the end
# Statements run in threads of their own. One that has its answer waits for its turn for up to this long while a page is
# drawn; with the interpreter's 5 ms a dozen statements wait longer than they take.
SWITCH: Final = 0.0005


class Role(StrEnum):
    """What the app process can be; the tracker is always a process of its own."""

    GATEWAY = "gateway"
    WORKER = "worker"
    WEB = "web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Where a process can be reached, and what only its first start knows."""

    smtp: str = ""
    app_url: str = ""
    app_port: str = ""
    preview_port: str = ""
    preview_url: str = ""
    owner: str = ""
    password: str = ""
    sign_in: str = ""


def now() -> datetime:
    """The world's clock."""
    return datetime.now(UTC)


def mint(size: int) -> str:
    """`size` random bytes as base64url."""
    return encode_id(secrets.token_bytes(size))


def tracking_url(settings: Settings) -> str:
    """The address that goes into messages, without a slash at its end."""
    return settings.tracking_url or shown_url(settings.tracker_listen)


def shown_url(listen: str) -> str:
    """The address at which this machine itself reaches what listens at `listen`."""
    host, port = split_listen(listen)
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def make_house(settings: Settings, *, folder: Folder, store: Store) -> House:
    """What the steps of the story need. Raises KeyFileError and SettingsError."""
    url = tracking_url(settings)
    load_lists(folder)
    return House(
        store=store,
        keys=folder.keyring(),
        tracking_url=url,
        host=urlsplit(url).hostname or "localhost",
        ceiling=settings.ceiling,
        next_hop=parse_next_hop(settings.next_hop),
        return_path=settings.return_path,
        patience=Patience(first=settings.retry_first, longest=settings.retry_longest, give_up=settings.give_up),
        repeat_window=settings.repeat_window,
        burst_wait=settings.burst_wait,
        keep_address=settings.keep_address,
        keep_message=settings.keep_message,
        mail_hosts=MailHosts() if settings.look_up_mx else None,
        dkim=dkim_keys(settings),
        holder=f"{socket.gethostname()}:{os.getpid()}:{mint(4)}",
        now=now,
        mint=mint,
    )


def make_pusher(folder: Folder, *, app_url: str) -> Pusher:
    """What sends notifications to browsers. Raises KeyFileError."""
    secret = decode_id(folder.secret("push.key")) or b""
    contact = app_url if app_url.startswith("https:") else "https://localhost"  # RFC 8292 2.1 wants https or mailto
    return Pusher(secret, contact=contact)


@contextlib.asynccontextmanager
async def opened_store(settings: Settings, *, folder: Folder, wait: float = 0.0) -> AsyncIterator[Store]:
    """The store; a SQLite file is held by this process alone for as long. Raises DataFolderError, StoreError."""
    hold = folder.held("store", wait=wait) if settings.is_sqlite else contextlib.nullcontext()
    with hold:
        store = await open_store(database_url=settings.database_url, data=folder.path)
        try:
            yield store
        finally:
            await store.close()


async def run_app(
    settings: Settings, *, roles: Collection[Role], stop: asyncio.Event, on_ready: Callable[[Started], None]
) -> None:
    """Run some roles in this process until `stop`. Raises SeenbyError when it cannot start."""
    sys.setswitchinterval(SWITCH)
    folder = open_folder(settings.data)
    async with contextlib.AsyncExitStack() as opened:
        store = await opened.enter_async_context(opened_store(settings, folder=folder, wait=PORT_PATIENCE))
        house = make_house(settings, folder=folder, store=store)
        await _same_keys(house, folder)
        started: dict[str, str] = {}
        if settings.is_sqlite and Role.WORKER in roles:
            async with store.write() as tx:
                await tx.run("release_claims", now=_micros_now())
        if Role.GATEWAY in roles:
            started["smtp"] = await opened.enter_async_context(_gateway(settings, house, folder))
        if Role.WEB in roles:
            started |= await opened.enter_async_context(
                _web(settings, folder, store, smtp=started.get("smtp", ""), keys=house.keys)
            )
        working = asyncio.create_task(_work(settings, house, folder, stop)) if Role.WORKER in roles else None
        await opened.enter_async_context(_counted(settings, store))
        on_ready(Started(**started))
        await stop.wait()
        if working is not None:
            await asyncio.wait({working}, timeout=_GOODBYE)  # a step cut short is begun again by the next process
            working.cancel()
            await asyncio.wait({working}, timeout=_GOODBYE / 4)


class _Pulse:
    """Whether this process's loop comes round, and whether its store answers; both may be asked from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._alive = self._answered = time.monotonic()

    async def beat(self) -> None:
        """Look, for as long as the process lives."""
        while True:
            self._alive = time.monotonic()
            if self._alive - self._answered > STORE_EVERY:
                try:
                    async with self._store.read() as tx:
                        waiting = await tx.one("copies_waiting")
                except Exception as error:  # noqa: BLE001 - this is what it is there to find out
                    maillog.failed("pulse", error)
                else:
                    maillog.waiting(waiting["copies"] if waiting else 0)
                    self._answered = time.monotonic()
            await asyncio.sleep(1.0)

    def is_alive(self) -> bool:
        return time.monotonic() - self._alive < STUCK_SECONDS

    def is_ready(self) -> bool:
        return self.is_alive() and time.monotonic() - self._answered < STORE_EVERY + STUCK_SECONDS


@contextlib.asynccontextmanager
async def _counted(settings: Settings, store: Store) -> AsyncIterator[None]:
    """The process's numbers and health at their port, for as long as this is open."""
    pulse = _Pulse(store)
    beating = asyncio.create_task(pulse.beat())
    try:
        with served(settings.app_metrics_listen, is_alive=pulse.is_alive, is_ready=pulse.is_ready):
            yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _same_keys(house: House, folder: Folder) -> None:
    """Refuse to go on with other keys than mail was sent with: its links would be dead, and nobody would know why.

    Raises KeyFileError.
    """
    path = folder.tracking_keys
    async with house.store.write() as tx:
        used = await tx.one("setting", team="", name="tracking_key")
        if used is not None and int(used["value"]) not in known_key_ids(path):
            raise KeyFileError(
                f"Mail was sent with a key that {path} does not hold, so links in it would be dead. Put the backup "
                'of that file back. If it is lost for good, name the old key under "revoked" in the file: '
                f'"revoked": [{used["value"]}].'
            )
        await tx.run("put_setting", team="", name="tracking_key", value=str(house.keys.current))


async def _work(settings: Settings, house: House, folder: Folder, stop: asyncio.Event) -> None:
    """With a bus, what lies in the data folder is the tracker's to send."""
    app_url = settings.app_url or shown_url(settings.app_listen)
    worker = partial(Worker, house, pusher=make_pusher(folder, app_url=app_url), app_url=app_url)
    if not settings.nats_url:
        await worker(FileReader(folder.journal)).run(stop)
        return
    async with contextlib.aclosing(JetStreamReader(Bus(settings), Seal(folder.keyring))) as journal:
        await worker(journal).run(stop)


def _micros_now() -> int:
    return int(now().timestamp() * 1_000_000)


@contextlib.asynccontextmanager
async def _gateway(settings: Settings, house: House, folder: Folder) -> AsyncIterator[str]:
    """The open gateway's host:port."""
    tls = tls_context(
        certificate=settings.tls_certificate, key=settings.tls_key, folder=folder.keys, host=socket.gethostname()
    )
    host, port = split_listen(settings.smtp_listen)
    with _clear(f"SEENBY_SMTP_LISTEN={settings.smtp_listen}"):
        gateway = await open_gateway(house=house, listen=(host, port), tls=tls)
    try:
        yield f"{host}:{gateway.port}"
    finally:
        await gateway.close()


@contextlib.contextmanager
def _clear(setting: str) -> Iterator[None]:
    """A port that is taken, said so that one can act on it."""
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"Cannot listen at {setting}: {error.strerror}. Stop what holds it, or change it."
        ) from None


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: this process has one way to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def _web(
    settings: Settings, folder: Folder, store: Store, *, smtp: str, keys: Keyring
) -> AsyncIterator[dict[str, str]]:
    """The pages, the previews and the control door; gives what `Started` needs of them."""
    pages, previews = _listen(settings.app_listen, "APP"), _listen(settings.preview_listen, "PREVIEW")
    app_url = settings.app_url or _bound_url(pages)
    preview_url = settings.preview_url or _bound_url(previews)
    accounts = Accounts(store=store, app_url=app_url, now=now, mint=mint)
    password = await accounts.ensure_owner(settings.owner)
    owner = await accounts.owner()
    live = Live(store)
    parts = Parts(
        store=store,
        settings=settings,
        app_url=app_url,
        tracking_url=tracking_url(settings),
        preview_url=preview_url,
        smtp_address=smtp or settings.smtp_listen,
        secret=decode_id(folder.secret("pages.key")) or b"",
        keys=keys,
        pusher=make_pusher(folder, app_url=app_url),
        now=now,
        live=live,
    )
    app = make_app(parts)
    app.include_router(control_router(accounts, key=folder.secret("control.key"), repeat_window=settings.repeat_window))
    servers = [_server(app), _server(make_preview(parts))]
    tasks = [
        asyncio.create_task(server.serve(sockets=[sock]))
        for server, sock in zip(servers, (pages, previews), strict=True)
    ]
    folder.tell_running(
        control=_bound_url(pages), app_url=app_url, tracker=shown_url(settings.tracker_listen), key=str(keys.current)
    )
    try:
        yield {
            "app_url": app_url,
            "app_port": str(pages.getsockname()[1]),
            "preview_url": preview_url,
            "preview_port": str(previews.getsockname()[1]),
            "owner": owner,
            "password": password or "",
            "sign_in": (await accounts.sign_in_link(owner, at_start=True))["link"],
        }
    finally:
        folder.running.unlink(missing_ok=True)
        live.stop()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)


def _server(app: Any) -> _Server:  # noqa: ANN401 - an ASGI app
    return _Server(
        uvicorn.Config(
            app,
            http=TimedConnection,
            h11_max_incomplete_event_size=REQUEST_BYTES,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GOODBYE,
        )
    )


def _listen(listen: str, name: str) -> socket.socket:
    host, port = split_listen(listen)
    with _clear(f"SEENBY_{name}_LISTEN={listen}"):
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def _bound_url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return shown_url(f"{host}:{port}")

"""`seenby doctor`: what is wrong here, and what to do about it. It makes nothing but what `up` would make."""

import asyncio
import shutil
import sqlite3
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx2

from seenby.delivery.dkim import dkim_keys
from seenby.delivery.dkim_record import DnsError
from seenby.delivery.hop import parse_next_hop
from seenby.delivery.return_record import check_return_path
from seenby.folder import Folder, open_folder
from seenby.gateway.certificate import tls_context
from seenby.gateway.dialog import is_loopback
from seenby.journal.bus import OLDEST_SERVER, Bus, BusError, server_version
from seenby.settings import Settings, split_listen, unknown_variables
from seenby.web.assets import load_assets
from seenby.web.ways.provider import NotLetInError, Provider
from seenby.wiring import opened_store, tracking_url
from seenby.words.errors import SeenbyError

ROOM: Final = 1024**3  # bytes of free disk below which we warn
NATS_MONITORING: Final = 8222  # where NATS tells about itself, unless told otherwise
_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    mark: Literal["good", "note", "wrong"]
    what: str
    cure: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Everything that was looked at, in the order in which a message meets it."""
    return [finding async for finding in _findings(settings)]


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    yield _python()
    for name in unknown_variables():
        yield Finding(mark="wrong", what=f"{name} is no setting of Seenby.", cure="`seenby settings` lists them all.")
    yield _frontend()
    if settings.data.exists():
        folder, finding = _folder(settings)
        yield finding
        if folder is None:
            return
        yield _keys(folder)
        yield _room(folder)
        async for finding in _around(settings, folder):
            yield finding
        return
    cure = "`seenby up` makes it. If Seenby runs already, run this in the same folder, or set SEENBY_DATA."
    yield Finding(mark="note", what=f"There is no data folder at {settings.data.absolute()} yet.", cure=cure)
    with TemporaryDirectory() as aside:  # looking makes nothing that stays
        async for finding in _around(settings.model_copy(update={"data": Path(aside)}), open_folder(Path(aside))):
            yield finding


async def _around(settings: Settings, folder: Folder) -> AsyncIterator[Finding]:
    # A process that was killed leaves its word behind, but not its locks.
    is_running = folder.is_held("up") or (settings.is_sqlite and folder.is_held("store"))
    running = folder.whereabouts() if is_running or not settings.is_sqlite else {}
    yield await _store(settings, folder, is_running=is_running)
    if settings.nats_url:
        async for finding in _bus(settings):
            yield finding
    async for finding in _ports(settings, running=running):
        yield finding
    yield _certificate(settings, folder)
    yield await _next_hop(settings)
    async for finding in _return_path(settings):
        yield finding
    yield _tracking_address(settings)
    yield _dkim(settings)
    if settings.oidc_issuer:
        yield await _provider(settings)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(mark="good", what=f"Python {version}, SQLite {sqlite3.sqlite_version}")


def _folder(settings: Settings) -> tuple[Folder | None, Finding]:
    try:
        folder = open_folder(settings.data)
    except SeenbyError as error:
        return None, Finding(mark="wrong", what="The data folder cannot be used.", cure=str(error))
    return folder, Finding(mark="good", what=f"Data folder {folder.path}, for its owner only")


def _keys(folder: Folder) -> Finding:
    try:
        keys = folder.keyring()
    except SeenbyError as error:
        return Finding(mark="wrong", what="The tracking keys cannot be used.", cure=str(error))
    return Finding(mark="good", what=f"Tracking keys: {len(keys.keys)}. Keep a backup of {folder.keys}: links need it")


def _room(folder: Folder) -> Finding:
    free = shutil.disk_usage(folder.path).free
    if free < ROOM:
        cure = "Make room: with a full disk mail is refused for now (452) and hits are served but not kept."
        return Finding(mark="wrong", what=f"Only {free // 1024**2} MiB of disk are free.", cure=cure)
    return Finding(mark="good", what=f"{free // 1024**3} GiB of disk are free")


def _frontend() -> Finding:
    try:
        load_assets()
    except SeenbyError as error:
        return Finding(mark="wrong", what="The pages' styles and scripts are missing.", cure=str(error))
    return Finding(mark="good", what="The pages' styles and scripts are there")


async def _store(settings: Settings, folder: Folder, *, is_running: bool) -> Finding:
    kind = "SQLite" if settings.is_sqlite else "PostgreSQL"
    if settings.is_sqlite and is_running:
        return Finding(mark="good", what=f"Store: {kind}, in use by the running Seenby")
    try:
        async with opened_store(settings, folder=folder):
            pass
    except SeenbyError as error:
        return Finding(mark="wrong", what=f"The store ({kind}) cannot be opened.", cure=str(error))
    return Finding(mark="good", what=f"Store: {kind}")


async def _bus(settings: Settings, *, monitoring: int = NATS_MONITORING) -> AsyncIterator[Finding]:
    bus = Bus(settings)
    try:
        link = await asyncio.wait_for(bus.connect(), 2 * _TIMEOUT)
    except BusError as error:
        yield Finding(mark="wrong", what="NATS cannot be used.", cure=str(error))
        return
    except Exception as error:  # noqa: BLE001 - files, keys, names, TLS, NATS: whatever it is, this is to tell it
        cure = "Check SEENBY_NATS_URL and whether NATS runs there with JetStream. Hits wait in the trackers' folders."
        yield Finding(mark="wrong", what=f"NATS cannot be reached ({type(error).__name__}).", cure=cure)
        return
    try:
        version, url = server_version(link), link.client.connected_url
        always = await _syncs_always(url.hostname, url.port, monitoring) if url else None
    finally:
        await link.client.close()
    named = f"NATS {'.'.join(map(str, version))}, stream {settings.nats_stream}"
    if version < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        yield Finding(mark="wrong", what=f"{named}: too old.", cure=f"Bring it to {oldest} or newer.")
    elif always is False:
        cure = (
            "Set sync_interval: always in its jetstream block. Until then what it lost is sent again by the trackers."
        )
        yield Finding(mark="wrong", what=f"{named}: a power cut loses up to two minutes of what it took.", cure=cure)
    elif always is None:
        cure = "Make sure that its jetstream block has sync_interval: always; it tells only at its monitoring port."
        yield Finding(mark="note", what=f"{named}: answering. Whether it syncs always cannot be seen.", cure=cure)
    else:
        yield Finding(mark="good", what=f"{named}: answering, and it syncs always")


async def _syncs_always(host: str | None, port: int | None, monitoring: int) -> bool | None:
    """Whether that NATS syncs every message, as its monitoring port says; None when it says nothing."""
    shown = f"[{host}]" if host and ":" in host else host
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT) as client:
            told = (await client.get(f"http://{shown}:{monitoring}/varz")).json()
        config = told["jetstream"]["config"]  # what is false is left out
        return bool(config.get("sync_always")) if told["port"] == port and "sync_interval" in config else None
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError, AttributeError):
        return None


async def _ports(settings: Settings, *, running: Mapping[str, str]) -> AsyncIterator[Finding]:
    if running:
        yield await _answers("Pages", f"{running.get('control')}/healthz")
        yield await _answers("Tracker", f"{running.get('tracker')}/healthz")
        return
    for name in ("smtp_listen", "app_listen", "tracker_listen", "preview_listen"):
        host, port = split_listen(getattr(settings, name))
        yield await _free(name, host, port)


async def _answers(what: str, url: str) -> Finding:
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT) as client:
            answer = await client.get(url)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Finding(
            mark="wrong", what=f"{what}: no answer ({type(error).__name__}).", cure="Look at the log of `seenby up`."
        )
    if answer.status_code != 200:
        return Finding(
            mark="wrong", what=f"{what}: {answer.text.strip()[:200]}", cure="Look at the log of `seenby up`."
        )
    return Finding(mark="good", what=f"{what}: answering")


async def _free(name: str, host: str, port: int) -> Finding:
    try:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    except OSError as error:
        cure = f"Stop what holds it, or set SEENBY_{name.upper()} to another host:port."
        return Finding(mark="wrong", what=f"{name} {host}:{port} cannot be used: {error.strerror}.", cure=cure)
    server.close()
    return Finding(mark="good", what=f"{name} {host}:{port} is free")


async def _next_hop(settings: Settings) -> Finding:
    try:
        hop = parse_next_hop(settings.next_hop)
    except SeenbyError as error:
        return Finding(mark="wrong", what="The next hop cannot be read.", cure=str(error))
    if hop is None:
        cure = "Fine for trying things out; set SEENBY_NEXT_HOP to your mail server to send for real."
        return Finding(mark="note", what="No next hop: mail goes to the built-in mailbox.", cure=cure)
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(hop.host, hop.port), _TIMEOUT)
    except (OSError, ValueError, TimeoutError, ssl.SSLError):
        cure = "Check host and port, and whether this machine may connect there. Mail waits up to five days."
        return Finding(mark="wrong", what=f"The next hop {hop} does not answer.", cure=cure)
    writer.close()
    return Finding(mark="good", what=f"Next hop {hop}: answering")


async def _return_path(settings: Settings) -> AsyncIterator[Finding]:
    """Where bounces go that come by mail, after the next hop took a copy."""
    if not settings.return_path:
        cure = "See docs/howto/catch-bounces.md, if Seenby is to show them."
        yield Finding(mark="note", what="Bounces that come by mail go to the sender alone: no return_path.", cure=cure)
        return
    try:
        records = await asyncio.to_thread(check_return_path, settings.return_path)
    except DnsError as error:
        yield Finding(mark="note", what=f"Return addresses are at {settings.return_path}.", cure=str(error))
        return
    for record in records:
        yield Finding(mark="wrong" if record.cure else "good", what=record.what, cure=record.cure)
    if is_loopback((split_listen(settings.smtp_listen)[0],)):
        cure = "Set SEENBY_SMTP_LISTEN=0.0.0.0:25, or let a mail server on this machine pass that domain's mail on."
        yield Finding(mark="note", what="Only this machine reaches smtp_listen, where bounces arrive.", cure=cure)


async def _provider(settings: Settings) -> Finding:
    """Where members sign in, if not here."""
    try:
        await Provider(settings=settings, back="").look(now=datetime.now(UTC))
    except NotLetInError as error:
        cure = "See docs/howto/sign-in-with-your-provider.md. Other ways to sign in go on working."
        return Finding(mark="wrong", what=f"The identity provider cannot be used: {error}", cure=cure)
    return Finding(mark="good", what=f"Identity provider {settings.oidc_issuer}: answering, by that name")


def _tracking_address(settings: Settings) -> Finding:
    url = tracking_url(settings)
    host = urlsplit(url).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        cure = "Recipients elsewhere cannot reach it: set SEENBY_TRACKING_URL to a public address of the tracker."
        return Finding(mark="note", what=f"Messages carry {url}, which only this machine can reach.", cure=cure)
    if url.startswith("http://"):
        cure = (
            "Use https: mail clients warn of plain links, others on the way can read them, and unsubscribing with one "
            "click (RFC 8058) is offered for https only."
        )
        return Finding(mark="note", what=f"Messages carry {url}.", cure=cure)
    return Finding(mark="good", what=f"Messages carry {url}")


def _certificate(settings: Settings, folder: Folder) -> Finding:
    if settings.tls_certificate is None:
        return Finding(
            mark="note", what="STARTTLS with a certificate of our own making: mail programs ask about it once."
        )
    try:
        tls_context(certificate=settings.tls_certificate, key=settings.tls_key, folder=folder.keys, host="")
    except SeenbyError as error:
        return Finding(mark="wrong", what="The TLS certificate cannot be used.", cure=str(error))
    return Finding(mark="good", what=f"STARTTLS with {settings.tls_certificate}")


def _dkim(settings: Settings) -> Finding:
    try:
        keys = dkim_keys(settings)
    except SeenbyError as error:
        return Finding(mark="wrong", what="The DKIM key cannot be used.", cure=str(error))
    if not keys:
        return Finding(mark="note", what="No DKIM key: mail leaves unsigned, unless the next hop signs it.")
    named = ", ".join(f"{key.domain} ({key.selector})" for key in keys)
    return Finding(mark="good", what=f"DKIM: signing for {named}")

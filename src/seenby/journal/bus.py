"""The bus: one connection to NATS at a time, and the stream in which pieces of the journal travel.

It is made anew for ever when it is lost, each time a little later. The stream is made when it is absent
and never changed when it is there: a work queue, in files, that refuses what is new rather than drop what
is old. What travels in it is sealed (`seal`); NATS is to ask for a password all the same, because whoever may write
to it can fill it.
"""

import asyncio
import logging
import random
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from seenby import maillog
from seenby.settings import Settings
from seenby.words.errors import SeenbyError

OLDEST_SERVER: Final = (2, 12, 3)  # before it, members that come and go could lose what was acknowledged
STREAM_BYTES: Final = 1024 * 1024 * 1024
DUPLICATE_SECONDS: Final = 120.0
ANSWER_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 3
LEAST_PAYLOAD: Final = 128 * 1024  # a piece holds one hit at least, however long
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 15.0
# Whatever the client raises when the bus is not as it should be; its own kinds, and those of socket and TLS.
FAULTS: Final = (nats.errors.Error, OSError, TimeoutError)

logging.getLogger("nats").addHandler(logging.NullHandler())


class BusError(SeenbyError):
    """The bus is there and not fit for us."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A living connection. `born` is when the stream was made: another one holds nothing of what the first did."""

    client: Client
    stream: JetStreamContext
    born: datetime


class Bus:
    """The NATS that the settings name, for one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._link: Link | None = None
        self._not_before = 0.0
        self._failures = 0
        self.name = settings.nats_stream

    @property
    def hits(self) -> str:
        """The subject that pieces are published to."""
        return f"{self.name}.hits"

    def stored(self, writer: str) -> str:
        """The subject on which the store's word on this writer's segments is given."""
        return f"{self.name}.stored.{writer}"

    async def link(self) -> Link | None:
        """The connection, or None while there is none; asked as often as one likes, it tries only now and then."""
        if self._link is not None and self._link.client.is_connected:
            return self._link
        if time.monotonic() < self._not_before:
            return None
        try:
            self._link = await self.connect()
        except Exception as error:  # noqa: BLE001 - files, keys, names, TLS, NATS: whatever it is may be mended
            await self.lose(error)
            return None
        if self._failures:
            maillog.process("bus_is_back")
        self._failures = 0
        return self._link

    async def lose(self, error: BaseException) -> None:
        """The connection is of no use any more; the first time in a row it is told."""
        if not self._failures:
            why = str(error) if isinstance(error, BusError) else type(error).__name__
            maillog.process("bus_is_lost", why=why)
        self._failures += 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._not_before = time.monotonic() + random.uniform(longest / 2, longest)  # noqa: S311 - to spread, not to hide
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        link, self._link = self._link, None
        if link is not None:
            await _close(link.client)

    async def connect(self) -> Link:
        """A connection to a stream fit for us. Raises BusError, and what the client raises."""
        client = Client()
        complaint = _Complaint()
        try:
            await client.connect(
                name="seenby",
                allow_reconnect=False,  # we connect anew ourselves, and look at the stream again when we do
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=CONNECT_SECONDS,
                error_cb=complaint.hear,
                **_whom(self._settings),
            )
            stream = client.jetstream(timeout=ANSWER_SECONDS)
            info = await self._stream(stream, max_payload=client.max_payload)
        except nats.errors.NoServersError as error:
            raise complaint.error or error from None
        except BaseException:
            await _close(client)
            raise
        complaint.error, complaint.is_connected = None, True
        return Link(client, stream, info.created or datetime.fromtimestamp(0, UTC))

    async def _stream(self, stream: JetStreamContext, *, max_payload: int) -> api.StreamInfo:
        if max_payload < LEAST_PAYLOAD:
            raise BusError(f"NATS takes {max_payload} bytes a message; set max_payload to 1MB, its default.")
        try:
            info = await stream.stream_info(self.name)
        except NotFoundError:
            info = await stream.add_stream(self._wanted())
        found = info.config
        if found.retention != api.RetentionPolicy.WORK_QUEUE or found.discard != api.DiscardPolicy.NEW:
            raise BusError(
                f"The stream {self.name} is none of ours: it may drop hits. Delete it or set SEENBY_NATS_STREAM."
            )
        return info

    def _wanted(self) -> api.StreamConfig:
        return api.StreamConfig(
            name=self.name,
            subjects=[self.hits],
            retention=api.RetentionPolicy.WORK_QUEUE,  # what the store has is dropped, and nothing else ever
            discard=api.DiscardPolicy.NEW,
            storage=api.StorageType.FILE,
            max_bytes=STREAM_BYTES,
            max_age=0,
            num_replicas=self._settings.nats_replicas,
            duplicate_window=DUPLICATE_SECONDS,
        )


def server_version(link: Link) -> tuple[int, int, int]:
    """The server's, all zero when it tells none."""
    version = link.client.connected_server_version
    try:
        return (version.major, version.minor, version.patch)
    except ValueError:
        return (0, 0, 0)


@dataclass(slots=True)
class _Complaint:
    """What the client says beside its answers: why it cannot connect, and once a connection what it may not do."""

    error: Exception | None = None
    is_connected: bool = False

    async def hear(self, error: Exception) -> None:
        is_about_rights = "permissions violation" in str(error).lower()
        if self.is_connected and self.error is None and is_about_rights:
            maillog.process("bus_complains", why=str(error)[:200])
        self.error = error


@dataclass(slots=True)
class _Named:
    """What the addresses come to: servers without secrets in them, and the secrets."""

    servers: list[str] = field(default_factory=list)
    user: str = ""
    password: str = ""


def _named(text: str) -> _Named:
    named = _Named()
    for one in text.replace(",", " ").split():
        url = urlsplit(one)
        named.user = unquote(url.username or "") or named.user
        named.password = unquote(url.password or "") or named.password
        named.servers.append(f"{url.scheme}://{url.netloc.rpartition('@')[2]}")
    return named


def _whom(settings: Settings) -> dict[str, Any]:
    """How to connect: names and secrets stay apart, so that no error can carry the one with the other."""
    named = _named(settings.nats_url)
    options: dict[str, Any] = {"servers": named.servers}
    if named.user and named.password:
        options |= {"user": named.user, "password": named.password}
    elif named.user:
        options["token"] = named.user
    if settings.nats_credentials is not None:
        options["user_credentials"] = str(settings.nats_credentials)
    if settings.nats_ca is not None or any(server.startswith("tls:") for server in named.servers):
        options["tls"] = ssl.create_default_context(cafile=settings.nats_ca)
    return options


async def _close(client: Client) -> None:
    try:
        await asyncio.wait_for(client.close(), CONNECT_SECONDS)
    except FAULTS:
        return

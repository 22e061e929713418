"""Running the tracker: the listening socket, the sweep, and an end in which whoever is owed gets answered."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import uvloop

from seenby.journal import Journal
from seenby.metrics import served
from seenby.tracker.connection import MOST_UNREAD, Connection
from seenby.tracker.counts import Counts
from seenby.tracker.house import House
from seenby.tracker.trust import Trust, TrustFiles
from seenby.words.client import Network
from seenby.words.limits import REQUEST_SECONDS
from seenby.words.token import Keyring

BACKLOG: Final = 4096
MOST_CONNECTIONS: Final = 20_000
SPARE_FILES: Final = 64  # for the journal and whatever else the process has open
GARBAGE_AFTER: Final = 50_000
SWEEP_SECONDS: Final = 0.5
LAST_COMMIT_SECONDS: Final = 1.2
LAST_ANSWER_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a tracker serves. `files` are looked at for new keys and for what was switched off meanwhile.

    With `reuse_port` several processes share a port, each with a journal of its own.
    """

    trusted_proxies: Sequence[Network] = ()
    request_seconds: float = REQUEST_SECONDS
    reuse_port: bool = False
    metrics_listen: str = ""
    files: TrustFiles | None = None


async def serve(
    *,
    listen: tuple[str, int],
    keys: Keyring,
    journal: Journal | None,
    stop: asyncio.Event,
    on_ready: Callable[[int], None],
    options: Options = Options(),
) -> None:
    """Serve until `stop` is set, then answer what is owed, close `journal`, and return within two seconds.

    Without a journal this only redirects: links work, pixels are pixels, and nothing is recorded.
    `on_ready` gets the port.
    """
    sweep = min(SWEEP_SECONDS, options.request_seconds / 10)
    house = House(
        trust=options.files.trust if options.files else Trust(keys),
        journal=journal,
        trusted_proxies=options.trusted_proxies,
        request_seconds=options.request_seconds - sweep,  # the sweep comes late by as much
        most_connections=min(MOST_CONNECTIONS, _files_allowed() - SPARE_FILES),
    )
    loop = asyncio.get_running_loop()
    host, port = listen
    server = await loop.create_server(
        partial(Connection, house), host, port, backlog=BACKLOG, reuse_port=options.reuse_port or None
    )
    _keep_buffers_small(server)
    if journal is not None:
        journal.start()
    sweeping = asyncio.create_task(_sweep(house, sweep, options.files))
    with served(options.metrics_listen, is_alive=house.is_alive, is_ready=house.is_ready, more=[Counts(house)]):
        on_ready(server.sockets[0].getsockname()[1])
        await stop.wait()
        server.close()
        await _finish(house, journal)
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


def run_tracker(
    *,
    listen: tuple[str, int],
    keys: Keyring,
    journal: Journal | None,
    on_ready: Callable[[int], None],
    options: Options = Options(),
    stop: threading.Event | None = None,
) -> None:
    """Serve on uvloop until SIGTERM, SIGINT or `stop`, which another thread may set; then as `serve` ends."""
    has_process = threading.current_thread() is threading.main_thread()
    if has_process:
        _settle_in()
    told = stop or threading.Event()

    async def main() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        if has_process:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, ended.set)
        watching = asyncio.create_task(_watch(told, ended))
        await serve(
            listen=listen,
            keys=keys,
            journal=journal,
            stop=ended,
            on_ready=on_ready,
            options=options,
        )
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def _watch(told: threading.Event, ended: asyncio.Event) -> None:
    """Carry a stop from another thread over to the loop."""
    while not told.is_set():  # noqa: ASYNC110 - the event is a thread's, which cannot be awaited
        await asyncio.sleep(0.1)
    ended.set()


async def _sweep(house: House, seconds: float, files: TrustFiles | None) -> None:
    while True:
        await asyncio.sleep(seconds)
        house.sweep()
        if files is not None and (trust := files.news()) is not None:
            house.believe(trust)


async def _finish(house: House, journal: Journal | None) -> None:
    """The last round: what was read is committed and answered, then everybody goes."""
    house.finish()
    if journal is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(journal.close(), LAST_COMMIT_SECONDS)
    for _ in range(10):
        if house.is_empty:
            return
        await asyncio.sleep(LAST_ANSWER_SECONDS / 10)
    house.cut_all_off()
    await asyncio.sleep(0)


def _keep_buffers_small(server: asyncio.Server) -> None:
    """Else the kernel takes megabytes of answers for each client that reads none, and we are kept busy making them."""
    for listening in server.sockets:
        with socket.socket(fileno=os.dup(listening.fileno())) as same:  # uvloop's own sets no options
            same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_UNREAD)  # those it accepts inherit it


def _files_allowed() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _settle_in() -> None:
    """Make the process, which is all ours, fit for many connections and many hits."""
    gc.freeze()  # what was imported stays; and a hit makes no cycles, so that looking for them often is in vain
    gc.set_threshold(GARBAGE_AFTER)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # every connection is an open file
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MOST_CONNECTIONS + SPARE_FILES), hard))

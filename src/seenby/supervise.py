"""`seenby up`: keeps trackers and the app running, each in a process of its own, and ends them together.

A process that dies is started again, on the same port. The processes watch a pipe from here: when it
closes, however we ended, they end too, so that nothing is left behind holding ports and locks.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from seenby import maillog
from seenby.folder import open_folder
from seenby.settings import Settings, split_listen
from seenby.words.errors import SeenbyError

FIRST_START: Final = 30.0  # seconds a process may take to be ready
GOODBYE: Final = 4.0  # seconds it may take to end
_PAUSES: Final = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds before starting again, the more often it has died


class StartError(SeenbyError):
    """A process could not start; its own sentence."""


@dataclass(slots=True, kw_only=True)
class _Child:
    """One process: how it is started, and what it last told when it was ready."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    told: Mapping[str, str] = field(default_factory=dict)

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises StartError with what it said."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self.arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment},
        )
        assert self.process.stdout is not None
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), FIRST_START)
        except TimeoutError:
            self.process.kill()
            raise StartError(f"The {self.name} was not ready after {FIRST_START:.0f} s.") from None
        told = json.loads(line) if line else {"error": f"The {self.name} ended at once; its last words stand above."}
        if "error" in told:
            raise StartError(told["error"])
        self.told = told
        maillog.process("ready", process=self.name, pid=self.process.pid)

    async def end(self) -> None:
        """SIGTERM, and SIGKILL to what does not listen."""
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), GOODBYE)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


async def supervise(
    settings: Settings, *, given: Mapping[str, str], on_ready: Callable[[Mapping[str, str]], None]
) -> None:
    """Run everything until SIGINT or SIGTERM. Raises SeenbyError when it cannot start.

    `given` are settings of the command line, handed to the processes in their environment.
    """
    folder = open_folder(settings.data)
    with folder.held("up"):
        stop = _told_to_stop()
        trackers = _trackers(settings, (), given)
        app = _Child(name="app", arguments=("seenby", "serve", "--under-up"), environment=dict(given))
        try:
            listen = await _start_trackers(settings, trackers)
            app.environment["SEENBY_TRACKER_LISTEN"] = listen
            await app.start()
            app.environment |= _same_ports(settings, app.told)
            on_ready({**app.told, "tracker": listen})
            await _until(stop, *trackers, app)
        finally:
            await asyncio.gather(app.end(), *(tracker.end() for tracker in trackers))


async def supervise_trackers(settings: Settings, arguments: Sequence[str]) -> None:
    """Run `tracker_processes` trackers, and nothing else, until SIGINT or SIGTERM. Raises SeenbyError."""
    stop = _told_to_stop()
    trackers = _trackers(settings, arguments, {})
    try:
        listen = await _start_trackers(settings, trackers)
        maillog.process("trackers_ready", listen=listen, processes=len(trackers))
        await _until(stop, *trackers)
    finally:
        await asyncio.gather(*(tracker.end() for tracker in trackers))


def _told_to_stop() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _trackers(settings: Settings, arguments: Sequence[str], given: Mapping[str, str]) -> list[_Child]:
    """The tracker's processes, none of them started."""
    return [
        _Child(
            name="tracker" if number == 1 else f"tracker{number}",
            arguments=("seenby.tracker", "--under-up", "--number", str(number), *arguments),
            environment=dict(given),
        )
        for number in range(1, settings.tracker_processes + 1)
    ]


async def _start_trackers(settings: Settings, trackers: Sequence[_Child]) -> str:
    """Start them all on the port that the first one got; the host:port."""
    host, _port = split_listen(settings.tracker_listen)
    await trackers[0].start()
    listen = f"{host}:{trackers[0].told['port']}"
    for tracker in trackers:
        tracker.environment["SEENBY_TRACKER_LISTEN"] = listen
    for tracker in trackers[1:]:
        await tracker.start()
    return listen


def _same_ports(settings: Settings, told: Mapping[str, str]) -> dict[str, str]:
    """Environment that has a restarted app come back where it was."""
    host, _port = split_listen(settings.app_listen)
    preview, _port = split_listen(settings.preview_listen)
    return {
        "SEENBY_SMTP_LISTEN": told["smtp"],
        "SEENBY_APP_LISTEN": f"{host}:{told['app_port']}",
        "SEENBY_PREVIEW_LISTEN": f"{preview}:{told['preview_port']}",
    }


async def _until(stop: asyncio.Event, *children: _Child) -> None:
    keepers = [asyncio.create_task(_keep(child)) for child in children]
    await stop.wait()
    for keeper in keepers:
        keeper.cancel()
    await asyncio.gather(*keepers, return_exceptions=True)


async def _keep(child: _Child) -> None:
    """Start `child` again whenever it has died."""
    deaths = 0
    while True:
        assert child.process is not None
        began = asyncio.get_running_loop().time()
        await child.process.wait()
        lived = asyncio.get_running_loop().time() - began
        deaths = 0 if lived > 60 else deaths + 1
        maillog.process("died", process=child.name, status=child.process.returncode)
        await asyncio.sleep(_PAUSES[min(deaths, len(_PAUSES) - 1)])
        try:
            await child.start()
        except (StartError, OSError, ValueError) as error:
            maillog.failed(f"start of the {child.name}", error)
            await child.end()

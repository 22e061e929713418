"""A whole Seenby in processes of its own, and the world around it: a mail server, a web site, a mail program."""

import asyncio
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from aiosmtpd.smtp import SMTP, Envelope

T = TypeVar("T")
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What a person's Chrome says; the headless one names itself a robot, and rightly counts as one.
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


def wait_for(what: Callable[[], T], *, seconds: float = 20.0, why: str = "") -> T:
    """The first true answer of `what`; AssertionError when there is none in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := what():
            return answer
        time.sleep(0.02)
    raise AssertionError(why or f"nothing came of {what} in {seconds} s")


@dataclass(slots=True)
class Sink:
    """A mail server that takes everything, or answers as `answers` says for a recipient, and keeps what it got."""

    got: list[tuple[str, str, bytes]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)  # when each was taken, by the monotonic clock
    answers: dict[str, str] = field(default_factory=dict)
    port: int = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        content = envelope.original_content
        assert content is not None
        for address in envelope.rcpt_tos:
            self.at.append(time.monotonic())
            self.got.append((envelope.mail_from or "", address, content))
        return "250 2.0.0 taken"

    def to(self, address: str) -> list[bytes]:
        return [content for _from, to, content in self.got if to == address]


@contextmanager
def sink() -> Iterator[Sink]:
    """A running Sink on a free port, in a thread with a loop of its own."""
    made, ready = Sink(), threading.Event()
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(
            lambda: SMTP(made, enable_SMTPUTF8=True, hostname="sink.test", loop=loop), "127.0.0.1", 0
        )
        made.port = server.sockets[0].getsockname()[1]
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        ready.set()
        await ended.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    try:
        yield made
    finally:
        stop[0]()
        thread.join()


@dataclass(slots=True)
class Site:
    """A web site that a link leads to; `visits` holds the path and query of every request for a page."""

    url: str
    visits: list[str]


@contextmanager
def site() -> Iterator[Site]:
    """A running Site on a free port."""
    visits: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/favicon.ico":  # a browser asks for it by itself, now or later, or not at all
                self.send_error(404)
                return
            visits.append(self.path)
            body = b"<!doctype html><title>Offer</title><h1>The offer</h1>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Site(url=f"http://127.0.0.1:{server.server_port}", visits=visits)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(slots=True)
class Seenby:
    """A running `seenby up`."""

    data: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[str]
    greeting: str
    log: Path

    @property
    def app_url(self) -> str:
        return self._told(r"Pages\s+(\S+)")

    @property
    def tracking_url(self) -> str:
        return self._told(r"Tracking\s+(\S+)")

    @property
    def smtp(self) -> tuple[str, int]:
        host, _, port = self._told(r"SMTP\s+(\d\S+)").rpartition(":")
        return host, int(port)

    @property
    def owner(self) -> tuple[str, str]:
        return self._told(r"SMTP user\s+(\S+)"), self._told(r"SMTP password\s+(\S+)")

    @property
    def sign_in(self) -> str:
        return self._told(r"(http\S+/sign-in/\S+)")

    def _told(self, pattern: str) -> str:
        found = re.search(pattern, self.greeting)
        assert found, self.greeting
        return found[1]

    def command(self, *arguments: str) -> Any:
        """What `seenby … --json` prints on this data folder."""
        done = subprocess.run(
            [sys.executable, "-m", "seenby", *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def submit(self, message: bytes, *, user: str, password: str, to: list[str], from_: str = "") -> None:
        """Hand a message to the gateway, as a mail program does."""
        with smtplib.SMTP(*self.smtp, timeout=30) as client:
            client.login(user, password)
            refused = client.sendmail(from_ or user, to, message)
        assert not refused

    def children(self) -> dict[str, int]:
        """Process ids by name, as the log tells of them; the latest of each."""
        return {
            name: int(pid) for name, pid in re.findall(r"event='ready' process='(\w+)' pid=(\d+)", self.log.read_text())
        }

    def stop(self, number: int = signal.SIGINT) -> float:
        """Stop it as Ctrl-C does; how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began


def environment(data: Path, **settings: str) -> dict[str, str]:
    """A Seenby's environment: free ports, its own data folder, nothing of the tests' own settings."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("SEENBY_")}
    ports = {f"{name}_LISTEN": "127.0.0.1:0" for name in ("SMTP", "APP", "TRACKER")}
    ports |= {f"{name}_METRICS_LISTEN": "" for name in ("APP", "TRACKER")}
    ports["LOOK_UP_MX"] = "false"  # tests speak to this machine alone
    chosen = {"DATA": str(data), **ports, **settings}
    return base | {f"SEENBY_{name}": value for name, value in chosen.items()}


def start_seenby(data: Path, *, owner: str = "", **settings: str) -> Seenby:
    """A Seenby that is ready; its log is a file beside the data folder. `owner` is the first account's address."""
    log = data.with_suffix(".log")
    variables = environment(data, **settings)
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "seenby", "up", *(("--owner", owner) if owner else ())],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "To send from your own address" in line:
            break
    assert lines, log.read_text()
    return Seenby(data=data, environment=variables, process=process, greeting="".join(lines), log=log)


@contextmanager
def seenby(data: Path, *, owner: str = "", **settings: str) -> Iterator[Seenby]:
    """A running Seenby that is stopped at the end."""
    running = start_seenby(data, owner=owner, **settings)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop(signal.SIGTERM)
        if running.process.stdout is not None:
            running.process.stdout.close()

"""The same story with PostgreSQL: in one `up`, and as four processes of their own, each killed once."""

import asyncio
import http.client
import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from tests.conftest import fresh_database
from tests.house import ALICE, MAIL, RITA
from tests.world import PERSON, Sink, environment, seenby, sink, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("postgres")]
CHROME = {
    "User-Agent": PERSON,
    "Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Sec-Fetch-Dest": "image",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Site": "cross-site",
}


@pytest.fixture
def database(postgres: str) -> str:
    return asyncio.run(fresh_database(postgres))


def ask(url: str, question: str) -> list[tuple[Any, ...]]:
    """What a question to the database gives."""

    async def run() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(dsn=url)
        try:
            return [tuple(row) for row in await connection.fetch(question)]
        finally:
            await connection.close()

    return asyncio.run(run())


def fetch(url: str, headers: Mapping[str, str] = CHROME) -> int:
    """Fetch as a reader's program does; the status."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", parts.path, headers=dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def pixel_of(copy: bytes) -> str:
    found = re.search(rb'src="([^"]+/o/[^"]+)"', copy)
    assert found, copy
    return found[1].decode()


def test_one_emails_life_with_postgresql(database: str, tmp_path: Path) -> None:
    with (
        sink() as server,
        seenby(
            tmp_path / "data", NEXT_HOP=f"smtp://127.0.0.1:{server.port}?tls=none", DATABASE_URL=database
        ) as running,
    ):
        added = running.command("sender", "add", ALICE)
        link = running.command("sign-in", ALICE)["link"]
        assert link.startswith(running.app_url)
        running.submit(MAIL, user=ALICE, password=added["password"], to=[RITA])
        (copy,) = wait_for(lambda: server.to(RITA))
        time.sleep(1.1)  # a person needs a moment; what comes at once is a machine's
        with httpx2.Client(trust_env=False, follow_redirects=True) as browser:
            browser.get(link)
            assert "Our offer" in browser.get(running.app_url).text
            assert fetch(pixel_of(copy)) == 200
            took = "select v.at - h.at from verdicts v join hits h on h.id = v.hit where v.label = 'human'"
            ((microseconds,),) = wait_for(lambda: ask(database, took))
            assert microseconds < 2_000_000
            assert 'data-state="seen"' in browser.get(running.app_url).text
        assert fetch(re.findall(rb"http://[^'\" ]+/c/[^'\" ]+", copy)[0].decode()) in (302, 303, 307)
        wait_for(
            lambda: ask(database, "select 1 from verdicts v join hits h on h.id = v.hit where h.channel = 'click'")
        )
        assert not (running.data / "seenby.sqlite3").exists()
        running.stop()
        assert running.process.returncode == 0


# ---------------------------------------------------------------- every role a process of its own


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass(slots=True)
class Roles:
    """gateway, worker, web and tracker on one data folder; each can be killed and started again."""

    variables: Mapping[str, str]
    log: Path
    ports: Mapping[str, int]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, role: str) -> None:
        with self.log.open("a") as errors:
            self.running[role] = subprocess.Popen(
                [sys.executable, "-m", "seenby", role], env=self.variables, stderr=errors, stdout=subprocess.DEVNULL
            )
        if role in self.ports:
            wait_for(lambda: self._answers(role), seconds=30, why=f"{role} listens: {self.log.read_text()[-2000:]}")

    def _answers(self, role: str) -> bool:
        assert self.running[role].poll() is None, self.log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[role]), timeout=1):
            return True
        return False

    def kill(self, role: str) -> None:
        self.running[role].kill()
        self.running[role].wait(10)

    def stop(self) -> list[int]:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        return [process.wait(15) for process in self.running.values()]


@contextmanager
def roles(data: Path, **settings: str) -> Iterator[Roles]:
    ports = {"gateway": free_port(), "web": free_port(), "tracker": free_port()}
    names = {"gateway": "SMTP_LISTEN", "web": "APP_LISTEN", "tracker": "TRACKER_LISTEN"}
    listens = {names[role]: f"127.0.0.1:{port}" for role, port in ports.items()}
    made = Roles(environment(data, **listens, **settings), data.with_suffix(".log"), ports)
    try:
        yield made
    finally:
        for process in made.running.values():
            if process.poll() is None:
                process.kill()
                process.wait(10)


@dataclass(slots=True)
class Ledger:
    """What the clients were answered; kept here, never by the product."""

    accepted: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


def send_mail(made: Roles, password: str, ledger: Ledger) -> None:
    number = 0
    while not ledger.stop.is_set():
        number += 1
        to = f"m{number}@out.test"
        with suppress(smtplib.SMTPException, OSError), smtplib.SMTP("127.0.0.1", made.ports["gateway"]) as client:
            client.login(ALICE, password)
            client.sendmail(ALICE, [to], MAIL)
            ledger.accepted.append(to)
        ledger.stop.wait(0.05)


def fetch_pixels(server: Sink, ledger: Ledger) -> None:
    number = 0
    while not ledger.stop.is_set():
        number += 1
        if server.got:
            with suppress(OSError, http.client.HTTPException):
                agent = f"reader-{number}"
                if fetch(pixel_of(server.got[number % len(server.got)][2]), {"User-Agent": agent}) == 200:
                    ledger.answered.append(agent)
        ledger.stop.wait(0.02)


def flow_on(ledger: Ledger) -> None:
    """Some more mail and hits."""
    mail, hits = len(ledger.accepted), len(ledger.answered)
    wait_for(lambda: len(ledger.accepted) > mail + 5 and len(ledger.answered) > hits + 5, seconds=60)


def test_four_roles_of_their_own_lose_nothing_when_each_is_killed(database: str, tmp_path: Path) -> None:
    data, ledger = tmp_path / "data", Ledger()
    with (
        sink() as server,
        roles(data, NEXT_HOP=f"smtp://127.0.0.1:{server.port}?tls=none", DATABASE_URL=database) as made,
    ):
        for role in ("web", "gateway", "tracker", "worker"):
            made.start(role)
        added = command(made, "sender", "add", ALICE)
        clients = [
            threading.Thread(target=send_mail, args=(made, added, ledger)),
            threading.Thread(target=fetch_pixels, args=(server, ledger)),
        ]
        try:
            for client in clients:
                client.start()
            for role in ("tracker", "gateway", "web", "worker"):
                flow_on(ledger)
                made.kill(role)
                made.start(role)
            time.sleep(1)
        finally:
            ledger.stop.set()
            for client in clients:
                client.join(30)
        wait_for(lambda: set(ledger.accepted) <= {to for _from, to, _copy in list(server.got)}, seconds=90)
        # What the killed worker held is another's only when its lease has run out.
        wait_for(lambda: ask(database, "select count(*) from spool where until is null") == [(0,)], seconds=90)
        kept = "select agent, count(*) from hits where agent like 'reader-%' group by agent"
        wait_for(lambda: set(ledger.answered) <= {agent for agent, _n in ask(database, kept)}, seconds=30)
        wait_for(
            lambda: ask(database, "select count(*) from messages where judge_at is not null") == [(0,)], seconds=30
        )
        assert made.stop() == [0, 0, 0, 0], made.log.read_text()[-3000:]
    assert {count for _agent, count in ask(database, kept)} == {1}
    # Every hit has one verdict that stands, every copy one fate, and no event was told twice.
    assert ask(database, "select count(*) from hits") == ask(
        database, "select count(*) from verdicts where until is null"
    )
    assert ask(database, "select distinct state from recipients") == [("sent",)]
    told = "select count(*) from events where kind = 'message_sent'"
    assert ask(database, told) == ask(database, "select count(*) from recipients")
    assert not (data / "running.json").exists()
    twice = len(server.got) - len({to for _from, to, _copy in server.got})
    assert twice <= 40, "at most what the killed worker held came again"


def command(made: Roles, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "seenby", *arguments],
        env=made.variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"SMTP password\s+(\S+)", done.stdout)
    assert found
    return found[1]

"""kill -9 of every process, again and again, while mail and hits flow: nothing that was answered is lost.

The ledgers are kept here, by the clients, never by the product.
"""

import http.client
import os
import random
import re
import signal
import smtplib
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from seenby.under_up import LAST_MOMENTS
from tests.world import Seenby, Sink, sink, start_seenby, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420), pytest.mark.xdist_group("kill")]
KILLS = 10
ALICE = "alice@acme.test"
MOMENT = 1.0  # seconds between the next hop's 250 and our durable mark, at the most


@dataclass(slots=True)
class Ledger:
    """What the clients were answered."""

    accepted: list[str] = field(default_factory=list)  # subjects that got 250
    answered: list[str] = field(default_factory=list)  # agents whose pixel came
    tried: int = 0
    kills: list[tuple[float, float]] = field(default_factory=list)  # from when to when a process may have died
    stop: threading.Event = field(default_factory=threading.Event)


class World:
    """The Seenby of the moment, which may be started anew."""

    def __init__(self, running: Seenby, server: Sink, password: str) -> None:
        self.running = running
        self.server = server
        self.password = password
        self.pixels: list[str] = []

    def message(self, subject: str) -> bytes:
        return (
            f"From: {ALICE}\r\nTo: {subject}@out.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/html\r\n\r\n<p>Hi <a href='https://x.test/{subject}'>x</a></p>\r\n"
        ).encode()


def send_mail(world: World, ledger: Ledger) -> None:
    number = 0
    while not ledger.stop.is_set():
        number += 1
        subject = f"m{number}"
        with suppress(smtplib.SMTPException, OSError), smtplib.SMTP(*world.running.smtp, timeout=10) as client:
            client.login(ALICE, world.password)
            client.sendmail(ALICE, [f"{subject}@out.test"], world.message(subject))
            ledger.accepted.append(subject)
        time.sleep(0.03)


def fetch_pixels(world: World, ledger: Ledger, name: str) -> None:
    chance = random.Random(name)
    while not ledger.stop.is_set():
        copies = world.server.got
        if not copies:
            time.sleep(0.05)
            continue
        found = re.search(rb'src="([^"]+/o/[^"]+)"', copies[chance.randrange(len(copies))][2])
        assert found
        ledger.tried += 1
        agent = f"{name}-{ledger.tried}"
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(urlsplit(world.running.tracking_url).netloc, timeout=10)
            connection.request("GET", urlsplit(found[1].decode()).path, headers={"User-Agent": agent})
            answer = connection.getresponse()
            if answer.status == 200 and answer.read():
                ledger.answered.append(agent)
            connection.close()
        time.sleep(0.005)


def kill_child(name: str) -> Callable[[World, Ledger], None]:
    def kill(world: World, ledger: Ledger) -> None:
        before = world.running.children()[name]
        os.kill(before, signal.SIGKILL)
        ledger.kills.append((time.monotonic(), time.monotonic()))
        wait_for(lambda: world.running.children()[name] != before, seconds=40, why=f"the {name} comes back")

    return kill


def kill_supervisor(world: World, ledger: Ledger) -> None:
    old = world.running
    ledger.kills.append((time.monotonic(), time.monotonic() + LAST_MOMENTS))  # its children end themselves by then
    old.process.kill()
    old.process.wait()
    assert old.process.stdout is not None
    old.process.stdout.close()
    smtp, pages, tracking = old.smtp, urlsplit(old.app_url), urlsplit(old.tracking_url)
    world.running = start_seenby(
        old.data,
        NEXT_HOP=old.environment["SEENBY_NEXT_HOP"],
        SMTP_LISTEN=f"{smtp[0]}:{smtp[1]}",
        APP_LISTEN=pages.netloc,
        TRACKER_LISTEN=tracking.netloc,
    )


def test_nothing_answered_is_lost_however_often_anything_is_killed(tmp_path: Path) -> None:
    chance = random.Random(7)
    with sink() as server:
        running = start_seenby(tmp_path / "data", NEXT_HOP=f"smtp://127.0.0.1:{server.port}?tls=none")
        world = World(running, server, running.command("sender", "add", ALICE)["password"])
        ledger = Ledger()
        clients = [threading.Thread(target=send_mail, args=(world, ledger))]
        clients += [threading.Thread(target=fetch_pixels, args=(world, ledger, f"c{n}")) for n in range(2)]
        try:
            for client in clients:
                client.start()
            for kill in (kill_child("tracker"), kill_child("app"), kill_supervisor):
                for _ in range(KILLS):
                    time.sleep(chance.uniform(0.1, 0.8))
                    kill(world, ledger)
            time.sleep(0.5)
            ledger.stop.set()
            for client in clients:
                client.join(30)
            wait_for(lambda: set(ledger.accepted) <= sent(server), seconds=60, why="every accepted message is sent")
            wait_for(
                lambda: set(ledger.answered) <= set(agents(world.running.data)), seconds=60, why="every hit is drained"
            )
        finally:
            ledger.stop.set()
            world.running.stop(signal.SIGTERM)
            assert world.running.process.stdout is not None
            world.running.process.stdout.close()
    check_mail(server, ledger)
    check_hits(world.running.data, ledger)


def sent(server: Sink) -> set[str]:
    return {to.partition("@")[0] for _from, to, _content in list(server.got)}


def agents(data: Path) -> Counter[str]:
    with sqlite3.connect(f"file:{data}/seenby.sqlite3?mode=ro", uri=True) as store:
        return Counter(agent for (agent,) in store.execute("select agent from hits"))


def check_mail(server: Sink, ledger: Ledger) -> None:
    assert len(ledger.accepted) > 3 * KILLS
    first: dict[str, float] = {}
    for at, (_from, to, _content) in zip(server.at, server.got, strict=True):
        subject = to.partition("@")[0]
        if subject in first:
            taken = first[subject]
            kills = [1 for began, ended in ledger.kills if began - 0.05 <= taken + MOMENT and taken <= ended + 0.05]
            assert kills, f"{subject} arrived twice though nothing was killed after it was taken"
        first.setdefault(subject, at)
    assert set(ledger.accepted) <= set(first)


def check_hits(data: Path, ledger: Ledger) -> None:
    assert len(ledger.answered) > 20 * KILLS
    kept = agents(data)
    assert [agent for agent in ledger.answered if kept[agent] != 1] == []
    assert sum(kept.values()) <= ledger.tried

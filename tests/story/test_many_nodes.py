"""Two machines, with a tracker and a worker each, one PostgreSQL and one NATS: everything is killed once."""

import asyncio
import http.client
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from seenby.journal.segment import segment_names
from tests.conftest import fresh_database, require
from tests.house import ALICE, MAIL, RITA
from tests.nats import nats_binary, running_nats
from tests.story.test_postgres import Ledger, Roles, ask, command, fetch, flow_on, pixel_of, roles, send_mail
from tests.world import Sink, seenby, sink, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("postgres")]
KEPT = "select agent, count(*) from hits where agent like 'reader-%' group by agent"


def fetch_pixels(server: Sink, ledger: Ledger, machines: list[Roles]) -> None:
    """Readers in front of both trackers, as a load balancer sends them."""
    number = 0
    while not ledger.stop.is_set():
        number += 1
        if server.got:
            path = urlsplit(pixel_of(server.got[number % len(server.got)][2])).path
            port = machines[number % 2].ports["tracker"]
            with suppress(OSError, http.client.HTTPException):
                agent = f"reader-{number}"
                if fetch(f"http://127.0.0.1:{port}{path}", {"User-Agent": agent}) == 200:
                    ledger.answered.append(agent)
        ledger.stop.wait(0.02)


def test_two_trackers_and_two_workers_lose_and_double_nothing_when_each_and_nats_is_killed(
    postgres: str, tmp_path: Path
) -> None:
    require(nats_binary(), "nats-server")
    database, ledger = asyncio.run(fresh_database(postgres)), Ledger()
    first, second = tmp_path / "first", tmp_path / "second"
    with sink() as server, running_nats() as bus:
        settings = {
            "NEXT_HOP": f"smtp://127.0.0.1:{server.port}?tls=none",
            "DATABASE_URL": database,
            "NATS_URL": bus.url,
        }
        with roles(first, **settings) as one, roles(second, **settings) as two:
            for role in ("web", "gateway", "tracker", "worker"):
                one.start(role)
            password = command(one, "sender", "add", ALICE)
            second.mkdir(mode=0o700)
            shutil.copytree(first / "keys", second / "keys")
            for role in ("tracker", "worker"):
                two.start(role)
            clients = [
                threading.Thread(target=send_mail, args=(one, password, ledger)),
                threading.Thread(target=fetch_pixels, args=(server, ledger, [one, two])),
            ]
            try:
                for client in clients:
                    client.start()
                for machine, role in ((one, "tracker"), (one, "worker"), (two, "tracker"), (two, "worker")):
                    flow_on(ledger)
                    machine.kill(role)
                    flow_on(ledger)
                    machine.start(role)
                bus.kill()
                flow_on(ledger)  # mail is taken, readers are answered
                bus.start()
                flow_on(ledger)
            finally:
                ledger.stop.set()
                for client in clients:
                    client.join(30)
            wait_for(lambda: set(ledger.answered) <= {agent for agent, _n in ask(database, KEPT)}, seconds=60)
            assert one.stop() == [0, 0, 0, 0], one.log.read_text()[-3000:]
            # A worker that was started a moment ago may not have come so far as to hear the signal.
            assert set(two.stop()) <= {0, -signal.SIGTERM}, two.log.read_text()[-3000:]
    assert {count for _agent, count in ask(database, KEPT)} == {1}


def test_on_one_machine_hits_go_over_nats_and_the_files_are_let_go(tmp_path: Path) -> None:
    require(nats_binary(), "nats-server")
    with (
        running_nats() as bus,
        sink() as server,
        seenby(tmp_path / "data", NEXT_HOP=f"smtp://127.0.0.1:{server.port}?tls=none", NATS_URL=bus.url) as running,
    ):
        user, password = running.owner
        running.submit(MAIL.replace(ALICE.encode(), user.encode()), user=user, password=password, to=[RITA])
        (copy,) = wait_for(lambda: server.to(RITA))
        time.sleep(1.1)  # a person needs a moment
        assert fetch(pixel_of(copy)) == 200
        kept = f"file:{running.data / 'seenby.sqlite3'}?mode=ro"
        wait_for(lambda: hits_in(kept) == 1)
        time.sleep(0.5)  # for the store's word to reach the tracker
        running.stop()
        assert running.process.returncode == 0
        assert segment_names(running.data / "journal") == []


def hits_in(store: str) -> int:
    with closing(sqlite3.connect(store, uri=True)) as connection:
        return int(connection.execute("select count(*) from hits").fetchone()[0])

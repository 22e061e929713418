"""Numbers and health on a port of their own, of the real processes."""

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from seenby.folder import open_folder
from seenby.metrics import served
from seenby.words.policy import Level
from seenby.words.token import PATHS, Keyring, Kind, Token, encode_id, sign_token
from tests.world import environment, seenby


def free_port(*, and_next: int = 0) -> int:
    """A port that is free, and so many behind it; below those that the kernel hands out to others meanwhile."""
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        with ExitStack() as taken:
            try:
                for one in range(port, port + 1 + and_next):
                    taken.enter_context(socket.create_server(("127.0.0.1", one)))
            except OSError:
                continue
        return port


def get(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("latin-1")
    finally:
        connection.close()


def number(port: int, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", get(port, "/metrics")[1], re.MULTILINE)
    assert found, name
    return float(found[1])


def pixel(keys: Keyring) -> str:
    token = Token(kind=Kind.PIXEL, level=Level.FULL, message=encode_id(b"m" * 12), recipient=encode_id(b"r" * 8))
    return PATHS[Kind.PIXEL] + sign_token(token, keys)


@contextmanager
def tracker(data: Path, numbers: int, *, number: int = 1) -> Iterator[int]:
    """A tracker process; the port of its pixels."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seenby.tracker", "--under-up", "--number", str(number)],
        env=environment(data, TRACKER_METRICS_LISTEN=f"127.0.0.1:{numbers}"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield int(json.loads(process.stdout.readline())["port"])
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.slow
def test_whoever_asks_too_slowly_takes_little_room_and_no_line_of_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with served("127.0.0.1:0", is_alive=lambda: True, is_ready=lambda: True) as port:
        assert port is not None
        before = threading.active_count()
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        for one in slow:
            with contextlib.suppress(OSError):
                one.sendall(b"GET /met")
        time.sleep(0.5)
        assert threading.active_count() <= before + 16
        drip = time.monotonic() + 20
        while get_or_nothing(port) != 200:  # those who are in are cut off, even if they send a byte now and then
            assert time.monotonic() < drip
            for one in slow:
                with contextlib.suppress(OSError):
                    one.sendall(b"r")
            time.sleep(0.2)
        for one in slow:
            one.close()
    assert "Exception" not in capfd.readouterr().err


def get_or_nothing(port: int) -> int:
    try:
        return get(port, "/healthz")[0]
    except OSError:
        return 0


@pytest.mark.slow
def test_a_tracker_tells_what_it_did_and_nobody_of_whom(tmp_path: Path) -> None:
    keys = open_folder(tmp_path / "data").keyring()
    numbers = free_port()
    with tracker(tmp_path / "data", numbers) as port:
        for path in (pixel(keys), pixel(keys), "/o/nothing", "/c/nothing", "/robots.txt"):
            get(port, path)
        assert number(numbers, 'seenby_hits_total{kind="pixel"}') == 2
        assert number(numbers, 'seenby_hits_total{kind="link"}') == 0
        assert number(numbers, 'seenby_answers_total{status="404"}') == 1
        assert number(numbers, 'seenby_answers_total{status="200"}') == 2
        assert number(numbers, "seenby_hits_lost_total") == 0
        assert number(numbers, "seenby_journal_healthy") == 1
        assert number(numbers, "seenby_journal_commit_seconds_count") >= 1
        assert number(numbers, "seenby_journal_bytes") > 0
        assert (get(numbers, "/healthz")[0], get(numbers, "/readyz")[0], get(numbers, "/")[0]) == (200, 200, 404)
        text = get(numbers, "/metrics")[1]
        assert not any(word in text for word in ("127.0.0.1", encode_id(b"m" * 12), encode_id(b"r" * 8)))


def test_a_process_that_hangs_is_not_alive() -> None:
    answers = [True]
    with served("127.0.0.1:0", is_alive=lambda: answers[0], is_ready=lambda: False) as port:
        assert port is not None
        assert (get(port, "/healthz")[0], get(port, "/readyz")[0]) == (200, 503)
        answers[0] = False
        assert get(port, "/healthz")[0] == 503


@pytest.mark.slow
def test_a_port_that_is_taken_stops_nothing(tmp_path: Path) -> None:
    keys = open_folder(tmp_path / "data").keyring()
    with socket.create_server(("127.0.0.1", 0)) as taken, tracker(tmp_path / "data", taken.getsockname()[1]) as port:
        assert get(port, pixel(keys))[0] == 200


@pytest.mark.slow
def test_processes_of_several_have_ports_of_their_own(tmp_path: Path) -> None:
    open_folder(tmp_path / "data").keyring()
    numbers = free_port(and_next=1)
    with tracker(tmp_path / "data", numbers, number=2):
        with pytest.raises(ConnectionRefusedError):
            get(numbers, "/healthz")
        assert get(numbers + 1, "/healthz")[0] == 200


@pytest.mark.slow
def test_three_trackers_share_a_port_and_lose_nothing_when_one_dies(tmp_path: Path) -> None:
    numbers, app = free_port(and_next=2), free_port()
    with seenby(
        tmp_path / "data",
        TRACKER_PROCESSES="3",
        TRACKER_METRICS_LISTEN=f"127.0.0.1:{numbers}",
        APP_METRICS_LISTEN=f"127.0.0.1:{app}",
    ) as running:
        children = running.children()
        assert {"tracker", "tracker2", "tracker3", "app"} <= set(children)
        port = int(running.tracking_url.rpartition(":")[2])
        keys = open_folder(tmp_path / "data").keyring()
        answered = sum(get(port, pixel(keys))[0] == 200 for _ in range(60))
        assert answered == 60
        spread = [number(numbers + at, 'seenby_hits_total{kind="pixel"}') for at in range(3)]
        assert sum(spread) == 60
        assert sum(many > 0 for many in spread) > 1, "the kernel spreads connections"
        os.kill(children["tracker2"], signal.SIGKILL)
        until = time.monotonic() + 20
        while running.children()["tracker2"] == children["tracker2"]:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert get(port, pixel(keys))[0] == 200
        until = time.monotonic() + 20
        while number(app, "seenby_hits_unknown_total") < 61:  # of a message that the store does not know
            assert time.monotonic() < until
            time.sleep(0.1)
        assert get(app, "/readyz")[0] == 200
        assert number(app, "seenby_hits_unknown_total") == 61

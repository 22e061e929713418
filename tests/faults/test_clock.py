"""The wall clock jumps while a tracker works: no hit is lost or doubled, and no client's time is any other."""

import socket
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.faults.client import fire, minting, request
from tests.faults.clocked import set_clock
from tests.faults.ledger import Ledger, check, drained
from tests.faults.process import keyring, tracker

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


def jumps() -> dict[str, float]:
    now = datetime.now(UTC)
    leap = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)
    return {
        "one hour on": 3600,
        "two hours back": -7200,
        "ten years on": timedelta(days=3653).total_seconds(),
        "the end of 29 February": (leap - now).total_seconds(),
        "no battery": -now.timestamp() + 60,
        "right again": 0,
    }


def test_a_clock_that_jumps_costs_no_hit_and_cuts_nobody_off(tmp_path, monkeypatch):
    data, clock = tmp_path / "data", tmp_path / "clock"
    monkeypatch.setenv("TRACKER_CLOCK", str(clock))
    set_clock(clock, 0)
    keys = keyring(data)
    mint = minting(keys)
    ledgers: dict[str, Ledger] = {}
    with tracker(data, module="tests.faults.clocked", segment=4096) as running:
        silent = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        for name, off in jumps().items():
            half = socket.create_connection(("127.0.0.1", running.port), timeout=30)
            asked = request(ask := mint())
            half.sendall(asked[:40])
            set_clock(clock, off)
            fire(running.port, ledgers.setdefault(name, Ledger()), mint, answers=60, readers=8)
            half.sendall(asked[40:])
            answer = half.recv(4096)
            assert answer.startswith(b"HTTP/1.1 "), f"{name}: cut off"
            ledgers[name].sent[ask.key] = ask.token
            ledgers[name].answered[ask.key] = 0.0
            date = parsedate_to_datetime(answer.split(b"\r\nDate: ")[1].split(b"\r\n")[0].decode())
            assert _is_about(date, off), name
            half.close()
        assert silent.recv(1) == b""  # its time is up, by the clock that does not jump
        silent.close()
        assert running.number("seenby_hits_lost_total") == 0
    hits = drained(data / "journal")
    for name, off in jumps().items():
        ours = [hit for hit in hits if hit.token.message in ledgers[name].sent]
        assert not check(ledgers[name], ours), name
        assert all(_is_about(hit.at, off) for hit in ours), name


def _is_about(at: datetime, off: float) -> bool:
    return abs(at - datetime.now(UTC) - timedelta(seconds=off)) < timedelta(minutes=2)

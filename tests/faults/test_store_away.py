"""The store stands still, or is deleted, or NATS is gone: links lead on, pixels come, and hits arrive in the end."""

import os
import signal
import time

import pytest

from tests.faults.app import app, check_store, is_judged, keys_of, minting_for, miscounted, stored
from tests.faults.client import fire, firing, minting
from tests.faults.ledger import Ledger, check, drained
from tests.faults.process import keyring, tracker
from tests.world import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("faults")]
AWAY = float(os.environ.get("SEENBY_FAULTS_AWAY", "6"))
RATE = 200.0


def test_while_the_store_stands_still_readers_are_served_and_their_hits_arrive_after(tmp_path):
    data, ledger = tmp_path / "data", Ledger()
    with app(data, messages=100) as (running, known):
        port = int(running.tracking_url.rpartition(":")[2])
        mint = minting_for(known, keys_of(data), hits_each=10)
        pid = running.children()["app"]
        with firing(port, ledger, mint, rate=RATE):
            wait_for(lambda: len(ledger.answered) > 100)
            os.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(AWAY)
                meanwhile = len(ledger.answered)
            finally:
                os.kill(pid, signal.SIGCONT)
            time.sleep(1)
        assert (ledger.wrong, ledger.broken_off) == ([], 0)
        assert meanwhile > AWAY * RATE / 2
        began = time.monotonic()
        wait_for(lambda: stored(data) >= len(ledger.answered), seconds=120, why="what waited arrives")
        arrived = time.monotonic() - began
        wait_for(lambda: is_judged(data), seconds=120, why="what arrived is judged")
        judged = time.monotonic() - began
        print(
            f"{meanwhile} answered in {AWAY:.0f} s: p50 {ledger.latency(0.5):.4f} s, p99 {ledger.latency(0.99):.4f} s"
        )
        print(f"all in the store {arrived:.1f} s after, and judged {judged:.1f} s after")
        assert not check_store(ledger, data)
        assert miscounted(data) == []
        for file in data.glob("seenby.sqlite3*"):
            file.unlink()
        orphans = Ledger()
        fire(port, orphans, mint, answers=100)
        assert (orphans.wrong, orphans.broken_off) == ([], 0)


def test_with_nats_gone_hits_wait_in_their_files(tmp_path):
    data = tmp_path / "data"
    ledger, keys = Ledger(), keyring(data)
    with tracker(data, NATS_URL="nats://127.0.0.1:1") as running:
        fire(running.port, ledger, minting(keys), answers=200)
        assert running.ask("/readyz")[0] == 200
    assert (ledger.wrong, ledger.broken_off) == ([], 0)
    assert not check(ledger, drained(data / "journal"))

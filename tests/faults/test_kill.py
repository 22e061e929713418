"""kill -9, at random moments and at every boundary of a write, and what a client saw answered is kept, once.

strace counts each call of each thread by itself: 29 boundaries, over the first commits and segments."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.client import fire, firing, minting
from tests.faults.ledger import Ledger, check, drained, peeked
from tests.faults.process import end_tracker, keyring, start_tracker, tracker
from tests.faults.trace import CACHED, injecting, strace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]
# How many of each; behind a space, what else is to happen.
BOUNDARIES = {
    "pwritev2": 9,
    "pwrite64": 1,
    "fdatasync": 1,
    f"pwrite64 {CACHED}": 5,
    f"fdatasync {CACHED}": 5,
    "fallocate": 1,
    "fsync": 3,
    "rename": 2,
    "ftruncate": 2,
}
LATER = (
    "fallocate:1",
    "fsync:1",
    "fsync:2",
    "pwrite64:1",
    "pwritev2:1",
)  # when the first segment is there, and the next is being made
KILLS = int(os.environ.get("SEENBY_FAULTS_KILLS", "4"))
BROKEN = "tests.faults.broken"


def lives(data: Path, count: int, *, seed: int, module: str = "seenby.tracker") -> Ledger:
    """Start, ask, kill at a random moment, so many times."""
    chance, ledger, mint = random.Random(seed), Ledger(), minting(keyring(data), wishes=True)
    for _ in range(count):
        running = start_tracker(data, module=module)
        assert running is not None
        with firing(running.port, ledger, mint):
            time.sleep(chance.uniform(0.15, 0.5))
            running.kill()
        assert end_tracker(running.process) == -signal.SIGKILL
    assert ledger.wrong == []
    return ledger


def test_killed_at_any_moment_it_loses_and_doubles_nothing_that_was_answered(tmp_path):
    ledger = lives(tmp_path / "data", KILLS, seed=7)
    assert len(ledger.answered) > 500
    assert not check(ledger, drained(tmp_path / "data" / "journal"))


def test_the_checker_notices_a_tracker_that_answers_before_it_commits(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_FAULT", "answers_first")
    ledger = lives(tmp_path / "data", 2, seed=7, module=BROKEN)
    assert check(ledger, drained(tmp_path / "data" / "journal")).lost


def test_the_checker_notices_hits_kept_twice_and_hits_that_nobody_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_FAULT", "doubles")
    ledger = lives(tmp_path / "data", 1, seed=7, module=BROKEN)
    hits = drained(tmp_path / "data" / "journal")
    assert check(ledger, hits).doubled
    assert check(Ledger(), hits).invented


@pytest.mark.parametrize("what", BOUNDARIES)
def test_killed_at_any_step_of_its_writing_it_loses_and_doubles_nothing(tmp_path, what):
    call, _space, more = what.partition(" ")
    data = tmp_path / "data"
    ledger, mint = Ledger(), minting(keyring(data))
    for number in range(1, BOUNDARIES[what] + 1):
        before = strace(tmp_path / "trace", inject=f"{call}:signal=KILL:when={number} {more}")
        running = start_tracker(data, before=before, segment=4096)
        if running is not None:  # else it died before it could be asked
            with firing(running.port, ledger, mint):
                assert running.process.wait(20) == -signal.SIGKILL
            end_tracker(running.process)
        assert not check(ledger, peeked(data / "journal")), f"at the {number}th {what}"
    with tracker(data) as fresh:
        fire(fresh.port, ledger, mint, answers=50)
    assert not check(ledger, drained(data / "journal"))
    assert ledger.wrong == []


def test_killed_while_the_next_segment_is_made_it_loses_and_doubles_nothing(tmp_path):
    data = tmp_path / "data"
    ledger, mint = Ledger(), minting(keyring(data))
    for what in LATER:
        call, number = what.split(":")
        running = start_tracker(data, segment=4096)
        assert running is not None
        fire(running.port, ledger, mint, answers=1)
        with injecting(running.pid, f"{call}:signal=KILL:when={number}"), firing(running.port, ledger, mint):
            assert running.process.wait(20) == -signal.SIGKILL
        end_tracker(running.process)
        assert not check(ledger, peeked(data / "journal")), what
    with tracker(data) as fresh:
        fire(fresh.port, ledger, mint, answers=50)
    assert not check(ledger, drained(data / "journal"))
    assert ledger.wrong == []

"""Power is cut from a real file system, again and again: what was answered before is there after."""

import os
import time

import pytest

from tests.faults.client import firing, minting
from tests.faults.ledger import Findings, Ledger, check, peeked
from tests.faults.mounts import Disk, real_disk
from tests.faults.process import REAL, SEGMENT, end_tracker, keyring, start_tracker

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]
TRIALS = int(os.environ.get("SEENBY_FAULTS_POWER", "5"))


def cut_off(disk: Disk, ledger: Ledger, module: str, *, after: float, segment: int = SEGMENT) -> Findings:
    """Readers at work, then no power; what is not as promised once it is back."""
    data = disk.folder / "data"
    running = start_tracker(data, module=module, segment=segment)
    assert running is not None
    with firing(running.port, ledger, minting(keyring(data))):
        time.sleep(after)
        ledger.is_closed = True  # an answer that comes between the cut and the kill is no answer
        disk.cut_power()
        running.kill()
    end_tracker(running.process)
    assert disk.unmount()
    disk.mount()
    ledger.is_closed = False
    return check(ledger, peeked(data / "journal"))


def test_what_was_answered_outlives_a_loss_of_power(tmp_path):
    ledger = Ledger()
    with real_disk(tmp_path) as disk:
        for trial in range(TRIALS):
            before = len(ledger.answered)
            assert not cut_off(disk, ledger, REAL, after=0.2 + 0.07 * (trial % 5)), f"trial {trial}"
            assert len(ledger.answered) > before + 20
    assert ledger.wrong == []


def test_this_very_test_notices_a_tracker_that_never_syncs(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_FAULT", "never_syncs")
    with real_disk(tmp_path) as disk:
        # One large segment: the file system's own commits would bring a small one's hits to disk with its making.
        assert cut_off(disk, Ledger(), "tests.faults.broken", after=0.3, segment=4 * 1024 * 1024).lost

"""Disks that fail once, for ever, or are full: readers are served, what is lost is counted, and nothing is claimed."""

import pytest

from tests.faults.client import fire, firing, minting
from tests.faults.ledger import Ledger, check, drained, peeked
from tests.faults.mounts import small_disk
from tests.faults.process import Tracker, keyring, tracker, until_ready
from tests.faults.trace import CACHED, DISK, injecting, proof_of, strace
from tests.world import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]
LOST = "seenby_hits_lost_total"


@pytest.mark.parametrize(
    "inject",
    [
        "pwritev2:error=EIO:when=3",
        "pwritev2:error=ENOSPC:when=3",
        f"{CACHED} fdatasync:error=EIO:when=3",
        f"{CACHED} pwrite64:error=ENOSPC:when=3",
    ],
)
def test_after_one_failure_a_file_is_not_touched_again_and_nothing_is_lost(tmp_path, inject):
    data, log = tmp_path / "data", tmp_path / "trace"
    ledger, keys = Ledger(), keyring(data)
    with tracker(data, before=strace(log, trace=DISK, inject=inject, is_whole=True)) as running:
        fire(running.port, ledger, minting(keys, wishes=True), answers=300)
        assert running.number(LOST) == 0
        assert running.ask("/readyz")[0] == 200
    proof = proof_of(log)
    assert len(proof.failed) == 1
    assert proof.breaches == []
    assert (ledger.wrong, ledger.refused) == ([], set())
    assert not check(ledger, drained(data / "journal"))


@pytest.mark.parametrize("inject", ["fsync:error=EIO:when=3", "rename:error=EIO:when=3"])
def test_when_no_new_segment_can_be_made_what_is_lost_is_counted_until_one_can(tmp_path, inject):
    data = tmp_path / "data"
    ledger, keys = Ledger(), keyring(data)
    mint = minting(keys, wishes=True)
    with tracker(data) as running:
        fire(running.port, ledger, mint, answers=1)
        with injecting(running.pid, inject), firing(running.port, ledger, mint, readers=4):
            _until_lost(running, ledger, more_than=20)
        until_ready(running)
        lost = running.number(LOST)
        after = Ledger()
        fire(running.port, after, mint, answers=100)
        assert running.number(LOST) == lost
    hits = drained(data / "journal")
    found = check(ledger, [hit for hit in hits if hit.token.message not in after.sent])
    assert (found.doubled, found.invented) == ([], [])
    assert 0 < len(found.lost) <= lost
    _no_wish_is_claimed_that_is_lost(ledger, found.lost)
    assert not check(after, [hit for hit in hits if hit.token.message in after.sent])
    assert ledger.wrong + after.wrong == []


def _until_lost(running: Tracker, ledger: Ledger, *, more_than: int) -> None:
    """Until so many hits were lost, and one who wants no more mail was among those asking meanwhile."""
    wait_for(lambda: running.number(LOST) > more_than and ledger.refused, seconds=60)


def _no_wish_is_claimed_that_is_lost(ledger: Ledger, lost: list[str]) -> None:
    """Who wants no more mail was told "not yet" where it was not kept."""
    assert ledger.refused
    assert [key for key in lost if ledger.sent[key].kind.name == "UNSUBSCRIBE"] == []


def test_a_disk_that_fails_for_ever_serves_readers_and_claims_nothing(tmp_path):
    data = tmp_path / "data"
    ledger, keys = Ledger(), keyring(data)
    with tracker(data, before=strace(tmp_path / "trace", inject="pwritev2:error=EIO:when=4+")) as running:
        with firing(running.port, ledger, minting(keys, wishes=True), readers=4):
            _until_lost(running, ledger, more_than=200)
        assert running.ask("/readyz")[0] == 503
        lost = running.number(LOST)
    found = check(ledger, drained(data / "journal"))
    assert (found.doubled, found.invented) == ([], [])
    assert 0 < len(found.lost) <= lost
    _no_wish_is_claimed_that_is_lost(ledger, found.lost)
    assert (ledger.wrong, ledger.broken_off) == ([], 0)


def test_a_full_disk_costs_no_reader_anything_and_heals_by_itself_once_there_is_room(tmp_path):
    data = tmp_path / "data"
    keys = keyring(data)
    healthy, full, healed = Ledger(), Ledger(), Ledger()
    with small_disk(data / "journal", 512 * 1024) as journal, tracker(data, segment=65_536) as running:
        fire(running.port, healthy, minting(keys), answers=300)
        assert running.number(LOST) == 0
        with firing(running.port, full, minting(keys, wishes=True)):
            _until_lost(running, full, more_than=300)
        assert running.ask("/readyz")[0] == 503
        lost = running.number(LOST)
        hits = drained(journal, all_ended=False)  # which makes room
        until_ready(running)
        fire(running.port, healed, minting(keys), answers=300)
        assert running.number(LOST) == lost
        hits += peeked(journal)
    by_ledger = [[hit for hit in hits if hit.token.message in ledger.sent] for ledger in (healthy, full, healed)]
    assert sum(map(len, by_ledger)) == len(hits)
    assert not check(healthy, by_ledger[0])
    assert not check(healed, by_ledger[2])
    found = check(full, by_ledger[1])
    assert (found.doubled, found.invented) == ([], [])
    assert 0 < len(found.lost) <= lost
    _no_wish_is_claimed_that_is_lost(full, found.lost)
    assert [ledger.wrong for ledger in (healthy, full, healed)] == [[], [], []]
    assert [ledger.broken_off for ledger in (healthy, full, healed)] == [0, 0, 0]

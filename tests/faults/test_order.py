"""No answer leaves a socket before the write and the sync that hold its hit came back, and its file has its name."""

import pytest

from tests.faults.client import fire, minting
from tests.faults.ledger import Ledger, check, drained
from tests.faults.process import REAL, keyring, tracker
from tests.faults.trace import CACHED, DISK, NETWORK, proof_of, strace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


@pytest.mark.parametrize(
    ("module", "answers", "inject"),
    [(REAL, 1000, ""), (REAL, 500, CACHED), ("tests.faults.broken", 50, "")],
    ids=["ours", "ours, through the page cache", "broken"],
)
def test_no_answer_leaves_before_its_hit_is_on_disk(tmp_path, monkeypatch, module, answers, inject):
    monkeypatch.setenv("TRACKER_FAULT", "answers_first")
    data, log = tmp_path / "data", tmp_path / "trace"
    ledger, keys = Ledger(), keyring(data)
    before = strace(log, trace=f"{DISK},{NETWORK}", inject=inject, is_whole=True)
    with tracker(data, module=module, before=before) as running:
        fire(running.port, ledger, minting(keys, wishes=True), answers=answers)
    proof = proof_of(log)
    assert proof.answers >= answers
    if module == REAL:
        assert proof.breaches == []
        assert not check(ledger, drained(data / "journal"))
    else:
        assert len(proof.breaches) > answers // 2

"""One byte, a hole, a cut, at any place of a tracker's segments: the rest is served, and it is told."""

import errno
import os
import random
import shutil
from pathlib import Path

import pytest

from seenby.journal import FileReader
from seenby.journal.segment import segment_names
from tests.faults.client import fire, minting
from tests.faults.ledger import Ledger, check
from tests.faults.process import keyring, tracker

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]
READERS = 16  # so many hits are committed together at most
TRIALS = int(os.environ.get("SEENBY_FAULTS_DAMAGES", "200"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder of segments as a tracker left them, and what its clients know."""
    data = tmp_path_factory.mktemp("damage") / "data"
    ledger, keys = Ledger(), keyring(data)
    with tracker(data) as running:
        fire(running.port, ledger, minting(keys), answers=600)
    assert len(segment_names(data / "journal")) > 3
    return data / "journal", ledger


def spoilt(data: bytes, chance: random.Random) -> tuple[str, bytes, int]:
    """How, what came of it, and at most how many bytes are not as they were."""
    at = chance.randrange(len(data))
    match chance.randrange(4):
        case 0:
            return "a byte", data[:at] + bytes([data[at] ^ chance.randint(1, 255)]) + data[at + 1 :], 1
        case 1:
            return "a cut", data[:at], len(data) - at
        case 2:
            many = min(chance.randint(1, 4096), len(data) - at)
            return "a hole", data[:at] + bytes(many) + data[at + many :], many
        case _:
            many = min(chance.randint(1, 600), len(data) - at)
            return "noise", data[:at] + chance.randbytes(many) + data[at + many :], many


def test_damage_anywhere_costs_what_it_hit_is_told_and_never_raises(kept, tmp_path):
    folder, ledger = kept
    chance = random.Random(20261122)
    per_hit = sum(path.stat().st_size for path in folder.iterdir()) / len(ledger.sent)
    for trial in range(TRIALS):
        here = tmp_path / str(trial)
        shutil.copytree(folder, here)
        path = here / chance.choice(segment_names(here))
        whole = path.read_bytes()
        how, data, many = spoilt(whole, chance)
        path.write_bytes(data)
        batch = FileReader(here).take({}, limit=1_000_000)
        found = check(ledger, batch.hits)
        about = f"trial {trial}: {how} of {many} bytes"
        assert not found.invented, about
        assert not found.doubled, about
        assert len(found.lost) <= many / per_hit * 2 + 2 * READERS, about
        assert batch.torn or data == whole, about
        shutil.rmtree(here)


def test_what_cannot_be_read_holds_up_nothing_else(kept, tmp_path, monkeypatch):
    folder, ledger = kept
    here = tmp_path / "journal"
    shutil.copytree(folder, here)
    first, second, *_others = segment_names(here)
    size = (here / second).stat().st_size
    (here / first).unlink()
    (here / first).mkdir()
    real = os.pread

    def pread(file, length, offset):
        if Path(f"/proc/self/fd/{file}").readlink().name == second:  # a bad block in its middle
            if offset >= size // 2:
                raise OSError(errno.EIO, "Input/output error")
            length = min(length, size // 2 - offset)
        return real(file, length, offset)

    monkeypatch.setattr(os, "pread", pread)
    reader = FileReader(here)
    batch = reader.take({}, limit=1_000_000)
    found = check(ledger, batch.hits)
    assert not found.invented
    assert 0 < len(found.lost) < len(ledger.answered) / 2
    assert {report.partition(":")[0] for report in batch.torn} == {first, second}
    assert not {first, second} & set(reader.forget(batch.done))
    assert reader.take(batch.done, limit=1_000_000).torn == (), "told once, not ten times a second"

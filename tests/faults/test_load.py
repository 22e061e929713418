"""A steady load beside a working app: every answered hit is stored, once. `make faults` runs it for ten minutes."""

import pytest

from tests.faults.load import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("faults")]


def test_under_a_steady_load_every_answered_hit_is_stored_once(tmp_path):
    came = run(tmp_path / "data", rate=300, seconds=5, patience=120)
    print(came)
    assert came.answered > 750
    assert (came.wrong, came.broken_off, came.miscounted) == (0, 0, 0)
    assert not came.findings

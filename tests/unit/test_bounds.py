"""However a message is built, reading it takes a bounded part of the processor and of memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.monsters import MONSTERS


@pytest.mark.slow
def test_no_message_takes_more_than_its_share_of_the_processor_and_of_memory() -> None:
    """Nothing is timed by the clock: the kernel ends what goes over its bounds, twenty times what the worst needs."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.monsters"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    told = dict(json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 0, f"ended in: {done.stderr.splitlines()[-1:]}"
    assert {name: what for name, what in told.items() if not what.startswith("ok ")} == {}
    assert set(told) == set(MONSTERS)

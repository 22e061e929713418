"""`python -m tests.faults.load`: mixed hits at a steady rate beside a working app on SQLite, and what came of them.

Prints figures, and ends with 1 when an answered hit is not in the store exactly once.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.app import app, check_store, is_judged, keys_of, minting_for, miscounted, stored
from tests.faults.client import firing
from tests.faults.ledger import Findings, Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to."""

    answered: int
    broken_off: int
    wrong: int
    p50: float
    p99: float
    backlog: int  # hits answered and not in the store when the last was answered
    arrived_after: float  # seconds from then until all were
    judged_after: float
    memory: tuple[int, int]  # the tracker's, KiB, after a tenth of the time and at the end
    findings: Findings
    miscounted: int


def memory_of(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])


def run(data: Path, *, rate: float, seconds: float, patience: float) -> Outcome:
    """Do it, and wait until all is in the store, or `patience` is over."""
    ledger = Ledger()
    with app(data, messages=max(100, int(rate * seconds / 50))) as (running, known):
        port, pid = int(running.tracking_url.rpartition(":")[2]), running.children()["tracker"]
        with firing(port, ledger, minting_for(known, keys_of(data), hits_each=50), readers=64, rate=rate):
            time.sleep(seconds / 10)
            early = memory_of(pid)
            time.sleep(seconds * 9 / 10)
            late = memory_of(pid)
        began = time.monotonic()
        backlog = len(ledger.answered) - stored(data)
        while stored(data) < len(ledger.answered) and time.monotonic() - began < patience:
            time.sleep(0.2)
        arrived = time.monotonic() - began
        while not is_judged(data) and time.monotonic() - began < 2 * patience:
            time.sleep(0.2)
        judged = time.monotonic() - began
        return Outcome(
            answered=len(ledger.answered),
            broken_off=ledger.broken_off,
            wrong=len(ledger.wrong),
            p50=ledger.latency(0.5),
            p99=ledger.latency(0.99),
            backlog=backlog,
            arrived_after=arrived,
            judged_after=judged,
            memory=(early, late),
            findings=check_store(ledger, data),
            miscounted=len(miscounted(data)),
        )


def main() -> None:
    """Run once and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=float, default=1000.0)
    options.add_argument("--seconds", type=float, default=600.0)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        came = run(Path(folder) / "data", rate=asked.rate, seconds=asked.seconds, patience=300.0)
    told = {
        "answered": came.answered,
        "per_second": round(came.answered / asked.seconds, 1),
        "broken_off": came.broken_off,
        "wrong": came.wrong,
        "p50_ms": round(1000 * came.p50, 2),
        "p99_ms": round(1000 * came.p99, 2),
        "backlog": came.backlog,
        "arrived_after_s": round(came.arrived_after, 1),
        "judged_after_s": round(came.judged_after, 1),
        "memory_kib": came.memory,
        "not_as_promised": str(came.findings),
        "miscounted": came.miscounted,
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    sys.exit(1 if came.findings or came.wrong or came.broken_off or came.miscounted else 0)


if __name__ == "__main__":
    main()

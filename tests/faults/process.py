"""Trackers as processes of their own, as `seenby up` starts them: the real one, and some with a fault of ours."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from seenby.folder import open_folder
from seenby.words.token import Keyring
from tests.world import environment, wait_for

ROOT = Path(__file__).parents[2]
REAL = "seenby.tracker"
SEGMENT = 16_384  # bytes: a segment ends every hundred hits or so


@dataclass(slots=True)
class Tracker:
    """A running tracker. `pid` is its own even where another program started it."""

    data: Path
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    is_watched: bool  # started by another program, which ends as it does

    @property
    def pid(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if self.is_watched else self.process.pid

    @property
    def journal(self) -> Path:
        return self.data / "journal"

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait(20)

    def number(self, name: str) -> float:
        """One of its own numbers."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.ask("/metrics")[1], re.MULTILINE)
        assert found, name
        return float(found[1])

    def ask(self, path: str) -> tuple[int, str]:
        """What it says on its local port."""
        port = int(re.findall(r"event='metrics'.*?port=(\d+)", self.log.read_text())[-1])
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def keyring(data: Path) -> Keyring:
    """The keys of a data folder, made if need be."""
    return open_folder(data).keyring()


def start_tracker(
    data: Path, *options: str, module: str = REAL, before: Sequence[str] = (), segment: int = SEGMENT, **settings: str
) -> Tracker | None:
    """A tracker on a free port, ready to be asked; None when it died before it was ready. `before` starts it."""
    log = data.with_suffix(".log")
    command = [*before, sys.executable, "-m", module, "--under-up", "--segment-bytes", str(segment), *options]
    with log.open("a") as errors:
        process = subprocess.Popen(
            command,
            env=environment(data, **({"TRACKER_METRICS_LISTEN": "127.0.0.1:0"} | settings)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        end_tracker(process)
        return None
    return Tracker(data, process, int(json.loads(line)["port"]), log, before[:1] == ["strace"])


def end_tracker(process: subprocess.Popen[bytes], *, seconds: float = 30.0) -> int:
    """End it as its supervisor's end does, if it did not by itself; with what it ended."""
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdin.close()
    try:
        return process.wait(seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        process.stdout.close()


@contextmanager
def tracker(
    data: Path, *options: str, module: str = REAL, before: Sequence[str] = (), segment: int = SEGMENT, **settings: str
) -> Iterator[Tracker]:
    """A tracker that is told to end at the end, and killed if it does not."""
    running = start_tracker(data, *options, module=module, before=before, segment=segment, **settings)
    assert running is not None, data.with_suffix(".log").read_text()
    try:
        yield running
    finally:
        end_tracker(running.process)


def until_ready(running: Tracker, *, ready: bool = True) -> None:
    """Wait until it says that it is, or is not, ready to keep the next hit."""
    wait_for(lambda: (running.ask("/readyz")[0] == 200) is ready, seconds=30, why="its health does not change")

"""The load: as many requests as a server answers, over connections that stay open, each for a pixel of its own.

`wrk` makes it where it is installed. Else `seenby.bench.client` does, which costs more than the server it
loads: what is measured then is the two together.
"""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seenby.bench.figures import BenchError
from seenby.bench.servers import on_cores

AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SLACK: Final = 30.0  # seconds beyond its time that a load may take to start and end
_SCRIPT: Final = """\
local asked, at = {}, 0
function init(args)
  wrk.headers["User-Agent"] = "%(agent)s"
  wrk.headers["Accept"] = "image/avif,image/webp,*/*;q=0.8"
  for path in io.lines("%(paths)s") do
    asked[#asked + 1] = wrk.format("GET", path)
  end
end
function request()
  at = at %% #asked + 1
  return asked[at]
end
function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '{"requests": %%d, "seconds": %%.6f, "p50_ms": %%.4f, "p99_ms": %%.4f, "errors": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a load got."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A way to make load: `program` is wrk's, or None for a client of our own; `paths` a file, a path a line."""

    program: str | None
    paths: Path
    cores: Collection[int]

    @property
    def name(self) -> str:
        """Who makes the load."""
        return "wrk" if self.program else "seenby.bench.client"

    def run(self, port: int, *, connections: int, seconds: float) -> Answered:
        """Load the server at `port` with as much as it takes. Raises BenchError when that fails."""
        if self.program:
            return self._load([*self._wrk(port), f"-c{connections}", f"-d{math.ceil(seconds)}s"], seconds)
        return self._load(self._own(port, connections, seconds), seconds)

    def run_by_the_clock(self, port: int, *, connections: int, seconds: float, rate: int) -> Answered:
        """Send `rate` requests a second whether they are answered or not. Raises BenchError when that fails."""
        return self._load([*self._own(port, connections, seconds), str(rate)], seconds)

    def _own(self, port: int, connections: int, seconds: float) -> list[str]:
        return [sys.executable, "-m", "seenby.bench.client", str(port), str(connections), str(seconds), str(self.paths)]

    def _load(self, command: list[str], seconds: float) -> Answered:
        with on_cores(self.cores):
            process = subprocess.Popen(  # noqa: S603 - wrk, or a module of ours
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        with process:
            try:
                said, complaint = process.communicate(timeout=seconds + _SLACK)
            except BaseException:
                process.kill()
                raise
        try:
            return Answered(**json.loads(said.strip().splitlines()[-1]))
        except (ValueError, IndexError, TypeError):
            why = (complaint or said).strip().splitlines()[:1]
            raise BenchError(f"{self.name} did not say what it measured: {' '.join(why) or 'nothing'}.") from None

    def _wrk(self, port: int) -> list[str]:
        assert self.program is not None
        script = self.paths.with_suffix(".lua")
        script.write_text(_SCRIPT % {"agent": AGENT, "paths": self.paths}, encoding="ascii")
        return [self.program, "-t1", "--timeout", "10s", "-s", str(script), f"http://127.0.0.1:{port}/"]


def load_with(paths: Path, *, cores: Collection[int]) -> Load:
    """The best way to make load that there is on this machine."""
    return Load(program=shutil.which("wrk"), paths=paths, cores=cores)

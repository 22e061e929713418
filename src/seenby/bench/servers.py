"""The servers that are measured: a tracker of ours, and nginx. Each lives in a temporary folder and ends with us."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seenby.bench.figures import BenchError

_START: Final = 20.0  # seconds a server may take to answer
_END: Final = 5.0
_SAID: Final = "said.log"
_NGINX: Final = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log {folder}/access.log combined;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  server {{
    listen 127.0.0.1:{port};
    location / {{ {answer}; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """One that answers at `port`; `process` is the one we started, which may have children."""

    port: int
    process: int

    def cpu_seconds(self) -> float:
        """The processor's time that it has used, in user mode and in the kernel (proc(5))."""
        ticks = 0
        for pid in self._pids():
            fields = _proc(pid, "stat").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_memory(self) -> int:
        """The most memory it ever held, in bytes."""
        lines = [line for pid in self._pids() for line in _proc(pid, "status").splitlines()]
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

    def _pids(self) -> list[int]:
        children = _proc(self.process, f"task/{self.process}/children").split()
        return [self.process, *map(int, children)]


def _proc(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="ascii", errors="replace")
    except OSError:
        raise BenchError("A server that was being measured is gone, or /proc cannot be read: no figures.") from None


def has_nginx() -> bool:
    """Whether there is an nginx to measure beside."""
    return _nginx() is not None


def _nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def nginx(folder: Path, *, cores: Collection[int], answer: str = "empty_gif") -> Iterator[Server]:
    """An nginx that answers everything with a pixel, or as told, and writes its access log, which it never syncs."""
    program, port = _nginx(), free_port()
    assert program is not None
    written = folder / "nginx.conf"
    written.write_text(_NGINX.format(folder=folder, port=port, answer=answer), encoding="utf-8")
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(written)]
    with running(command, cores=cores, folder=folder) as process:
        _wait_for(port, process, "nginx", folder)
        yield Server(port, process.pid)


@contextlib.contextmanager
def peer(folder: Path, *, cores: Collection[int]) -> Iterator[Server]:
    """A tracker as people build one: see `seenby.bench.peer`."""
    port = free_port()
    command = [sys.executable, "-m", "seenby.bench.peer", str(port), str(folder)]
    with running(command, cores=cores, folder=folder) as process:
        _wait_for(port, process, "The peer", folder)
        yield Server(port, process.pid)


@contextlib.contextmanager
def tracker(data: Path, *, cores: Collection[int]) -> Iterator[Server]:
    """One tracker process with its journal in `data`; the keys may be there already."""
    command = [sys.executable, "-m", "seenby.tracker", "--data", str(data), "--under-up"]
    with running(command, cores=cores, folder=data) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        told: Mapping[str, str] = (
            json.loads(line) if line else {"error": f"The tracker ended at once{last_words(data)}."}
        )
        if "error" in told:
            raise BenchError(told["error"])
        port = int(told["port"])
        _wait_for(port, process, "The tracker", data)
        yield Server(port, process.pid)
        if _status(port) != http.client.OK:
            raise BenchError(f"The tracker could not keep its journal in {data}: is the disk full? No figures.")


@contextlib.contextmanager
def running(
    command: list[str], *, cores: Collection[int], folder: Path, settings: Mapping[str, str] = {}
) -> Iterator[subprocess.Popen[str]]:
    """A process on `cores`, in `folder`, with no settings but these; SIGTERM ends it, or else SIGKILL."""
    settings = {"SEENBY_TRACKER_LISTEN": "127.0.0.1:0", "SEENBY_LOG_LEVEL": "error", **settings}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEENBY_")}
    with on_cores(cores), (folder / _SAID).open("ab") as said:
        process = subprocess.Popen(  # noqa: S603 - our own tracker, or the nginx of this machine
            command,
            cwd=folder,
            env={**inherited, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def on_cores(cores: Collection[int]) -> Iterator[None]:
    """Whatever is started inside runs on `cores` only; with none named, anywhere."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def last_words(folder: Path) -> str:
    """What a server said last on standard error, as the end of a sentence."""
    lines = (folder / _SAID).read_text(encoding="utf-8", errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1][:200].rstrip('.')}" if said else ", and did not say why"


def _wait_for(port: int, process: subprocess.Popen[str], name: str, folder: Path) -> None:
    until = time.monotonic() + _START
    while _status(port) is None:
        if process.poll() is not None or time.monotonic() > until:
            raise BenchError(f"{name} did not start on 127.0.0.1:{port}{last_words(folder)}.")
        time.sleep(0.02)


def _status(port: int) -> int | None:
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        door.request("GET", "/healthz")
        return door.getresponse().status
    except OSError:
        return None
    finally:
        door.close()


def two_cores() -> tuple[Collection[int], Collection[int]]:
    """A core for the server and another for the load; none named when there is only one."""
    ours = sorted(os.sched_getaffinity(0))
    return ({ours[0]}, {ours[1]}) if len(ours) > 1 else ((), ())


def filesystem(path: Path) -> str:
    """The kind of filesystem that `path` is on (proc(5)); empty when that is not known."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""
    above = [(len(fields[1]), fields[2]) for fields in mounts if path.is_relative_to(fields[1])]
    return max(above)[1] if above else ""

"""strace, to make a system call fail or kill at a chosen place, and to prove in which order things happened.

The proof reads only the trace: what came in over sockets, what was written and synced where, what went out. A token's
bytes are searched in what was written, so that it knows nothing of the journal's form.
"""

import os
import re
import shutil
import subprocess
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from seenby.words.token import decode_id
from tests.conftest import require
from tests.world import wait_for

DISK = "pwritev2,pwrite64,fdatasync,fsync,rename,ftruncate,fallocate"
NETWORK = "read,recvfrom,recvmsg,write,writev,sendto,sendmsg"
CACHED = "pwritev2:error=EOPNOTSUPP"  # a file system that is written through the page cache alone
_LINE = re.compile(r"(\d+) +(.*)")
_DONE = re.compile(r"(\w+)\((.*)\) += (-?\d+).*")
_BEGUN = re.compile(r"(\w+)\((.*?) *<unfinished \.\.\.>")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)\) += (-?\d+).*")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"\d+<((?:\\x[0-9a-f]{2})*)>")
_ASKED = re.compile(rb"(?:GET|POST) /[ocu]/([A-Za-z0-9_-]+) HTTP/1\.1\r\n")
_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@cache
def _may_trace() -> bool:
    done = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, check=False)
    return done.returncode == 0


def strace(log: Path, *, trace: str = DISK, inject: str = "", is_whole: bool = False) -> list[str]:
    """How to start a program under strace; skips the test where that is not allowed. Several faults: with spaces."""
    require(shutil.which("strace"), "strace")
    if not _may_trace():
        pytest.skip("this machine allows no ptrace")
    how = ["-y", "-xx", "-s", "1000000"] if is_whole else ["-y", "-s", "0"]
    # With its seccomp filter, which is quick, strace 6.1 injects no signals.
    return [
        "strace", "-f", *([] if inject else ["--seccomp-bpf"]), "-q", "-o", str(log), *how,
        "-e", f"trace={trace}", "-e", "signal=none",
        *(word for one in inject.split() for word in ("-e", f"inject={one}")),
    ]  # fmt: skip


@contextmanager
def injecting(pid: int, inject: str) -> Iterator[None]:
    """From now on a running program meets this fault, counted by each of its threads; until this is closed."""
    command = strace(Path(os.devnull), trace=inject.partition(":")[0], inject=inject)
    watcher = subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: f"TracerPid:\t{watcher.pid}\n" in _of_the_last_thread(pid), why="strace is there")
        yield
    finally:
        watcher.terminate()
        watcher.wait(20)


def _of_the_last_thread(pid: int) -> str:
    """What the kernel says of the thread that began last; nothing if that has just ended."""
    threads = sorted(Path(f"/proc/{pid}/task").iterdir(), key=lambda path: int(path.name))
    try:
        return (threads[-1] / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call's beginning (`result` None) or end. `file` is what its first argument stands for."""

    thread: str
    name: str
    file: str
    texts: tuple[bytes, ...]
    result: int | None


def calls(log: Path) -> Iterator[Call]:
    """Beginnings and ends, as they happened; a call that nothing came between is told as both at once."""
    begun: dict[str, str] = {}
    with log.open(errors="replace") as lines:
        for line in lines:
            told = _LINE.match(line)
            if told is None:
                continue
            thread, rest = told.groups()
            if found := _BEGUN.match(rest):
                begun[thread] = found[2]
                yield _call(thread, found[1], found[2], None)
            elif found := _RESUMED.match(rest):
                yield _call(thread, found[1], begun.pop(thread, "") + found[2], int(found[3]))
            elif found := _DONE.match(rest):
                yield _call(thread, found[1], found[2], None)
                yield _call(thread, found[1], found[2], int(found[3]))


def _call(thread: str, name: str, arguments: str, result: int | None) -> Call:
    file = _FILE.match(arguments)
    return Call(
        thread=thread,
        name=name,
        file=_plain(file[1]).decode(errors="replace") if file else "",
        texts=tuple(_plain(text) for text in _TEXT.findall(arguments)),
        result=result,
    )


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(slots=True)
class Proof:
    """What a trace proves. An answer too early, or a file that was used after it had failed, is a breach."""

    answers: int = 0
    breaches: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)


class _Watch:
    """Whoever reads a trace from its beginning to its end."""

    def __init__(self) -> None:
        self.proof = Proof()
        self._asked: set[bytes] = set()  # tokens asked for and not yet on disk
        self._owed: dict[str, deque[bytes]] = defaultdict(deque)
        self._heads: dict[str, bytes] = defaultdict(bytes)
        self._written: dict[str, set[bytes]] = defaultdict(set)
        self._syncing: dict[str, set[bytes]] = {}
        self._on_disk: set[bytes] = set()
        self._renamed: set[str] = set()
        self._naming: dict[str, set[str]] = {}
        self._named: set[str] = set()

    def see(self, call: Call) -> None:
        if call.file.startswith("socket:"):
            self._see_socket(call)
        elif call.name == "rename" and call.result == 0:
            self._renamed.add(call.texts[1].decode())
        elif ".journal" in call.file:
            self._see_segment(call)
        elif call.name == "fsync" and call.result is None:
            self._naming[call.thread] = {path for path in self._renamed if os.path.dirname(path) == call.file}  # noqa: PTH120 - it is a text
        elif call.name == "fsync" and call.result == 0:
            self._named |= self._naming.pop(call.thread, set())

    def _see_socket(self, call: Call) -> None:
        data = b"".join(call.texts)
        if call.name in ("read", "recvfrom", "recvmsg") and call.result is not None and call.result > 0:
            *heads, self._heads[call.file] = (self._heads[call.file] + data).split(b"\r\n\r\n")
            for head in heads:
                asked = _ASKED.match(head + b"\r\n")
                token = (decode_id(asked[1].decode()) if asked else None) or b""
                self._owed[call.file].append(token)
                self._asked.add(token)
        elif call.name in ("write", "writev", "sendto", "sendmsg") and call.result is None:
            for status in _ANSWER.findall(data):
                self._answer(call.file, status)

    def _answer(self, socket: str, status: bytes) -> None:
        token = self._owed[socket].popleft()
        if status in (b"200", b"302"):
            self.proof.answers += 1
            if token not in self._on_disk:
                self.proof.breaches.append(f"answer {self.proof.answers} left before its hit was on disk")

    def _see_segment(self, call: Call) -> None:
        segment = call.file
        is_writing = call.name in ("pwritev2", "pwrite64", "fdatasync", "fsync")
        if segment in self.proof.failed and call.result is None and is_writing:
            self.proof.breaches.append(f"{call.name} on a file that had failed")
        if call.result is not None and call.result < 0:
            if not (call.name == "pwritev2" and segment.endswith(".new")):  # a first try, before it is a segment
                self.proof.failed.add(segment)
        elif call.name == "pwrite64" and call.result is not None:
            self._written[segment] |= self._tokens_in(call)
        elif call.name == "pwritev2" and call.result is not None and segment in self._named:
            self._are_on_disk(self._tokens_in(call))
        elif call.name == "fdatasync" and call.result is None:
            self._syncing[call.thread] = self._written[segment]
            self._written[segment] = set()
        elif call.name == "fdatasync" and segment in self._named:
            self._are_on_disk(self._syncing[call.thread])

    def _tokens_in(self, call: Call) -> set[bytes]:
        blob = call.texts[0][: call.result]
        return {token for token in self._asked if token and token in blob}

    def _are_on_disk(self, tokens: set[bytes]) -> None:
        self._on_disk |= tokens
        self._asked -= tokens


def proof_of(log: Path) -> Proof:
    """What the trace in `log` proves."""
    watch = _Watch()
    for call in calls(log):
        watch.see(call)
    return watch.proof

"""A real tracker on a free port, in a thread of its own, and a client that sees every byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import pytest

from seenby.journal import Journal, MemoryJournal
from seenby.tracker import Options, run_tracker
from seenby.words.hit import Hit
from seenby.words.policy import Level
from seenby.words.token import PATHS, Keyring, Kind, Token, sign_token

KEYS = Keyring(keys={7: b"k" * 32, 8: b"o" * 32}, current=7)
TARGET = "https://shop.test/a%20b/?q=1&x=%0d%0a&amp;y=~'\"<>#part"


def pixel(level: Level = Level.FULL, *, message: str = "m" * 16) -> str:
    recipient = None if level is Level.COUNTED else "r" * 10 + "w"
    return sign_token(Token(kind=Kind.PIXEL, level=level, message=message, recipient=recipient), KEYS)


def link(level: Level = Level.FULL, *, target: str = TARGET, key_id: int = 7) -> str:
    token = Token(kind=Kind.LINK, level=level, message="m" * 16, recipient="r" * 10 + "w", link=1, target=target)
    return sign_token(token, KEYS, key_id=key_id)


def path(kind: Kind, text: str) -> bytes:
    return (PATHS[kind] + text).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, taken apart."""

    status: int
    headers: dict[str, str]
    body: bytes
    head: bytes


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._read = b""  # received and not yet taken

    def send(self, data: bytes) -> "Client":
        self.socket.sendall(data)
        return self

    def get(self, target: bytes, *, method: bytes = b"GET", more: bytes = b"", version: bytes = b"1.1") -> Reply:
        self.send(method + b" " + target + b" HTTP/" + version + b"\r\nHost: t.test\r\n" + more + b"\r\n")
        return self.reply(has_body=method != b"HEAD")

    def reply(self, *, has_body: bool = True) -> Reply:
        while b"\r\n\r\n" not in self._read:
            self._more()
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), "no header twice"
        length = int(headers["content-length"]) if has_body else 0
        while len(self._read) < length:
            self._more()
        body, self._read = self._read[:length], self._read[length:]
        return Reply(status=int(first.split(" ")[1]), headers=headers, body=body, head=head)

    def is_closed(self) -> bool:
        """Whether the other side ended it, with nothing more to say. Waits for that."""
        try:
            return not self._read and self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("closed before the answer was whole")
        self._read += data

    def close(self) -> None:
        self.socket.close()


class Tracker:
    """A running tracker and its journal."""

    def __init__(self, port: int, journal: Any) -> None:
        self.port = port
        self.journal = journal
        self._stack = ExitStack()

    def client(self) -> Client:
        client = Client(self.port)
        self._stack.callback(client.close)
        return client

    def hits(self) -> tuple[Hit, ...]:
        return self.journal.take({}, limit=1_000_000).hits  # type: ignore[no-any-return]

    def close(self) -> None:
        self._stack.close()


@contextmanager
def running(journal: Journal | None, *, keys: Keyring = KEYS, **options: Any) -> Iterator[Tracker]:
    """A tracker that is stopped, and waited for, at the end."""
    ports: SimpleQueue[int] = SimpleQueue()
    stop = threading.Event()
    arguments = {"listen": ("127.0.0.1", 0), "keys": keys, "journal": journal, "on_ready": ports.put, "stop": stop}
    thread = threading.Thread(target=run_tracker, kwargs={**arguments, "options": Options(**options)})
    thread.start()
    tracker = Tracker(ports.get(timeout=20), journal)
    try:
        yield tracker
    finally:
        stop.set()
        thread.join(20)
        tracker.close()
        assert not thread.is_alive()


@pytest.fixture
def start() -> Iterator[Callable[..., Tracker]]:
    """Start a tracker with a journal (in memory unless given) and options."""
    with ExitStack() as stack:
        yield lambda journal=None, **options: stack.enter_context(running(journal or MemoryJournal(), **options))


@pytest.fixture
def tracker(start: Callable[..., Tracker]) -> Tracker:
    """One with nothing special about it."""
    return start()

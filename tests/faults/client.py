"""The readers: connections that ask for pixels, links and (where told to) for no more mail, and write the ledger.

Some keep their connection, every fourth opens a new one each time.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from seenby.tracker.answers import GIF
from seenby.words.policy import Level
from seenby.words.token import PATHS, Keyring, Kind, Token, encode_id, sign_token
from tests.faults.ledger import Ledger

PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `key` is its own; `target` where the answer has to lead."""

    key: str
    token: Token
    path: str


Mint = Callable[[], Ask]


def minting(keys: Keyring, *, wishes: bool = False, seed: int | None = None) -> Mint:
    """Seven pixels for three links, each of a message of its own; with `wishes`, every tenth wants no more mail."""
    chance = random.Random(seed)

    def mint() -> Ask:
        message, recipient = encode_id(chance.randbytes(12)), encode_id(b"r" + chance.randbytes(7))
        which = chance.random()
        if wishes and which < 0.1:
            token = Token(kind=Kind.UNSUBSCRIBE, level=Level.FULL, message=message, recipient=recipient)
        elif which < 0.7:
            token = Token(kind=Kind.PIXEL, level=Level.FULL, message=message, recipient=recipient)
        else:
            target = f"https://shop.test/{message}?a=%20b&c=~'#part"
            token = Token(kind=Kind.LINK, level=Level.FULL, message=message, recipient=recipient, link=1, target=target)
        return Ask(message, token, PATHS[token.kind] + sign_token(token, keys))

    return mint


def request(ask: Ask) -> bytes:
    """Its bytes. The agent is the key, for stores that forget the token."""
    method = "POST" if ask.token.kind is Kind.UNSUBSCRIBE else "GET"
    body = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n" if method == "POST" else ""
    return f"{method} {ask.path} HTTP/1.1\r\nHost: t.test\r\nUser-Agent: {ask.key}\r\n{body}\r\n".encode()


def judge(ask: Ask, status: int, head: bytes, body: bytes) -> str:
    """What is wrong with an answer; nothing, most often."""
    match ask.token.kind:
        case Kind.PIXEL:
            return "" if (status, body) == (200, GIF) else f"a pixel got {status}"
        case Kind.LINK:
            location = f"\r\nLocation: {ask.token.target}\r\n".encode()
            return "" if status == 302 and location in head else f"a link got {status}"
        case _:
            return "" if status in (200, 503) else f"a wish got {status}"


class Reader:
    """One of them."""

    def __init__(self, port: int, ledger: Ledger, mint: Mint, *, renews: bool, every: float, first: float) -> None:
        self._port = port
        self._ledger = ledger
        self._mint = mint
        self._renews = renews
        self._every = every
        self._due = first
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self._every:
                await self._until_due(stop)
                if stop.is_set():
                    break
            else:
                self._due = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._ask(self._mint())
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                self._ledger.broken_off += 1
                self._let_go()
                await asyncio.sleep(0.01)
            if self._renews:
                self._let_go()
            self._due += self._every
        self._let_go()

    async def _until_due(self, stop: asyncio.Event) -> None:
        wait = self._due - time.monotonic()
        if wait > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)

    async def _ask(self, ask: Ask) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        self._ledger.sent[ask.key] = ask.token
        writer.write(request(ask))
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        body = await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
        if wrong := judge(ask, status, head, body):
            self._ledger.wrong.append(wrong)
        elif self._ledger.is_closed:
            pass
        elif status == 503:
            self._ledger.refused.add(ask.key)
        else:
            self._ledger.answered[ask.key] = time.monotonic() - self._due
        if b"\r\nConnection: close\r\n" in head:
            self._let_go()

    def _let_go(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()


async def _fire(port: int, ledger: Ledger, mint: Mint, stop: asyncio.Event, *, readers: int, rate: float) -> None:
    every = readers / rate if rate else 0.0
    now = time.monotonic()
    crowd = [
        Reader(port, ledger, mint, renews=number % 4 == 3, every=every, first=now + every * number / readers)
        for number in range(readers)
    ]
    await asyncio.gather(*(reader.run(stop) for reader in crowd))


@contextmanager
def firing(port: int, ledger: Ledger, mint: Mint, *, readers: int = 16, rate: float = 0.0) -> Iterator[None]:
    """Readers at work while this is open: as fast as they are answered, or at `rate` a second whatever happens."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_fire(port, ledger, mint, stop, readers=readers, rate=rate))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, name="readers")
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(2 * PATIENCE)
        assert not thread.is_alive()


def fire(port: int, ledger: Ledger, mint: Mint, *, answers: int, readers: int = 16) -> None:
    """As many more answers."""
    until = len(ledger.answered) + len(ledger.refused) + answers
    end = time.monotonic() + 60
    with firing(port, ledger, mint, readers=readers):
        while len(ledger.answered) + len(ledger.refused) < until:
            assert time.monotonic() < end, "too few answers came"
            time.sleep(0.005)

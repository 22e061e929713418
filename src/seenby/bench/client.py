"""`python -m seenby.bench.client PORT CONNECTIONS SECONDS PATHS [RATE]`: load of our own. Prints one JSON object.

Without a rate every connection asks for the next path as soon as its answer is there: for machines without wrk. With
one, so many requests a second set out by the clock, whether the server keeps up or not, and each is timed from when it
was due: what readers feel, who do not wait for each other.
"""

import asyncio
import itertools
import json
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import uvloop

from seenby.bench.load import AGENT

_END: Final = b"\r\n\r\n"
_GOOD: Final = (b"HTTP/1.1 200 ", b"HTTP/1.1 302 ")
_TICK: Final = 0.0005  # seconds
_LAST_ANSWERS: Final = 0.25
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REQUEST: Final = (
    "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {}\r\nAccept: image/avif,image/webp,*/*;q=0.8\r\n\r\n"
)


class _Tally:
    """What all connections of one run were answered."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.requests = requests
        self.took: list[float] = []
        self.errors = 0


class _Connection(asyncio.Protocol):
    """One connection, over which answers come in the order of the requests."""

    def __init__(self, tally: _Tally, *, asks_again: bool) -> None:
        self._tally = tally
        self._asks_again = asks_again
        self._buffer = b""
        self._since: deque[float] = deque()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._asks_again:
            self.ask(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.errors += exc is not None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(_END)) >= 0:
            length = _LENGTH.search(self._buffer, 0, end + 2)
            end += len(_END) + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            self._tally.took.append(time.perf_counter() - self._since.popleft())
            self._tally.errors += not self._buffer.startswith(_GOOD)
            self._buffer = self._buffer[end:]
            if self._asks_again:
                self.ask(time.perf_counter())

    def ask(self, due: float) -> None:
        """Send the next request, which was to be sent at `due`."""
        assert self._transport is not None
        self._since.append(due)
        self._transport.write(next(self._tally.requests))


async def _run(port: int, connections: int, seconds: float, paths: list[str], rate: int) -> dict[str, float]:
    asked = [_REQUEST.format(path, AGENT).encode("ascii") for path in paths]
    tally = _Tally(itertools.cycle(asked))
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(tally, asks_again=not rate), "127.0.0.1", port)
        for _ in range(connections)
    ]
    tally.took.clear()
    began = time.perf_counter()
    if rate:
        await _by_the_clock([protocol for _transport, protocol in opened], rate=rate, began=began, seconds=seconds)
    else:
        await asyncio.sleep(seconds)
    lasted = time.perf_counter() - began
    if rate:
        await asyncio.sleep(_LAST_ANSWERS)
    took = sorted(tally.took)
    for transport, _protocol in opened:
        transport.abort()
    return {
        "requests": len(took),
        "seconds": lasted,
        "p50_ms": _percentile(took, 0.5),
        "p99_ms": _percentile(took, 0.99),
        "errors": tally.errors,
    }


async def _by_the_clock(connections: list[_Connection], *, rate: int, began: float, seconds: float) -> None:
    """Send what is due, then wait a little, for as long as asked."""
    turn = itertools.cycle(connections)
    sent = 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            next(turn).ask(began + sent / rate)
            sent += 1
        await asyncio.sleep(_TICK)


def _percentile(took: list[float], share: float) -> float:
    return took[int(len(took) * share)] * 1000 if took else 0.0


def main() -> None:
    """Load one server."""
    port, connections, seconds, file, *rate = sys.argv[1:]
    paths = Path(file).read_text("ascii").split()
    figures = uvloop.run(_run(int(port), int(connections), float(seconds), paths, int(rate[0]) if rate else 0))
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()

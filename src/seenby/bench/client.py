"""`python -m seenby.bench.client PORT CONNECTIONS SECONDS PATHS`: load for machines without wrk.

Every connection asks for the next path as soon as its answer is there. Prints one JSON object.
"""

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import uvloop

from seenby.bench.load import AGENT

_END: Final = b"\r\n\r\n"
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


class _Asking(asyncio.Protocol):
    """One connection."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._buffer = b""
        self._since = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.errors += exc is not None

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data
        end = buffer.find(_END)
        if end < 0 or (length := _LENGTH.search(buffer, 0, end)) is None:
            return
        if len(buffer) < end + len(_END) + int(length[1]):
            return
        self._tally.took.append(time.perf_counter() - self._since)
        self._tally.errors += not buffer.startswith(b"HTTP/1.1 200 ")
        self._buffer = b""
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        self._since = time.perf_counter()
        self._transport.write(next(self._tally.requests))


async def _run(port: int, connections: int, seconds: float, paths: list[str]) -> dict[str, float]:
    asked = [_REQUEST.format(path, AGENT).encode("ascii") for path in paths]
    tally = _Tally(itertools.cycle(asked))
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: _Asking(tally), "127.0.0.1", port) for _ in range(connections)]
    tally.took.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    took, lasted = sorted(tally.took), time.perf_counter() - began
    for transport, _protocol in opened:
        transport.abort()
    return {
        "requests": len(took),
        "seconds": lasted,
        "p50_ms": _percentile(took, 0.5),
        "p99_ms": _percentile(took, 0.99),
        "errors": tally.errors,
    }


def _percentile(took: list[float], share: float) -> float:
    return took[int(len(took) * share)] * 1000 if took else 0.0


def main() -> None:
    """Load one server."""
    port, connections, seconds, paths = sys.argv[1:]
    figures = uvloop.run(_run(int(port), int(connections), float(seconds), Path(paths).read_text("ascii").split()))
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()

"""`python -m seenby.bench.postoffice`: the load on a mail server and the place where its mail ends up, in one process.

Tells the sink's port; then, for each JSON object on standard input (see `Order`), what came of it. Every connection
stays open and hands over the next message when the last one was answered. `smtp-source` of Postfix cannot sign in,
and `smtp-sink` does not say when the last message came: hence our own, with no more ceremony than theirs.
"""

import asyncio
import base64
import contextlib
import json
import sys
import time
from dataclasses import dataclass
from typing import Final, cast

import uvloop

PATIENCE: Final = 120.0  # seconds for all messages
_END: Final = b"\r\n.\r\n"
_EHLO: Final = b"EHLO bench.seenby.test\r\n"
_HELLO: Final = b"250-sink.seenby.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
_ANSWERS: Final = {
    b"EHLO": _HELLO,
    b"HELO": b"250 sink.seenby.test\r\n",
    b"MAIL": b"250 2.1.0 OK\r\n",
    b"RCPT": b"250 2.1.5 OK\r\n",
    b"DATA": b"354 Go on\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be handed over: so many copies of `message`, over so many connections, to the server at `port`."""

    port: int
    connections: int
    messages: int
    message: str
    user: str
    password: str
    envelope_from: str


class Tally:
    """What happened to one order so far."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, messages: int) -> None:
        """A new order."""
        self.left = self.wanted = messages  # those that nobody has begun to hand over, and all
        self.accepted: list[float] = []
        self.arrived: list[float] = []
        self.refused = 0
        self.all_there = asyncio.Event()

    def note_arrival(self) -> None:
        """One more message is where it belongs."""
        self.arrived.append(time.perf_counter())
        if len(self.arrived) >= self.wanted:
            self.all_there.set()


class Sink(asyncio.Protocol):
    """A server that takes every message and forgets it."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = b""
        self._in_data = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink.seenby.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Commands, or a piece of a message."""
        self._buffer += data
        while self._take():
            pass

    def _take(self) -> bool:
        assert self._transport is not None
        end = self._buffer.find(_END if self._in_data else b"\r\n")
        if end < 0:
            self._buffer = self._buffer[-len(_END) + 1 :] if self._in_data else self._buffer
            return False
        if self._in_data:
            self._buffer, self._in_data = self._buffer[end + len(_END) :], False
            self._tally.note_arrival()
            self._transport.write(b"250 2.0.0 Taken\r\n")
            return True
        verb, self._buffer = self._buffer[:4].upper(), self._buffer[end + 2 :]
        self._in_data = verb == b"DATA"
        self._transport.write(_ANSWERS.get(verb, b"250 2.0.0 OK\r\n"))
        if verb == b"QUIT":
            self._transport.close()
        return True


class Client(asyncio.Protocol):
    """One connection that hands over messages as long as there are any."""

    def __init__(self, order: Order, tally: Tally) -> None:
        self._tally = tally
        said = base64.b64encode(f"\0{order.user}\0{order.password}".encode())
        self._opening = [_EHLO, *([b"AUTH PLAIN " + said + b"\r\n"] if order.user else [])]
        body = order.message.encode()
        self._message = [
            f"MAIL FROM:<{order.envelope_from}>\r\n".encode(),
            b"RCPT TO:<rita@example.com>\r\n",
            b"DATA\r\n",
            body + b".\r\n",
        ]
        self._waiting: list[bytes] = []
        self._in_message = False
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        self._transport = cast("asyncio.Transport", transport)
        self._waiting = list(self._opening)

    def data_received(self, data: bytes) -> None:
        """An answer, when its last line is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n")) >= 0:
            line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
            if line[3:4] != b"-":
                self._answered(line)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """Count what was cut off."""
        self._tally.refused += self._in_message

    def _answered(self, line: bytes) -> None:
        assert self._transport is not None
        if line[:1] not in b"23":
            self._tally.refused += 1
            self._transport.close()
            return
        if not self._waiting and not self._next():
            self._transport.close()
            return
        self._transport.write(self._waiting.pop(0))

    def _next(self) -> bool:
        if self._in_message:
            self._tally.accepted.append(time.perf_counter())
            self._in_message = False
        if not self._tally.left:
            return False
        self._tally.left -= 1
        self._in_message, self._waiting = True, list(self._message)
        return True


async def _run() -> None:
    loop, tally = asyncio.get_running_loop(), Tally()
    server = await loop.create_server(lambda: Sink(tally), "127.0.0.1", 0)
    _tell({"port": server.sockets[0].getsockname()[1]})
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        _tell(await _carried_out(Order(**json.loads(line)), tally))


async def _carried_out(order: Order, tally: Tally) -> dict[str, float]:
    tally.begin(order.messages)
    began = time.perf_counter()
    for _ in range(order.connections):
        await asyncio.get_running_loop().create_connection(lambda: Client(order, tally), "127.0.0.1", order.port)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(tally.all_there.wait(), PATIENCE)
    return {
        "accepted": len(tally.accepted),
        "refused": tally.refused,
        "arrived": len(tally.arrived),
        "accepted_seconds": max(tally.accepted, default=began) - began,
        "arrived_seconds": max(tally.arrived, default=began) - began,
    }


def _tell(what: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_run())

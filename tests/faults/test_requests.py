"""Thousands of requests that are almost right: no answer that is none, nothing of ours broken, nobody led astray."""

import os
import random
import re
import socket
import struct
import threading
from dataclasses import dataclass, field

import pytest

from seenby.tracker.answers import GIF
from seenby.words.limits import REQUEST_BYTES
from tests.faults.client import Ask, minting, request
from tests.faults.ledger import drained
from tests.faults.process import keyring, tracker

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]
REQUESTS = int(os.environ.get("SEENBY_FAULTS_REQUESTS", "20000"))
AT_A_TIME = 4
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z ]+((?:\r\n[A-Za-z-]+: [ -~]+)+)\Z")
_STATUSES = {200, 302, 400, 404, 405, 431}
BITS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\xff", b"\xc3\xa9", b"/../", b"//", b"?", b"#", b"%", b"GET ",
    b"%0d%0aX-Bad:%201", b"\r\nX-Bad: 1", b"\r\n\r\nHTTP/1.1 200 OK\r\nX-Bad: 1\r\n\r\n", b" HTTP/1.1\r\n", b"HTTP/9.9",
    b"HTTP/0.9", b"https://evil.test/", b"@evil.test", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding : chunked\r\n",
    b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n", b"Connection: close\r\n",
    b"X-Forwarded-For: 8.8.8.8, \r\n", b"0\r\n\r\n", b"\r\n 1\r\n", b"a" * 300, b"=" * 4, b"A" * REQUEST_BYTES,
]  # fmt: skip
LINES = [
    b"%b http://evil.test%b HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    b"%b https://shop.test:99999999%b HTTP/1.1\r\nHost: t.test\r\n\r\n",
    b"%b %b?to=https://evil.test/ HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: evil.test\r\n\r\n",
    b"%b %b\r\nX-Bad: 1 HTTP/1.1\r\nHost: t.test\r\n\r\n",
    b"%b %b HTTP/1.1\r\nHost: t.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    b"%b %b HTTP/1.1\r\nHost: t.test\r\nTransfer-Encoding: xchunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"%b %b HTTP/1.1\r\nHost: t.test\r\nContent-Length: 3\r\n\r\nabcGET /c/x HTTP/1.1\r\nHost: t\r\n\r\n",
    b"%b %b HTTP/1.1\nHost: t.test\n\n",
    b"%b %b HTTP/1.0\r\n\r\n",
    b"%b\t%b\tHTTP/1.1\r\nHost: t.test\r\n\r\n",
    b"%b %b\r\n\r\n",
]
METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS", b"TRACE", b"CONNECT", b"get", b"G\xc3\xa9T", b"QUERY", b"PRI"]


class Almost:
    """Makes requests that are almost right, always the same ones for a seed."""

    def __init__(self, asks: list[Ask], seed: int) -> None:
        self._asks = asks
        self._chance = random.Random(seed)

    def __call__(self) -> bytes:
        chance = self._chance
        ask = chance.choice(self._asks)
        match chance.randrange(6):
            case 0:
                return chance.choice(LINES) % (chance.choice(METHODS), ask.path.encode())
            case 1:  # a token with a fault
                text = bytearray(ask.path.encode())
                for _ in range(chance.randint(1, 3)):
                    text[chance.randrange(3, len(text))] = chance.choice(b"AZaz09-_=.%/~")
                return b"GET %b HTTP/1.1\r\nHost: t.test\r\n\r\n" % bytes(text[: chance.randint(3, len(text) + 40)])
            case 2:  # several at once, some of them spoilt
                return b"".join(
                    self._spoilt(request(chance.choice(self._asks)), chance.randint(0, 1)) for _ in range(5)
                )
            case 3:
                return chance.randbytes(chance.randint(1, 200))
            case _:
                return self._spoilt(request(ask), chance.randint(1, 4))

    def _spoilt(self, text: bytes, times: int) -> bytes:
        spoilt, chance = bytearray(text), self._chance
        for _ in range(times):
            at = chance.randrange(len(spoilt) + 1)
            spoilt[at : at + chance.randint(0, 3)] = chance.choice(BITS)
        return bytes(spoilt)


@dataclass(slots=True)
class Reading:
    """What came of it all."""

    targets: set[bytes]
    statuses: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def read(self, sent: bytes, answer: bytes) -> None:
        """Take an answer apart, strictly."""
        while answer:
            head, end, answer = answer.partition(b"\r\n\r\n")
            told = _HEAD.match(head)
            if not end or told is None:
                self.faults.append(f"no answer: {head[:200]!r} to {sent[:300]!r}")
                return
            status = int(told[1])
            self.statuses[status] = self.statuses.get(status, 0) + 1
            lines = [line.split(b": ", 1) for line in told[2].split(b"\r\n")[1:]]
            headers = {name.lower(): value for name, value in lines}
            length = int(headers[b"content-length"])
            body = b"" if answer.startswith(b"HTTP/1.1 ") else answer[:length]  # none to HEAD
            answer = answer[len(body) :]
            if not self._is_right(status, headers, body, length) or len(headers) != len(lines):
                self.faults.append(f"{head[:300]!r} to {sent[:300]!r}")

    def _is_right(self, status: int, headers: dict[bytes, bytes], body: bytes, length: int) -> bool:
        if status not in _STATUSES or headers.keys() & {b"x-bad", b"set-cookie", b"transfer-encoding"}:
            return False
        if (status == 302) != (b"location" in headers) or b"evil.test" in body:
            return False
        if headers.get(b"content-type") == b"image/gif" and body not in (b"", GIF):
            return False
        return headers.get(b"location") in {None, *self.targets} and len(body) in (0, length)


def ask_all(port: int, make: Almost, count: int, reading: Reading) -> None:
    """Each on a connection of its own, read to its end."""
    for _ in range(count):
        sent, answer = make(), b""
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leave no port behind
            try:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                while data := client.recv(65_536):
                    answer += data
            except ConnectionError:  # it hung up on what was still being sent
                continue
        reading.read(sent, answer)


def test_no_request_however_malformed_gets_a_wrong_answer_or_breaks_anything(tmp_path):
    data = tmp_path / "data"
    keys = keyring(data)
    mint = minting(keys, wishes=True, seed=1)
    asks = [mint() for _ in range(40)]
    targets = {ask.token.target.encode() for ask in asks if ask.token.target}
    readings = [Reading(targets) for _ in range(AT_A_TIME)]
    with tracker(data, segment=1_048_576) as running:
        threads = [
            threading.Thread(
                target=ask_all, args=(running.port, Almost(asks, seed), REQUESTS // AT_A_TIME, readings[seed])
            )
            for seed in range(AT_A_TIME)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert running.process.poll() is None
        assert running.ask("/healthz")[0] == 200
        assert running.number("seenby_hits_lost_total") == 0
    faults = [fault for reading in readings for fault in reading.faults]
    assert faults == []
    statuses = {status: sum(reading.statuses.get(status, 0) for reading in readings) for status in _STATUSES}
    print(f"{REQUESTS} requests: {statuses}")
    assert all(statuses.values()), statuses
    assert "Traceback" not in running.log.read_text()
    assert {hit.token.message for hit in drained(data / "journal")} <= {ask.key for ask in asks}

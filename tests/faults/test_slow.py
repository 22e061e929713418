"""Many slow clients of every kind, for as long as they are let: all are cut off, and nobody else notices.

How quick the others' answers are is measured by `seenby bench tracker`; here they have to come.
"""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from seenby.words.limits import REQUEST_SECONDS
from tests.faults.client import firing, minting, request
from tests.faults.ledger import Ledger, check, drained
from tests.faults.process import keyring, tracker

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]
OF_EACH = int(os.environ.get("SEENBY_FAULTS_SLOW", "100"))
DRIP = 0.25
FAR_TOO_LATE = 3 * REQUEST_SECONDS  # this is no measurement: a machine may be slow too
Send = Callable[[bytes], Awaitable[None]]


async def one_byte_at_a_time(send: Send, ask: bytes) -> None:
    for byte in ask:
        await send(bytes([byte]))
        await asyncio.sleep(DRIP)


async def half_a_head_and_silence(send: Send, ask: bytes) -> None:
    await send(ask[: len(ask) // 2])


async def never_reads(send: Send, ask: bytes) -> None:
    while True:
        await send(b"GET /c/nothing HTTP/1.1\r\nHost: t.test\r\n\r\n" * 100)


async def a_body_that_drips(send: Send, ask: bytes) -> None:
    await send(b"POST /c/nothing HTTP/1.1\r\nHost: t.test\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await send(b"x")
        await asyncio.sleep(DRIP)


async def a_head_that_never_ends(send: Send, ask: bytes) -> None:
    await send(ask[:-2])
    while True:
        await send(b"X-Padding: " + b"y" * 60 + b"\r\n")
        await asyncio.sleep(DRIP)


KINDS = (one_byte_at_a_time, half_a_head_and_silence, never_reads, a_body_that_drips, a_head_that_never_ends)


async def until_cut_off(port: int, kind: Callable[[Send, bytes], Awaitable[None]], ask: bytes) -> float:
    """How long the other side bore it."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # who reads nothing is soon full
        await loop.sock_connect(client, ("127.0.0.1", port))
        began = time.monotonic()

        async def send(data: bytes) -> None:
            await loop.sock_sendall(client, data)

        async def work() -> None:
            await kind(send, ask)
            await asyncio.sleep(FAR_TOO_LATE)

        async def listen() -> None:
            if kind is never_reads:
                await asyncio.sleep(FAR_TOO_LATE)
            while await loop.sock_recv(client, 4096):
                pass

        tasks = [asyncio.create_task(work()), asyncio.create_task(listen())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return time.monotonic() - began


def crowd(port: int, ask: bytes) -> list[float]:
    """OF_EACH of each kind, all at once. In a process of its own, lest it be slow to read others' answers."""

    async def all_of_them() -> list[float]:
        return await asyncio.gather(*(until_cut_off(port, kind, ask) for kind in KINDS for _ in range(OF_EACH)))

    return asyncio.run(all_of_them())


def test_slow_clients_of_every_kind_are_cut_off_while_everybody_else_is_answered(tmp_path):
    data = tmp_path / "data"
    ledger, keys = Ledger(), keyring(data)
    ask = request(minting(keys)())

    with tracker(data) as running, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside:
        with firing(running.port, ledger, minting(keys), readers=20, rate=200):
            borne = aside.submit(crowd, running.port, ask).result(4 * FAR_TOO_LATE)
        for number, kind in enumerate(KINDS):
            longest = max(borne[number * OF_EACH : (number + 1) * OF_EACH])
            print(f"{kind.__name__}: {OF_EACH} cut off within {longest:.1f} s")
        assert max(borne) < FAR_TOO_LATE
        assert running.number("seenby_connections") <= 20
    print(f"{len(ledger.answered)} others: p50 {ledger.latency(0.5):.4f} s, p99 {ledger.latency(0.99):.4f} s")
    assert len(ledger.answered) > 50 * REQUEST_SECONDS
    assert (ledger.wrong, ledger.broken_off) == ([], 0)
    assert not check(ledger, drained(data / "journal"))

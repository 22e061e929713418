"""kill -9 at random moments: what a client saw answered is in the journal, once. The client keeps the ledger."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from seenby.journal import FileReader
from seenby.words.policy import Level
from seenby.words.token import Kind, Token, encode_id, sign_token
from tests.http.kill_target import KEYS

pytestmark = pytest.mark.slow
CLIENTS = 16


def start(folder: Path, kind: str) -> tuple[subprocess.Popen[bytes], int]:
    command = [sys.executable, "-m", "tests.http.kill_target", str(folder), kind]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    return process, int(process.stdout.readline())


async def drive(port: int, answered: set[str], sent: set[str]) -> None:
    """One client: a hit with a message id of its own each time, noted down when its answer is whole."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    try:
        while True:
            message = encode_id(os.urandom(12))
            token = sign_token(Token(kind=Kind.PIXEL, level=Level.FULL, message=message, recipient=None), KEYS)
            sent.add(message)
            writer.write(f"GET /o/{token} HTTP/1.1\r\nHost: t\r\nUser-Agent: a\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(43)
            answered.add(message)
    except (OSError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


async def drive_until(port: int, answered: set[str], sent: set[str], end: "asyncio.Future[None]") -> None:
    clients = [asyncio.create_task(drive(port, answered, sent)) for _ in range(CLIENTS)]
    await end
    await asyncio.wait(clients, timeout=10)


def lives(folder: Path, kind: str, count: int, *, number: int = signal.SIGKILL) -> tuple[set[str], set[str]]:
    """Start, hit, end with a signal at a random moment, `count` times; what was answered, and what was ever sent."""
    chance = random.Random(7)
    answered: set[str] = set()
    sent: set[str] = set()
    for _ in range(count):
        process, port = start(folder, kind)

        async def one(process: "subprocess.Popen[bytes]" = process, port: int = port) -> None:
            loop = asyncio.get_running_loop()
            end = loop.create_future()
            driving = asyncio.create_task(drive_until(port, answered, sent, end))
            await asyncio.sleep(chance.uniform(0.15, 0.5))
            process.send_signal(number)
            end.set_result(None)
            await driving

        try:
            asyncio.run(one())
        finally:
            if number == signal.SIGKILL:
                process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()
        assert process.returncode == (-9 if number == signal.SIGKILL else 0)
    return answered, sent


def journalled(folder: Path) -> Counter[str]:
    """How often each message stands in the journal, drained in small batches and forgotten at the end."""
    reader = FileReader(folder)
    done: dict[str, int] = {}
    found: Counter[str] = Counter()
    while (batch := reader.take(done, limit=500)).done:
        found.update(hit.token.message for hit in batch.hits)
        done |= batch.done
    assert set(reader.forget(done)) == set(done)
    assert list(folder.iterdir()) == []
    return found


def test_killed_at_any_moment_it_loses_and_doubles_nothing_that_was_answered(tmp_path):
    answered, sent = lives(tmp_path, "good", 10)
    found = journalled(tmp_path)
    assert len(answered) > 500
    assert answered <= found.keys()
    assert found.keys() <= sent
    assert set(found.values()) == {1}


def test_this_very_test_notices_a_tracker_that_answers_before_it_commits(tmp_path):
    answered, _sent = lives(tmp_path, "broken", 3)
    assert answered - journalled(tmp_path).keys()


def test_ended_politely_it_is_gone_soon_and_owes_nothing(tmp_path):
    answered, sent = lives(tmp_path, "good", 2, number=signal.SIGTERM)
    found = journalled(tmp_path)
    assert answered <= found.keys() <= sent

"""Whatever writers of SQLite do to each other by chance: who was answered is on disk, who failed left nothing."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.exc import SQLAlchemyError

from seenby.store import Store, Transaction, open_store
from seenby.store.sqlite_thread import Connection

pytestmark = pytest.mark.anyio
WRITERS = 40
FAULTS = {"raises": KeyError, "asks nonsense": SQLAlchemyError, "loses all": SQLAlchemyError}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(database_url="", data=tmp_path)
    yield opened
    await opened.close()


@dataclass(slots=True)
class Book:
    """What each writer was to write, and what became of it."""

    meant: dict[int, set[str]] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)

    def check(self, found: set[str]) -> None:
        for number, names in self.meant.items():
            here = names & found
            assert number not in self.answered or here == names, f"{number} was answered and lost {names - here}"
            assert number not in self.failed or not here, f"{number} failed and left {here}"
            assert here in (set(), names), f"half of {number} is there: {here}"


async def misbehave(tx: Transaction, fault: str) -> None:
    if fault == "raises":
        raise KeyError
    if fault == "asks nonsense":
        await tx.run("put_setting", team="law", name=object(), value="x")
    if fault == "loses all":  # as SQLite does on a full disk
        raw = await tx.connection.get_raw_connection()
        await cast("Connection", raw.driver_connection).cursor().execute("ROLLBACK")
        await tx.run("put_setting", team="law", name="never", value="x")


async def write(store: Store, number: int, book: Book, *, chance: random.Random, read: Callable[[], set[str]]) -> None:
    fault = chance.choice(["", "", "", "", *FAULTS])
    book.meant[number] = {f"{number}.{n}" for n in range(chance.randint(1, 4))}
    try:
        async with store.write() as tx:
            for name in sorted(book.meant[number]):
                await asyncio.sleep(chance.choice([0, 0, 0, 0.001]))
                await tx.run("put_setting", team="law", name=name, value="x")
            await misbehave(tx, fault)
    except (KeyError, SQLAlchemyError):  # of its own, or because somebody lost everything
        book.failed.add(number)
    else:
        book.answered.add(number)
        assert book.meant[number] <= read(), "answered before it was on disk"


@pytest.mark.parametrize("seed", range(12))
async def test_who_was_answered_is_on_disk_and_who_failed_left_nothing(store: Store, tmp_path: Path, seed: int) -> None:
    chance, book, tasks = random.Random(seed), Book(), list[asyncio.Task[None]]()

    def read() -> set[str]:
        with contextlib.closing(sqlite3.connect(tmp_path / "seenby.sqlite3")) as other:
            return {name for (name,) in other.execute("select name from settings where team = 'law'")}

    for number in range(WRITERS):
        tasks.append(asyncio.create_task(write(store, number, book, chance=chance, read=read)))
        await asyncio.sleep(chance.choice([0, 0, 0.001, 0.003]))
        victim = chance.choice(tasks)
        for _ in range(chance.choice([0, 0, 0, 1, 3])):  # called off, perhaps again while it takes its changes back
            victim.cancel()
            await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(answer is None or isinstance(answer, asyncio.CancelledError) for answer in answers), answers
    book.check(read())
    assert "never" not in read()
    async with store.write() as tx:  # and it goes on
        await tx.run("put_setting", team="law", name="after", value="x")
    assert "after" in read()

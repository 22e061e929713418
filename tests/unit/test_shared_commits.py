"""Writers of SQLite share commits: each one's changes are its own, and nobody is answered before the disk has them."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.exc import OperationalError

from seenby.store import Store, Transaction, open_store
from seenby.store.sqlite_thread import Connection

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(database_url="", data=tmp_path)
    yield opened
    await opened.close()


def on_disk(folder: Path) -> set[str]:
    """What another program sees, which is what is committed."""
    with contextlib.closing(sqlite3.connect(folder / "seenby.sqlite3")) as other:
        return {name for (name,) in other.execute("select name from settings where team = 'law'")}


async def put(store: Store, name: str, *, fail: bool = False) -> None:
    async with store.write() as tx:
        await tx.run("put_setting", team="law", name=name, value="x")
        await asyncio.sleep(0)
        if fail:
            raise KeyError(name)


async def ask(tx: Transaction, sql: str) -> None:
    """Say it to SQLite as it is."""
    raw = await tx.connection.get_raw_connection()
    await cast("Connection", raw.driver_connection).cursor().execute(sql)


async def test_every_writer_that_was_answered_is_on_disk(store: Store, tmp_path: Path) -> None:
    async def written(name: str) -> bool:
        await put(store, name)
        return name in on_disk(tmp_path)

    assert all(await asyncio.gather(*(written(str(n)) for n in range(40))))


async def test_one_that_fails_takes_back_its_own_changes_and_nobody_elses(store: Store, tmp_path: Path) -> None:
    answers = await asyncio.gather(*(put(store, str(n), fail=n % 3 == 0) for n in range(12)), return_exceptions=True)
    assert [isinstance(answer, KeyError) for answer in answers] == [n % 3 == 0 for n in range(12)]
    assert on_disk(tmp_path) == {str(n) for n in range(12) if n % 3}


async def test_one_that_is_called_off_takes_back_its_own_changes_and_nobody_elses(store: Store, tmp_path: Path) -> None:
    tasks = [asyncio.create_task(put(store, str(n))) for n in range(6)]
    await asyncio.sleep(0.001)
    tasks[0].cancel()
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    answered = {str(n) for n, answer in enumerate(answers) if answer is None}
    assert answered >= {"1", "2", "4", "5"}
    assert on_disk(tmp_path) >= answered
    await put(store, "after")
    assert "after" in on_disk(tmp_path)


async def test_a_transaction_that_sqlite_ended_by_itself_is_nobodys_success(store: Store, tmp_path: Path) -> None:
    """As on a full disk: SQLite rolls back everything at once, also what others of the group had done."""

    async def lose() -> None:
        async with store.write() as tx:
            await tx.run("put_setting", team="law", name="lost", value="x")
            await tx.connection.exec_driver_sql("ROLLBACK")
            raise KeyError

    answers = await asyncio.gather(put(store, "a"), lose(), put(store, "b"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OperationalError, KeyError, type(None)]
    assert on_disk(tmp_path) == {"b"}


async def test_a_lost_transaction_is_nobodys_success_though_who_lost_it_is_called_off_at_that_very_moment(
    store: Store, tmp_path: Path
) -> None:
    """Whoever comes right behind begins no transaction of its own, whose commit would be taken for that of all."""

    async def lose() -> None:
        me = asyncio.current_task()
        assert me is not None
        async with store.write() as tx:
            await ask(tx, "ROLLBACK")
            asyncio.get_running_loop().call_soon(me.cancel)  # comes while its changes are taken back
            raise KeyError

    answers = await asyncio.gather(put(store, "a"), lose(), put(store, "b"), return_exceptions=True)
    answered = {name for name, answer in zip("alb", answers, strict=True) if answer is None}
    assert on_disk(tmp_path) == answered
    await put(store, "after")
    assert "after" in on_disk(tmp_path)


async def test_one_that_goes_on_after_the_transaction_was_lost_leaves_nothing(store: Store, tmp_path: Path) -> None:
    async def go_on() -> None:
        async with store.write() as tx:
            await tx.run("put_setting", team="law", name="half", value="x")
            await ask(tx, "ROLLBACK")
            await tx.run("put_setting", team="law", name="other half", value="x")

    answers = await asyncio.gather(put(store, "a"), go_on(), put(store, "b"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OperationalError, OperationalError, type(None)]
    assert on_disk(tmp_path) == {"b"}


async def test_what_cannot_be_taken_back_alone_is_taken_back_with_all_the_rest(store: Store, tmp_path: Path) -> None:
    async def fail() -> None:
        async with store.write() as tx:
            await ask(tx, "RELEASE one")
            await tx.run("put_setting", team="law", name="half", value="x")
            raise KeyError

    answers = await asyncio.gather(put(store, "a"), fail(), put(store, "b"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OperationalError, KeyError, type(None)]
    assert on_disk(tmp_path) == {"b"}


async def test_a_reader_sees_one_moment_however_many_questions_it_asks(store: Store) -> None:
    async with store.read() as tx:
        assert await tx.one("setting", team="law", name="a") is None
        await put(store, "a")
        assert await tx.one("setting", team="law", name="a") is None
    async with store.read() as tx:
        assert await tx.one("setting", team="law", name="a") is not None

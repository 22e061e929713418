"""What many tests need: both databases, and the rule that nothing is skipped where everything is required."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from seenby.store import Store, open_store
from tests.postgres import database_url, running_postgres


def require(is_there: object, what: str) -> None:
    """Skip the test when something is missing here, unless SEENBY_REQUIRE_ALL=1: then that is a failure."""
    if is_there:
        return
    if os.environ.get("SEENBY_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is missing, and SEENBY_REQUIRE_ALL=1")
    pytest.skip(f"{what} is missing")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The folder of a PostgreSQL server's socket, with a migrated database named `base`."""
    with running_postgres() as host:
        with ThreadPoolExecutor() as aside:  # a loop may be running here already
            aside.submit(lambda: asyncio.run(_make_base(host))).result()
        yield host


async def _make_base(host: str) -> None:
    await _sql(host, "create database base")
    store = await open_store(database_url=database_url(host, "base"), data=Path())
    await store.close()


async def _sql(host: str, statement: str) -> None:
    connection = await asyncpg.connect(user="postgres", database="postgres", host=host)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def fresh_database(host: str) -> str:
    """The URL of an empty database of this version's form."""
    name = f"t{secrets.token_hex(6)}"
    await _sql(host, f"create database {name} template base")
    return database_url(host, name)


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    folder = tmp_path_factory.mktemp("sqlite")

    async def make() -> None:
        store = await open_store(database_url="", data=folder)
        await store.close()

    with ThreadPoolExecutor() as aside:
        aside.submit(lambda: asyncio.run(make())).result()
    return folder / "seenby.sqlite3"


async def empty_store(request: pytest.FixtureRequest, folder: Path, *, on_postgres: bool = False) -> str:
    """Make an empty store of this version's form by copying one: its database URL, for `open_store` with `folder`."""
    if on_postgres:
        return await fresh_database(request.getfixturevalue("postgres"))
    shutil.copy(request.getfixturevalue("sqlite"), folder)
    return ""


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store: each test that takes it runs on both databases."""
    url = await empty_store(request, tmp_path, on_postgres=request.param == "postgresql")
    opened = await open_store(database_url=url, data=tmp_path)
    yield opened
    await opened.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make check` asks SQLite alone; `make test` asks both databases the same."""
    for item in items:
        if "postgresql" in item.nodeid:
            item.add_marker(pytest.mark.slow)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A function is named by its parameter: by its place in memory, processes that share the work disagree on names."""
    return argname if callable(val) and not isinstance(val, type) else None

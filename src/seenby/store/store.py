"""The store: one door to SQLite or PostgreSQL, through named statements only.

SQLite files have exactly one writing process (its WAL can be corrupted by two, before 3.51.3), so
whoever opens one holds a lock on the data folder; within that process one connection writes at a
time and the others read. `synchronous=FULL`: a commit that returned is on disk.
"""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, CursorResult, RowMapping, TextClause, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from seenby.store.sqlite_thread import Connection as SqliteConnection
from seenby.store.sqlite_thread import Cursor, Parameters, connect
from seenby.store.statements import statements
from seenby.store.together import SharedCommits
from seenby.words.errors import StoreError

READERS = 8  # kept open: opening one starts a thread and reads the schema (SQLite), or is a journey (PostgreSQL)
UPGRADE_LOCK = 0x5EEB1  # any number that nobody else locks in the same database


@lru_cache(maxsize=512)
def _clause(dialect: str, name: str) -> TextClause:
    return text(statements(dialect)[name].sql)


class Transaction:
    """One transaction; it commits when its block ends and rolls back when the block raises.

    On SQLite a statement goes to the driver as it is: SQLAlchemy takes longer around one than SQLite for it. Rows
    are dicts there, which are read as RowMappings are.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._dialect = connection.dialect.name
        self.is_sqlite = self._dialect == "sqlite"
        self._later: list[tuple[str, Parameters]] = []
        self._ahead: dict[tuple[str, tuple[tuple[str, object], ...]], list[dict[str, Any]]] = {}

    async def all(self, name: str, /, **values: object) -> Sequence[RowMapping]:
        """Every row of the named statement."""
        if self.is_sqlite:
            return cast("Sequence[RowMapping]", await self._rows(name, values))
        return (await self._through(name, values)).mappings().all()

    async def one(self, name: str, /, **values: object) -> RowMapping | None:
        """The first row, or None."""
        if self.is_sqlite:
            return cast("RowMapping | None", next(iter(await self._rows(name, values)), None))
        return (await self._through(name, values)).mappings().first()

    async def run(self, name: str, /, **values: object) -> int:
        """How many rows the named statement changed."""
        if self.is_sqlite:
            return (await self._direct(name, values)).rowcount
        return (await self._through(name, values)).rowcount

    async def many(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """The named statement once for each of `rows`."""
        if rows and self.is_sqlite:
            await self._direct(name, list(rows))
        elif rows:
            await self._through(name, list(rows))

    async def ahead(self, *asked: tuple[str, Mapping[str, object]]) -> None:
        """Fetch what is asked for next, each a statement's name and values, in one visit to SQLite's thread.

        The rows are given to whoever then asks for them, once. Only for a transaction that looks: nothing may change
        between. On PostgreSQL, where a statement is a journey either way, nothing is done.
        """
        if not self.is_sqlite:
            return
        found = await self._visited([(name, values) for name, values in asked])
        for (name, values), rows in zip(asked, found, strict=True):
            self._ahead[_asked(name, values)] = rows

    def later(self, name: str, values: Mapping[str, object] | Sequence[Mapping[str, object]]) -> None:
        """The named statement, once or for each of `values`, before whatever comes next; what it changed is not told.

        It rides along to SQLite's thread with the next statement, or with the end of the transaction. What fails then
        fails there.
        """
        if values:
            self._later.append((name, values if isinstance(values, Mapping) else list(values)))

    async def settle(self) -> None:
        """Run what was left for later."""
        if self._later and self.is_sqlite:
            name, values = self._later.pop()
            await self._direct(name, values)
        elif self._later:
            await self._catch_up()

    async def _through(self, name: str, values: Any) -> CursorResult[Any]:  # noqa: ANN401 - one row's values, or many
        await self._catch_up()
        return await self.connection.execute(_clause(self._dialect, name), values)

    async def _catch_up(self) -> None:
        first, self._later = self._later, []
        for name, values in first:
            await self.connection.execute(_clause(self._dialect, name), cast("Any", values))

    async def _rows(self, name: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
        known = self._ahead.pop(_asked(name, values), None) if self._ahead else None
        return (await self._direct(name, values)).mappings() if known is None else known

    async def _direct(self, name: str, values: Parameters) -> Cursor:
        first, self._later = self._later, []
        cursor = await self._cursor()
        with _named(name):
            return await cursor.run([(self._sql(one), given) for one, given in [*first, (name, values)]])

    async def _visited(self, asked: Sequence[tuple[str, Parameters]]) -> list[list[dict[str, Any]]]:
        cursor = await self._cursor()
        with _named(asked[0][0]):
            return await cursor.several([(self._sql(name), values) for name, values in asked])

    async def _cursor(self) -> Cursor:
        raw = await self.connection.get_raw_connection()
        return cast("SqliteConnection", raw.driver_connection).cursor()

    def _sql(self, name: str) -> str:
        return statements(self._dialect)[name].sql


def _asked(name: str, values: Mapping[str, object]) -> tuple[str, tuple[tuple[str, object], ...]]:
    return name, tuple(sorted(values.items()))


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """SQLite's own complaints as SQLAlchemy's, with the statement's name in the place of its text."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise IntegrityError(name, None, error) from error
    except sqlite3.Error as error:
        raise OperationalError(name, None, error) from error


class Store:
    """Reads and writes. On SQLite writes take turns and share commits; on PostgreSQL they run side by side."""

    def __init__(self, *, readers: AsyncEngine, writers: AsyncEngine) -> None:
        self._readers = readers
        self._writers = writers
        self.is_sqlite = writers.dialect.name == "sqlite"
        self._shared = SharedCommits(writers) if self.is_sqlite else None

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A transaction that only looks."""
        async with self._readers.connect() as connection:
            if self.is_sqlite:
                raw = await connection.get_raw_connection()
                cast("SqliteConnection", raw.driver_connection).waiting.append("BEGIN")  # one view of everything
            yield Transaction(connection)

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """A transaction that changes things; what it did is on disk when the block has ended."""
        async with self._shared.write() if self._shared else self._writers.begin() as connection:
            tx = Transaction(connection)
            yield tx
            await tx.settle()

    async def upgrade(self) -> None:
        """Bring the tables to this version's form. Raises StoreError."""
        async with self._writers.begin() as connection:
            try:
                await connection.run_sync(_upgrade)
            except CommandError as error:
                raise StoreError(
                    f"The store was written by another version of Seenby ({error}). "
                    "Nothing was changed. Start that version, or restore a backup made before it."
                ) from None

    async def close(self) -> None:
        """Give all connections back."""
        if self._shared:
            await self._shared.finish()
        await self._readers.dispose()
        if self._writers is not self._readers:
            await self._writers.dispose()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # roles start at the same moment: one upgrades, the others find it done
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({UPGRADE_LOCK})")
    config = Config()
    config.set_main_option("script_location", str(files("seenby.store").joinpath("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def open_store(*, database_url: str, data: Path) -> Store:
    """The store that the settings name, at this version's form. Raises StoreError."""
    store = _postgres(database_url) if database_url.startswith("postgres") else _sqlite(data)
    try:
        await store.upgrade()
    except (OSError, OperationalError) as error:
        await store.close()
        raise StoreError(f"The store cannot be opened: {_first_line(error)}. Check SEENBY_DATABASE_URL.") from None
    return store


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _postgres(database_url: str) -> Store:
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    readers, writers = (create_async_engine(url, pool_size=size, pool_pre_ping=True) for size in (READERS, 10))

    @event.listens_for(readers.sync_engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's adapted DBAPI connection
        # From the sixth time on PostgreSQL would plan without the values, and a list of one domain's mail is another
        # thing than one of all mail: seconds instead of milliseconds. Who writes asks small questions again and again.
        cursor = connection.cursor()
        cursor.execute("set plan_cache_mode = force_custom_plan")
        cursor.close()
        connection.commit()  # or it is taken back with the first transaction

    return Store(readers=readers, writers=writers)


def _sqlite(data: Path) -> Store:
    path = data / "seenby.sqlite3"
    url = f"sqlite+aiosqlite:///{path}"
    writers = create_async_engine(
        url, pool_size=1, max_overflow=0, async_creator=lambda: connect(path, only_reads=False)
    )
    readers = create_async_engine(
        url, pool_size=READERS, max_overflow=0, async_creator=lambda: connect(path, only_reads=True)
    )
    _prepare_sqlite(writers, read_only=False)
    _prepare_sqlite(readers, read_only=True)
    return Store(readers=readers, writers=writers)


def _prepare_sqlite(engine: AsyncEngine, *, read_only: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's adapted DBAPI connection
        connection.isolation_level = None  # the driver would begin late and commit early; we say when
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA busy_timeout=10000")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    if read_only:
        return

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

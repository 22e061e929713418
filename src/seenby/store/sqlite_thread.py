"""SQLite by aiosqlite, each statement in one visit to its thread.

aiosqlite visits its thread four times for a statement: to make a cursor, to execute, to fetch, to close. Each visit
wakes a thread and then the event loop, 50 µs in all, which is more than most of our statements take. Here a statement
is executed and its rows are fetched at once, which SQLAlchemy does next in any case.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiosqlite

_FRAMES = ("BEGIN", "SAVEPOINT", "RELEASE")
_LOST = "SQLite has ended the transaction by itself"
Parameters = Sequence[Any] | Mapping[str, Any]


class Cursor:
    """What SQLAlchemy asks of a cursor: the statement's rows are here as soon as it was executed."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Parameters = ()) -> Self:
        """Run one statement; one that only opens or closes a transaction waits for the next."""
        if sql.startswith(_FRAMES):
            self._connection.waiting.append(sql)
            return self
        return await self._run(lambda raw: raw.execute(sql, parameters))

    async def executemany(self, sql: str, rows: Sequence[Parameters]) -> Self:
        """Run one statement for each of `rows`."""
        return await self._run(lambda raw: raw.executemany(sql, rows))

    async def run(self, statements: Sequence[tuple[str, Parameters]]) -> Self:
        """Run several statements in one visit, and keep the rows of the last; a list of values means once for each."""

        def what(raw: sqlite3.Connection) -> sqlite3.Cursor:
            for sql, values in statements:
                cursor = raw.executemany(sql, values) if isinstance(values, list) else raw.execute(sql, values)
            return cursor

        return await self._run(what)

    async def several(self, statements: Sequence[tuple[str, Parameters]]) -> list[list[dict[str, Any]]]:
        """The rows of several statements, fetched in one visit."""
        found: list[list[dict[str, Any]]] = []

        def what(raw: sqlite3.Connection) -> sqlite3.Cursor:
            for sql, values in statements:
                cursor = raw.execute(sql, values)
                found.append(_by_name(cursor.description, cursor.fetchall()))
            return cursor

        await self._connection.visit(what)
        return found

    async def _run(self, what: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> Self:
        found, self._rows = await self._connection.visit(what)
        self.description, self.rowcount, self.lastrowid = found.description, found.rowcount, found.lastrowid
        return self

    async def fetchall(self) -> list[Any]:
        """Every row."""
        rows, self._rows = self._rows, []
        return rows

    def mappings(self) -> list[dict[str, Any]]:
        """Every row, by the names of its columns."""
        return _by_name(self.description, self._rows)

    async def close(self) -> None:
        """Nothing is held any more: the rows are all fetched."""
        self._rows = []


class Connection(aiosqlite.Connection):
    """aiosqlite's connection with such cursors. `waiting` is what is to be said before the next statement.

    On a full disk SQLite may end a transaction by itself. Whatever is still to happen in it then fails: else it would
    be on disk alone, and a commit of nothing would be taken for success.
    """

    def __init__(self, path: Path, *, only_reads: bool) -> None:
        super().__init__(lambda: sqlite3.connect(path), iter_chunk_size=64)
        self._only_reads = only_reads
        self._thread.daemon = True  # it ends with the process at the latest
        self.waiting: list[str] = []
        self._is_begun = False

    def cursor(self) -> Cursor:  # type: ignore[override]  # SQLAlchemy enters what it gets
        """A cursor; nothing is asked of the thread for it."""
        return Cursor(self)

    async def visit(self, what: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> tuple[sqlite3.Cursor, list[Any]]:
        """Execute `what` in the thread, and fetch its rows."""
        first, goes_on = self._first()
        done: tuple[sqlite3.Cursor, list[Any]] = await self._execute(_executed, self._conn, first, goes_on, what)  # type: ignore[no-untyped-call]
        return done

    def _first(self) -> tuple[Sequence[str], bool]:
        """What is to be said first, and whether that goes on with a transaction that was begun earlier."""
        first, self.waiting = self.waiting, []
        goes_on = self._is_begun
        self._is_begun = goes_on or any(statement.startswith("BEGIN") for statement in first)
        return first, goes_on

    async def commit(self) -> None:
        """Commit; what was done is on disk when this returns."""
        first, goes_on = self._first()
        self._is_begun = False
        await self._execute(_committed, self._conn, first, goes_on)  # type: ignore[no-untyped-call]

    async def rollback(self) -> None:
        """Take back what was done since the transaction began, if it has."""
        self.waiting, self._is_begun = [], False
        if self._only_reads:  # nothing is taken back, and whatever comes next stands in line behind it
            self._tx.put_nowait((None, self._conn.rollback))
        else:
            await super().rollback()


def _by_name(description: Any, rows: Sequence[Any]) -> list[dict[str, Any]]:  # noqa: ANN401 - as DB-API has it
    names = [column[0] for column in description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _executed(
    raw: sqlite3.Connection,
    first: Sequence[str],
    goes_on: bool,  # noqa: FBT001 - as the two below are called
    what: Callable[[sqlite3.Connection], sqlite3.Cursor],
) -> tuple[sqlite3.Cursor, list[Any]]:
    _say(raw, first, goes_on)
    cursor = what(raw)
    rows = cursor.fetchall() if cursor.description else []
    cursor.close()
    return cursor, rows


def _committed(raw: sqlite3.Connection, first: Sequence[str], goes_on: bool) -> None:  # noqa: FBT001
    _say(raw, first, goes_on)
    raw.commit()


def _say(raw: sqlite3.Connection, first: Sequence[str], goes_on: bool) -> None:  # noqa: FBT001
    if goes_on and not raw.in_transaction:
        raise sqlite3.OperationalError(_LOST)
    for statement in first:
        raw.execute(statement)


async def connect(path: Path, *, only_reads: bool) -> Connection:
    """An open connection."""
    connection = Connection(path, only_reads=only_reads)
    await connection
    return connection

"""Writers of one SQLite file share commits.

A commit waits for the disk, for milliseconds, and SQLite has one writer at a time: one after another, as many
transactions end in a second as the disk syncs. So those that wait while one writes go into the same transaction, each
in a savepoint of its own, and one commit ends them all. Whoever fails takes back its own changes and nobody else's;
nobody goes on before what it wrote is on disk.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, cast

from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from seenby.store.sqlite_thread import Connection

_LOST: Final = "the transaction that was shared is lost"


class _Group:
    """One transaction of several writers. `lost`: on a full disk SQLite rolls back all of it by itself."""

    def __init__(self, connection: AsyncConnection, raw: Connection) -> None:
        self.connection = connection
        self.raw = raw
        self.on_disk: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_disk.add_done_callback(_looked_at)
        self.is_ending = False
        self.lost: Exception | None = None


class SharedCommits:
    """The one connection that writes, and the transaction that is open on it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()  # fair: who came first writes first
        self._open: _Group | None = None
        self._ending: asyncio.Task[None] | None = None

    async def finish(self) -> None:
        """Wait for the transaction of a writer that failed or was called off: nobody else does."""
        if self._ending is not None:
            await asyncio.wait({self._ending})

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; what it did is on disk when the block has ended."""
        async with self._turn:
            group = self._open or await self._begin()
            group.raw.waiting.append("SAVEPOINT one")
            try:
                yield group.connection
            except BaseException as error:
                await self._take_back(group, error)
                raise
            else:
                group.raw.waiting.append("RELEASE one")
            finally:
                # In the queue for the turn right behind those who wait now: they still come in.
                if not group.is_ending:
                    group.is_ending, self._ending = True, asyncio.create_task(self._end(group))
        await asyncio.shield(group.on_disk)

    async def _begin(self) -> _Group:
        connection = await self._engine.connect()
        try:
            await connection.begin()
            raw = await connection.get_raw_connection()
        except BaseException:
            await connection.close()
            raise
        self._open = _Group(connection, cast("Connection", raw.driver_connection))
        return self._open

    async def _take_back(self, group: _Group, error: BaseException) -> None:
        """Undo what one writer did, before anybody else's turn: also when that writer is called off once more."""
        undoing = asyncio.create_task(self._undo(group, error))
        while not undoing.done():
            with contextlib.suppress(asyncio.CancelledError):  # what it was raised for goes on its way after
                await asyncio.wait({undoing})

    async def _undo(self, group: _Group, error: BaseException) -> None:
        """When one writer's part cannot be taken back alone, all of the transaction is lost."""
        try:
            await group.raw.cursor().execute("ROLLBACK TO one")
            group.raw.waiting.append("RELEASE one")
        except Exception:  # noqa: BLE001 - whatever it was, others must not be told that all is well
            group.lost = error if isinstance(error, SQLAlchemyError) else _lost()
            self._open = None
            await group.connection.close()  # there is no other, and the next writer begins anew

    async def _end(self, group: _Group) -> None:
        async with self._turn:
            if self._open is group:
                self._open = None
            try:
                await self._commit(group)
            except Exception as error:  # noqa: BLE001 - whoever wrote hears of it
                group.on_disk.set_exception(error)
            else:
                group.on_disk.set_result(None)

    async def _commit(self, group: _Group) -> None:
        if group.lost is not None:
            raise group.lost
        async with contextlib.aclosing(group.connection):
            await group.connection.commit()


def _lost() -> OperationalError:
    return OperationalError(_LOST, None, Exception(_LOST))


def _looked_at(done: "asyncio.Future[None]") -> None:
    """A failure that all of whose writers are gone is no news to anybody."""
    if not done.cancelled():
        done.exception()

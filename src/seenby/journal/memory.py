"""A journal that keeps nothing beyond the process: for tests, and for trying things out. Writer and reader in one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from seenby.journal.port import Batch
from seenby.journal.record import unpack_hit

SEGMENT: Final = "memory"


class MemoryJournal:
    """Holds packed hits in a list, its only segment, which is finished when it is closed."""

    def __init__(self) -> None:
        self._payloads: list[bytes] = []
        self._is_closed = False
        self.lost = 0
        self.healthy = True

    @property
    def kept_bytes(self) -> int:
        """The bytes of all payloads."""
        return sum(map(len, self._payloads))

    def start(self) -> None:
        """Nothing to do."""

    def append(self, payloads: Sequence[bytes], then: Callable[[], None]) -> None:
        """Keep packed hits unless `healthy` was set to False."""
        if self.healthy:
            self._payloads += payloads
        else:
            self.lost += len(payloads)
        asyncio.get_running_loop().call_soon(then)

    async def close(self) -> None:
        """Make the calls that are due, and grow no more."""
        self._is_closed = True
        await asyncio.sleep(0)

    async def claim(self, done: Mapping[str, int], *, limit: int) -> Batch:
        """As `take`."""
        return self.take(done, limit=limit)

    async def settle(self, done: Mapping[str, int]) -> tuple[str, ...]:
        """As `forget`."""
        return self.forget(done)

    def take(self, done: Mapping[str, int], *, limit: int) -> Batch:
        """Up to `limit` hits behind `done`."""
        start = done.get(SEGMENT, 0)
        payloads = self._payloads[start : start + limit]
        if not payloads:
            return Batch()
        hits = tuple(hit for hit in map(unpack_hit, payloads) if hit is not None)
        bad = len(payloads) - len(hits)
        torn = (f"{SEGMENT}: {bad} records hold no hit; they were left out",) if bad else ()
        return Batch(hits=hits, done={SEGMENT: start + len(payloads)}, torn=torn)

    def forget(self, done: Mapping[str, int]) -> tuple[str, ...]:
        """Drop everything, when it is closed and all was taken."""
        gone = tuple(name for name in done if name != SEGMENT)
        if SEGMENT in done and self._is_closed and done[SEGMENT] >= len(self._payloads):
            self._payloads.clear()
            gone += (SEGMENT,)
        return gone

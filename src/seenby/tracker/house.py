"""What the connections of one tracker process share: the door, the journal, the clock, the guest list."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from seenby import maillog
from seenby.journal import NOBODY, Journal, PackedClient, pack_hit
from seenby.tracker.door import Door
from seenby.tracker.kept import Kept, what_is_kept
from seenby.tracker.trust import Trust
from seenby.tracker.turn import Turn
from seenby.words.client import Network
from seenby.words.policy import Level
from seenby.words.token import KIND_AT, LEVEL_AT, Kind

STUCK_SECONDS: Final = 5.0
_ID_BYTES: Final = 16
_KEPT: Final = {int(level): what_is_kept(level) for level in Level}
_POOL: Final = 256 * _ID_BYTES


class Guest(Protocol):
    """A connection, as the house sees it."""

    def is_overdue(self, now: float) -> bool:
        """Whether its time is up."""
        ...

    def cut_off(self) -> None:
        """End it at once."""
        ...

    def finish(self) -> None:
        """End it when nothing is owed."""
        ...


class House:
    """One tracker process. `now` is monotonic and as fresh as the last sweep; `second` is the wall clock's."""

    def __init__(
        self,
        *,
        trust: Trust,
        journal: Journal | None,
        trusted_proxies: Sequence[Network],
        request_seconds: float,
        most_connections: int,
    ) -> None:
        self.journal = journal
        self.believe(trust)
        self.trusted_proxies = tuple(trusted_proxies)
        self.request_seconds = request_seconds
        self.now = time.monotonic()
        self.second = int(time.time())
        self.hits = [0] * (max(Kind) + 1)  # by kind
        self.answers: Counter[bytes] = Counter()  # answers to what is no hit, by status
        self.turned_away = self.cut = 0  # clients for want of room, and for want of patience
        self.lost = 0  # hits that the journal refused against its promise
        self._guests: set[Guest] = set()
        self._most = most_connections
        self._ids = _random_ids()
        self.turn = Turn(self)

    def believe(self, trust: Trust) -> None:
        """From now on trust these keys, and follow no link that is switched off."""
        self.door = Door(trust, lambda: self.journal is None or self.journal.healthy)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is connected."""
        return not self._guests

    @property
    def connections(self) -> int:
        """How many are connected."""
        return len(self._guests)

    def is_alive(self) -> bool:
        """Whether the loop came round lately. May be asked from any thread."""
        return time.monotonic() - self.now < STUCK_SECONDS

    def is_ready(self) -> bool:
        """Whether the next hit will be kept. May be asked from any thread."""
        return self.is_alive() and (self.journal is None or self.journal.healthy)

    def let_in(self, guest: Guest) -> bool:
        """Whether there is room for one more."""
        if len(self._guests) >= self._most:
            self.turned_away += 1
            return False
        self._guests.add(guest)
        return True

    def let_out(self, guest: Guest) -> None:
        """It is gone."""
        self._guests.discard(guest)

    def sweep(self) -> None:
        """Look at the clock, and cut off whose time is up.

        Not when we were away ourselves, stopped or starved: what clients sent meanwhile has not been read yet.
        """
        was, self.now = self.now, time.monotonic()
        self.second = int(time.time())
        if self.now - was > self.request_seconds / 3:
            return
        for guest in [guest for guest in self._guests if guest.is_overdue(self.now)]:
            self.cut += 1
            guest.cut_off()

    def finish(self) -> None:
        """Tell everybody that this is the last round."""
        self.turn.work()
        for guest in list(self._guests):
            guest.finish()

    def cut_all_off(self) -> None:
        """End every connection at once."""
        for guest in list(self._guests):
            guest.cut_off()

    def record(self, raw: bytes, method: str, client: PackedClient) -> bytes | None:
        """The packed hit on the token `raw`, now; None when there is no journal, or its level leaves no record."""
        return self.records([raw], [client], method)[0]

    def records(self, raws: Sequence[bytes | None], clients: Sequence[PackedClient], method: str) -> list[bytes | None]:
        """As `record` for each of `raws`, None too where there is no token."""
        if self.journal is None:
            return [None] * len(raws)
        at = time.time_ns() // 1000
        self.second = at // 1_000_000
        hits, ids, nothing, whole = self.hits, self._ids, Kept.NOTHING, Kept.CLIENT  # looked up once
        packed: list[bytes | None] = []
        for raw, client in zip(raws, clients, strict=True):
            if raw is None or (kept := _KEPT[raw[LEVEL_AT]]) is nothing:
                packed.append(None)
            else:
                hits[raw[KIND_AT]] += 1
                packed.append(pack_hit(next(ids), at, raw, method, client if kept is whole else NOBODY))
        return packed

    def keep(self, records: Sequence[bytes], then: Callable[[], None]) -> bool:
        """Journal `records`, after which `then` follows. False, and no `then`, from a journal that breaks its word."""
        assert self.journal is not None
        try:
            self.journal.append(records, then)
        except Exception as error:  # noqa: BLE001 - it is nothing to the reader
            self.lost += len(records)
            maillog.failed("journal", error)
            return False
        return True


def _random_ids() -> Iterator[bytes]:
    """128 random bits each; asking the kernel for many at once is cheaper."""
    while True:
        pool = os.urandom(_POOL)
        for at in range(0, _POOL, _ID_BYTES):
            yield pool[at : at + _ID_BYTES]

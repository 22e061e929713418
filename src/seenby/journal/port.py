"""What the tracker and the drain ask of a journal, whichever keeper is behind it.

A journal never keeps a reader waiting for ever and never raises at the tracker: what it cannot keep
it counts. It promises "at least once" to the drain; the hit's id makes that once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from seenby.words.hit import Hit


class Journal(Protocol):
    """The writing side. All of it is called on the event loop that `start` was told."""

    @property
    def lost(self) -> int:
        """How many hits were answered although they could not be kept (at most: a late write may still save some)."""
        ...

    @property
    def healthy(self) -> bool:
        """Whether the next hit will be kept, as far as anybody knows."""
        ...

    @property
    def kept_bytes(self) -> int:
        """How much room is taken by what was kept and is not yet deleted. May be asked from any thread."""
        ...

    def start(self) -> None:
        """Begin to work, on the running event loop."""
        ...

    def append(self, payloads: Sequence[bytes], then: Callable[[], None]) -> None:
        """Keep packed hits, and call `then` on the loop once all of them are kept or counted as lost.

        `then` is never called from inside `append`, and the calls come in the order of the appends.
        """
        ...

    async def close(self) -> None:
        """Keep what is still under way, make its calls, and stop."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one `take` found: hits, how far each touched segment is read now, and what was damaged.

    `done` may have grown although there is no hit: it is to be stored all the same. It stays empty with a keeper
    that remembers by itself what was settled. `torn` holds
    sentences for the operator's log, without anything of a hit in them.
    """

    hits: tuple[Hit, ...] = ()
    done: Mapping[str, int] = field(default_factory=dict)
    torn: tuple[str, ...] = ()


class Reader(Protocol):
    """The draining side. Safe to use while trackers write; what was claimed and not settled comes again."""

    async def claim(self, done: Mapping[str, int], *, limit: int) -> Batch:
        """About `limit` hits that lie behind `done`; a keeper that holds them in pieces gives whole ones."""
        ...

    async def settle(self, done: Mapping[str, int]) -> tuple[str, ...]:
        """Let go of what was claimed last and of all before `done`, because the store has it.

        The segments that are gone are named: those deleted now, which will not grow, and those long gone.
        """
        ...

"""Trackers that must not be, started like the real one: `python -m tests.faults.broken` and as TRACKER_FAULT says.

They are what the checker and the proof of order are tested with.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Sequence

from seenby.journal import FileJournal
from seenby.journal import segment as segments
from seenby.tracker import __main__ as program

LATE = 0.2


class AnswersFirst(FileJournal):
    """The answer goes out at once, the hit is committed 200 ms later."""

    def append(self, payloads: Sequence[bytes], then: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(then)
        loop.call_later(LATE, super().append, payloads, lambda: None)


class Doubles(FileJournal):
    """Each hit is kept twice."""

    def append(self, payloads: Sequence[bytes], then: Callable[[], None]) -> None:
        super().append(payloads, lambda: None)
        super().append([payload.replace(payload[3:19], os.urandom(16), 1) for payload in payloads], then)


class NeverSyncs:
    """As `os`, but what is written goes to the page cache and is left to chance: only a loss of power tells."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def pwritev(self, file: int, buffers: Sequence[bytes], at: int, flags: int) -> int:
        raise OSError(errno.EOPNOTSUPP, "only through the page cache")

    def fdatasync(self, file: int) -> None:
        return


def main() -> None:
    """Serve as the tracker does, with the fault."""
    fault = os.environ["TRACKER_FAULT"]
    if fault == "never_syncs":
        vars(segments)["os"] = NeverSyncs()
    else:
        vars(program)["FileJournal"] = {"answers_first": AnswersFirst, "doubles": Doubles}[fault]
    program.main()


if __name__ == "__main__":
    main()

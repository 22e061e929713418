"""Run as a program: a tracker over a journal folder, for tests that kill it. `broken` answers before it commits."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from seenby.journal import FileJournal
from seenby.tracker import run_tracker
from seenby.words.token import Keyring

KEYS = Keyring(keys={7: b"k" * 32}, current=7)


class AnswersFirst(FileJournal):
    """What must not be: the answer goes out at once, the hit is committed 200 ms later."""

    def append(self, payload: bytes, then: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(then)
        loop.call_later(0.2, super().append, payload, lambda: None)


def tell(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until killed; the port goes to standard output."""
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    journal = {"good": FileJournal, "broken": AnswersFirst}[kind](folder, segment_bytes=262_144)
    run_tracker(listen=("127.0.0.1", 0), keys=KEYS, journal=journal, on_ready=tell)


if __name__ == "__main__":
    main()

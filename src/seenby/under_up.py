"""What a process of `seenby up` says and hears: one line on standard output when it is ready, and the end of its input.

The supervisor holds the other end of our standard input; when that closes, it is gone, however it ended.
"""

import json
import os
import sys
import threading
from collections.abc import Callable


def tell_ready(**told: object) -> None:
    """Tell the supervisor that we are ready, or with `error` why not."""
    sys.stdout.write(json.dumps({name: str(value) for name, value in told.items()}) + "\n")
    sys.stdout.flush()


def when_alone(do: Callable[[], object]) -> None:
    """Call `do`, in another thread, once the supervisor is gone."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        do()

    threading.Thread(target=watch, name="supervisor", daemon=True).start()

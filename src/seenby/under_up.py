"""What a process of `seenby up` says and hears: one line on standard output when it is ready, and the end of its input.

The supervisor holds the other end of our standard input; when that closes, it is gone, however it ended.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

LAST_MOMENTS: Final = 3.0  # seconds to end by ourselves


def tell_ready(**told: object) -> None:
    """Tell the supervisor that we are ready, or with `error` why not."""
    sys.stdout.write(json.dumps({name: str(value) for name, value in told.items()}) + "\n")
    sys.stdout.flush()


def when_alone(do: Callable[[], object]) -> None:
    """Call `do`, in another thread, once the supervisor is gone; and end this process soon after, whatever it is doing.

    What was promised is on disk at every moment, and whoever starts Seenby anew needs the ports and locks.
    """

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        do()
        time.sleep(LAST_MOMENTS)
        os._exit(1)

    threading.Thread(target=watch, name="supervisor", daemon=True).start()

"""The real tracker under a wall clock of ours: `python -m tests.faults.clocked`.

TRACKER_CLOCK names a file of eight bytes: by how many microseconds its clock is off, read at every look. The
monotonic clock is the machine's. A client's time is short here, so that a test can wait for its end.
"""

import mmap
import os
import struct
import time
from functools import partial
from pathlib import Path
from typing import Final

REQUEST_SECONDS: Final = 4.0
_OFF: Final = struct.Struct("q")


def set_clock(file: Path, seconds: float) -> None:
    """From now on the clock is off by so much."""
    with file.open("r+b" if file.exists() else "w+b") as out:
        out.write(_OFF.pack(int(seconds * 1_000_000)))


def main() -> None:
    """Serve as the tracker does."""
    with Path(os.environ["TRACKER_CLOCK"]).open("rb") as file:
        off = mmap.mmap(file.fileno(), _OFF.size, prot=mmap.PROT_READ)
    now, now_ns = time.time, time.time_ns
    vars(time)["time"] = lambda: now() + _OFF.unpack_from(off)[0] / 1e6
    vars(time)["time_ns"] = lambda: now_ns() + _OFF.unpack_from(off)[0] * 1000
    from seenby.tracker import __main__ as program

    vars(program)["Options"] = partial(program.Options, request_seconds=REQUEST_SECONDS)  # type: ignore[attr-defined]
    program.main()


if __name__ == "__main__":
    main()

"""`python -m tests.fuzz TARGET SECONDS`: libFuzzer (by atheris) against one target, with the limits that hold for it.

No exception; no more than a second of the processor's time and 100 MiB for one input. Both are measured here, for
each input: libFuzzer's own limits count what it keeps itself and what other programs take from the machine, so they
only stand behind, for what never ends. A find is written to tests/fuzz/found/<target>/; once it is repaired, its
smallest form goes to tests/fuzz/corpus/<target>/, which pytest reads.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["seenby"]):
    from tests.fuzz.seeds import put_seeds
    from tests.fuzz.targets import TARGETS

HERE: Final = Path(__file__).parent
MOST_SECONDS: Final = 1.0
MOST_BYTES: Final = 100 * 1024 * 1024
MOST_INPUT: Final = 32_768
SLOWED: Final = 3.0  # how much slower the watched code is, measured


def main() -> None:
    """Fuzz one target for so many seconds."""
    name, seconds, *options = sys.argv[1:]
    target = TARGETS[name]

    def bounded(data: bytes) -> None:
        memory, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        target(data)
        took = time.process_time() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) * 1024
        assert took < MOST_SECONDS * SLOWED, f"one input took {took:.1f} s"
        assert grown < MOST_BYTES, f"one input took {grown / 2**20:.0f} MiB"

    found = HERE / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        grown, seeds = Path(temporary, "grown"), Path(temporary, "seeds")
        grown.mkdir()
        put_seeds(name, seeds)
        atheris.Setup(
            [
                "seenby",
                str(grown),
                str(seeds),
                f"-max_total_time={seconds}",
                f"-max_len={MOST_INPUT}",
                "-timeout=30",
                "-rss_limit_mb=2048",
                f"-artifact_prefix={found}/",
                "-print_final_stats=1",
                f"-dict={HERE / 'words.dict'}",
                *options,
            ],
            bounded,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()

"""`seenby bench`: how fast this installation is, on this machine, beside something everybody knows.

Single figures vary from run to run and machine to machine; ratios within one run are what can be compared,
so each part is measured in turns with its measure. Nothing here is used by the product itself.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from seenby.bench.figures import BenchError, Tell
from seenby.bench.gateway import bench_gateway, gateway_text
from seenby.bench.instrument import bench_instrument, instrument_text
from seenby.bench.live import bench_live, live_text
from seenby.bench.pages import bench_pages, pages_text
from seenby.bench.tracker import bench_tracker, tracker_text

_BENCHES: Final[Mapping[str, tuple[Callable[..., dict[str, Any]], Callable[[dict[str, Any]], str]]]] = {
    "instrument": (bench_instrument, instrument_text),
    "tracker": (bench_tracker, tracker_text),
    "gateway": (bench_gateway, gateway_text),
    "live": (bench_live, live_text),
    "pages": (bench_pages, pages_text),
}

__all__ = ["BenchError", "bench_text", "run_bench"]


def run_bench(what: str, *, rounds: int, tell: Tell) -> dict[str, Any]:
    """The figures of one bench, for programs; `tell` hears how much is done. Raises BenchError."""
    if what not in _BENCHES:
        raise BenchError(f"There is no bench '{what[:40]}'. Write one of: {', '.join(_BENCHES)}.")
    if rounds < 1:
        raise BenchError(f"--rounds {rounds} measures nothing. Write 1 or more.")
    return _BENCHES[what][0](rounds=rounds, tell=tell)


def bench_text(figures: dict[str, Any]) -> str:
    """The same for people."""
    return _BENCHES[figures["bench"]][1](figures)

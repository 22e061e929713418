"""How long it took lately from a fetch to telling open pages of it: the last hour, so many measurements at most."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HOUR: Final = 3600.0
MOST: Final = 20_000
PROMISED: Final = 2.0  # seconds, for 99 of 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What was measured in the last hour, in seconds."""

    count: int
    median: float
    p99: float


class Measured:
    """The measurements of one process."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._kept: deque[tuple[float, float]] = deque(maxlen=MOST)

    def add(self, seconds: float) -> None:
        """One more."""
        self._kept.append((self._monotonic(), max(0.0, seconds)))

    def lately(self) -> Latency | None:
        """The last hour's; None when nothing was measured."""
        since = self._monotonic() - HOUR
        while self._kept and self._kept[0][0] < since:
            self._kept.popleft()
        took = sorted(seconds for _, seconds in self._kept)
        if not took:
            return None
        return Latency(count=len(took), median=_rank(took, 0.5), p99=_rank(took, 0.99))


def _rank(took: list[float], share: float) -> float:
    """The value that so many of all do not exceed (nearest rank)."""
    return took[max(0, math.ceil(share * len(took)) - 1)]

"""Figures of several rounds: the median, and between what they varied."""

import statistics
from collections.abc import Callable, Sequence
from typing import Final

from seenby.words.errors import SeenbyError

Tell = Callable[[str, float], None]  # what is being done, and which share of everything is over
Spread = dict[str, float]
_SCALES: Final = ((1e6, "M", 1e6), (1e4, "k", 1e3))


class BenchError(SeenbyError):
    """Nothing could be measured; says why."""


def spread(values: Sequence[float]) -> Spread:
    """Median, least and most of `values`."""
    return {
        "median": _rounded(statistics.median(values)),
        "low": _rounded(min(values)),
        "high": _rounded(max(values)),
    }


def _rounded(value: float) -> float:
    """Four digits that mean something: more would only look exact."""
    return float(f"{value:.4g}")


def shown(value: Spread) -> str:
    """`12.3k (11.9k-12.8k)`."""
    median, low, high = (short(value[name]) for name in ("median", "low", "high"))
    return median if low == high else f"{median} ({low}-{high})"


def short(value: float) -> str:
    """A figure in at most five characters or so."""
    for least, letter, scale in _SCALES:
        if value >= least:
            return f"{value / scale:.3g}{letter}" if value < 100 * scale else f"{value / scale:.0f}{letter}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def how_often(rounds: int) -> str:
    """`Median of 5 rounds (least-most)`."""
    return "One round only" if rounds == 1 else f"Median of {rounds} rounds (least-most)"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows under each other, every column as wide as its widest word; the first flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            word.rjust(width) if at else word.ljust(width)
            for at, (word, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)

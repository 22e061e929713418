"""What the test's own client was answered, and the checker that holds it against what was kept.

The product tells nothing here: neither how many hits it took, nor which it calls lost.
"""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from seenby.journal import FileReader
from seenby.journal.segment import UNBORN
from seenby.words.hit import Hit
from seenby.words.token import Token


@dataclass(slots=True)
class Ledger:
    """Every request by its key, which no other request has, and every answer that came whole."""

    sent: dict[str, Token] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)  # seconds from when it was due
    refused: set[str] = field(default_factory=set)  # told "not kept", which only a wish ever is
    broken_off: int = 0  # connections that ended before the answer
    wrong: list[str] = field(default_factory=list)  # answers that are none
    is_closed: bool = False  # from now on an answer is worth nothing: power is being cut

    def latency(self, part: float) -> float:
        """Seconds within which that part of all answers came."""
        ordered = sorted(self.answered.values())
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is not as promised: answered and not kept, kept more than once, kept as something that nobody asked for."""

    lost: list[str]
    doubled: list[str]
    invented: list[str]

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.invented)

    def __str__(self) -> str:
        return f"{len(self.lost)} lost, {len(self.doubled)} doubled, {len(self.invented)} invented"


def check(ledger: Ledger, hits: Iterable[Hit]) -> Findings:
    """Hold hits, keyed by their message, against the ledger. One hit may be read twice: its id makes it one."""
    once = {hit.id: hit.token for hit in hits}
    kept = Counter(token.message for token in once.values())
    return Findings(
        lost=[key for key in ledger.answered if not kept[key]],
        doubled=[key for key, times in kept.items() if times > 1],
        invented=[token.message for token in once.values() if ledger.sent.get(token.message) != token],
    )


def drained(folder: Path, *, all_ended: bool = True) -> list[Hit]:
    """All hits in a journal's folder, taken in small batches, each forgotten as the drain does it."""
    if all_ended:
        for unborn in folder.glob(f"*{UNBORN}"):  # its writer is dead; a young one would be left alone for a while
            os.utime(unborn, (0, 0))
    reader = FileReader(folder)
    done: dict[str, int] = {}
    hits: list[Hit] = []
    while (batch := reader.take(done, limit=500)).done:
        hits += batch.hits
        done |= batch.done
        reader.forget(done)
    if all_ended:
        assert [path.name for path in folder.iterdir() if path.suffix != ".damaged"] == []
    return hits


def peeked(folder: Path) -> list[Hit]:
    """All hits in a journal's folder, which stays as it is."""
    return list(FileReader(folder).take({}, limit=10_000_000).hits)

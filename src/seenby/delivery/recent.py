"""Analyses of messages just accepted: most are sent in the next second, and need not be read again.

Bounded by the messages' bytes, the oldest forgotten first; whoever takes one takes it away, so that no text stays.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from seenby.instrument import Analysis

MOST_BYTES: Final = 8 * 2**20


class Recent:
    """Analyses by everything that they depend on, the message's own bytes among it."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, Analysis] = OrderedDict()
        self._bytes = 0

    def put(self, key: Hashable, analysis: Analysis) -> None:
        """Hold an analysis for a while."""
        self.take(key)
        self._held[key] = analysis
        self._bytes += len(analysis.raw)
        while self._bytes > self._most:
            _oldest, gone = self._held.popitem(last=False)
            self._bytes -= len(gone.raw)

    def take(self, key: Hashable) -> Analysis | None:
        """The analysis, which is no longer held then; None when it was forgotten."""
        found = self._held.pop(key, None)
        if found is not None:
            self._bytes -= len(found.raw)
        return found

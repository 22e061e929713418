"""The mover's book on its segments: what was read, what is on the bus, and what the store is known to have.

Only the store's own word makes a part of a segment deletable. It is arithmetic, without files and without
the bus, and it forgets with the process: whatever is then sent again, the hits' ids make once.
"""

from bisect import insort
from collections import deque
from collections.abc import Mapping

from seenby.journal.piece import Place


class Ledger:
    """One folder's segments."""

    def __init__(self) -> None:
        self._read: dict[str, int] = {}
        self._stored: dict[str, list[tuple[int, int]]] = {}
        self._waiting: dict[Place, int] = {}
        self._again: deque[Place] = deque()

    @property
    def waiting(self) -> int:
        """How many pieces are on the bus, as far as we know, and not yet in the store."""
        return len(self._waiting)

    @property
    def read(self) -> Mapping[str, int]:
        """Up to where each segment was read."""
        return self._read

    def sent(self, place: Place, number: int) -> None:
        """The bus took it, under this number."""
        self._note_read(place)
        if not self._is_stored(place):  # the word may be quicker than the bus's receipt
            self._waiting[place] = number

    def stored(self, place: Place) -> None:
        """The store has it, or there is nothing in it to be stored."""
        self._note_read(place)
        parts = self._stored.setdefault(place.segment, [])
        insort(parts, (place.start, place.end))
        self._stored[place.segment] = _joined(parts)
        if self._waiting.pop(place, None) is None:  # told in other parts than we sent, as before a restart
            for other in [other for other in self._waiting if other.segment == place.segment]:
                if self._is_stored(other):
                    del self._waiting[other]

    def next_again(self) -> Place | None:
        """A part that has to be sent once more."""
        while self._again:
            place = self._again.popleft()
            if not self._is_stored(place):
                return place
        return None

    def all_again(self) -> int:
        """The bus has nothing of what it took: how many parts have to be sent once more."""
        return self._send_again(list(self._waiting))

    def missing_again(self, *, first: int, last: int) -> int:
        """The bus holds only these numbers: how many parts have to be sent once more."""
        return self._send_again([place for place, number in self._waiting.items() if not first <= number <= last])

    def covered(self) -> dict[str, int]:
        """Up to where the store has each segment without a gap."""
        return {segment: parts[0][1] for segment, parts in self._stored.items() if parts[0][0] == 0}

    def gone(self, segment: str) -> None:
        """The segment was deleted."""
        self._read.pop(segment, None)
        self._stored.pop(segment, None)
        for place in [place for place in self._waiting if place.segment == segment]:
            del self._waiting[place]

    def _note_read(self, place: Place) -> None:
        if self._read.get(place.segment, 0) == place.start:
            self._read[place.segment] = place.end

    def _is_stored(self, place: Place) -> bool:
        return any(start <= place.start and place.end <= end for start, end in self._stored.get(place.segment, ()))

    def _send_again(self, places: list[Place]) -> int:
        for place in places:
            del self._waiting[place]
        self._again += places
        return len(places)


def _joined(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted parts with those that touch made one."""
    joined = parts[:1]
    for start, end in parts[1:]:
        if start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined

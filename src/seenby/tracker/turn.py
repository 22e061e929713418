"""One turn of the loop: clients that ask again as they asked before are served together.

One signature after another is checked, one record after another packed, but each step is made once for all of them:
for a hit by itself the steps cost more than what is done in them. Whoever asks for anything else is served alone.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from seenby import maillog
from seenby.journal import PackedClient
from seenby.tracker.answers import Answer
from seenby.tracker.door import HITS

if TYPE_CHECKING:
    from seenby.tracker.house import House

_GET: Final = b"GET "
START: Final = len(_GET) + len(HITS[0])  # characters before a token in a GET's first line

# An answer that may not leave yet: its bytes, whether it is the last, and whether it waits for its own hit to be on
# disk, not only for those before it. A bare tuple, because a hit has no time to spare for more.
Owed = tuple[bytes, bool, bool]
COMING: Final[Owed] = (b"", False, True)  # the place of an answer that the turn will make


class Asker(Protocol):
    """A connection, as its turn sees it."""

    client: PackedClient  # what its last plain head told,
    behind: int  # and where what is the same again begins, counted from the end
    owed: deque[Owed]  # COMING alone, while it is in the turn

    def serve(self, data: bytes) -> None:
        """Read what was sent, byte by byte, and answer it."""
        ...

    def kept(self) -> None:
        """The oldest hit that an answer waits for is on disk, or lost and counted."""
        ...

    def cut_off(self) -> None:
        """End it at once."""
        ...


Asked = tuple[Asker, bytes]  # and what it sent


class Turn:
    """What came since the loop came round. `came` is added to by the connections, under how their heads begin."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self.came: dict[bytes, list[Asked]] = {_GET + start: [] for start in HITS}
        self.is_due = False

    def begin(self) -> None:
        """Something came first: when all that is ready was read, it is worked on."""
        self.is_due = True
        asyncio.get_running_loop().call_soon(self.work)

    def work(self) -> None:
        """Serve all that came, now."""
        if not self.is_due:
            return
        self.is_due = False
        for start, came in self.came.items():
            asked = came.copy()
            came.clear()
            if asked:
                self._serve(start.removeprefix(_GET), asked)

    def _serve(self, start: bytes, asked: Sequence[Asked]) -> None:
        """Whose token we signed has a hit, and is answered when it is on disk; the others are served alone.

        Nobody's request stands in the way of another's: where one makes us raise, all are served alone, and it is cut
        off, as the loop does with a connection that raises.
        """
        try:
            alone = self._serve_together(start, asked)
        except Exception as error:  # noqa: BLE001 - a slip of ours
            maillog.failed("turn", error)
            alone = asked
        for asker, data in alone:
            asker.owed.clear()
            try:
                asker.serve(data)
            except Exception as error:  # noqa: BLE001 - a slip of ours
                maillog.failed("request", error)
                asker.cut_off()

    def _serve_together(self, start: bytes, asked: Sequence[Asked]) -> Sequence[Asked]:
        """Who has no hit, and is to be served alone."""
        house = self._house
        answers = house.door.answers(start, [data[START : asker.behind] for asker, data in asked])
        clients = [asker.client for asker, _data in asked]
        found = house.records([raw for _answer, raw in answers], clients, "GET")
        written: dict[Answer, Owed] = {}  # a newsletter has few targets
        records: list[bytes] = []
        waiting: list[Asker] = []
        alone: list[Asked] = []
        for one, (answer, _raw), record in zip(asked, answers, found, strict=True):
            if record is None:
                alone.append(one)
                continue
            records.append(record)
            waiting.append(one[0])
            if answer not in written:
                written[answer] = (answer.on_the_wire(house.second), False, True)
            one[0].owed[0] = written[answer]
        if records and not house.keep(records, partial(_kept, waiting)):
            _kept(waiting)
        return alone


def _kept(waiting: Sequence[Asker]) -> None:
    for asker in waiting:
        try:
            asker.kept()
        except Exception as error:  # noqa: BLE001 - a slip of ours, with what this one asked next
            maillog.failed("request", error)
            asker.cut_off()

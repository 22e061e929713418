"""How often one client may guess a password; remembered across its connections."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True, kw_only=True)
class Throttle:
    """Failures by client in the last `span`; the oldest clients are forgotten first, so memory is bounded."""

    most: int = 20
    span: timedelta = timedelta(minutes=15)
    clients: int = 10_000
    _failures: OrderedDict[str, list[datetime]] = field(default_factory=OrderedDict)

    def is_exhausted(self, client: str, *, now: datetime) -> bool:
        """Whether this client has to wait."""
        recent = [at for at in self._failures.get(client, ()) if now - at < self.span]
        if recent:
            self._failures[client] = recent
        else:
            self._failures.pop(client, None)
        return len(recent) >= self.most

    def failed(self, client: str, *, now: datetime) -> None:
        """Count a wrong guess of this client."""
        self._failures.setdefault(client, []).append(now)
        self._failures.move_to_end(client)
        while len(self._failures) > self.clients:
            self._failures.popitem(last=False)

    def forgive(self, client: str) -> None:
        """Take the last one back: it was counted ahead, and was no wrong guess."""
        if self._failures.get(client):
            self._failures[client].pop()

"""A browser's connection: uvicorn's over h11, which bounds a request's head, with a clock that uvicorn has not.

Over httptools a head might be as long as anybody liked, and either would wait for its end for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from seenby.words.limits import REQUEST_SECONDS


class TimedConnection(H11Protocol):
    """Cut off when it has sent no whole head for REQUEST_SECONDS, or at most twice that between requests."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*given, **named)
        self._clock: asyncio.TimerHandle | None = None
        self._answered: object = None  # the request that was answered when we looked last

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A browser is there."""
        super().connection_made(transport)
        self._clock = self.loop.call_later(REQUEST_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._clock is not None:
            self._clock.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and self._answered is self.cycle:
            self.transport.abort()
            return
        self._answered = self.cycle if is_waiting else None
        self._clock = self.loop.call_later(REQUEST_SECONDS, self._look)

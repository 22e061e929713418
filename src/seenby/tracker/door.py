"""What a method and a path are answered with, and which token is to be journalled for it. No I/O."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from seenby.tracker.answers import (
    FRONT,
    HEALTHY,
    MISSING,
    NOT_ALLOWED,
    NOT_ALLOWED_HERE,
    PIXEL,
    ROBOTS,
    SWITCHED_OFF,
    UNHEALTHY,
    UNSUBSCRIBE,
    Answer,
    redirect,
)
from seenby.tracker.trust import Trust
from seenby.words.token import Kind, checker, checker_of_many, message_of, target_of

PIXELS: Final = b"/o/"
HITS: Final = (PIXELS, b"/c/")  # behind these a token makes a hit
_FETCHES: Final = frozenset(("GET", "HEAD"))
_FORMS: Final = (b"/u/", b"/p/")  # what may be posted to


class Door:
    """Answers for everybody. What is not signed by us is a pixel under /o/ and a 404 anywhere else.

    Unsubscribing is never switched off: it is the recipient's, not the sender's.
    """

    def __init__(self, trust: Trust, is_healthy: Callable[[], bool]) -> None:
        self._denied = trust.denied
        self._pixels = checker_of_many(trust.keys, Kind.PIXEL)
        self._links = checker_of_many(trust.keys, Kind.LINK)
        self._unsubscribe = checker(trust.keys, Kind.UNSUBSCRIBE)
        self._is_healthy = is_healthy

    def answer(self, method: str, path: bytes) -> tuple[Answer, bytes | None]:
        """The answer, and the checked token bytes when this is a hit."""
        if method not in _FETCHES:
            if path.startswith(_FORMS):
                return (MISSING if method == "POST" else NOT_ALLOWED_HERE), None
            return NOT_ALLOWED, None
        start = path[:3]
        return self.answers(start, [path[3:]])[0] if start in HITS else (self._page(path), None)

    def answers(self, start: bytes, texts: Sequence[bytes]) -> list[tuple[Answer, bytes | None]]:
        """As `answer` to GETs of these texts behind `start`, one of HITS."""
        if start == PIXELS:
            return [(PIXEL, raw) for raw in self._allowed(self._pixels(texts))]
        return [self._follow(raw) for raw in self._links(texts)]

    def wish(self, method: str, path: bytes) -> bytes | None:
        """The checked token bytes when this unsubscribes somebody, which a POST alone does (RFC 8058 3.2)."""
        return self._unsubscribe(path[3:]) if method == "POST" and path.startswith(b"/u/") else None

    def _follow(self, raw: bytes | None) -> tuple[Answer, bytes | None]:
        target = target_of(raw) if raw else None
        way = redirect(target) if target else None
        if raw is None or target is None or way is None:
            return MISSING, None
        if self._denied and self._denied.forbids(message_of(raw), target):
            return SWITCHED_OFF, None
        return way, raw

    def _allowed(self, raws: Iterable[bytes | None]) -> Iterable[bytes | None]:
        """What is switched off is none of ours."""
        messages = self._denied.messages
        if not messages:
            return raws
        return (None if raw is None or message_of(raw) in messages else raw for raw in raws)

    def _page(self, path: bytes) -> Answer:
        if path == b"/healthz":
            return HEALTHY if self._is_healthy() else UNHEALTHY
        if path.startswith(b"/u/") and self._unsubscribe(path[3:]):
            return UNSUBSCRIBE
        if path == b"/":
            return FRONT  # also where the link leads that nobody sees
        return ROBOTS if path == b"/robots.txt" else MISSING

"""What a method and a path are answered with, and which token is to be journalled for it. No I/O."""

from collections.abc import Callable
from typing import Final

from seenby.tracker.answers import (
    HEALTHY,
    MISSING,
    NOT_ALLOWED,
    NOT_ALLOWED_HERE,
    PIXEL,
    ROBOTS,
    UNHEALTHY,
    UNSUBSCRIBE,
    Answer,
    redirect,
)
from seenby.words.token import Keyring, Kind, checker, target_of

_FETCHES: Final = frozenset(("GET", "HEAD"))
_FORMS: Final = (b"/u/", b"/p/")  # what may be posted to


class Door:
    """Answers for everybody. What is not signed by us is a pixel under /o/ and a 404 anywhere else."""

    def __init__(self, keys: Keyring, is_healthy: Callable[[], bool]) -> None:
        self._pixel = checker(keys, Kind.PIXEL)
        self._link = checker(keys, Kind.LINK)
        self._unsubscribe = checker(keys, Kind.UNSUBSCRIBE)
        self._is_healthy = is_healthy

    def answer(self, method: str, path: bytes) -> tuple[Answer, bytes | None]:
        """The answer, and the checked token bytes when this is a hit."""
        if method not in _FETCHES:
            if path.startswith(_FORMS):
                return (MISSING if method == "POST" else NOT_ALLOWED_HERE), None
            return NOT_ALLOWED, None
        start = path[:3]
        if start == b"/o/":
            return PIXEL, self._pixel(path[3:])
        if start == b"/c/":
            return self._follow(path[3:])
        return self._page(path), None

    def wish(self, method: str, path: bytes) -> bytes | None:
        """The checked token bytes when this unsubscribes somebody, which a POST alone does (RFC 8058 3.2)."""
        return self._unsubscribe(path[3:]) if method == "POST" and path.startswith(b"/u/") else None

    def _follow(self, text: bytes) -> tuple[Answer, bytes | None]:
        raw = self._link(text)
        target = target_of(raw) if raw else None
        way = redirect(target) if target else None
        return (MISSING, None) if way is None else (way, raw)

    def _page(self, path: bytes) -> Answer:
        if path == b"/healthz":
            return HEALTHY if self._is_healthy() else UNHEALTHY
        if path.startswith(b"/u/") and self._unsubscribe(path[3:]):
            return UNSUBSCRIBE
        return ROBOTS if path == b"/robots.txt" else MISSING

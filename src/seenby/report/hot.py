"""Who shows interest just now: a score of people's signs that decays, and why each point is there. Pure.

Only what was read as a person's counts, so machines and what we cannot tell score nothing. Who unsubscribed is left
out: they want no mail. Half of a point is gone after three days.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from seenby.store.times import moment
from seenby.words.event import EventKind

WINDOW: Final = timedelta(days=14)
HALF_LIFE: Final = timedelta(days=3)
SHOWN: Final = 15
POINTS: Final[Mapping[str, float]] = {EventKind.OPENED: 1.5, EventKind.CLICKED: 3.0, EventKind.REPLIED: 8.0}
MOST: Final[Mapping[str, int]] = {EventKind.OPENED: 3, EventKind.CLICKED: 5, EventKind.REPLIED: 1}  # of one message
_TIMES: Final = {1: "once", 2: "twice"}
LEAST: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Some points: what for, of which message, when at last."""

    what: str
    message: str
    subject: str
    at: int
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """One person, and what their points are made of, the most first."""

    address: str
    name: str
    reasons: Sequence[Reason]

    @property
    def points(self) -> float:
        """Exactly what the reasons come to as they are shown."""
        return round(sum(reason.points for reason in self.reasons), 1)


def hot_list(signs: Iterable[Mapping[Any, Any]], *, now: datetime) -> Sequence[Hot]:
    """The people with the most points."""
    people: dict[str, dict[tuple[str, str], list[Mapping[Any, Any]]]] = {}
    for sign in signs:
        if sign["kind"] in POINTS and not sign["has_left"]:
            groups = people.setdefault(sign["address_key"], {})
            groups.setdefault((sign["message"], sign["kind"]), []).append(sign)
    everybody = [_hot(address, list(groups.values()), now=now) for address, groups in people.items()]
    shown = sorted((one for one in everybody if one.reasons), key=lambda one: (-one.points, one.address))
    return shown[:SHOWN]


def _hot(address: str, groups: Sequence[Sequence[Mapping[Any, Any]]], *, now: datetime) -> Hot:
    reasons = [_reason(group, now=now) for group in groups]
    kept = sorted((one for one in reasons if one.points >= LEAST), key=lambda one: (-one.points, one.message))
    name = next((sign["name"] for group in groups for sign in group if sign["name"]), "")
    return Hot(address=address, name=name, reasons=kept)


def _reason(group: Sequence[Mapping[Any, Any]], *, now: datetime) -> Reason:
    """What one person did of one kind with one message; each link counts once."""
    kind = group[0]["kind"]
    count = len({sign["link"] for sign in group}) if kind == EventKind.CLICKED else len(group)
    latest = max(group, key=lambda sign: int(sign["at"]))
    age = max(timedelta(0), now - moment(latest["at"]))
    points = POINTS[kind] * min(count, MOST[kind]) * 0.5 ** (age / HALF_LIFE)
    return Reason(
        what=_words(kind, count),
        message=latest["message"],
        subject=latest["subject"],
        at=latest["at"],
        points=round(points, 1),
    )


def _words(kind: str, count: int) -> str:
    if kind == EventKind.REPLIED:
        return "answered"
    if kind == EventKind.CLICKED:
        return f"clicked {count} links in" if count > 1 else "clicked a link in"
    return f"opened {_TIMES.get(count, f'{count} times')}"

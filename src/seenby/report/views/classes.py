"""As products count that put every recipient into one class: Constant Contact and Act-On.

In both a person wins: one open or click by a person outweighs any number by machines, whenever it comes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from seenby.report.timeline import OPEN, Moment
from seenby.report.views.cause import Cause, cause_of
from seenby.report.views.view import Figures, Part, sum_up

CONFIRMED, PROXY = "confirmed", "proxy"
PERSON, SECURITY, PRIVACY = "person", "security system", "privacy system"
_PRECEDENCE: Final = (PERSON, SECURITY, PRIVACY)


def constant_contact(hits: Sequence[Moment]) -> Figures:
    """Recipients with a confirmed open, and apart from them those with a proxy open alone; clicks by no machine.

    A proxy open becomes a confirmed one when its recipient later opens as a person does, or clicks; the mark says when.
    """
    confirmed: dict[str, list[datetime]] = {}
    for hit in sorted(hits, key=lambda one: one.at):
        if hit.reader is not None and not cause_of(hit).is_found_out:
            confirmed.setdefault(hit.reader, []).append(hit.at)
    opened = {hit.reader for hit in hits if hit.channel == OPEN and hit.reader is not None}
    clicks = [hit for hit in hits if hit.channel != OPEN and not cause_of(hit).is_found_out]
    return Figures(
        opens=len(confirmed),
        clicks=len(clicks),
        openers=len(confirmed),
        clickers=len({hit.reader for hit in clicks if hit.reader is not None}),
        parts=[
            Part(name="confirmed opens", opens=len(confirmed)),
            Part(name="proxy opens", opens=len(opened - set(confirmed))),
        ],
        marks={hit.hit: _proxy_or_not(hit, confirmed.get(hit.reader or "", ())) for hit in hits if hit.channel == OPEN},
    )


def _proxy_or_not(hit: Moment, confirmed: Sequence[datetime]) -> Mapping[str, str]:
    if not cause_of(hit).is_found_out:
        return {"open": CONFIRMED}
    later = next((at for at in confirmed if at >= hit.at), None)
    if later is None:
        return {"open": PROXY}
    return {"open": CONFIRMED, "was": PROXY, "confirmed at": later.isoformat(timespec="seconds")}


def act_on(hits: Sequence[Moment]) -> Figures:
    """Opens and clicks by persons; beside them each class with its recipients, every recipient in one class."""
    marks = {hit.hit: {"True Open": true_open(hit)} for hit in hits}
    best: dict[tuple[str, str], str] = {}
    for hit in hits:
        if hit.reader is not None:
            key = (hit.reader, hit.channel)
            best[key] = _stronger(true_open(hit), best.get(key))
    return sum_up(
        (hit for hit in hits if true_open(hit) == PERSON),
        parts=[
            Part(name=f"{kind}, recipients", opens=_count(best, OPEN, kind), clicks=_count(best, None, kind))
            for kind in _PRECEDENCE
        ],
        marks=marks,
    )


def true_open(hit: Moment) -> str:
    """Security systems scan, privacy systems load ahead; whatever was not found out is a person there."""
    match cause_of(hit):
        case Cause.APPLE | Cause.AHEAD:
            return PRIVACY
        case Cause.LISTED | Cause.BEHAVED:
            return SECURITY
        case Cause.PERSON | Cause.OWN | Cause.UNKNOWN:
            return PERSON


def class_of(hits: Iterable[Moment]) -> str | None:
    """The class of one recipient: a person's single click outweighs ten scans."""
    best: str | None = None
    for hit in hits:
        best = _stronger(true_open(hit), best)
    return best


def _stronger(one: str, other: str | None) -> str:
    return one if other is None else min(one, other, key=_PRECEDENCE.index)


def _count(best: Mapping[tuple[str, str], str], channel: str | None, kind: str) -> int:
    """Recipients of one class among the opens, or without a channel among the clicks."""
    return sum((of == OPEN) is (channel == OPEN) and found == kind for (_, of), found in best.items())

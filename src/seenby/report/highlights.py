"""What of all that happened is worth a second look, and why. Pure.

Somebody answered, followed two links and more, came back after a week without a sign; or three people of one
organisation had mail open on one day. All of it by people's signs alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

from seenby.store.times import DAY, moment
from seenby.words.event import EventKind

SILENCE: Final = timedelta(days=7)
LINKS: Final = 2
TOGETHER: Final = 3  # people of one organisation
# Domains where mailboxes are given to everybody: who has one there has nothing to do with the others.
PROVIDERS: Final = frozenset({
    "126.com", "163.com", "aol.com", "free.fr", "gmail.com", "gmx.at", "gmx.ch", "gmx.de", "gmx.net", "googlemail.com",
    "hotmail.co.uk", "hotmail.com", "hotmail.fr", "icloud.com", "laposte.net", "libero.it", "live.com", "mac.com",
    "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr", "outlook.com", "proton.me", "protonmail.com", "qq.com",
    "seznam.cz", "t-online.de", "web.de", "wp.pl", "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.de", "yahoo.fr",
    "yandex.ru", "ziggo.nl",
})  # fmt: skip
Sign = Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Highlight:
    """One thing worth a look: of whom (a domain when of several people), when, and why."""

    at: int
    kind: str
    message: str
    subject: str
    address: str
    name: str
    domain: str  # set when it speaks of several people
    why: str


def highlights(signs: Sequence[Sign], *, before: Mapping[str, int | None]) -> Sequence[Highlight]:
    """Newest first. `before`: when each person last gave a sign before the oldest of `signs`."""
    ordered = sorted(signs, key=lambda sign: int(sign["at"]))
    found = [*_answered(ordered), *_clicked(ordered), *_came_back(ordered, before), *_together(ordered)]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _answered(signs: Iterable[Sign]) -> Iterator[Highlight]:
    for sign in signs:
        if sign["kind"] == EventKind.REPLIED:
            yield _of(sign, "answered")


def _clicked(signs: Iterable[Sign]) -> Iterator[Highlight]:
    copies: dict[tuple[str, str], list[Sign]] = {}
    for sign in signs:
        if sign["kind"] == EventKind.CLICKED:
            copies.setdefault((sign["message"], sign["address_key"]), []).append(sign)
    for clicks in copies.values():
        links = len({sign["link"] for sign in clicks})
        if links >= LINKS:
            yield _of(clicks[-1], f"clicked {links} different links")


def _came_back(signs: Iterable[Sign], before: Mapping[str, int | None]) -> Iterator[Highlight]:
    theirs: dict[str, list[Sign]] = {}
    for sign in signs:
        theirs.setdefault(sign["address_key"], []).append(sign)
    for address, ordered in theirs.items():
        earlier = before.get(address)
        if earlier is not None:
            yield from _after_silence(ordered[0], since=earlier)
        for one, other in pairwise(ordered):
            yield from _after_silence(other, since=one["at"])


def _after_silence(sign: Sign, *, since: int) -> Iterator[Highlight]:
    silence = moment(sign["at"]) - moment(since)
    if silence > SILENCE:
        yield _of(sign, f"came back after {silence.days} days without a sign")


def _together(signs: Iterable[Sign]) -> Iterator[Highlight]:
    days: dict[tuple[str, int], dict[str, Sign]] = {}
    for sign in signs:
        if sign["kind"] == EventKind.OPENED and sign["domain"] not in PROVIDERS:
            days.setdefault((sign["domain"], sign["at"] // DAY), {}).setdefault(sign["address_key"], sign)
    for (domain, day), people in days.items():
        if len(people) >= TOGETHER:
            last = list(people.values())[-1]
            words = f"{len(people)} people of {domain} opened mail on {moment(day * DAY):%-d %b} (UTC)"
            yield _of(last, words, domain=domain)


def _of(sign: Sign, why: str, *, domain: str = "") -> Highlight:
    return Highlight(
        at=sign["at"],
        kind=sign["kind"],
        message=sign["message"],
        subject=sign["subject"],
        address=sign["address_key"],
        name=sign["name"],
        domain=domain,
        why=why,
    )

"""One message's hits in the order people want them: people first, then what we cannot tell, machines folded.

Every hit is in exactly one place, so what is shown adds up to what was fetched. Repeats are folded under the
open or click they repeat; machines of one kind with one reason are one entry with a count.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from seenby.words.verdict import Label, Reason

OPEN: Final = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """One revision of a verdict; `until` is when it was revised, None while it stands."""

    label: Label
    permille: int
    reasons: tuple[Reason, ...]
    rules: str
    counted: bool
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One hit and what we think of it; `opinion` is None until it was judged."""

    hit: str
    at: datetime
    channel: str
    reader: str | None
    link: int | None
    in_text: bool
    method: str
    address: str | None
    network: str | None
    agent: str | None
    headers: Mapping[str, str]
    settled: bool
    opinion: Opinion | None
    earlier: tuple[Opinion, ...] = ()
    is_honeypot: bool = False  # the link that nobody sees; `link` is None then, for it is none of the message's

    @property
    def label(self) -> Label:
        """Who caused it, as far as we know."""
        return self.opinion.label if self.opinion else Label.UNKNOWN


@dataclass(slots=True, kw_only=True)
class Entry:
    """What the timeline shows as one: the hit that leads, and those that say the same, newest first."""

    lead: Moment
    others: list[Moment] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many hits it stands for."""
        return 1 + len(self.others)

    @property
    def latest(self) -> datetime:
        """When the newest of them came."""
        return max(moment.at for moment in (self.lead, *self.others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A message's hits, each list newest first."""

    people: Sequence[Entry]
    unsure: Sequence[Entry]
    machines: Sequence[Entry]

    @property
    def hits(self) -> int:
        """How many hits all entries stand for."""
        return sum(entry.count for entries in (self.people, self.unsure, self.machines) for entry in entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCount:
    """Clicks on one link: by people (repeats folded), by machines, and the rest that we cannot tell."""

    people: int = 0
    machines: int = 0
    unknown: int = 0


def timeline(moments: Iterable[Moment]) -> Timeline:
    """Arrange a message's hits."""
    rows = sorted(moments, key=lambda moment: (moment.at, moment.hit))
    people = [moment for moment in rows if moment.label.is_person and not moment.is_honeypot]
    machines = [moment for moment in rows if moment.label.is_machine]
    unsure = [one for one in rows if not one.label.is_machine and (one.is_honeypot or not one.label.is_person)]
    return Timeline(
        people=_with_repeats(people),
        unsure=_folded(unsure, lambda moment: moment.hit),
        machines=_folded(machines, _cause),
    )


def link_counts(moments: Iterable[Moment]) -> Mapping[int, LinkCount]:
    """Clicks by link number."""
    counts: dict[int, LinkCount] = {}
    for moment in moments:
        if moment.channel == OPEN or moment.link is None:
            continue
        had = counts.get(moment.link, LinkCount())
        is_own = moment.opinion is not None and moment.opinion.counted
        counts[moment.link] = LinkCount(
            people=had.people + (moment.label.is_person and is_own),
            machines=had.machines + moment.label.is_machine,
            unknown=had.unknown + (moment.label is Label.UNKNOWN),
        )
    return counts


def _with_repeats(people: Sequence[Moment]) -> Sequence[Entry]:
    """Opens and clicks that count, each with the repeats that followed it."""
    latest: dict[tuple[str | None, str, int | None], Entry] = {}
    entries: list[Entry] = []
    for moment in people:
        what = (moment.reader, moment.channel, moment.link)
        before = latest.get(what)
        if before is not None and moment.opinion is not None and not moment.opinion.counted:
            before.others.insert(0, moment)
            continue
        latest[what] = Entry(lead=moment)
        entries.append(latest[what])
    return entries[::-1]


def _cause(moment: Moment) -> Hashable:
    reasons = moment.opinion.reasons if moment.opinion else ()
    return (moment.label, moment.channel, moment.is_honeypot, moment.reader, reasons[0].code if reasons else "")


def _folded(moments: Sequence[Moment], key: Callable[[Moment], Hashable]) -> Sequence[Entry]:
    """One entry for all hits of one key, led by the newest."""
    groups: dict[Hashable, list[Moment]] = defaultdict(list)
    for moment in reversed(moments):
        groups[key(moment)].append(moment)
    return [Entry(lead=group[0], others=group[1:]) for group in groups.values()]

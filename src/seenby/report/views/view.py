"""A counting view: a named way of counting a message's hits, and what it comes to.

A view reads verdicts and never changes one; whoever leaves it again finds everything as it was.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seenby.report.timeline import OPEN, Moment
from seenby.words.verdict import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One column that a product shows beside its totals, in its own word."""

    name: str
    opens: int = 0
    clicks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a message's hits come to under one view.

    `openers` and `clickers` are recipients, each once; a hit on a token that all copies share is nobody's. `parts` are
    the product's own columns, `marks` what it would write beside each hit, in its own spelling.
    """

    opens: int
    clicks: int
    openers: int
    clickers: int
    parts: Sequence[Part] = ()
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way of counting.

    `source` names the public page it follows, empty for our own; `thread` counts the opens of a whole thread (when,
    who) where the product has such a figure.
    """

    name: str
    title: str
    sentence: str
    read: Callable[[Sequence[Moment]], Figures]
    source: str = ""
    thread: Callable[[Iterable[tuple[datetime, Label | None]]], int] | None = None


def sum_up(
    hits: Iterable[Moment], *, parts: Sequence[Part] = (), marks: Mapping[str, Mapping[str, str]] | None = None
) -> Figures:
    """The totals of the hits that a view counts."""
    counting = list(hits)
    number = Counter(one.channel == OPEN for one in counting)
    readers = {(one.reader, one.channel == OPEN) for one in counting if one.reader is not None}
    return Figures(
        opens=number[True],
        clicks=number[False],
        openers=sum(is_open for _, is_open in readers),
        clickers=sum(not is_open for _, is_open in readers),
        parts=parts,
        marks=marks or {},
    )


def part(name: str, hits: Iterable[Moment]) -> Part:
    """A column from the hits that belong in it."""
    number = Counter(one.channel == OPEN for one in hits)
    return Part(name=name, opens=number[True], clicks=number[False])

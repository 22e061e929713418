"""As Marketo counts: two attributes on every activity, `Is Bot Activity` and `Bot Activity Pattern`.

Known robots come first, by a list of programs and addresses. Then proximity: activities of one kind by one person on
one message that lie no further apart than the setting are a robot's. The setting is in whole seconds, 0 to 3, and 0
means the same second: less than one apart. An activity that repeats another to the instant, link and all, is not
logged a second time and proves no robot. One that is no robot's says "N/A"; one that was never examined says nothing
in either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Final

from seenby.report.timeline import Moment
from seenby.report.views.cause import Cause, cause_of
from seenby.report.views.view import Figures, View, part, sum_up

IS_BOT: Final = "Is Bot Activity"
PATTERN: Final = "Bot Activity Pattern"
BY_LIST: Final = "Match with IAB list"
BY_PROXIMITY: Final = "Match with proximity pattern"
NO_PATTERN: Final = "N/A"
MOST_SECONDS: Final = 3


def marketo(hits: Sequence[Moment], *, seconds: int) -> Figures:
    """All logged activities, and apart from them those that are no robot's."""
    logged = _without_duplicates(hits)
    near = _near(logged, within=timedelta(seconds=seconds + 1))
    marks = {hit.hit: _marks(hit, is_near=hit.hit in near) for hit in logged}
    robots = [hit for hit in logged if marks[hit.hit][IS_BOT] == "True"]
    others = [hit for hit in logged if marks[hit.hit][IS_BOT] != "True"]
    parts = [part(f"{IS_BOT}: True", robots), part("logged", logged)]
    return sum_up(others, parts=parts, marks=marks)


def _marks(hit: Moment, *, is_near: bool) -> Mapping[str, str]:
    if hit.opinion is None:
        return {IS_BOT: "", PATTERN: ""}
    if cause_of(hit) is Cause.LISTED:
        return {IS_BOT: "True", PATTERN: BY_LIST}
    if is_near:
        return {IS_BOT: "True", PATTERN: BY_PROXIMITY}
    return {IS_BOT: "False", PATTERN: NO_PATTERN}


def _without_duplicates(hits: Iterable[Moment]) -> Sequence[Moment]:
    found: dict[tuple[object, ...], Moment] = {}
    for hit in sorted(hits, key=lambda one: (one.at, one.hit)):
        whose = hit.reader or hit.hit  # on a token that all copies share, nobody repeats anybody
        found.setdefault((whose, hit.channel, hit.link, hit.at), hit)
    return list(found.values())


def _near(hits: Iterable[Moment], *, within: timedelta) -> frozenset[str]:
    """The hits that another of the same reader and kind is near to."""
    rows: dict[tuple[str, str], list[Moment]] = defaultdict(list)
    for hit in sorted(hits, key=lambda one: one.at):
        if hit.reader is not None:
            rows[hit.reader, hit.channel].append(hit)
    return frozenset(
        hit.hit for row in rows.values() for pair in pairwise(row) if pair[1].at - pair[0].at < within for hit in pair
    )


def _within(seconds: int) -> str:
    return "in the same second" if not seconds else f"at most {seconds} s apart"


MARKETO: Final = tuple(
    View(
        name=f"marketo-{seconds}" if seconds else "marketo",
        title="Marketo" + (f", {seconds} s" if seconds else ""),
        sentence=f"Activities of known robots, and those of one person {_within(seconds)}, are not counted; "
        "an exact duplicate is not logged.",
        read=partial(marketo, seconds=seconds),
        source="Adobe Marketo Engage, “Filtering Email Bot Activity” and “Update to Filtering bot activity (Jan 2024)”",
    )
    for seconds in range(MOST_SECONDS + 1)
)

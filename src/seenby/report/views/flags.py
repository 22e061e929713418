"""As products count that log every event and put a flag on it: Mailgun, SendGrid, Iterable.

Their totals hold every event, machines too; the part beside them is what is left without the flagged ones.
"""

from collections.abc import Callable, Mapping, Sequence

from seenby.report.timeline import OPEN, Moment
from seenby.report.views.cause import Cause, cause_of, provider_of
from seenby.report.views.view import Figures, part, sum_up


def mailgun(hits: Sequence[Moment]) -> Figures:
    """`client-info.bot`: apple, gmail, generic, or empty where no bot was found."""
    return _flagged(hits, lambda hit: {"bot": mailgun_bot(hit)}, rest="bot is empty", is_left=_no_bot)


def mailgun_bot(hit: Moment) -> str:
    """Apple's prefetch and Gmail's by name, every other machine as `generic`."""
    cause = cause_of(hit)
    if cause is Cause.APPLE:
        return "apple"
    if cause is Cause.AHEAD and provider_of(hit) == "Gmail":
        return "gmail"
    return "generic" if cause.is_found_out else ""


def _no_bot(marks: Mapping[str, str]) -> bool:
    return not marks["bot"]


def sendgrid(hits: Sequence[Moment]) -> Figures:
    """`sg_machine_open` on opens: Apple's privacy prefetch and nothing else. Clicks are not told apart."""
    return _flagged(hits, _sendgrid_marks, rest="sg_machine_open is false", is_left=_by_no_machine)


def _sendgrid_marks(hit: Moment) -> Mapping[str, str]:
    return {"sg_machine_open": _bool(cause_of(hit) is Cause.APPLE)} if hit.channel == OPEN else {}


def _by_no_machine(marks: Mapping[str, str]) -> bool:
    return marks.get("sg_machine_open") != "true"


def iterable(hits: Sequence[Moment]) -> Figures:
    """`isBot` for scanners, previews and scripts; `proxySource` names the mailbox provider that fetched an open.

    A provider's prefetch is its proxy and no bot there, so Apple's opens are counted and can be told by their source.
    """
    return _flagged(hits, _iterable_marks, rest="isBot is false", is_left=_is_no_bot)


def _iterable_marks(hit: Moment) -> Mapping[str, str]:
    marks = {"isBot": _bool(cause_of(hit).is_robot)}
    return marks | {"proxySource": provider_of(hit)} if hit.channel == OPEN else marks


def _is_no_bot(marks: Mapping[str, str]) -> bool:
    return marks["isBot"] == "false"


def _flagged(
    hits: Sequence[Moment],
    mark: Callable[[Moment], Mapping[str, str]],
    *,
    rest: str,
    is_left: Callable[[Mapping[str, str]], bool],
) -> Figures:
    marks = {hit.hit: mark(hit) for hit in hits}
    return sum_up(hits, parts=[part(rest, (hit for hit in hits if is_left(marks[hit.hit])))], marks=marks)


def _bool(value: bool) -> str:  # noqa: FBT001 - its only purpose
    return "true" if value else "false"

"""What can honestly be said of one recipient: opened and clicked, each seen, probably, cannot know, or no sign.

A person's click implies an open, a reply implies one too; a machine's click implies nothing. The unsubscribe link and
the honeypot are never clicks.
"""

from collections.abc import Iterable
from typing import Final

from seenby.judge.evidence import HONEYPOT, UNSUBSCRIBE, Seen
from seenby.words.verdict import Label, State, Verdict

SEEN_FROM: Final = 0.75  # probability from which a person's fetch is said without "probably"
_ORDER: Final = (State.NO_SIGN, State.CANNOT_KNOW, State.PROBABLY, State.SEEN)
_HIDES_READING: Final = frozenset(
    {"apple_prefetch", "apple_network", "early_proxy", "bare_agent_elsewhere", "colleague_line"}
)


def states(readings: Iterable[tuple[Seen | str, Verdict]], *, replied: bool = False) -> tuple[State, State]:
    """(opened, clicked) of one recipient from all hits on their tokens.

    A hit stands as itself or, where its link is one of the message's own, as its channel alone.
    """
    opened = State.SEEN if replied else State.NO_SIGN
    clicked = State.NO_SIGN
    for seen, verdict in readings:
        state = _of(verdict)
        channel, link = (seen, None) if isinstance(seen, str) else (seen.channel, seen.link)
        if channel == "open":
            opened = _higher(opened, state)
            continue
        if link not in (HONEYPOT, UNSUBSCRIBE):
            clicked = _higher(clicked, state)
        if verdict.label.is_person:
            opened = _higher(opened, state)
    return opened, clicked


def _of(verdict: Verdict) -> State:
    if verdict.label.is_person:
        return State.SEEN if verdict.probability >= SEEN_FROM else State.PROBABLY
    codes = {reason.code for reason in verdict.reasons}
    if "office_probe" in codes:
        return State.PROBABLY  # Office asks only because a person clicked
    if verdict.label is Label.UNKNOWN or codes & _HIDES_READING:
        return State.CANNOT_KNOW
    return State.NO_SIGN


def _higher(one: State, other: State) -> State:
    return max(one, other, key=_ORDER.index)

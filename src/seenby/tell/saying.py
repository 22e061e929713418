"""What happened in a few words, where there is no page around them: in notifications and in the daily mail."""

from collections.abc import Mapping, Sequence
from typing import Final

from seenby.words.event import EventKind

_DID: Final[Mapping[str, str]] = {
    EventKind.OPENED: "opened",
    EventKind.CLICKED: "clicked a link in",
    EventKind.REPLIED: "answered",
    EventKind.UNSUBSCRIBED: "unsubscribed, in",
    EventKind.MESSAGE_BOUNCED: "did not get",
    EventKind.COMPLAINED: "reported as unwanted",
    EventKind.REMINDED: "asked to be reminded of",
}
_COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    EventKind.OPENED: ("open", "opens"),
    EventKind.CLICKED: ("click", "clicks"),
    EventKind.REPLIED: ("answer", "answers"),
    EventKind.UNSUBSCRIBED: ("person unsubscribed", "people unsubscribed"),
    EventKind.MESSAGE_BOUNCED: ("bounce", "bounces"),
    EventKind.COMPLAINED: ("complaint", "complaints"),
    EventKind.REMINDED: ("reminder", "reminders"),
}


def did(kind: str) -> str:
    """What stands between a person and a message: `clicked a link in`."""
    return _DID.get(kind, "has news of")


def counted(kinds: Sequence[str]) -> str:
    """`3 opens, 1 click`."""
    found = {kind: kinds.count(kind) for kind in _COUNTED if kind in kinds}
    return ", ".join(f"{count} {_COUNTED[kind][count > 1]}" for kind, count in found.items())

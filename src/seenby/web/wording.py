"""What a hit and the reasons of its verdict are called on screen."""

from typing import Final

from seenby.instrument.reasons import Left
from seenby.report.timeline import OPEN, Moment
from seenby.words.verdict import Label, Reason

BAR: Final = 4.0  # the weight that fills half a bar


def hit_words(moment: Moment) -> str:
    """What happened, after the reader's name for a person, as a sentence of its own for the others."""
    opened, clicked = _WORDS[moment.label]
    return opened if moment.channel == OPEN else clicked


_WORDS: Final = {
    Label.HUMAN: ("opened the message", "clicked a link"),
    Label.PROXY_HUMAN: ("opened the message, in a mail service that hides place and device", "clicked a link"),
    Label.PREFETCH: ("the mail provider fetched the images for everyone, read or not", "a link was fetched ahead"),
    Label.SCANNER: ("security software loaded the images", "security software followed a link"),
    Label.PREVIEW_BOT: ("a program loaded the images for a preview", "a program fetched a link for a preview"),
    Label.SELF: ("you or a colleague looked at it", "you or a colleague followed a link"),
    Label.UNKNOWN: ("the images were loaded", "a link was followed"),
}
LABELS: Final = {
    Label.HUMAN: "a person",
    Label.PROXY_HUMAN: "a person, through an image proxy",
    Label.PREFETCH: "fetched ahead by a provider",
    Label.SCANNER: "security software",
    Label.PREVIEW_BOT: "a link preview",
    Label.SELF: "you or your team",
    Label.UNKNOWN: "not known",
}
ICONS: Final = {
    Label.HUMAN: "user",
    Label.PROXY_HUMAN: "user",
    Label.PREFETCH: "robot",
    Label.SCANNER: "robot",
    Label.PREVIEW_BOT: "robot",
    Label.SELF: "users",
    Label.UNKNOWN: "user-question",
}


def reason_words(reason: Reason) -> str:
    """One argument of a verdict."""
    return reason.code.replace("_", " ").capitalize()


def note_words(note: str) -> str:
    """Why a part or a link of a message was left as it was."""
    try:
        return Left(note).sentence
    except ValueError:
        return note


def bar(weight: float) -> tuple[float, float]:
    """Where a weight's bar begins and how long it is, in percent: for a person to the right, against to the left."""
    length = min(abs(weight), BAR) / BAR * 50
    return (50.0, length) if weight >= 0 else (50.0 - length, length)

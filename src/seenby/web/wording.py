"""What a hit and the reasons of its verdict are called on screen."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from seenby.judge import REASONS, Seen, describe
from seenby.judge.evidence import HONEYPOT
from seenby.report.timeline import OPEN, Entry, Moment
from seenby.store.times import moment
from seenby.words.event import EventKind
from seenby.words.verdict import Label, Reason, Verdict

# What rings the bell: colour, icon, and the words around the subject.
BELL: Final[Mapping[str, tuple[str, str, str, str]]] = {
    EventKind.OPENED: ("person", "eye-check", "opened", ""),
    EventKind.CLICKED: ("person", "pointer", "clicked a link in", ""),
    EventKind.REPLIED: ("person", "mailbox", "answered", ""),
    EventKind.UNSUBSCRIBED: ("bad", "user", "unsubscribed from your team's mail, in", ""),
    EventKind.MESSAGE_BOUNCED: ("bad", "alert-triangle", "did not get", ": it came back"),
    EventKind.COMPLAINED: ("bad", "alert-triangle", "reported", " as unwanted"),
    EventKind.REMINDED: ("wait", "alarm", "asked to be reminded of", ""),
}
# The same for the feed, which tells of more; a reminder is one sender's own.
FEED: Final[Mapping[str, tuple[str, str, str, str]]] = {
    **{kind: words for kind, words in BELL.items() if kind != EventKind.REMINDED},
    EventKind.MESSAGE_ACCEPTED: ("", "send", "sent", ""),
    EventKind.MESSAGE_FAILED: ("bad", "alert-triangle", "did not get", ": it was given up"),
}

BAR: Final = 4.0  # the weight that fills half a bar


def entry_words(entry: Entry, sent_at: int) -> str:
    """What happened, in the judge's words; a folded entry speaks of all its links."""
    lead = entry.lead
    links = {one.link for one in (lead, *entry.others) if one.link is not None}
    return _capitalized(describe(_verdict(lead), _seen(lead, moment(sent_at)), links=max(1, len(links))))


def _verdict(hit: Moment) -> Verdict:
    if hit.opinion is None:
        return Verdict(label=Label.UNKNOWN, probability=0.5, reasons=(), rules="")
    opinion = hit.opinion
    return Verdict(
        label=opinion.label, probability=opinion.permille / 1000, reasons=opinion.reasons, rules=opinion.rules
    )


def _seen(hit: Moment, sent_at: datetime) -> Seen:
    return Seen(
        id=hit.hit,
        t=(hit.at - sent_at).total_seconds(),
        channel="open" if hit.channel == OPEN else "click",
        link=HONEYPOT if hit.is_honeypot else None if hit.link is None else hit.link + 1,
        agent=hit.agent,
    )


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


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
    return REASONS.get(reason.code, "The rules could not be applied")


def bar(weight: float) -> tuple[float, float]:
    """Where a weight's bar begins and how long it is, in percent: for a person to the right, against to the left."""
    length = min(abs(weight), BAR) / BAR * 50
    return (50.0, length) if weight >= 0 else (50.0 - length, length)


def initials(person: Mapping[Any, Any]) -> str:
    """One or two letters that stand for a recipient."""
    words = re.findall(r"[^\W_]+", person["name"] or person["address"].partition("@")[0])
    letters = [word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)]
    return "".join(letters).upper() or "?"

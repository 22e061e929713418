"""Habit: what hits on mail to this domain came to before, where the other rules were sure.

Some domains' mail is scanned in its first minute almost always, others' never; the hits of months say which. What they
came to at the recipient's domain is weighed against its mail host's, that against everybody's, and that against the
built-in start: the fewer there are, the more the next wider circle speaks (beta-binomial shrinkage). The finding is how
far the outcome is from the start.

We believe it little. Most machines behind such a count gave themselves away by other signs, so a hit without those
signs is unlike them, and neighbours make nobody a person either. So it is capped, needs some copies, and never makes a
verdict: it can put one in doubt or make it surer (`judging`). It speaks last and of its own hit alone, so that the
judge without it is the judge it learns from: what it says never comes back as something learned. Whoever lets machines
loose on their own copies lowers their own domain, where each copy counts once. A scanner that begins at a domain of
people passes for a while.
"""

from collections.abc import Sequence

from seenby.judge import weights
from seenby.judge.evidence import Reader
from seenby.judge.finding import Finding
from seenby.judge.rules.mail_host import weight_of_vendor
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family, log_odds, probability
from seenby.words.habit import EARLY_SECONDS, EVERYBODY, Habit, mail_host_name

_NOTHING = Habit(people=0, machines=0)


def habit(trace: Trace, scene: Scene) -> Finding | None:
    """What was learned of the recipient's domain."""
    reader = scene.readers.get(trace.seen.reader or "")
    if reader is None or not scene.evidence.habits:
        return None
    early = trace.age < EARLY_SECONDS
    channel = "open" if trace.opening else "click"
    circles = _circles(reader, scene, channel=channel, early=early)
    nearest = next(((name, one) for name, one in circles if one.copies >= weights.HABIT_FROM), None)
    if nearest is None:
        return None
    start = weights.HABIT_START[channel, early]
    listed = weight_of_vendor(trace, reader)
    weight = _learned([one for _, one in circles], start=start, listed=listed) - start - listed
    if abs(weight) < weights.HABIT_LEAST:
        return None
    detail = _said(*nearest, opening=trace.opening, early=early)
    return Finding(code="habit", weight=weight, family=Family.RECIPIENT, detail=detail)


def _circles(reader: Reader, scene: Scene, *, channel: str, early: bool) -> list[tuple[str, Habit]]:
    """The reader's domain, its mail host, everybody: how each is called, and what its hits came to."""
    habits = scene.evidence.habits
    host = mail_host_name(reader.mail_host) if reader.mail_host else ""
    return [
        ("their domain", habits.get((reader.domain.lower(), channel, early), _NOTHING)),
        (reader.mail_host, habits.get((host, channel, early), _NOTHING)),
        ("all domains", habits.get((EVERYBODY, channel, early), _NOTHING)),
    ]


def _learned(circles: Sequence[Habit], *, start: float, listed: float) -> float:
    """Log-odds for a person, from the widest circle inwards; what the mail host's name says comes in on the way."""
    domain, host, everybody = circles
    share = _shrunk(everybody, towards=probability(start), strength=weights.HABIT_OF_EVERYBODY)
    share = _shrunk(host, towards=probability(log_odds(share) + listed), strength=weights.HABIT_OF_MAIL_HOST)
    return log_odds(_shrunk(domain, towards=share, strength=weights.HABIT_OF_DOMAIN))


def _shrunk(one: Habit, *, towards: float, strength: float) -> float:
    return (one.people + strength * towards) / (one.copies + strength)


def _said(name: str, one: Habit, *, opening: bool, early: bool) -> str:
    """For the screen. The domain is not named: it may be a person's own, and whoever looks knows the address."""
    what = "opens" if opening else "clicks"
    when = "in the first minute" if early else "after the first minute"
    return f"{name}: {one.machines / one.copies:.0%} of {what} {when} were machines', of {one.copies}"

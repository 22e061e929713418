"""Whom a message's rates speak of, and what is known of each of them. Pure.

The sender's own side is no audience, a seed mailbox is nobody's, and a copy that nobody has taken cannot be opened. Of
the rest, copies without a pixel of their own stand outside the rate and lower its coverage: nothing can be said of
them, so nothing is.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from seenby.instrument.reasons import Left
from seenby.report.rate import Counts
from seenby.report.timeline import OPEN, Moment
from seenby.report.views.cause import Cause, cause_of
from seenby.words.message import Delivery, Untracked
from seenby.words.policy import Level

Row = Mapping[Any, Any]
# Notes after which a message carries no pixel for anybody.
NO_PIXEL: Final = frozenset({Left.TEXT_ONLY.sentence})


def audience(recipients: Sequence[Row]) -> Sequence[Row]:
    """Recipients who are not the sender's own side nor a seed mailbox, and whose copy was taken by the next hop."""
    return [
        person
        for person in recipients
        if person["state"] == Delivery.SENT
        and not person["is_seed"]
        and not (person["untracked"] and Untracked(person["untracked"]).is_team)
    ]


def has_pixel(message: Row, person: Row) -> bool:
    """Whether this copy carries a pixel of its own."""
    return (
        not message["untouched"]
        and not person["untracked"]
        and person["pixels"] >= Level.IDENTIFIED
        and NO_PIXEL.isdisjoint(json.loads(message["notes"]))
    )


def counts_of(message: Row, recipients: Sequence[Row], hits: Sequence[Moment]) -> Counts:
    """Everybody of the audience in one count, by what was read of their copy."""
    outside = audience(recipients)
    tracked = {person["id"] for person in outside if has_pixel(message, person)}
    theirs = [(hit.reader, hit.channel, cause_of(hit)) for hit in hits if hit.reader in tracked]
    opened = {reader for reader, channel, cause in theirs if cause is Cause.PERSON and channel == OPEN}
    clicked = {reader for reader, channel, cause in theirs if cause is Cause.PERSON and channel != OPEN}
    apple = {reader for reader, _, cause in theirs if cause is Cause.APPLE}
    seen = opened | clicked
    return Counts(
        both=len((opened & clicked) - apple),
        pixel=len(opened - clicked - apple),
        link=len(clicked - opened - apple),
        silent=len(tracked - seen - apple),
        apple_proven=len(apple & seen),
        apple_clicked=len(apple & clicked),
        apple_silent=len(apple - seen),
        scanned=len({reader for reader, _, cause in theirs if cause.is_robot}),
        unmeasured=len(outside) - len(tracked),
    )

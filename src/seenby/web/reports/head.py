"""What stands above every report: how long, of what, and the ways to cut it (`report_head.html`)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from seenby.report.asked import SPANS_SHOWN, Asked
from seenby.store import Transaction, labels
from seenby.store.people import sender_addresses
from seenby.web.look import Frame, frame_of
from seenby.words.message import Sender


class Head(NamedTuple):
    """Under the names that the templates use; `senders`: addresses by id."""

    frame: Frame
    asked: Asked
    cut: str  # the page's own part of its path; empty for the overview
    since: date
    last: date
    senders: Mapping[str, str]
    labels: Sequence[str]
    spans: Mapping[str, str] = SPANS_SHOWN


async def head_of(tx: Transaction, sender: Sender, asked: Asked, *, today: date, cut: str = "") -> Head:
    """The page's frame and its head."""
    since, until = asked.span(today=today)
    return Head(
        frame=await frame_of(tx, sender),
        asked=asked,
        cut=cut,
        since=since,
        last=until - timedelta(days=1),
        senders=await sender_addresses(tx, team=sender.team),
        labels=await labels.of_team(tx, team=sender.team),
    )

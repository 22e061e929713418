"""A message's figures: people only, one other view beside it, and the honest rate among the rates others would show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seenby.report.audience import audience, counts_of, has_pixel
from seenby.report.moments import moments_of
from seenby.report.rate import Counts, Rate, open_rate
from seenby.report.timeline import OPEN, Moment
from seenby.report.views import PEOPLE, Figures, Part, View, view_named
from seenby.store import Transaction
from seenby.store.times import moment
from seenby.words.verdict import Label

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Opens by recipient as they would be shown elsewhere, each of the recipients that the rate speaks of.

    `raw`: all fetches of images for each recipient, which may be more than one each; `unique`: recipients with any;
    `people`: recipients with a person's open or click.
    """

    raw: float
    unique: float
    people: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a message came to."""

    audience: int  # recipients outside the team, whose copy was taken by the next hop
    people: Figures
    view: View
    figures: Figures
    counts: Counts
    rate: Rate | None
    shares: Shares | None

    @property
    def is_other(self) -> bool:
        """Whether another view than people only is asked for."""
        return self.view is not PEOPLE


async def summary_of(tx: Transaction, message: Row, *, view: View) -> Summary:
    """A message's figures from the store."""
    recipients = await tx.all("recipients_of", message=message["id"])
    hits = await moments_of(tx, message["id"])
    return await summarize(tx, message, recipients, hits, view=view)


async def summarize(
    tx: Transaction, message: Row, recipients: Sequence[Row], hits: Sequence[Moment], *, view: View
) -> Summary:
    """The same, of rows that were read already."""
    seeds = {person["id"] for person in recipients if person["is_seed"]}
    # Other products have no link that nobody sees, and no mailbox that nobody reads.
    hits = [hit for hit in hits if not hit.is_honeypot and hit.reader not in seeds]
    parts = await _of_thread(tx, message, view)
    people, figures = PEOPLE.read(hits), view.read(hits)
    counts = counts_of(message, recipients, hits)
    return Summary(
        audience=len(audience(recipients)),
        people=people,
        view=view,
        figures=Figures(
            opens=figures.opens,
            clicks=figures.clicks,
            openers=figures.openers,
            clickers=figures.clickers,
            parts=[*figures.parts, *parts],
            marks=figures.marks,
        ),
        counts=counts,
        rate=open_rate(counts),
        shares=_shares(message, recipients, hits, counts),
    )


async def _of_thread(tx: Transaction, message: Row, view: View) -> Sequence[Part]:
    if view.thread is None:
        return ()
    rows = await tx.all("opens_in_thread", team=message["team"], thread=message["thread"])
    opens = ((moment(row["at"]), Label(row["label"]) if row["label"] else None) for row in rows)
    return [Part(name="the whole thread", opens=view.thread(opens))]


def _shares(message: Row, recipients: Sequence[Row], hits: Sequence[Moment], counts: Counts) -> Shares | None:
    tracked = {person["id"] for person in audience(recipients) if has_pixel(message, person)}
    if not tracked:
        return None
    readers = [hit.reader for hit in hits if hit.channel == OPEN and hit.reader in tracked]
    return Shares(
        raw=len(readers) / len(tracked),
        unique=len(set(readers)) / len(tracked),
        people=counts.proven / len(tracked),
    )


def rate_words(rate: Rate) -> str:
    """The honest rate in one sentence."""
    return (
        f"About {_percent(rate.estimate)} of the {rate.recipients:,} recipients have opened it so far: "
        f"between {_percent(rate.low)} and {_percent(rate.high)}, with 95% certainty. "
        f"Opens can be measured for {_percent(rate.coverage)} of all recipients."
    )


def _percent(share: float) -> str:
    return f"{share * 100:.0f}%"


def summary_json(message: Row, summary: Summary) -> dict[str, Any]:
    """A message's figures for programs."""
    return {
        "message": message["id"],
        "recipients": summary.audience,
        "people": _figures_json(summary.people),
        "view": summary.view.name,
        "figures": _figures_json(summary.figures),
        "marks": {hit: dict(marks) for hit, marks in summary.figures.marks.items()},
        "rate": asdict(summary.rate) if summary.rate else None,
        "shares": asdict(summary.shares) if summary.shares else None,
        "counts": asdict(summary.counts),
    }


def _figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "opens": figures.opens,
        "openers": figures.openers,
        "clicks": figures.clicks,
        "clickers": figures.clickers,
        "parts": [asdict(part) for part in figures.parts],
    }


async def report_of(tx: Transaction, name: str, *, view: str) -> dict[str, Any] | None:
    """Everything that `seenby report` prints of the message with this id or Message-ID; None if there is none."""
    message = await tx.one("message_named", name=name)
    if message is None:
        return None
    summary = await summary_of(tx, message, view=view_named(view))
    words = rate_words(summary.rate) if summary.rate else ""
    return {**summary_json(message, summary), "title": summary.view.title, "sentence": words}

"""Which organisations read, click and answer: what became of copies by recipients' domain, ranked. Pure.

A copy counts once, however often it was fetched. Every share is of the whole that the overview's share of that name is
of, so the sum of all rows is the overview. Domains where strangers have mailboxes are no organisations and stand apart,
like people who were erased.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seenby.report.insights import Share
from seenby.store.domains import ERASED, REST
from seenby.store.tables import DOMAIN_SUMS

SHOWN: Final = 50
APART: Final = 3  # what is no organisation: providers' mailboxes, people who were erased, and what has no name
AT_PROVIDERS: Final = "@"
# What they can be ranked by. By shares, one copy that was opened would be the best of all.
ORDERS: Final[Mapping[str, str]] = {
    "": "Most mail",
    "opened": "Opened",
    "clicked": "Clicked",
    "replied": "Answered",
    "bounced": "Not delivered",
}
CSV_COLUMNS: Final = (
    "Organisation", "What it is", "Recipients", "Delivered", "Measurable", "Opened (people)", "Clicked", "Answered",
    "Not delivered",
)  # fmt: skip
_NAMES: Final = {AT_PROVIDERS: "Addresses at mailbox providers", ERASED: "People who were erased"}
_NOTES: Final = {AT_PROVIDERS: "Gmail, Outlook and others, where strangers share a domain", ERASED: ""}
_OF: Final[Mapping[str, tuple[str, str]]] = {
    "opened": ("measured", "recipients of whom a person's open or click was read, of those who can be measured"),
    "clicked": ("sent", "recipients of whom a person's click was read, of all to whom it was delivered"),
    "replied": ("sent", "recipients known to have answered, of all to whom it was delivered; there may be more"),
    "bounced": ("copies", "copies refused, returned or given up, of all that were sent"),
    "measured": (
        "sent",
        "recipients whose copy was delivered with an image of its own, of all to whom it was delivered",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One organisation, or several under one name. `domain` is empty where there is no page to lead to."""

    name: str
    sums: Mapping[str, int]
    domain: str = ""
    note: str = ""

    def __getitem__(self, name: str) -> int:
        return self.sums[name]

    def share(self, name: str) -> Share:
        """A share of its copies, with what it is of."""
        whole, of = _OF[name]
        return Share(name=name, part=self.sums[name], whole=self.sums[whole], of=of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The organisations of some mail, those that come after them as one, what is none, and all together."""

    rows: Sequence[Row]
    apart: Sequence[Row]
    whole: Row
    longest: int  # copies delivered to one organisation, for the bars

    def bar(self, row: Row) -> Mapping[str, float]:
        """How long a row's bars are, in hundredths of the longest."""
        return {name: round(100 * row[name] / max(1, self.longest), 2) for name in ("sent", "opened", "clicked")}


def ranking_of(found: Sequence[Mapping[Any, Any]], *, shown: int = SHOWN) -> Ranking:
    """Of what `domains_of_days` found, which is at least `shown` and APART rows where there are as many."""
    named = [_row(one) for one in found if one["value"] not in (*_NAMES, REST)][:shown]
    apart = [_row(one) for one in found if one["value"] in _NAMES]
    whole = {name: int(found[0][f"all_{name}"]) if found else 0 for name in DOMAIN_SUMS}
    values = int(found[0]["all_values"]) if found else 0
    without_name = sum(one["value"] == REST for one in found)
    others = _others(whole, [*named, *apart], more=values - len(named) - len(apart) - without_name)
    return Ranking(
        rows=named,
        apart=[*([others] if others["copies"] else []), *sorted(apart, key=lambda row: -row["copies"])],
        whole=Row(name="All", sums=whole),
        longest=max((row["sent"] for row in named), default=0),
    )


def lines_of(ranking: Ranking) -> Iterable[Sequence[str | int]]:
    """The ranking as lines of a table, under a line of names."""
    yield CSV_COLUMNS
    for row in (*ranking.rows, *ranking.apart):
        kind = "organisation" if row.domain else "several together"
        yield (row.name, kind, *(row[name] for name in DOMAIN_SUMS))


def _row(found: Mapping[Any, Any]) -> Row:
    value = found["value"]
    sums = {name: int(found[name]) for name in DOMAIN_SUMS}
    if value in _NAMES:
        return Row(name=_NAMES[value], sums=sums, note=_NOTES[value])
    return Row(name=value, domain=value, sums=sums)


def _others(whole: Mapping[str, int], told: Sequence[Row], *, more: int) -> Row:
    sums = {name: whole[name] - sum(row[name] for row in told) for name in DOMAIN_SUMS}
    organisations = "1 more organisation" if more == 1 else f"{more:,} more organisations"
    return Row(name="Others", sums=sums, note=organisations if more else "of messages to very many organisations")

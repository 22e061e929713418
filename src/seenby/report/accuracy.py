"""How often the judge is wrong on a team's own mail: two errors, each with what it is a share of, and never one figure.

Whoever opens a seed mailbox is a machine, for nobody reads it; whom a member of the team owned up to be was no
recipient. Whoever answered was a person, and so was whom a member said it was. All else is not known, and not used.

Fetches of one copy hang together, so the intervals are somewhat too narrow; and of people who answered none knows
which fetch was theirs. Both are said where the figures stand.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from seenby.judge import states
from seenby.report.interval import wilson
from seenby.store import Transaction
from seenby.store.accuracy import (
    Fetched,
    SeedError,
    add_seed,
    before_answers,
    on_seeds,
    remove_seed,
    seeds_of,
    spoken_of,
)
from seenby.store.times import moment
from seenby.words.verdict import State, Verdict

ENOUGH: Final = 30  # cases from which a share says something
BINS: Final = 5
FETCHES: Final = "fetches that were no recipient's"
PEOPLE: Final = "people whose copy was fetched"

# Where a fetch came from, by the reasons of its verdict: the first that fits.
SOURCES: Final[Sequence[tuple[str, frozenset[str]]]] = (
    ("Apple's prefetch", frozenset({"apple_prefetch", "apple_network", "bare_agent_elsewhere"})),
    ("Image proxies", frozenset({"image_proxy", "early_proxy", "gmail_prefetch", "mailbox_network"})),
    (
        "Robots that say so, and scripts",
        frozenset({"declared_scanner", "declared_preview", "office_probe", "script", "headless", "preview_network"}),
    ),
    ("Security networks", frozenset({"mail_security", "web_proxy"})),
    ("Microsoft's network", frozenset({"microsoft_network"})),
    ("Clouds and rented servers", frozenset({"cloud", "hosting", "relay_or_cdn"})),
    ("Mail programs", frozenset({"mail_client"})),
    ("Browsers", frozenset({"full_headers", "partial_headers"})),
)
OTHERS: Final = "All others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many."""

    part: int
    of: int

    @property
    def is_enough(self) -> bool:
        """Whether it says something."""
        return self.of >= ENOUGH

    @property
    def value(self) -> float:
        """The share itself; 0 of nothing."""
        return self.part / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return wilson(self.part, self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Fetches whose verdict said a probability in this span: how many were people's, and what it said on average."""

    low: float
    high: float
    people: Share
    said: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Fetches of one kind of source: machines' that were read as people's, people's that were read as machines'."""

    name: str
    false_human: Share
    lost_human: Share
    brier: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What can be said. `on_seeds` and `own` are the two parts of `false_human`; `answered` and `vouched` of the other.

    `left_open`: of the people counted in `lost_human`, those of whom it was said that it cannot be known.
    """

    seeds: int
    on_seeds: Share
    own: Share
    answered: Share
    vouched: Share
    left_open: int
    bins: Sequence[Bin]
    brier: float | None
    sources: Sequence[Source]

    @property
    def false_human(self) -> Share:
        """Fetches by machines, or by the team itself, that were read as a person's."""
        return _sum(self.on_seeds, self.own)

    @property
    def lost_human(self) -> Share:
        """People of whom only machines were seen."""
        return _sum(self.answered, self.vouched)

    @property
    def known(self) -> int:
        """Fetches of which it is known who caused them."""
        return sum(one.people.of for one in self.bins)


@dataclass(frozen=True, slots=True)
class _Case:
    verdict: Verdict
    is_person: bool


async def accuracy_of(tx: Transaction, team: str) -> Accuracy:
    """From the store."""
    return accuracy(
        seeds=len(await seeds_of(tx, team=team)),
        machines=await on_seeds(tx, team=team),
        own=await spoken_of(tx, team=team, what="me"),
        people=await spoken_of(tx, team=team, what="person"),
        answered=await before_answers(tx, team=team),
    )


def accuracy(
    *,
    seeds: int,
    machines: Sequence[Fetched],
    own: Sequence[Fetched],
    people: Sequence[Fetched],
    answered: Sequence[Sequence[Fetched]],
) -> Accuracy:
    """What these come to. Pure."""
    best = [max(theirs, key=lambda one: one.verdict.probability) for theirs in answered]
    cases = [
        *(_Case(one.verdict, is_person=False) for one in (*machines, *own)),
        *(_Case(one.verdict, is_person=True) for one in (*people, *best)),
    ]
    opened = [_opened(theirs) for theirs in answered]
    vouched = [_opened([one]) for one in people]
    return Accuracy(
        seeds=seeds,
        on_seeds=_read_as_person(machines),
        own=_read_as_person(own),
        answered=Share(part=opened.count(State.NO_SIGN), of=len(opened)),
        vouched=Share(part=vouched.count(State.NO_SIGN), of=len(vouched)),
        left_open=[*opened, *vouched].count(State.CANNOT_KNOW),
        bins=[_bin(cases, at) for at in range(BINS)],
        brier=_brier(cases) if cases else None,
        sources=[_source(name, of) for name, of in _by_source(cases).items()],
    )


def _opened(theirs: Iterable[Fetched]) -> State:
    """What was said of a person's having it open; a click that hides whose it was leaves that open, too."""
    opened, clicked = states((one.channel, one.verdict) for one in theirs)
    return State.CANNOT_KNOW if opened is State.NO_SIGN and clicked is not State.NO_SIGN else opened


def _read_as_person(fetched: Sequence[Fetched]) -> Share:
    return Share(part=sum(one.verdict.label.is_person for one in fetched), of=len(fetched))


def _sum(one: Share, other: Share) -> Share:
    return Share(part=one.part + other.part, of=one.of + other.of)


def _bin(cases: Sequence[_Case], at: int) -> Bin:
    inside = [case for case in cases if min(BINS - 1, int(case.verdict.probability * BINS)) == at]
    said = sum(case.verdict.probability for case in inside)
    return Bin(
        low=at / BINS,
        high=(at + 1) / BINS,
        people=Share(part=sum(case.is_person for case in inside), of=len(inside)),
        said=said / len(inside) if inside else (at + 0.5) / BINS,
    )


def _brier(cases: Sequence[_Case]) -> float:
    """The mean square between what was said and what was (Brier 1950): 0 is always right and sure, 0.25 a shrug."""
    return sum((case.verdict.probability - case.is_person) ** 2 for case in cases) / len(cases)


def _by_source(cases: Sequence[_Case]) -> Mapping[str, Sequence[_Case]]:
    found: dict[str, list[_Case]] = {name: [] for name in (*dict(SOURCES), OTHERS)}
    for case in cases:
        found[source_of(case.verdict)].append(case)
    return {name: of for name, of in found.items() if of}


def source_of(verdict: Verdict) -> str:
    """Where a fetch came from, as its verdict saw it."""
    codes = {reason.code for reason in verdict.reasons}
    return next((name for name, meant in SOURCES if meant & codes), OTHERS)


def _source(name: str, cases: Sequence[_Case]) -> Source:
    def share(wrong: Callable[[Verdict], bool], *, of: bool) -> Share:
        those = [case.verdict for case in cases if case.is_person is of]
        return Share(part=sum(map(wrong, those)), of=len(those))

    return Source(
        name=name,
        false_human=share(lambda verdict: verdict.label.is_person, of=False),
        lost_human=share(lambda verdict: verdict.label.is_machine, of=True),
        brier=_brier(cases),
    )


def words(share: Share, *, what: str) -> str:
    """A share in one sentence, or that there is not enough to say one."""
    if not share.is_enough:
        return f"Not enough yet: {share.of:,} {what}; from {ENOUGH} on that says something."
    low, high = share.interval
    return (
        f"{percent(share.value)}: {share.part:,} of {share.of:,} {what}. "
        f"With 95% certainty between {percent(low)} and {percent(high)}."
    )


def percent(share: float) -> str:
    """With one digit behind the point below ten percent, where it matters."""
    return f"{share * 100:.1f}%" if share < 0.1 else f"{share * 100:.0f}%"


async def first_teams(tx: Transaction) -> dict[str, Any]:
    """What `seenby accuracy --json` prints: of the first team, which is the only one of most installations."""
    return accuracy_json(await accuracy_of(tx, await _first_team(tx)))


async def change_seeds(tx: Transaction, what: str, address: str, *, at: datetime) -> dict[str, Any]:
    """Add or remove a seed mailbox of the first team, or neither; those that there are now. Raises SeedError."""
    team = await _first_team(tx)
    if what == "add":
        await add_seed(tx, team=team, address=address, at=at)
    elif what == "remove" and not await remove_seed(tx, team=team, address=address):
        raise SeedError(f"'{address[:80]}' is no seed mailbox.")
    seeds = await seeds_of(tx, team=team)
    return {
        "seeds": [
            {"address": one["address"], "since": moment(one["made_at"]).isoformat(timespec="seconds")} for one in seeds
        ]
    }


async def _first_team(tx: Transaction) -> str:
    team = await tx.one("first_team")
    if team is None:
        raise SeedError("There is no team yet: start Seenby once, or add a sender.")
    return str(team["id"])


def accuracy_text(told: Mapping[str, Any]) -> str:
    """The same for people; `told` is what `seenby accuracy --json` prints."""
    false_human, lost_human = (
        Share(part=told[name]["part"], of=told[name]["of"]) for name in ("false_human", "lost_human")
    )
    known = sum(one["people"]["of"] for one in told["bins"])
    lines = [
        "A machine taken for a person",
        f"  {words(false_human, what=FETCHES)}",
        "A person taken for a machine, at most",
        f"  {words(lost_human, what=PEOPLE)}",
    ]
    if known >= ENOUGH:
        lines += ["A person, said    fetches   people's"]
        for one in told["bins"]:
            span = f"{one['low'] * 100:.0f} to {one['high'] * 100:.0f}%"
            lines += [f"{span:>14}  {one['people']['of']:>9,}  {one['people']['part']:>9,}"]
        lines += [f"Brier score: {told['brier']:.3f}"]
    return "\n".join([*lines, f"Seed mailboxes: {told['seed_mailboxes']}"])


def accuracy_json(told: Accuracy) -> dict[str, Any]:
    """The same for programs; shares that are not enough stand there all the same, with their numbers."""
    return {
        "enough_from": ENOUGH,
        "seed_mailboxes": told.seeds,
        "false_human": _share_json(told.false_human) | {"on_seeds": told.on_seeds.of, "said_me": told.own.of},
        "lost_human": _share_json(told.lost_human)
        | {"answered": told.answered.of, "said_person": told.vouched.of, "left_open": told.left_open},
        "brier": told.brier,
        "bins": [
            {"low": one.low, "high": one.high, "said": one.said, "people": _share_json(one.people)} for one in told.bins
        ],
        "sources": [
            {
                "name": one.name,
                "false_human": _share_json(one.false_human),
                "lost_human": _share_json(one.lost_human),
                "brier": one.brier,
            }
            for one in told.sources
        ],
    }


def _share_json(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {"part": share.part, "of": share.of, "share": share.value if share.of else None, "low": low, "high": high}

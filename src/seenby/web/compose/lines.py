"""A line for each recipient: what their copy will carry, and why it is nothing. Asked of what acceptance itself asks.

`decide_policy` and `foresee` are called here with what `flow.accept` will call them with, so that the line and what
becomes of it cannot drift apart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from seenby.compose.people import Person
from seenby.compose.written import Written, addressed
from seenby.consent.policy import decide_policy, switched
from seenby.delivery.intake import Team, foresee
from seenby.steps.accepting import team_of
from seenby.store import Transaction, unsubscribed
from seenby.words.message import Role, Sender, Untracked
from seenby.words.policy import OFF, Asked, Level, Policy


class Kind(StrEnum):
    """What a line says, for its look."""

    TRACKED = "tracked"
    OFF = "off"
    STOP = "stop"  # as long as it stands here, nothing is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One recipient: who, how named, and what becomes of their copy."""

    shown: str
    role: str
    kind: Kind
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What decides about recipients, besides what was typed."""

    team: Team
    ceiling: Policy  # the installation's and the team's
    default: Policy  # the sender's
    gone: frozenset[str] = frozenset()  # who wants no mail from the team, by Address.key
    seeds: frozenset[str] = frozenset()


async def around(tx: Transaction, sender: Sender, written: Written, *, ceiling: Policy) -> Around:
    """Everything that decides about these recipients."""
    keys = [person.address.key for person in addressed(written).everybody]
    gone = [key for key in keys if await unsubscribed.refuses(tx, team=sender.team, address=key)]
    return Around(
        team=await team_of(tx, sender),
        ceiling=ceiling,
        default=sender.policy,
        gone=frozenset(gone),
        seeds=frozenset(row["address"] for row in await tx.all("seeds_of", team=sender.team)),
    )


def policy_of(written: Written, at: Around) -> Policy:
    """What the message's switches come to, as acceptance will find it."""
    chosen = switched(at.default, at.ceiling, pixels=written.pixels, links=written.links)
    return decide_policy(ceilings=(at.ceiling, chosen), asked=Asked())


def lines(written: Written, at: Around) -> tuple[Line, ...]:
    """A line for everybody in the form, those who are nobody last."""
    to, policy = addressed(written), policy_of(written, at)
    found = [_line(person, role, policy, at) for role in Role for person in to.people.get(role, ())]
    wrong = [
        Line(shown=piece[:120], role="", kind=Kind.STOP, says="This is no address. Write it as name@domain.")
        for piece in to.wrong
    ]
    return (*found, *wrong)


def in_the_way(written: Written, at: Around) -> Iterator[str]:
    """Who keeps the message from being sent, in sentences."""
    for person in addressed(written).everybody:
        if person.address.key in at.gone:
            yield (
                f"{person.address} unsubscribed from your team's mail. Take them out, or choose “Write again” under "
                "“Who unsubscribed” if they asked for it."
            )


def _line(person: Person, role: Role, policy: Policy, at: Around) -> Line:
    address = person.address
    shown = f"{person.name} <{address}>" if person.name else str(address)
    if address.key in at.gone:
        return Line(shown=shown, role=role.value, kind=Kind.STOP, says="They unsubscribed from your team's mail.")
    seen = foresee(address, team=at.team, policy=policy)
    if seen.untracked is not None:
        return Line(shown=shown, role=role.value, kind=Kind.OFF, says=_why(seen.untracked, at))
    says = _carries(seen.policy)
    if address.key in at.seeds:
        says = f"{says} A seed mailbox: whatever opens it counts as a machine."
    return Line(shown=shown, role=role.value, kind=Kind.TRACKED, says=says)


def _why(untracked: Untracked, at: Around) -> str:
    said: Mapping[Untracked, str] = {
        Untracked.OWN: "Never tracked: this is your own address.",
        Untracked.COLLEAGUE: "Never tracked: a colleague.",
        Untracked.OFF: "Not tracked: this installation or your team does not allow it."
        if at.ceiling == OFF
        else "Not tracked: you switched it off.",
    }
    return said.get(untracked, untracked.sentence)


_LEVELS: Mapping[Level, str] = {
    Level.OFF: "not tracked",
    Level.COUNTED: "only counted, nobody is named",
    Level.IDENTIFIED: "who and when",
    Level.FULL: "who, when, with device and country",
}


def _carries(policy: Policy) -> str:
    if policy.pixels == policy.links:
        return f"Opens and clicks: {_LEVELS[policy.pixels]}."
    return f"Opens: {_LEVELS[policy.pixels]}. Clicks: {_LEVELS[policy.links]}."

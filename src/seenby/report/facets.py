"""What reports are cut by: people's opens and clicks by client, system, country and hour, and machines by what gave
them away. Pure.

Counted anew from all hits of a message whenever it is judged, like its sums. Below the level full nobody is shown
program or place, and nothing is counted by them either.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC
from enum import StrEnum
from typing import Final

from seenby.judge.describe import client_name, system_name
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.networks import country_of, network_of
from seenby.store.facets import Counts
from seenby.store.hits import OPEN, KeptHit
from seenby.words.policy import Level
from seenby.words.verdict import Label, Verdict

VALUES: Final = 30  # of one dimension in one message; a stranger chooses what their program is called
LONGEST: Final = 40
OTHER: Final = "other"
NOT_KEPT: Final = "not kept"
HIDDEN: Final = "hidden"  # behind a mailbox provider's proxy
UNKNOWN: Final = ""
# Reasons whose detail is a vendor's name, out of a list of ours.
_VENDORS: Final = frozenset(
    {"mail_security", "declared_scanner", "declared_preview", "preview_network", "image_proxy", "early_proxy"}
)


class Dimension(StrEnum):
    """The values are what the store holds."""

    CLIENT = "client"
    SYSTEM = "system"
    COUNTRY = "country"
    HOUR = "hour"  # of the week, from Monday midnight UTC: 0 to 167
    CAUSE = "cause"  # a label, the reason that weighed most, and perhaps a vendor, with colons between


Key = tuple[str, str]


def facets_of(
    kept: Sequence[KeptHit], verdicts: Mapping[str, Verdict], *, own: Collection[str], left_out: Collection[str | None]
) -> Counts:
    """The facets of a message's hits. `own`: ids of opens and clicks that count; `left_out`: recipients that do not."""
    counts: dict[str, Counter[Key]] = {"opens": Counter(), "clicks": Counter(), "machines": Counter()}
    known: dict[str, set[str]] = {dimension: set() for dimension in Dimension}
    for hit in kept:
        if hit.recipient in left_out or hit.id not in verdicts:
            continue
        verdict = verdicts[hit.id]
        kind = "machines" if verdict.label.is_machine else ("opens" if hit.channel == OPEN else "clicks")
        if kind != "machines" and hit.id not in own:
            continue
        for dimension, value in _cause(verdict) if kind == "machines" else _seen(hit, verdict):
            short = value[:LONGEST]
            if short not in known[dimension] and dimension is not Dimension.HOUR and len(known[dimension]) >= VALUES:
                short = OTHER
            known[dimension].add(short)
            counts[kind][dimension, short] += 1
    keys = {key for one in counts.values() for key in one}
    return {key: (counts["opens"][key], counts["clicks"][key], counts["machines"][key]) for key in keys}


def _cause(verdict: Verdict) -> Iterator[Key]:
    reason = max(verdict.reasons, key=lambda one: abs(one.weight), default=None)
    words = [verdict.label.value, reason.code if reason else ""]
    if reason and reason.code in _VENDORS and reason.detail:
        words.append(reason.detail.replace(":", " "))
    yield Dimension.CAUSE, ":".join(words)


def _seen(hit: KeptHit, verdict: Verdict) -> Iterator[Key]:
    at = hit.at.astimezone(UTC)
    yield Dimension.HOUR, str(at.weekday() * 24 + at.hour)
    if hit.level is not Level.FULL:
        yield from ((one, NOT_KEPT) for one in (Dimension.CLIENT, Dimension.SYSTEM, Dimension.COUNTRY))
        return
    yield Dimension.CLIENT, client_name(hit.agent).partition(" on ")[0]
    yield Dimension.SYSTEM, HIDDEN if verdict.label is Label.PROXY_HUMAN else system_name(hit.agent)
    yield Dimension.COUNTRY, _country(hit, verdict)


def _country(hit: KeptHit, verdict: Verdict) -> str:
    near = hit.address or (hit.network or "").partition("/")[0]
    if verdict.label is Label.PROXY_HUMAN:
        return HIDDEN
    if not near:
        return NOT_KEPT
    kind = network_of(near).kind
    return country_of(near) if kind is NetworkKind.UNLISTED else UNKNOWN if kind is NetworkKind.SILENT else HIDDEN

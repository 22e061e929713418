"""Evidence in, verdicts out.

The order of events: read every hit, group them, ask the rules that decide by identity, weigh the rest, look once more
with what the first round thought of the neighbours, and turn the sum into a label. A pure function of its evidence:
the same evidence has the same verdicts, today and in ten years, under the same RULES_VERSION.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from seenby.judge.claims import find_claims
from seenby.judge.evidence import HONEYPOT, Evidence
from seenby.judge.finding import Finding, Rule
from seenby.judge.lists.agents import AgentKind
from seenby.judge.rules import DECIDING, HISTORY, LEARNED, WEIGHING
from seenby.judge.scene import Scene, Trace, find_complete, find_pairs, find_runs, find_scattered, find_sweeps, read
from seenby.judge.weights import (
    CAPS,
    CLEARLY_MACHINE,
    CLEARLY_PERSON,
    CLEARLY_PERSON_IN_MAIL,
    DOUBT,
    HABIT_LEAST,
    HUMAN_FROM,
    PAIR_SECONDS,
    RULES_VERSION,
    SCANNER_UNTIL,
    Family,
    probability,
)
from seenby.words.verdict import Label, Reason, Verdict

Key = TypeVar("Key", bound=Hashable)
SHOWN_FROM: Final = -1.0  # log-odds of an open below which it does not even suggest that the message was shown


def judge(evidence: Evidence) -> Mapping[str, Verdict]:
    """Every hit's verdict, by the hit's id."""
    scene = _look(evidence)
    decided = [_first(DECIDING, trace, scene) for trace in scene.traces]
    weighed = [
        [] if finding else _ask(WEIGHING, trace, scene) for trace, finding in zip(scene.traces, decided, strict=True)
    ]
    scene.leaning = [
        finding.weight if finding else _sum(findings) for finding, findings in zip(decided, weighed, strict=True)
    ]
    _remember(scene, decided)
    verdicts: dict[str, Verdict] = {}
    for trace, finding, findings in zip(scene.traces, decided, weighed, strict=True):
        if finding is not None:
            verdicts[trace.seen.id] = _decide(finding)
        else:
            known = _capped([*findings, *_ask(HISTORY, trace, scene)])
            verdicts[trace.seen.id] = _weigh([*known, *_ask_habit(trace, scene, known)])
    return verdicts


def _look(evidence: Evidence) -> Scene:
    traces = tuple(read(index, seen) for index, seen in enumerate(evidence.hits))
    readers = {reader.id: reader for reader in evidence.recipients}
    traps = [trace for trace in traces if trace.seen.link == HONEYPOT]
    return Scene(
        evidence=evidence,
        traces=traces,
        readers=readers,
        runs=find_runs(traces, evidence.n_links),
        sweeps=find_sweeps(traces, readers),
        complete=find_complete(traces, evidence.n_links),
        scattered=find_scattered(traces),
        claimed=find_claims(evidence, traces),
        pairs=find_pairs(traces, PAIR_SECONDS),
        actor_honeypots=_times((trace.actor, trace.t) for trace in traps),
        place_honeypots=_times((trace.place, trace.t) for trace in traps),
        wide_honeypots=_times((trace.anywhere, trace.t) for trace in traps),
    )


def _remember(scene: Scene, decided: Sequence[Finding | None]) -> None:
    """What the first round thought, in sorted rows that the history rules search."""
    rows = list(zip(scene.traces, scene.leaning, decided, strict=True))
    machines = [trace for trace, leaning, finding in rows if _is_machine(leaning, finding)]
    people = [trace for trace, leaning, finding in rows if _vouches(trace, leaning, finding)]
    proxied = [trace for trace, leaning, finding in rows if finding is not None and finding.label is Label.PROXY_HUMAN]
    shown = [trace for trace, leaning, finding in rows if trace.opening and leaning > SHOWN_FROM]
    scene.actor_machines = _times((trace.actor, trace.t) for trace in machines)
    scene.place_machines = _times((trace.place, trace.t) for trace in machines)
    scene.line_opens = _times((trace.near, trace.t) for trace in people if trace.opening)
    scene.line_clicks = _times((trace.near, trace.t) for trace in people if not trace.opening)
    scene.reader_opens = _times((trace.seen.reader, trace.t) for trace in [*people, *proxied] if trace.opening)
    scene.reader_shown = _times((trace.seen.reader, trace.t) for trace in shown)
    browsers = defaultdict(list)
    for trace in scene.traces:
        if trace.agent.kind is AgentKind.BROWSER:
            browsers[trace.near].append((trace.t, str(trace.seen.channel), trace.agent.family))
    scene.browsers = {near: sorted(row) for near, row in browsers.items()}


def _vouches(trace: Trace, leaning: float, finding: Finding | None) -> bool:
    """Whether a hit is so like a person's that it speaks for its neighbours."""
    if finding is not None:
        return finding.label is Label.HUMAN and trace.seen.theirs
    mail_program = trace.opening and trace.agent.kind is AgentKind.MAIL_CLIENT
    return leaning >= (CLEARLY_PERSON_IN_MAIL if mail_program else CLEARLY_PERSON)


def _is_machine(leaning: float, finding: Finding | None) -> bool:
    if finding is not None:
        return finding.label is Label.SCANNER
    return leaning <= CLEARLY_MACHINE


def _times(pairs: Iterable[tuple[Key, float]]) -> dict[Key, list[float]]:
    rows: dict[Key, list[float]] = defaultdict(list)
    for key, t in pairs:
        rows[key].append(t)
    for row in rows.values():
        row.sort()
    return rows


def _first(rules: Sequence[Rule], trace: Trace, scene: Scene) -> Finding | None:
    for rule in rules:
        finding = rule(trace, scene)
        if finding is not None:
            return finding
    return None


def _ask(rules: Sequence[Rule], trace: Trace, scene: Scene) -> list[Finding]:
    return [finding for rule in rules if (finding := rule(trace, scene)) is not None]


def _ask_habit(trace: Trace, scene: Scene, known: Sequence[tuple[Finding, float]]) -> list[tuple[Finding, float]]:
    """What was learned of the reader's domain, with what it may say beside all that is known of this very hit.

    Its family's cap holds. And it can put a verdict in doubt, or make one surer; it never makes one: a person's hit
    does not become a machine's by it, nor a machine's a person's, and what is in doubt stays so.
    """
    finding = LEARNED(trace, scene)
    if finding is None:
        return []
    said = sum(weight for one, weight in known if one.family is finding.family)
    total = sum(weight for _, weight in known)
    low, high = (cap - said for cap in CAPS[finding.family])
    label = _label(probability(total))
    if label is not Label.SCANNER:
        low = max(low, DOUBT[0] - total)
    if label is not Label.HUMAN:
        high = min(high, DOUBT[1] - total)
    weight = min(max(finding.weight, min(low, 0.0)), max(high, 0.0))
    return [(finding, weight)] if abs(weight) >= HABIT_LEAST else []


def _capped(findings: Sequence[Finding]) -> list[tuple[Finding, float]]:
    """Each finding with what it still says once its family's cap is spread over the family."""
    sums: dict[Family, float] = {}
    for finding in findings:
        sums[finding.family] = sums.get(finding.family, 0.0) + finding.weight
    share = {}
    for family, total in sums.items():
        low, high = CAPS[family]
        if not low <= total <= high:
            share[family] = min(max(total, low), high) / total
    return [(finding, finding.weight * share.get(finding.family, 1.0)) for finding in findings]


def _sum(findings: Sequence[Finding]) -> float:
    return sum(weight for _, weight in _capped(findings))


def _decide(finding: Finding) -> Verdict:
    reason = Reason(code=finding.code, weight=round(finding.weight, 2), detail=finding.detail)
    label = finding.label or Label.UNKNOWN
    return Verdict(
        label=label, probability=round(probability(finding.weight), 3), reasons=(reason,), rules=RULES_VERSION
    )


def _weigh(capped: Sequence[tuple[Finding, float]]) -> Verdict:
    chance = probability(sum(weight for _, weight in capped))
    reasons = [Reason(code=one.code, weight=round(weight, 2), detail=one.detail) for one, weight in capped]
    reasons.sort(key=lambda reason: -abs(reason.weight))
    return Verdict(label=_label(chance), probability=round(chance, 3), reasons=tuple(reasons), rules=RULES_VERSION)


def _label(chance: float) -> Label:
    if chance >= HUMAN_FROM:
        return Label.HUMAN
    return Label.SCANNER if chance <= SCANNER_UNTIL else Label.UNKNOWN

"""A message's hits, read and grouped: what rules look at.

An actor is the hits that one client sent for one reader: the same neighbourhood, the same agent but for its version,
the same completeness of headers. Rules speak of actors, so a scanner beside a person never hides the person, even from
the same line. Everything that needs more than one hit is computed here once, in time that grows with the hits and not
with their square.
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from seenby.judge.agents import Agent, agent_of
from seenby.judge.evidence import HONEYPOT, UNSUBSCRIBE, Evidence, Link, Reader, Seen
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.networks import Network, network_of
from seenby.judge.request import Completeness, Request, read_request
from seenby.judge.weights import (
    ALL_LINKS_FROM,
    RUN_GAP,
    SCATTERED_LINES,
    SCATTERED_SECONDS,
    SWEEP_SECONDS,
    UNRELATED_SECONDS,
)

ActorKey = tuple[str | None, str, str, str]
PlaceKey = tuple[str | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One hit, read: its agent, network and headers, and which actor it belongs to.

    `actor` is who, as far as one client can be told from another; `place` where, and `near` on which line, whatever the
    client. `t` compares hits with each other; `age` is how long the reader can have had the copy.
    """

    index: int
    seen: Seen
    t: float
    age: float
    agent: Agent
    network: Network
    request: Request
    opening: bool
    actor: ActorKey
    place: PlaceKey
    near: PlaceKey

    @property
    def anywhere(self) -> ActorKey:
        """The same client at whichever reader's copy; nobody where a network serves everybody."""
        near = "" if self.network.kind in _SHARED else self.network.near
        return (None, near, self.agent.family, self.request.completeness)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Clicks of one actor without a pause: how many different links, and how fast."""

    links: int
    mean_gap: float
    covers_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Fetches of several readers' copies by one place."""

    readers: int
    domains: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class Scene:
    """The message with its hits read; `leaning` is filled in between the two rounds of rules."""

    evidence: Evidence
    traces: Sequence[Trace]
    readers: Mapping[str, Reader]
    runs: Mapping[int, Run]
    sweeps: Mapping[int, Sweep]
    complete: frozenset[int]  # clicks of an actor that followed every link
    scattered: Mapping[int, int]  # clicks of one agent from several lines at once, and how many lines
    claimed: Mapping[int, str]  # hits that an own view explains
    pairs: Mapping[int, tuple[int, ...]]  # clicks on the same link in the same moment by other actors
    leaning: list[float] = field(default_factory=list)
    actor_machines: Mapping[ActorKey, Sequence[float]] = field(default_factory=dict)  # times
    place_machines: Mapping[PlaceKey, Sequence[float]] = field(default_factory=dict)
    actor_honeypots: Mapping[ActorKey, Sequence[float]] = field(default_factory=dict)
    place_honeypots: Mapping[PlaceKey, Sequence[float]] = field(default_factory=dict)
    wide_honeypots: Mapping[ActorKey, Sequence[float]] = field(default_factory=dict)  # on anybody's copy
    line_opens: Mapping[PlaceKey, Sequence[float]] = field(default_factory=dict)  # like a person's
    line_clicks: Mapping[PlaceKey, Sequence[float]] = field(default_factory=dict)
    reader_opens: Mapping[str | None, Sequence[float]] = field(default_factory=dict)
    reader_shown: Mapping[str | None, Sequence[float]] = field(default_factory=dict)  # any open, unless a machine's
    browsers: Mapping[PlaceKey, Sequence[tuple[float, str, str]]] = field(default_factory=dict)


LONGEST_TIME: Final = 1e12  # seconds; anything beyond is a broken clock
ARRIVING: Final = 60.0  # seconds by which a copy may be looked at before its server said that it has it


def read(index: int, seen: Seen) -> Trace:
    """Read one hit."""
    agent = agent_of(seen.agent)
    t = seen.t if math.isfinite(seen.t) else LONGEST_TIME
    opening = seen.channel == "open"
    request = read_request(agent, seen.headers, opening=opening)
    network = network_of(seen.address)
    return Trace(
        index=index,
        seen=seen,
        t=t,
        age=_age(t, seen.left),
        agent=agent,
        network=network,
        request=request,
        opening=opening,
        actor=(seen.reader, network.place, agent.family, request.completeness),
        place=(seen.reader, network.place),
        near=(seen.reader, network.near),
    )


def _age(t: float, left: float) -> float:
    """Seconds since the copy left. Its server may look into it before saying that it was taken: that is no time.

    Long before, an earlier attempt had brought the copy and its answer was lost; then time runs from the first.
    """
    if left <= 0.0 or t < left - ARRIVING:
        return t
    return max(0.0, t - left)


def within(times: Sequence[float], middle: float, span: float) -> bool:
    """Whether a sorted row of times has one at most `span` from the middle."""
    at = bisect_left(times, middle - span)
    return at < len(times) and times[at] <= middle + span


def before(times: Sequence[float], moment: float) -> bool:
    """Whether a sorted row has a time before the moment."""
    return bool(times) and times[0] < moment


def after(times: Sequence[float], moment: float) -> bool:
    """Whether a sorted row has a time after the moment."""
    return bisect_right(times, moment) < len(times)


def is_page_link(link: Link) -> bool:
    """A link of the message that a reader may follow to a page."""
    return link not in (HONEYPOT, UNSUBSCRIBE, None)


def find_runs(traces: Iterable[Trace], n_links: int) -> dict[int, Run]:
    """The run of clicks that each click belongs to. Clients with masks on are told apart by place alone."""
    rows: dict[tuple[object, ...], list[Trace]] = defaultdict(list)
    for trace in traces:
        if trace.opening or not (trace.network.place or trace.agent.kind is AgentKind.NOT_KEPT):
            continue  # where nothing was kept, the reader's token alone tells who
        # Incomplete requests from one place are one machine whatever they call themselves.
        masked = trace.request.completeness is not Completeness.FULL
        rows[trace.place if masked else trace.actor].append(trace)
    runs: dict[int, Run] = {}
    for row in rows.values():
        row.sort(key=lambda one: one.t)
        current: list[Trace] = []
        for trace in row:
            if current and trace.t - current[-1].t > RUN_GAP:
                runs.update(_run(current, n_links))
                current = []
            current.append(trace)
        runs.update(_run(current, n_links))
    return runs


def _run(row: Sequence[Trace], n_links: int) -> dict[int, Run]:
    first: dict[Link, float] = {}
    for trace in row:
        first.setdefault(trace.seen.link, trace.t)
    if len(first) < 2:
        return {}
    pages = sum(1 for link in first if is_page_link(link))
    span = max(first.values()) - min(first.values())
    run = Run(links=len(first), mean_gap=span / (len(first) - 1), covers_all=n_links >= 3 and pages >= n_links)
    return {trace.index: run for trace in row}


def find_complete(traces: Iterable[Trace], n_links: int) -> frozenset[int]:
    """The clicks of actors that followed every link of a message with several."""
    if n_links < ALL_LINKS_FROM:
        return frozenset()
    rows: dict[ActorKey, list[Trace]] = defaultdict(list)
    for trace in traces:
        if not trace.opening and trace.network.place and is_page_link(trace.seen.link):
            rows[trace.actor].append(trace)
    complete = (row for row in rows.values() if len({trace.seen.link for trace in row}) >= n_links)
    return frozenset(trace.index for row in complete for trace in row)


def find_scattered(traces: Iterable[Trace]) -> dict[int, int]:
    """Clicks of one agent on different links of one copy, from several lines within a minute."""
    rows: dict[tuple[str | None, str | None], list[Trace]] = defaultdict(list)
    for trace in traces:
        if not trace.opening and trace.seen.agent and trace.network.kind not in _SHARED:
            rows[trace.seen.reader, trace.seen.agent].append(trace)
    scattered: dict[int, int] = {}
    for row in rows.values():
        row.sort(key=lambda one: one.t)
        start = 0
        for end, trace in enumerate(row):
            while trace.t - row[start].t > SCATTERED_SECONDS or end - start >= 50:
                start += 1
            lines = {one.network.near: one.seen.link for one in row[start : end + 1]}
            if len(lines) >= SCATTERED_LINES and len(set(lines.values())) >= SCATTERED_LINES:
                for one in row[start : end + 1]:
                    scattered[one.index] = max(scattered.get(one.index, 0), len(lines))
    return scattered


def find_sweeps(traces: Iterable[Trace], readers: Mapping[str, Reader]) -> dict[int, Sweep]:
    """Where one line fetched the copies of several readers in a short time."""
    lines: dict[str, list[Trace]] = defaultdict(list)
    for trace in traces:
        if trace.seen.reader is not None and trace.network.kind not in _SHARED:
            lines[trace.network.near].append(trace)
    sweeps: dict[int, Sweep] = {}
    for row in lines.values():
        if len({trace.seen.reader for trace in row}) < 2:
            continue
        row.sort(key=lambda one: one.t)
        sweeps.update(_sweeps(row, readers, SWEEP_SECONDS))
        for index, wide in _sweeps(row, readers, UNRELATED_SECONDS).items():
            if wide.domains >= 3 and index not in sweeps:
                sweeps[index] = wide
    return sweeps


# Places that many unrelated people share by design.
_SHARED: Final = frozenset(
    {
        NetworkKind.SILENT,
        NetworkKind.GOOGLE,
        NetworkKind.YAHOO,
        NetworkKind.APPLE_RELAY,
        NetworkKind.APPLE,
        NetworkKind.MAILBOX,
        NetworkKind.CDN,
        NetworkKind.WEB_PROXY,
    }
)


def _sweeps(row: Sequence[Trace], readers: Mapping[str, Reader], span: float) -> dict[int, Sweep]:
    """Windows of at most `span` seconds with two readers or more, by two ends moving forward."""
    found: dict[int, Sweep] = {}
    counts: dict[str | None, int] = defaultdict(int)
    start = 0
    for end, trace in enumerate(row):
        counts[trace.seen.reader] += 1
        while trace.t - row[start].t > span:
            counts[row[start].seen.reader] -= 1
            if not counts[row[start].seen.reader]:
                del counts[row[start].seen.reader]
            start += 1
        if len(counts) < 2:
            continue
        domains = (
            {readers[one].domain for one in counts if one is not None and one in readers}
            if len(counts) <= 200
            else {"many", "more"}
        )
        sweep = Sweep(readers=len(counts), domains=len(domains), seconds=trace.t - row[start].t)
        for other in row[max(start, end - 50) : end + 1]:  # the newest fifty; earlier ones have theirs already
            best = found.get(other.index)
            if best is None or sweep.readers > best.readers:
                found[other.index] = sweep
    return found


def find_pairs(traces: Iterable[Trace], span: float) -> dict[int, tuple[int, ...]]:
    """For each click the clicks of other actors on the same link within `span`, eight to each side at most."""
    rows: dict[tuple[str | None, Link], list[Trace]] = defaultdict(list)
    for trace in traces:
        if not trace.opening:
            rows[trace.seen.reader, trace.seen.link].append(trace)
    pairs: dict[int, tuple[int, ...]] = {}
    for row in rows.values():
        if len(row) < 2:
            continue
        row.sort(key=lambda one: one.t)
        for at, trace in enumerate(row):
            others = row[max(0, at - 8) : at] + row[at + 1 : at + 9]
            close = tuple(one.index for one in others if abs(one.t - trace.t) <= span and one.actor != trace.actor)
            if close:
                pairs[trace.index] = close
    return pairs

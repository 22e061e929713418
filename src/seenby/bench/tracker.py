"""How many hits one tracker process answers in a second, each on disk before its answer, beside nginx and a peer.

nginx only hands out its built-in pixel, or one redirect, and writes its access log, which it never syncs: it checks
no signature and promises nothing. It is the best that a web server can do, not a tracker. The peer is one: a view
that writes a row for each hit, as people build it.
"""

import secrets
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from seenby.bench.figures import Spread, Tell, columns, how_often, short, shown, spread
from seenby.bench.load import Answered, Load, load_with
from seenby.bench.peer import has_peer, peer_paths
from seenby.bench.servers import Server, filesystem, has_nginx, nginx, peer, tracker, two_cores
from seenby.folder import open_folder
from seenby.words.policy import Level
from seenby.words.token import MESSAGE_BYTES, RECIPIENT_BYTES, Keyring, Kind, Minter, encode_id, link_tail

SECONDS: Final = 1.0  # of load for each figure
TOKENS: Final = 50_000  # different ones, asked for in turn
RATE: Final = 5_000  # requests a second by the clock
_TARGET: Final = "https://shop.test/offers/autumn?utm_source=newsletter&utm_medium=email"
_MEBIBYTE: Final = 2**20

Start = Callable[..., AbstractContextManager[Server]]
Figures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One server under one load. `rate` 0: as much as it takes; `first_only`: too slow for every round."""

    server: str
    start: Start
    asked: str
    connections: int
    rate: int = 0
    first_only: bool = False

    @property
    def title(self) -> str:
        """As the table has it."""
        how = f"{self.rate:,}/s by the clock" if self.rate else f"{self.connections} connections"
        return f"{self.server}, {self.asked}, {how}"


def bench_tracker(*, rounds: int, tell: Tell, seconds: float = SECONDS, tokens: int = TOKENS) -> dict[str, Any]:
    """Medians of `rounds`; the servers take turns, each new every time."""
    serving, loading = two_cores()
    contests = list(_contests())
    turns = [(turn, contest) for turn in range(rounds) for contest in _in_turns(contests, turn)]
    measured: dict[Contest, list[Figures]] = {contest: [] for contest in contests}
    with tempfile.TemporaryDirectory(prefix="seenby-bench-") as temporary:
        top = Path(temporary)
        tell("making tokens", 0)
        loads = _loads(top, tokens, loading)
        for done, (turn, contest) in enumerate(turns):
            tell(f"round {turn + 1} of {rounds}: {contest.title}", done / len(turns))
            measured[contest].append(_measure(contest, top, loads, seconds=seconds, cores=serving))
        disk = filesystem(top)
    return _figures(measured, rounds=rounds, load=loads["pixels"].name, disk=disk, pinned=bool(serving))


def _contests() -> Iterator[Contest]:
    """What is measured. Only what there is on this machine stands beside us."""
    redirect = partial(nginx, answer=f"return 302 {_TARGET}")
    for asked, connections, answers in (("pixels", 64, nginx), ("pixels", 256, nginx), ("links", 256, redirect)):
        yield Contest(server="seenby", start=tracker, asked=asked, connections=connections)
        if has_nginx():
            yield Contest(server="nginx", start=answers, asked=asked, connections=connections)
    yield Contest(server="seenby", start=tracker, asked="pixels", connections=64, rate=RATE)
    if has_peer():
        yield Contest(server="pytracking", start=peer, asked="its pixels", connections=64, first_only=True)


def _in_turns(contests: Sequence[Contest], turn: int) -> Sequence[Contest]:
    """Whoever is first has the quieter machine, or the colder one: every other round goes backwards."""
    taking_part = [contest for contest in contests if not turn or not contest.first_only]
    return taking_part[:: -1 if turn % 2 else 1]


def _loads(top: Path, tokens: int, cores: Collection[int]) -> Mapping[str, Load]:
    keys = open_folder(top / "keys").keyring()
    paths = {"pixels": _paths(top / "pixels", keys, Kind.PIXEL, tokens)}
    paths["links"] = _paths(top / "links", keys, Kind.LINK, tokens)
    if has_peer():
        paths["its pixels"] = peer_paths(top / "peers", min(tokens, 5_000))
    return {asked: load_with(path, cores=cores) for asked, path in paths.items()}


def _paths(path: Path, keys: Keyring, kind: Kind, tokens: int) -> Path:
    """A file with so many tokens' paths, each of another message to another recipient."""
    tail = (link_tail("", 1, _TARGET, in_text=False) if kind is Kind.LINK else None) or b""
    with path.open("w", encoding="ascii") as out:
        for _ in range(tokens):
            message = encode_id(secrets.token_bytes(MESSAGE_BYTES))
            recipient = encode_id(secrets.token_bytes(RECIPIENT_BYTES))
            minter = Minter("", kind, Level.FULL, message=message, recipient=recipient, keys=keys)
            out.write(minter.url(tail) + "\n")
    return path


def _measure(
    contest: Contest, top: Path, loads: Mapping[str, Load], *, seconds: float, cores: Collection[int]
) -> Figures:
    """One server, started anew in a folder of its own, and loaded once."""
    load = loads[contest.asked]
    with tempfile.TemporaryDirectory(dir=top) as folder:
        data = open_folder(Path(folder))
        data.tracking_keys.hardlink_to(open_folder(top / "keys").tracking_keys)
        with contest.start(data.path, cores=cores) as server:
            used = server.cpu_seconds()
            run = partial(load.run_by_the_clock, rate=contest.rate) if contest.rate else load.run
            answered = run(server.port, connections=contest.connections, seconds=seconds)
            return _as_figures(answered, server.cpu_seconds() - used, server.peak_memory())


def _as_figures(answered: Answered, cpu_seconds: float, memory: int) -> Figures:
    return {
        "requests_per_second": answered.requests / answered.seconds,
        "p50_ms": answered.p50_ms,
        "p99_ms": answered.p99_ms,
        "cpu_us_per_request": cpu_seconds * 1e6 / max(1, answered.requests),
        "peak_memory_bytes": memory,
        "errors": answered.errors,
    }


def _figures(
    measured: Mapping[Contest, list[Figures]], *, rounds: int, load: str, disk: str, pinned: bool
) -> dict[str, Any]:
    ratios = {
        "pixels, 64 connections": _ratio(measured, "pixels", 64),
        "pixels, 256 connections": _ratio(measured, "pixels", 256),
        "links, 256 connections": _ratio(measured, "links", 256),
    }
    return {
        "bench": "tracker",
        "rounds": rounds,
        "python": sys.version.split()[0],
        "load": load,
        "journal_filesystem": disk,
        "pinned_to_cores": pinned,
        "measured": [
            {
                "server": contest.server,
                "asked": contest.asked,
                "connections": contest.connections,
                "rate": contest.rate or None,
                **{key: spread([one[key] for one in found]) for key in found[0]},
            }
            for contest, found in measured.items()
        ],
        "ratio_to_nginx": _median(ratios["pixels, 256 connections"]),
        "ratio_to_nginx_64": _median(ratios["pixels, 64 connections"]),
        "ratio_to_nginx_links": _median(ratios["links, 256 connections"]),
        "ratio_to_pytracking": _times_the_peer(measured),
        "ratios": ratios,
    }


def _rates(measured: Mapping[Contest, list[Figures]], server: str, asked: str, connections: int) -> list[float]:
    """What a server answered a second in each round, of as much as it took."""
    return [
        one["requests_per_second"]
        for contest, found in measured.items()
        if (contest.server, contest.asked, contest.connections, contest.rate) == (server, asked, connections, 0)
        for one in found
    ]


def _ratio(measured: Mapping[Contest, list[Figures]], asked: str, connections: int) -> Spread | None:
    """Our rate by nginx's, round by round."""
    ours, theirs = (_rates(measured, server, asked, connections) for server in ("seenby", "nginx"))
    return spread([mine / other for mine, other in zip(ours, theirs, strict=True)]) if theirs else None


def _times_the_peer(measured: Mapping[Contest, list[Figures]]) -> float | None:
    theirs = _rates(measured, "pytracking", "its pixels", 64)
    ours = spread(_rates(measured, "seenby", "pixels", 64))["median"]
    return round(ours / theirs[0], 1) if theirs else None


def _median(ratio: Spread | None) -> float | None:
    return None if ratio is None else ratio["median"]


def tracker_text(figures: dict[str, Any]) -> str:
    """The figures as a table, with what is to be known about them."""
    rows: list[tuple[str, ...]] = [("", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "memory")]
    rows += [_row(told) for told in figures["measured"]]
    lines = [columns(rows), ""]
    for what, ratio in figures["ratios"].items():
        lines.append(f"ratio to nginx, {what}: {shown(ratio) if ratio else '- (nginx is not installed)'}")
    times = figures["ratio_to_pytracking"]
    lines.append(f"times pytracking under Django: {times or '- (pytracking, Django or gunicorn is not installed)'}")
    return "\n".join([*lines, "", *_notes(figures)])


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    how = f"{told['rate']:,}/s by the clock" if told["rate"] else f"{told['connections']} connections"
    title = f"{told['server']}, {told['asked']}, {how}"
    if errors := told["errors"]["high"]:
        title += f", up to {errors:.0f} ERRORS"
    return (
        title,
        shown(told["requests_per_second"]),
        shown(told["p50_ms"]),
        shown(told["p99_ms"]),
        shown(told["cpu_us_per_request"]),
        f"{short(told['peak_memory_bytes']['median'] / _MEBIBYTE)} MiB",
    )


def _notes(figures: dict[str, Any]) -> list[str]:
    notes = [
        f"{how_often(figures['rounds'])}, Python {figures['python']}, one process of ours,"
        f" every hit on disk before its answer ({figures['journal_filesystem'] or 'filesystem unknown'}).",
        f"Load by {figures['load']}, {'on a core of its own' if figures['pinned_to_cores'] else 'on the same core'}.",
        "By the clock: requests that do not wait for each other, each timed from when it was due.",
    ]
    if figures["load"] != "wrk":
        notes.append("wrk is not installed: our own client is slower than the server, so the rates are the client's.")
    if figures["journal_filesystem"] == "tmpfs":
        notes.append("The temporary folder is in memory, where syncing costs nothing: set TMPDIR to one on a disk.")
    return notes

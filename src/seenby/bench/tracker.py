"""How many hits one tracker process answers in a second, each on disk before its answer, beside nginx.

nginx only hands out its built-in pixel and writes its access log, which it never syncs: it checks no signature
and promises nothing. It is the best that a web server can do, not a tracker.
"""

import secrets
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from seenby.bench.figures import Spread, Tell, columns, how_often, short, shown, spread
from seenby.bench.load import Answered, Load, load_with
from seenby.bench.servers import Server, filesystem, has_nginx, nginx, tracker, two_cores
from seenby.folder import open_folder
from seenby.words.policy import Level
from seenby.words.token import MESSAGE_BYTES, RECIPIENT_BYTES, Keyring, Kind, Minter, encode_id

CONNECTIONS: Final = (64, 256)
SECONDS: Final = 3.0  # of load for each figure
PIXELS: Final = 50_000  # different ones, asked for in turn
_MEBIBYTE: Final = 2**20

Start = Callable[..., AbstractContextManager[Server]]


def bench_tracker(*, rounds: int, tell: Tell, seconds: float = SECONDS, pixels: int = PIXELS) -> dict[str, Any]:
    """Medians of `rounds`; the servers take turns, each new every time."""
    serving, loading = two_cores()
    servers: dict[str, Start] = {"seenby": tracker} | ({"nginx": nginx} if has_nginx() else {})
    measured: dict[tuple[str, int], list[dict[str, float]]] = {}
    orders = (tuple(servers), tuple(reversed(servers)))  # whoever is first has the quieter machine, or the colder one
    turns = [(turn, many, name) for turn in range(rounds) for many in CONNECTIONS for name in orders[turn % 2]]
    with tempfile.TemporaryDirectory(prefix="seenby-bench-") as temporary:
        top = Path(temporary)
        tell("making tokens", 0)
        keys = open_folder(top / "keys").keyring()
        load = load_with(_paths(top / "paths", keys, pixels), cores=loading)
        for done, (turn, many, name) in enumerate(turns):
            tell(f"round {turn + 1} of {rounds}: {name}, {many} connections", done / len(turns))
            figures = _measure(servers[name], top, load, many=many, seconds=seconds, cores=serving)
            measured.setdefault((name, many), []).append(figures)
        disk = filesystem(top)
    return _figures(measured, rounds=rounds, load=load, disk=disk, pinned=bool(serving))


def _paths(path: Path, keys: Keyring, pixels: int) -> Path:
    """A file with so many pixels' paths, each of another message to another recipient."""
    with path.open("w", encoding="ascii") as out:
        for _ in range(pixels):
            message, recipient = (
                encode_id(secrets.token_bytes(MESSAGE_BYTES)),
                encode_id(secrets.token_bytes(RECIPIENT_BYTES)),
            )
            out.write(Minter("", Kind.PIXEL, Level.FULL, message=message, recipient=recipient, keys=keys).url() + "\n")
    return path


def _measure(
    start: Start, top: Path, load: Load, *, many: int, seconds: float, cores: Collection[int]
) -> dict[str, float]:
    """One server, started anew in a folder of its own, and loaded once."""
    with tempfile.TemporaryDirectory(dir=top) as folder:
        data = open_folder(Path(folder))
        (data.keys / "tracking.json").hardlink_to(top / "keys" / "keys" / "tracking.json")
        with start(data.path, cores=cores) as server:
            used = server.cpu_seconds()
            answered = load.run(server.port, connections=many, seconds=seconds)
            return _as_figures(answered, server.cpu_seconds() - used, server.peak_memory())


def _as_figures(answered: Answered, cpu_seconds: float, memory: int) -> dict[str, float]:
    return {
        "requests_per_second": answered.requests / answered.seconds,
        "p50_ms": answered.p50_ms,
        "p99_ms": answered.p99_ms,
        "cpu_us_per_request": cpu_seconds * 1e6 / max(1, answered.requests),
        "peak_memory_bytes": memory,
        "errors": answered.errors,
    }


def _figures(
    measured: dict[tuple[str, int], list[dict[str, float]]], *, rounds: int, load: Load, disk: str, pinned: bool
) -> dict[str, Any]:
    ratios = {many: _ratio(measured, many) for many in CONNECTIONS}
    return {
        "bench": "tracker",
        "rounds": rounds,
        "python": sys.version.split()[0],
        "load": load.name,
        "journal_filesystem": disk,
        "pinned_to_cores": pinned,
        "measured": [
            {"server": name, "connections": many, **{key: spread([one[key] for one in found]) for key in found[0]}}
            for (name, many), found in measured.items()
        ],
        "ratio_to_nginx": _median(ratios[256]),
        "ratio_to_nginx_64": _median(ratios[64]),
        "ratios": {str(many): ratio for many, ratio in ratios.items()},
    }


def _ratio(measured: dict[tuple[str, int], list[dict[str, float]]], many: int) -> Spread | None:
    """Our rate by nginx's, round by round."""
    ours, theirs = (_rates(measured.get((name, many), [])) for name in ("seenby", "nginx"))
    return spread([mine / other for mine, other in zip(ours, theirs, strict=True)]) if theirs else None


def _rates(found: Sequence[dict[str, float]]) -> list[float]:
    return [one["requests_per_second"] for one in found]


def _median(ratio: Spread | None) -> float | None:
    return None if ratio is None else ratio["median"]


def tracker_text(figures: dict[str, Any]) -> str:
    """The figures as a table, with what is to be known about them."""
    rows: list[tuple[str, ...]] = [("", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "memory")]
    rows += [
        _row(told)
        for told in sorted(figures["measured"], key=lambda told: (told["connections"], told["server"] == "nginx"))
    ]
    lines = [columns(rows), ""]
    for many, ratio in figures["ratios"].items():
        lines.append(f"ratio to nginx at {many} connections: {shown(ratio) if ratio else '- (nginx is not installed)'}")
    return "\n".join([*lines, "", *_notes(figures)])


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    title = f"{told['server']}, {told['connections']} connections"
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
    ]
    if figures["load"] != "wrk":
        notes.append("wrk is not installed: our own client is slower than the server, so the rates are the client's.")
    if figures["journal_filesystem"] == "tmpfs":
        notes.append("The temporary folder is in memory, where syncing costs nothing: set TMPDIR to one on a disk.")
    return notes

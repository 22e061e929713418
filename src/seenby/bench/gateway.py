"""How many messages a second go the whole way: load, gateway, store, instrumented copy, next hop. Beside Postfix.

The gateway runs as `seenby up` runs it, over SQLite: every message is on disk before its 250, and what came of it
too. Postfix relays the same messages; it is a queue that has been made fast for decades, it rewrites nothing, and it
syncs each message as well. Both have one core; the load and the place where everything ends share the other.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from seenby.bench.figures import BenchError, Spread, Tell, columns, how_often, shown, spread
from seenby.bench.letters import message_of_20_kb
from seenby.bench.mailservers import SENDER, MailServer, postfix, seenby, why_no_postfix
from seenby.bench.servers import filesystem, on_cores, two_cores

MESSAGES: Final = 1000
WARMUP: Final = 20
CONNECTIONS: Final = 10

Start = Callable[..., AbstractContextManager[MailServer]]


def bench_gateway(*, rounds: int, tell: Tell, messages: int = MESSAGES) -> dict[str, Any]:
    """Medians of `rounds`; the servers take turns, each new every time."""
    serving, loading = two_cores()
    without = why_no_postfix()
    servers: dict[str, Start] = {"seenby": seenby}
    if not without:
        servers["postfix"] = postfix
    orders = (tuple(servers), tuple(reversed(servers)))
    turns = [(turn, name) for turn in range(rounds) for name in orders[turn % 2]]
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    with tempfile.TemporaryDirectory(prefix="seenby-bench-") as temporary:
        Path(temporary).chmod(0o755)  # Postfix's processes go there as its own user
        for done, (turn, name) in enumerate(turns):
            tell(f"round {turn + 1} of {rounds}: {name}", done / len(turns))
            with tempfile.TemporaryDirectory(dir=temporary) as folder:
                measured[name].append(_measure(servers[name], Path(folder), messages, serving, loading))
        disk = filesystem(Path(temporary))
    return {
        "bench": "gateway",
        "rounds": rounds,
        "python": sys.version.split()[0],
        "message_bytes": len(message_of_20_kb()),
        "messages": messages,
        "connections": CONNECTIONS,
        "filesystem": disk,
        "pinned_to_cores": bool(serving),
        "measured": [
            {"server": name, **{key: spread([one[key] for one in found]) for key in found[0]}}
            for name, found in measured.items()
        ],
        "postfix": without or "measured",
        "ratio_to_postfix": _ratio(measured),
    }


def _ratio(measured: dict[str, list[dict[str, float]]]) -> Spread | None:
    if "postfix" not in measured:
        return None
    pairs = zip(measured["seenby"], measured["postfix"], strict=True)
    return spread([ours["messages_per_second"] / theirs["messages_per_second"] for ours, theirs in pairs])


def _measure(
    start: Start, folder: Path, messages: int, serving: Collection[int], loading: Collection[int]
) -> dict[str, float]:
    """One server, started anew, warmed up and loaded once."""
    with on_cores(loading):
        post = subprocess.Popen(
            [sys.executable, "-m", "seenby.bench.postoffice"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    with post:
        try:
            sink = int(_told(post)["port"])
            with start(folder, sink=sink, cores=serving) as server:
                _ordered(post, server, WARMUP)
                used = server.server.cpu_seconds() if server.server else 0.0
                came = _ordered(post, server, messages)
                used = server.server.cpu_seconds() - used if server.server else 0.0
                memory = server.server.peak_memory() if server.server else 0
        finally:
            post.kill()
    if came["arrived"] < messages:
        raise BenchError(f"Of {messages} messages only {came['arrived']:.0f} arrived: no figures.")
    return {
        "messages_per_second": came["arrived"] / came["arrived_seconds"],
        "accepted_per_second": came["accepted"] / came["accepted_seconds"],
        "cpu_ms_per_message": used * 1000 / messages,
        "peak_memory_bytes": memory,
        "refused": came["refused"],
    }


def _ordered(post: "subprocess.Popen[str]", server: MailServer, messages: int) -> dict[str, float]:
    """What came of so many messages."""
    assert post.stdin is not None
    order = {
        "port": server.port,
        "connections": CONNECTIONS,
        "messages": messages,
        "message": message_of_20_kb().decode(),
        "user": server.user,
        "password": server.password,
        "envelope_from": SENDER,
    }
    post.stdin.write(json.dumps(order) + "\n")
    post.stdin.flush()
    return _told(post)


def _told(post: "subprocess.Popen[str]") -> dict[str, float]:
    assert post.stdout is not None
    line = post.stdout.readline()
    if not line:
        raise BenchError("The client that makes the load ended too early: no figures.")
    told: dict[str, float] = json.loads(line)
    return told


def gateway_text(figures: dict[str, Any]) -> str:
    """The figures as a table, with what is to be known about them."""
    rows: list[tuple[str, ...]] = [("", "messages/s, whole way", "accepted/s", "CPU ms/message")]
    for told in figures["measured"]:
        name = told["server"] + (f", {told['refused']['high']:.0f} REFUSED" if told["refused"]["high"] else "")
        cpu = shown(told["cpu_ms_per_message"]) if told["server"] == "seenby" else "-"
        rows.append((name, shown(told["messages_per_second"]), shown(told["accepted_per_second"]), cpu))
    ratio = shown(figures["ratio_to_postfix"]) if figures["ratio_to_postfix"] else f"- ({figures['postfix']})"
    notes = [
        f"{how_often(figures['rounds'])}, Python {figures['python']}, {figures['messages']} messages of"
        f" {figures['message_bytes'] / 1000:.0f} KB over {figures['connections']} connections, each on disk before its"
        f" 250 ({figures['filesystem'] or 'filesystem unknown'}).",
        f"Load and next hop {'on a core of their own' if figures['pinned_to_cores'] else 'on the same core'}.",
    ]
    if figures["filesystem"] == "tmpfs":
        notes.append("The temporary folder is in memory, where syncing costs nothing: set TMPDIR to one on a disk.")
    return "\n".join([columns(rows), "", f"ratio to Postfix: {ratio}", "", *notes])

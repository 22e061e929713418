"""How many messages are read and how many copies stamped in a second, beside the customary way to do it."""

import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from seenby.bench import customary
from seenby.bench.figures import Spread, Tell, columns, how_often, short, shown, spread
from seenby.bench.letters import newsletter, sales_mail
from seenby.instrument import Analysis, analyse, stamp
from seenby.words.policy import FULL
from seenby.words.token import MESSAGE_BYTES, RECIPIENT_BYTES, Keyring, encode_id

SECONDS: Final = 0.25  # each thing is done again and again for so long, every round
_URL: Final = "https://t.example.net"
_KEY: Final = bytes(range(32))
_KEYS: Final = Keyring(keys={1: _KEY}, current=1)
_MESSAGE: Final = encode_id(bytes(range(MESSAGE_BYTES)))
_RECIPIENT: Final = encode_id(bytes(range(1, 1 + RECIPIENT_BYTES)))
_KIBIBYTE: Final = 1024

Work = Callable[[], object]


class _Pair(NamedTuple):
    """What is measured in turns: our two steps and the customary two."""

    analyse: Work
    stamp: Work
    their_read: Work
    their_copy: Work


def bench_instrument(*, rounds: int, tell: Tell, seconds: float = SECONDS) -> dict[str, Any]:
    """Medians of `rounds` for the sales mail and the newsletter."""
    letters = {"sales mail": sales_mail(), "newsletter": newsletter()}
    pairs = {name: _pair(raw) for name, raw in letters.items()}
    rates: dict[str, list[list[float]]] = {name: [] for name in letters}
    for turn in range(rounds):
        for at, (name, pair) in enumerate(pairs.items()):
            tell(f"round {turn + 1} of {rounds}: {name}", (turn + at / len(pairs)) / rounds)
            rates[name].append([_per_second(work, seconds) for work in pair])
    return {
        "bench": "instrument",
        "rounds": rounds,
        "python": sys.version.split()[0],
        "messages": [_figures(name, raw, rates[name]) for name, raw in letters.items()],
    }


def _pair(raw: bytes) -> _Pair:
    analysis, read = analyse(raw, tracking_url=_URL), customary.read(raw)
    return _Pair(
        lambda: analyse(raw, tracking_url=_URL),
        lambda: _ours(analysis),
        lambda: customary.read(raw),
        lambda: _theirs(read),
    )


def _ours(analysis: Analysis) -> bytes:
    return stamp(analysis, message=_MESSAGE, recipient=_RECIPIENT, policy=FULL, keys=_KEYS, tracking_url=_URL).message


def _theirs(read: customary.Read) -> bytes:
    return customary.make_copy(read, key=_KEY, who=f"{_MESSAGE}|{_RECIPIENT}", tracking_url=_URL)


def _per_second(work: Work, seconds: float) -> float:
    work()
    done, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds or not done:
        work()
        done += 1
    return done / took


def _figures(name: str, raw: bytes, rates: Sequence[Sequence[float]]) -> dict[str, Any]:
    ours_read, ours_made, theirs_read, theirs_made = (list(column) for column in zip(*rates, strict=True))
    return {
        "message": name,
        "bytes": len(raw),
        "links": len(analyse(raw, tracking_url=_URL).links),
        "analysed_per_second": spread(ours_read),
        "stamped_per_second": spread(ours_made),
        "peak_memory_bytes": _peak(lambda: _ours(analyse(raw, tracking_url=_URL))),
        "baseline": {
            "what": "email package and regular expression",
            "analysed_per_second": spread(theirs_read),
            "stamped_per_second": spread(theirs_made),
            "peak_memory_bytes": _peak(lambda: _theirs(customary.read(raw))),
        },
        "ratio_analysed": _ratio(ours_read, theirs_read),
        "ratio_stamped": _ratio(ours_made, theirs_made),
    }


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    return spread([mine / other for mine, other in zip(ours, theirs, strict=True)])


def _peak(work: Work) -> int:
    """The most that Python held at a time for one message, read and copied once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def instrument_text(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [("", "analysed/s", "copies stamped/s", "peak memory")]
    for told in figures["messages"]:
        title = f"{told['message']}, {told['bytes'] / 1000:.0f} KB, {told['links']} links"
        rows += [(title, *_row(told)), ("  email package and regex", *_row(told["baseline"]))]
        rows.append(("  ratio", shown(told["ratio_analysed"]), shown(told["ratio_stamped"]), ""))
    return f"{columns(rows)}\n\n{how_often(figures['rounds'])}, Python {figures['python']}."


def _row(told: dict[str, Any]) -> tuple[str, str, str]:
    memory = f"{short(told['peak_memory_bytes'] / _KIBIBYTE)} KiB"
    return shown(told["analysed_per_second"]), shown(told["stamped_per_second"]), memory

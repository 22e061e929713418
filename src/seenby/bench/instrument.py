"""How many messages are read and how many copies stamped in a second, beside other ways to do it.

One is customary.py. The other is pytracking, a library for the same purpose, where it is installed (dependency group
`peers`): it rewrites one page of HTML a call, for each recipient anew, so a call stands beside one of our copies, and
beside reading a message and making its only copy. It is given the page alone, decoded; reading and writing the mail
around it is left out, and its addresses are not signed: base64 of JSON, as in its documentation. Its pixel and as many
links are in what it returns.
"""

import importlib
import importlib.util
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


class _Works(NamedTuple):
    """What is measured in turns: our two steps and both together, the customary two, and pytracking's one."""

    analyse: Work
    stamp: Work
    whole: Work
    their_read: Work
    their_copy: Work
    pytracking: Work | None


def bench_instrument(*, rounds: int, tell: Tell, seconds: float = SECONDS) -> dict[str, Any]:
    """Medians of `rounds` for the sales mail and the newsletter."""
    letters = {"sales mail": sales_mail(), "newsletter": newsletter()}
    works = {name: _works(raw) for name, raw in letters.items()}
    rates: dict[str, list[list[float]]] = {name: [] for name in letters}
    for turn in range(rounds):
        for at, (name, one) in enumerate(works.items()):
            tell(f"round {turn + 1} of {rounds}: {name}", (turn + at / len(works)) / rounds)
            rates[name].append([_per_second(work, seconds) if work else 0.0 for work in one])
    return {
        "bench": "instrument",
        "rounds": rounds,
        "python": sys.version.split()[0],
        "pytracking": "measured" if has_pytracking() else "not installed",
        "messages": [_figures(name, raw, rates[name]) for name, raw in letters.items()],
    }


def _works(raw: bytes) -> _Works:
    analysis, read = analyse(raw, tracking_url=_URL), customary.read(raw)
    return _Works(
        lambda: analyse(raw, tracking_url=_URL),
        lambda: _ours(analysis),
        lambda: _ours(analyse(raw, tracking_url=_URL)),
        lambda: customary.read(raw),
        lambda: _theirs(read),
        pytracking_work(read.html),
    )


def has_pytracking() -> bool:
    """Whether pytracking is there, with what it reads HTML with."""
    return all(importlib.util.find_spec(name) for name in ("pytracking", "lxml"))


def pytracking_work(page: str) -> Callable[[], str] | None:
    """One page made a tracked one as pytracking's documentation shows it; None when it is not installed."""
    if not has_pytracking():
        return None
    configuration = importlib.import_module("pytracking").Configuration(
        base_open_tracking_url=f"{_URL}/o/", base_click_tracking_url=f"{_URL}/c/"
    )
    adapt = importlib.import_module("pytracking.html").adapt_html
    about = {"message": _MESSAGE, "recipient": _RECIPIENT}

    def adapted() -> str:
        written: str = adapt(page, extra_metadata=about, configuration=configuration)
        return written

    return adapted


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
    ours_read, ours_made, whole, theirs_read, theirs_made, peers = (list(column) for column in zip(*rates, strict=True))
    peer = pytracking_work(customary.read(raw).html)
    return {
        "message": name,
        "bytes": len(raw),
        "links": len(analyse(raw, tracking_url=_URL).links),
        "analysed_per_second": spread(ours_read),
        "stamped_per_second": spread(ours_made),
        "whole_per_second": spread(whole),
        "peak_memory_bytes": _peak(lambda: _ours(analyse(raw, tracking_url=_URL))),
        "baseline": {
            "what": "email package and regular expression",
            "analysed_per_second": spread(theirs_read),
            "stamped_per_second": spread(theirs_made),
            "peak_memory_bytes": _peak(lambda: _theirs(customary.read(raw))),
        },
        "pytracking": {"pages_per_second": spread(peers), "peak_memory_bytes": _peak(peer)} if peer else None,
        "ratio_to_pytracking": _ratio(ours_made, peers) if peer else None,
        "ratio_to_pytracking_one_recipient": _ratio(whole, peers) if peer else None,
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
    rows: list[tuple[str, ...]] = [("", "analysed/s", "copies stamped/s", "both, one copy/s", "peak memory")]
    for told in figures["messages"]:
        title = f"{told['message']}, {told['bytes'] / 1000:.0f} KB, {told['links']} links"
        rows += [(title, *_row(told)), ("  email package and regex", *_row(told["baseline"]))]
        rows.append(("  ratio", shown(told["ratio_analysed"]), shown(told["ratio_stamped"]), "", ""))
        if peer := told["pytracking"]:
            theirs, one = shown(peer["pages_per_second"]), shown(told["ratio_to_pytracking_one_recipient"])
            rows.append(("  pytracking, HTML alone", "", theirs, theirs, _memory(peer)))
            rows.append(("  ratio to pytracking", "", shown(told["ratio_to_pytracking"]), one, ""))
    notes = [f"{how_often(figures['rounds'])}, Python {figures['python']}."]
    if figures["pytracking"] != "measured":
        notes.append("pytracking is not installed, so there is nothing to compare the whole with.")
    else:
        notes.append("pytracking does the same work again for each copy, neither reads nor writes mail, and does not")
        notes.append("sign; its memory is without lxml's trees.")
    return "\n".join([columns(rows), "", *notes])


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    whole = shown(told["whole_per_second"]) if "whole_per_second" in told else ""
    return shown(told["analysed_per_second"]), shown(told["stamped_per_second"]), whole, _memory(told)


def _memory(told: dict[str, Any]) -> str:
    return f"{short(told['peak_memory_bytes'] / _KIBIBYTE)} KiB"

"""What is counted of mail: for one message, and for the day on which its sender had it accepted.

`count` is called at the end of every transaction that changes what became of a copy, or what is believed of a
hit. It counts the message anew from its rows, and brings its day forward by the difference: no step can forget to
add, and doing it twice adds nothing. A message has few recipients, so this is cheap; the lists and reports that read
the sums scan no mail.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from seenby.report.audience import NO_PIXEL
from seenby.store import Transaction
from seenby.store.lists import rank
from seenby.store.tables import SUMS
from seenby.store.times import DAY
from seenby.words.verdict import State

_CLICKED: Final = {State.SEEN: "surely", State.PROBABLY: "probably", State.CANNOT_KNOW: "cannot_know"}
# Counted of copies with a pixel of their own, so that a message without any has none.
OF_PIXELS: Final = (
    "measurable",
    "measured",
    "fetched",
    "pixel_and_link",
    "pixel",
    "link",
    "apple_proven",
    "apple_clicked",
    "apple_silent",
    "scanned",
)


async def count(tx: Transaction, message: str) -> None:
    """Count one message anew. Mail that Seenby wrote itself is not counted."""
    if not tx.is_sqlite:
        await tx.run("hold_sums", message=message)
    now = await tx.one("sums_now", message=message)
    if now is None:
        return
    sums, is_new = _sums(now), now["was"] is None
    if not is_new and all(now[f"was_{name}"] == sums[name] for name in SUMS):
        return
    whose = {"team": now["team"], "sender": now["sender"], "day": now["accepted_at"] // DAY}
    changes = {name: sums[name] - (now[f"was_{name}"] or 0) for name in SUMS}
    tx.later("put_sums", {"message": message, **whose, **sums})
    tx.later("add_to_days", {"message": message, "messages": int(is_new), **whose, **changes})
    opened = {State.SEEN: now["opened"], State.PROBABLY: now["probably"], State.CANNOT_KNOW: now["cannot_know"]}
    clicked = {state: now[f"clicked_{name}"] for state, name in _CLICKED.items()}
    best = {"opened": _best(opened), "clicked": _best(clicked), "replied": int(now["replied"] > 0)}
    if best != {"opened": now["best_opened"], "clicked": now["best_clicked"], "replied": now["any_replied"]}:
        tx.later("set_best", {"message": message, **best})


async def count_several(tx: Transaction, messages: Iterable[str]) -> None:
    """Count these anew, from day to day as everybody does who changes several: else each waits for the other."""
    for row in await tx.all("in_order_of_days", messages=json.dumps(sorted(set(messages)))):
        await count(tx, row["id"])


def _sums(now: Mapping[Any, Any]) -> dict[str, int]:
    sums = {"clicked": now["clicked_surely"] + now["clicked_probably"]}
    if now["untouched"] is not None or not NO_PIXEL.isdisjoint(json.loads(now["notes"])):
        sums |= dict.fromkeys(OF_PIXELS, 0)
    return {name: sums[name] if name in sums else int(now[name]) for name in SUMS}


def _best(counted: Mapping[State, int]) -> int:
    """The best state that any recipient is in, as `messages` holds it."""
    return max((rank(state) for state, number in counted.items() if number), default=rank(State.NO_SIGN))

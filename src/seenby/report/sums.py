"""What is counted of mail: for one message, and for the day on which its sender had it accepted.

`count` is called at the end of every transaction that changes what became of a copy, or what is believed of a
hit. It counts the message anew from its rows, and brings its day forward by the difference, as a whole and by its
recipients' domains: no step can forget to add, and doing it twice adds nothing. A message has few recipients, so this
is cheap; the lists and reports that read the sums scan no mail.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from seenby.report.audience import NO_PIXEL
from seenby.store import Transaction, domains
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
    domains.add_later(tx, await move_sums(tx, message))


async def count_several(tx: Transaction, messages: Iterable[str]) -> None:
    """Count these anew, from day to day as everybody does who changes several: else each waits for the other."""
    moved: list[domains.Change] = []
    for row in await tx.all("in_order_of_days", messages=json.dumps(sorted(set(messages)))):
        moved += await move_sums(tx, row["id"])
    domains.add_later(tx, moved)


async def move_sums(tx: Transaction, message: str) -> Sequence[domains.Change]:
    """Count one message anew but for the days of its domains; by how much these are still to be moved."""
    if not tx.is_sqlite:
        await tx.run("hold_sums", message=message)
    now = await tx.one("sums_now", message=message)
    if now is None:
        return ()
    is_new, has_pixel = now["was"] is None, _has_pixel(now)
    sums, went_to = _sums(now, has_pixel=has_pixel), _domains(now, has_pixel=has_pixel)
    written = domains.write_counts(went_to)
    is_same = not is_new and all(now[f"was_{name}"] == sums[name] for name in SUMS)
    if is_same and written == now["was_domains"]:
        return ()
    whose = {"team": now["team"], "sender": now["sender"], "day": now["accepted_at"] // DAY}
    tx.later("put_sums", {"message": message, **whose, **sums, "domains": written})
    if not is_same:
        changes = {name: sums[name] - (now[f"was_{name}"] or 0) for name in SUMS}
        tx.later("add_to_days", {"message": message, "messages": int(is_new), **whose, **changes})
        _note_best(tx, message, now)
    before = {} if is_new else domains.read_counts(now["was_domains"])
    return domains.changes({"message": message, **whose}, before, went_to)


def _note_best(tx: Transaction, message: str, now: Mapping[Any, Any]) -> None:
    opened = {State.SEEN: now["opened"], State.PROBABLY: now["probably"], State.CANNOT_KNOW: now["cannot_know"]}
    clicked = {state: now[f"clicked_{name}"] for state, name in _CLICKED.items()}
    best = {"opened": _best(opened), "clicked": _best(clicked), "replied": int(now["replied"] > 0)}
    if best != {"opened": now["best_opened"], "clicked": now["best_clicked"], "replied": now["any_replied"]}:
        tx.later("set_best", {"message": message, **best})


def _sums(now: Mapping[Any, Any], *, has_pixel: bool) -> dict[str, int]:
    sums = {"clicked": now["clicked_surely"] + now["clicked_probably"]}
    if not has_pixel:
        sums |= dict.fromkeys(OF_PIXELS, 0)
    return {name: sums[name] if name in sums else int(now[name]) for name in SUMS}


def _domains(now: Mapping[Any, Any], *, has_pixel: bool) -> domains.Counts:
    """What it counts for by recipients' domain; a copy in `went_to` is its domain and bits.

    The lowest says `sent`, the second in DOMAIN_SUMS, and so on. Copies of which the same is said, as there are many in
    a campaign, are looked at once.
    """
    alike = Counter(json.loads(now["went_to"] or "[]"))
    return domains.counted(_copies(said, times, has_pixel=has_pixel) for said, times in alike.items())


def _copies(said: str, times: int, *, has_pixel: bool) -> tuple[str, domains.Sums]:
    domain, _, bits = said.rpartition(" ")
    sent, measured, opened, clicked, replied, bounced = (times * (int(bits) >> at & 1) for at in range(6))
    return domain, (times, sent, measured * has_pixel, opened * has_pixel, clicked, replied, bounced)


def _has_pixel(now: Mapping[Any, Any]) -> bool:
    return now["untouched"] is None and NO_PIXEL.isdisjoint(json.loads(now["notes"]))


def _best(counted: Mapping[State, int]) -> int:
    """The best state that any recipient is in, as `messages` holds it."""
    return max((rank(state) for state, number in counted.items() if number), default=rank(State.NO_SIGN))

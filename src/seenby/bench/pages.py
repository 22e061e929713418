"""How long lists and reports take, and how much longer with ten times the mail.

Seenby runs whole, as `seenby up` runs it, over SQLite with made-up mail, once with little and once with much of it.
Each page is asked for in many ways: other words, people, labels and days, at random but the same each time.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from seenby.bench.figures import BenchError, Spread, Tell, columns, how_often, short, spread
from seenby.bench.live import inhabited, running, sign_in_link
from seenby.seed import PREFIX, seed
from seenby.wiring import now

LITTLE, MUCH = 2_000, 20_000  # messages
HITS_EACH: Final = 20.0
WAYS: Final = 20  # in which each page is asked for, a round
_LABELS: Final = ("Proposal", "Newsletter", "Support")
_WORDS: Final = ("invoice", "hana", "autumn", "workshop", "lena", "priya", "contract", "olga", "roadmap", "audit")
_STATES: Final = ("unanswered", "no_sign", "answered", "failed", "cannot_know", "seen", "clicked")
_CUTS: Final = ("when", "programs", "where", "filtered")
_ORDERS: Final = ("", "opened", "clicked", "replied", "bounced")


def _days(chance: random.Random) -> str:
    until = now().date() - timedelta(days=chance.randrange(30, 335))
    since = until - timedelta(days=chance.choice([1, 7, 30, 90, 200]))
    return chance.choice([f"since={since}&until={until}", "days=30", "days=365"])


def _domain(chance: random.Random) -> str:
    return f"company{int(1000 * chance.random() ** 3)}.example"


# What a page's address may be, with so many messages.
_PAGES: Final[Mapping[str, Callable[[random.Random, int], str]]] = {
    "Sent": lambda _chance, _messages: "/",
    "Sent, by words": lambda chance, _: f"/?words={'+'.join(chance.sample(_WORDS, chance.choice([1, 2])))}",
    "Sent, by state": lambda chance, _: f"/?state={chance.choice(_STATES)}",
    "Sent, by label and state": lambda chance, _: f"/?label={chance.choice(_LABELS)}&state={chance.choice(_STATES)}",
    "Sent, by domain": lambda chance, _: f"/?to={_domain(chance)}",
    "Sent, by days": lambda chance, _: f"/?{_days(chance)}",
    "a message": lambda chance, messages: f"/messages/{PREFIX}{chance.randrange(messages):010d}",
    "feed": lambda chance, _: chance.choice(["/feed", "/feed?show=all", "/feed?show=highlights"]),
    "people": lambda chance, _: chance.choice(["/people", f"/people?find={chance.choice(_WORDS)}"]),
    "an organisation": lambda chance, _: f"/organisations/{_domain(chance)}",
    "reports": lambda chance, _: f"/reports?{_days(chance)}",
    "reports, by label": lambda chance, _: f"/reports?label={chance.choice(_LABELS)}&{_days(chance)}",
    "reports, two labels": lambda chance, _: "/reports?label={}&beside={}&days=365".format(*chance.sample(_LABELS, 2)),
    "reports, cut": lambda chance, _: f"/reports/{chance.choice(_CUTS)}?{_days(chance)}",
    "reports, cut by label": lambda chance, _: (
        f"/reports/{chance.choice(_CUTS)}?label={chance.choice(_LABELS)}&{_days(chance)}"
    ),
    "reports, by organisation": lambda chance, _: f"/reports/organisations?by={chance.choice(_ORDERS)}&{_days(chance)}",
    "how often it is wrong": lambda _chance, _messages: "/accuracy",
}


def bench_pages(
    *, rounds: int, tell: Tell, sizes: tuple[int, int] = (LITTLE, MUCH), ways: int = WAYS
) -> dict[str, Any]:
    """Each page in twenty ways a round, with little mail and with much."""
    found = [asyncio.run(_measure(size, rounds=rounds, ways=ways, tell=tell)) for size in sizes]
    little, much = found
    return {
        "bench": "pages",
        "rounds": rounds,
        "python": sys.version.split()[0],
        "messages": list(sizes),
        "hits_each": HITS_EACH,
        "measured": [
            {
                "page": page,
                "p50_ms": spread([_part(took, 0.5) for took in much[page]]),
                "p95_ms": spread([_part(took, 0.95) for took in much[page]]),
                "ratio_to_little": spread(
                    [_part(many, 0.5) / _part(few, 0.5) for few, many in zip(little[page], much[page], strict=True)]
                ),
            }
            for page in _PAGES
        ],
    }


def _part(took: Sequence[float], share: float) -> float:
    return sorted(took)[int(share * (len(took) - 1))]


async def _measure(size: int, *, rounds: int, ways: int, tell: Tell) -> Mapping[str, Sequence[Sequence[float]]]:
    """Milliseconds by page, for each round."""
    with tempfile.TemporaryDirectory(prefix="seenby-bench-") as folder:
        link = await _prepared(Path(folder), size, tell=tell)
        async with running(Path(folder)) as (app, _), httpx2.AsyncClient(base_url=app, timeout=60.0) as client:
            await client.get(link)
            await _round(client, size, 0, ways=ways)  # with cold caches
            found = []
            for number in range(rounds):
                tell(f"pages of {size:,} messages, round {number + 1} of {rounds}", number / rounds)
                found.append(await _round(client, size, number + 1, ways=ways))
    return {page: [one[page] for one in found] for page in _PAGES}


async def _round(client: httpx2.AsyncClient, size: int, number: int, *, ways: int) -> Mapping[str, Sequence[float]]:
    chance = random.Random(number)  # noqa: S311 - the same questions each time
    asked = [(page, address(chance, size)) for page, address in _PAGES.items() for _ in range(ways)]
    chance.shuffle(asked)
    took: dict[str, list[float]] = {page: [] for page in _PAGES}
    for page, address in asked:
        began = time.perf_counter()
        answer = await client.get(address)
        took[page].append(1000 * (time.perf_counter() - began))
        if answer.status_code not in (200, 404):  # of little mail none may be to that organisation
            raise BenchError(f"{page} answered {answer.status_code}: no figures.")
    return took


async def _prepared(data: Path, size: int, *, tell: Tell) -> str:
    """A data folder with so much made-up mail, and a link that signs in."""
    async with inhabited(data) as (_folder, store, sender):
        async for done in seed(store, senders=[sender], messages=size, hits_each=HITS_EACH, now=now()):
            tell(f"{size:,} messages are made", done / size)
        return await sign_in_link(store)


def pages_text(figures: dict[str, Any]) -> str:
    """The figures for people."""
    little, much = figures["messages"]
    head = ("page", "p50 ms", "p95 ms", f"to {little:,}")
    rows = [
        (told["page"], _short(told["p50_ms"]), _short(told["p95_ms"]), _short(told["ratio_to_little"]))
        for told in figures["measured"]
    ]
    what = f"{much:,} messages with {figures['hits_each']:.0f} hits each on SQLite, and how many times as long as with "
    return "\n".join([f"{what}{little:,}. {how_often(figures['rounds'])}.", columns([head, *rows])])


def _short(value: Spread) -> str:
    return short(value["median"])

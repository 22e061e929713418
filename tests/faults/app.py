"""A whole Seenby with many messages in its store, readers for them, and the checker of what the store holds.

The messages are copies of one that really went through; only readers' requests count here.
"""

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from seenby.folder import open_folder
from seenby.words.policy import Level
from seenby.words.token import PATHS, Keyring, Kind, Token, encode_id, sign_token
from tests.faults.client import Ask, Mint
from tests.faults.ledger import Findings, Ledger
from tests.world import Seenby, seenby, sink, wait_for

TARGET = "https://shop.test/offer"
ALICE = "alice@acme.test"
MESSAGE = (
    f"From: {ALICE}\r\nTo: rita@out.test\r\nSubject: offer\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
    f"<p>Hi, <a href='{TARGET}'>here</a></p>\r\n"
).encode()


@contextmanager
def app(data: Path, *, messages: int, **settings: str) -> Iterator[tuple[Seenby, list[tuple[str, str]]]]:
    """It runs, and knows so many messages of one recipient each."""
    with sink() as server:
        hop = f"smtp://127.0.0.1:{server.port}?tls=none"
        with seenby(data, NEXT_HOP=hop) as first:
            password = first.command("sender", "add", ALICE)["password"]
            first.submit(MESSAGE, user=ALICE, password=password, to=["rita@out.test"])
            wait_for(lambda: server.got, seconds=30, why="the message is sent")
        known = _multiply(data / "seenby.sqlite3", messages)
        with seenby(data, NEXT_HOP=hop, **settings) as running:
            yield running, known


def _multiply(file: Path, many: int) -> list[tuple[str, str]]:
    chance = random.Random(20261122)
    known = [(encode_id(chance.randbytes(12)), encode_id(b"r" + chance.randbytes(7))) for _ in range(many)]
    with closing(sqlite3.connect(file)) as store, store:
        _copy(store, "messages", [{"id": message} for message, _person in known])
        _copy(store, "recipients", [{"id": person, "message": message} for message, person in known])
        _copy(store, "links", [{"message": message} for message, _person in known])
    return known


def _copy(store: sqlite3.Connection, table: str, changes: list[dict[str, str]]) -> None:
    """The table's one row again, with each of these changes."""
    found = store.execute(f"select * from {table} limit 1")
    names = [column[0] for column in found.description]
    row = dict(zip(names, found.fetchone(), strict=True))
    into = f"insert into {table} values ({', '.join('?' * len(names))})"
    store.executemany(into, [list((row | change).values()) for change in changes])


def minting_for(known: list[tuple[str, str]], keys: Keyring, *, hits_each: int) -> Mint:
    """Seven pixels for three links, of a few messages at a time, each with an agent of its own."""
    chance, numbers = random.Random(7), count()

    def mint() -> Ask:
        number = next(numbers)
        first = number // hits_each
        message, person = known[(first + chance.randrange(20)) % len(known)]
        if chance.random() < 0.7:
            token = Token(kind=Kind.PIXEL, level=Level.FULL, message=message, recipient=person)
        else:
            token = Token(kind=Kind.LINK, level=Level.FULL, message=message, recipient=person, link=1, target=TARGET)
        return Ask(f"Reader/{number}", token, PATHS[token.kind] + sign_token(token, keys))

    return mint


def keys_of(data: Path) -> Keyring:
    return open_folder(data).keyring()


def ask_store(data: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{data}/seenby.sqlite3?mode=ro", uri=True)) as store:
        return store.execute(question).fetchall()


def stored(data: Path) -> int:
    [[many]] = ask_store(data, "select count(*) from hits")
    assert isinstance(many, int)
    return many


def check_store(ledger: Ledger, data: Path) -> Findings:
    """Hold the store against the ledger."""
    kept = Counter(str(agent) for (agent,) in ask_store(data, "select agent from hits"))
    return Findings(
        lost=[key for key in ledger.answered if not kept[key]],
        doubled=[key for key, times in kept.items() if times > 1],
        invented=[key for key in kept if key not in ledger.sent],
    )


def miscounted(data: Path) -> list[tuple[object, ...]]:
    """Recipients whose numbers are not those of their hits, of messages that are not due to be judged."""
    return ask_store(
        data,
        """
        select r.id, r.opens, r.clicks, h.opens, h.clicks, h.unjudged from recipients r
        join (
          select h.recipient as id,
            sum(v.counted = 1 and h.channel = 'open') as opens, sum(v.counted = 1 and h.channel = 'click') as clicks,
            sum(v.hit is null) as unjudged
          from hits h left join verdicts v on v.hit = h.id and v.until is null group by h.recipient
        ) h on h.id = r.id
        join messages m on m.id = r.message and m.judge_at is null
        where r.opens <> h.opens or r.clicks <> h.clicks or h.unjudged > 0
        """,
    )


def is_judged(data: Path) -> bool:
    """But for a few, which rest because judging them took long: they were in work when the app was stopped."""
    return len(ask_store(data, "select 1 from messages where judge_at is not null")) <= 2

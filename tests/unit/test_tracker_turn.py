"""Clients that ask again as they asked before are served together, and none of them notices."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.journal import MemoryJournal
from seenby.tracker.answers import GIF
from seenby.tracker.connection import Connection
from seenby.tracker.house import House
from seenby.tracker.trust import NOTHING, Denied, Trust
from seenby.words.policy import Level
from seenby.words.token import Keyring, Kind, Minter, checker, checker_of_many, encode_id, link_tail

KEYS = Keyring(keys={7: b"k" * 32}, current=7)
HEAD = b" HTTP/1.1\r\nHost: t\r\nUser-Agent: %s\r\n\r\n"


class Wire(asyncio.Transport):
    """What a client reads."""

    def __init__(self) -> None:
        super().__init__()
        self.read = b""
        self.is_shut = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("192.0.2.7", 9) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_shut
        self.read += data

    def is_closing(self) -> bool:
        return self.is_shut

    def close(self) -> None:
        self.is_shut = True

    def abort(self) -> None:
        self.is_shut = True


class Counting(MemoryJournal):
    """Knows what came together."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def append(self, payloads: Sequence[bytes], then: Callable[[], None]) -> None:
        self.batches.append(len(payloads))
        super().append(payloads, then)


class Client:
    """One connection, which has asked once before."""

    def __init__(self, house: House, number: int = 0) -> None:
        self.wire = Wire()
        self.number = number
        self.served = Connection(house)
        self.served.connection_made(self.wire)

    def ask(self, path: bytes) -> None:
        self.served.data_received(b"GET " + path + HEAD % b"reader %d" % self.number)


def url(kind: Kind, target: str = "", level: Level = Level.FULL, message: bytes = b"m" * 12) -> bytes:
    tail = (link_tail("", 1, target, in_text=False) if target else None) or b""
    who = encode_id(os.urandom(8))
    return Minter("", kind, level, message=encode_id(message), recipient=who, keys=KEYS).url(tail).encode()


def a_house(journal: MemoryJournal | None = None, *, denied: Denied = NOTHING) -> House:
    return House(
        trust=Trust(KEYS, denied),
        journal=Counting() if journal is None else journal,
        trusted_proxies=(),
        request_seconds=15.0,
        most_connections=99,
    )


async def clients_of(house: House, many: int) -> list[Client]:
    clients = [Client(house, number) for number in range(many)]
    for client in clients:
        client.ask(url(Kind.PIXEL))
    await rounds()
    for client in clients:
        assert client.wire.read.endswith(GIF)
        client.wire.read = b""
    if isinstance(house.journal, Counting):
        house.journal.batches.clear()
    return clients


async def rounds() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def agents(house: House) -> list[str | None]:
    return [hit.agent for hit in cast("MemoryJournal", house.journal).take({}, limit=999).hits]


def test_who_asks_in_the_same_turn_is_answered_as_if_alone_and_journalled_together():
    async def story() -> None:
        house = a_house()
        clients = await clients_of(house, 9)
        for client in clients[:6]:
            client.ask(url(Kind.PIXEL))
        for client in clients[6:8]:
            client.ask(url(Kind.LINK, f"https://x.test/{client.number}"))
        clients[8].ask(b"/robots.txt")
        assert all(not client.wire.read for client in clients[:8])
        await rounds()
        assert all(client.wire.read.endswith(GIF) for client in clients[:6])
        for client in clients[6:8]:
            assert b"\r\nLocation: https://x.test/%d\r\n" % client.number in client.wire.read
        assert b"Disallow" in clients[8].wire.read
        assert cast("Counting", house.journal).batches == [6, 2]
        assert agents(house) == [f"reader {n}" for n in [*range(9), *range(8)]]

    asyncio.run(story())


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(url(Kind.PIXEL)[:-1] + b"!", id="not of base64"),
        pytest.param(url(Kind.PIXEL)[:-1] + b"B", id="spare bits"),
        pytest.param(b"/o/" + b"A" * 55, id="not signed"),
        pytest.param(url(Kind.PIXEL) + b"AAAA", id="too long"),
        pytest.param(b"/o/", id="nothing"),
        pytest.param(url(Kind.PIXEL, level=Level.OFF), id="leaves no record"),
        pytest.param(url(Kind.PIXEL, message=b"d" * 12), id="switched off"),
    ],
)
def test_one_that_is_no_hit_costs_the_others_of_its_turn_nothing(odd):
    async def story() -> None:
        house = a_house(denied=Denied(messages=frozenset([b"d" * 12])))
        clients = await clients_of(house, 3)
        for client in clients:
            client.ask(odd if client.number == 1 else url(Kind.PIXEL))
        await rounds()
        assert [client.wire.read.count(GIF) for client in clients] == [1, 1, 1]
        assert agents(house)[3:] == ["reader 0", "reader 2"]

    asyncio.run(story())


def test_who_asks_twice_in_a_turn_is_answered_in_order():
    async def story() -> None:
        house = a_house()
        (client,) = await clients_of(house, 1)
        client.ask(url(Kind.LINK, "https://x.test/first"))
        client.ask(url(Kind.PIXEL))
        client.ask(b"/robots.txt")
        await rounds()
        read = client.wire.read
        assert -1 < read.find(b"https://x.test/first") < read.find(GIF) < read.find(b"Disallow")
        assert len(agents(house)) == 3

    asyncio.run(story())


@pytest.mark.parametrize("end", ["leaves", "says nothing more", "is told to finish"])
def test_what_was_asked_before_the_end_of_a_connection_is_kept_and_answered_if_anybody_is_there(end):
    async def story() -> None:
        house = a_house()
        (client,) = await clients_of(house, 1)
        client.ask(url(Kind.PIXEL))
        if end == "leaves":
            client.served.connection_lost(None)
        elif end == "says nothing more":
            assert client.served.eof_received()
        else:
            house.finish()
        await rounds()
        assert (GIF in client.wire.read, client.wire.is_shut) == ((False, False) if end == "leaves" else (True, True))
        assert len(agents(house)) == 2

    asyncio.run(story())


def test_nobody_waits_for_a_journal_that_raises():
    class Raising(MemoryJournal):
        def append(self, payloads: Sequence[bytes], then: Callable[[], None]) -> None:
            raise OSError("no")

    async def story() -> None:
        house = a_house(Raising())
        for client in (clients := await clients_of(house, 3)):
            client.ask(url(Kind.PIXEL))
        await rounds()
        assert all(client.wire.read.endswith(GIF) for client in clients)
        assert house.lost == 6

    asyncio.run(story())


@pytest.mark.parametrize("where", ["records", "serve", "kept"])
def test_a_slip_of_ours_with_one_request_costs_the_others_of_its_turn_nothing(monkeypatch, where):
    async def story() -> None:
        house = a_house()
        clients = await clients_of(house, 4)

        def slips(*_asked: object) -> None:
            raise ValueError("ours")

        if where == "records":

            def for_one_alone(raws: Sequence[bytes | None], *asked: Any) -> Any:
                return (House.records if len(raws) == 1 else slips)(house, raws, *asked)

            monkeypatch.setattr(house, "records", for_one_alone)
        else:
            monkeypatch.setattr(Slipping, where, slips)
            clients[1].served.__class__ = Slipping
        for client in clients:
            client.ask(b"/o/none" if client.number == 1 and where == "serve" else url(Kind.PIXEL))
        await rounds()
        is_answered = [client.wire.read.endswith(GIF) for client in clients]
        assert is_answered == [True, where == "records", True, True]
        assert [client.wire.is_shut for client in clients] == [not one for one in is_answered]
        assert len(agents(house)) == 4 + (3 if where == "serve" else 4)

    asyncio.run(story())


class Slipping(Connection):
    """Raises where it is told to."""

    __slots__ = ()


@given(st.lists(st.sampled_from(["good", "other key", "changed", "cut", "filled"]), max_size=9), st.data())
def test_many_tokens_are_believed_as_each_would_be(sorts, data):
    texts, ours = [], []
    for sort in sorts:
        text = url(Kind.PIXEL)[3:]
        ours.append(text)
        if sort == "changed":
            at = data.draw(st.integers(0, len(text) - 1))
            text = text[:at] + data.draw(st.binary(min_size=1, max_size=1)) + text[at + 1 :]
        elif sort == "other key":
            text = bytes(55 * b"A")
        texts.append({"cut": text[:-1], "filled": text + b"A"}.get(sort, text))
    found = checker_of_many(KEYS, Kind.PIXEL)(texts)
    assert found == [checker(KEYS, Kind.PIXEL)(text) for text in texts]
    assert [one is not None for one in found] == [text == whole for text, whole in zip(texts, ours, strict=True)]

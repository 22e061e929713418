"""What every journal keeps to, whichever keeper it is."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from seenby.folder import open_folder
from seenby.journal import FileJournal, FileReader, Journal, MemoryJournal, Reader, pack_client, pack_hit
from seenby.journal.bus import Bus
from seenby.journal.jetstream import JetStreamReader
from seenby.journal.mover import Mover
from seenby.journal.seal import Seal
from seenby.settings import Settings
from seenby.words.policy import Level
from seenby.words.token import Keyring, Kind, Token, decode_id, encode_id, sign_token
from tests.conftest import require
from tests.nats import nats_binary, running_nats

KEYS = Keyring(keys={1: b"k" * 32}, current=1)
TOKEN = Token(
    kind=Kind.LINK, level=Level.FULL, message="m" * 16, recipient="r" * 10 + "w", link=3, target="https://x.test/"
)
RAW = decode_id(sign_token(TOKEN, KEYS)) or b""


def packed(number: int, **client: Any) -> bytes:
    at = 1_700_000_000_000_000 + number
    return pack_hit(number.to_bytes(16, "big"), at, RAW, "GET", pack_client(**client))


def ids(*numbers: int) -> list[str]:
    return [encode_id(number.to_bytes(16, "big")) for number in numbers]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Makes writers and one reader over the same keeper; `moved` waits until that many hits can be read."""

    make: Callable[[], Journal]
    reader: Reader
    moved: Callable[[int], Awaitable[None]]


async def at_once(_hits: int) -> None:
    """Nothing is on its way."""


@pytest.fixture(scope="module")
def nats():
    require(nats_binary(), "nats-server")
    with running_nats() as server:
        yield server


@pytest.fixture(params=["memory", "file", pytest.param("jetstream", marks=pytest.mark.slow)])
def keeper(request, tmp_path):
    if request.param == "memory":
        memory = MemoryJournal()
        yield Keeper(lambda: memory, memory, at_once)
        return
    folder = open_folder(tmp_path / "data")
    make = partial(FileJournal, folder.journal, segment_bytes=65_536)
    if request.param == "file":
        yield Keeper(make, FileReader(folder.journal), at_once)
        return
    settings = Settings(nats_url=request.getfixturevalue("nats").url, nats_stream=f"s{secrets.token_hex(4)}")
    mover = Mover(folder.journal, Bus(settings), Seal(folder.keyring), piece_hits=5)

    async def moved(hits: int) -> None:
        async with asyncio.timeout(20):
            while mover.moved < hits:  # noqa: ASYNC110 - the mover is a thread
                await asyncio.sleep(0.01)

    mover.start()
    yield Keeper(make, JetStreamReader(Bus(settings), Seal(folder.keyring)), moved)
    mover.stop()


async def keep(journal: Journal, *payloads: bytes) -> list[int]:
    """Append all, and wait until each was called for; the order of the calls."""
    called: list[int] = []
    everything = asyncio.Event()

    def then(number: int) -> None:
        called.append(number)
        if len(called) == len(payloads):
            everything.set()

    for number, payload in enumerate(payloads):
        journal.append([payload], partial(then, number))
    assert not called, "no call from inside append"
    await asyncio.wait_for(everything.wait(), 10)
    return called


def run(keeper: Keeper, story: Callable[[Journal], Coroutine[Any, Any, None]]) -> None:
    """Tell a story with one writer."""

    async def whole() -> None:
        await story(keeper.make())
        if isinstance(keeper.reader, JetStreamReader):
            await keeper.reader.aclose()

    asyncio.run(whole())


async def drained(reader: Reader, *, limit: int = 100) -> list[str]:
    """The ids of all there is, taken and settled batch by batch."""
    done: dict[str, int] = {}
    found: list[str] = []
    while (batch := await reader.claim(done, limit=limit)).hits:
        found += [hit.id for hit in batch.hits]
        done |= batch.done
        await reader.settle(done)
    return found


def test_a_hit_is_there_when_its_call_comes_and_reads_back_whole(keeper):
    async def story(journal: Journal) -> None:
        journal.start()
        await keep(journal, packed(5, address="192.0.2.7", agent="Mail/1.0", headers={"accept": "image/*"}))
        await keeper.moved(1)
        [hit] = (await keeper.reader.claim({}, limit=10)).hits
        assert (hit.id, hit.token, hit.method) == (ids(5)[0], TOKEN, "GET")
        assert hit.at == datetime.fromtimestamp(1_700_000_000, UTC).replace(microsecond=5)
        assert (hit.address, hit.agent, hit.headers) == ("192.0.2.7", "Mail/1.0", {"accept": "image/*"})
        await journal.close()

    run(keeper, story)


def test_calls_and_hits_come_in_the_order_of_the_appends(keeper):
    async def story(journal: Journal) -> None:
        assert await keep(journal, *map(packed, range(300))) == list(range(300))
        await keeper.moved(300)
        assert await drained(keeper.reader, limit=1000) == ids(*range(300))
        await journal.close()

    run(keeper, story)


def test_claiming_goes_on_where_it_was_settled_and_what_was_not_comes_again(keeper):
    async def story(journal: Journal) -> None:
        for number in range(25):  # each a commit of its own
            await keep(journal, packed(number))
        await keeper.moved(25)
        done: dict[str, int] = {}
        seen: list[str] = []
        while (batch := await keeper.reader.claim(done, limit=7)).hits:
            assert len(batch.hits) <= 7
            assert await keeper.reader.claim(done, limit=7) == batch
            seen += [hit.id for hit in batch.hits]
            done |= batch.done
            await keeper.reader.settle(done)
        assert seen == ids(*range(25))
        await keep(journal, packed(25))
        await keeper.moved(26)
        assert [hit.id for hit in (await keeper.reader.claim(done, limit=7)).hits] == ids(25)
        await journal.close()

    run(keeper, story)


def test_what_was_kept_together_comes_though_it_is_more_than_was_asked_for(keeper):
    async def story(journal: Journal) -> None:
        await keep(journal, *map(packed, range(300)))
        await keeper.moved(300)
        assert await drained(keeper.reader, limit=1) == ids(*range(300))
        await journal.close()

    run(keeper, story)


def test_what_is_settled_never_comes_again_though_the_writer_goes_on(keeper):
    async def story(journal: Journal) -> None:
        done: dict[str, int] = {}
        for number in range(5):
            await keep(journal, packed(number))
            await keeper.moved(number + 1)
            batch = await keeper.reader.claim(done, limit=10)
            assert [hit.id for hit in batch.hits] == ids(number)
            done |= batch.done
            await keeper.reader.settle(done)
        assert (await keeper.reader.claim(done, limit=10)).hits == ()
        await journal.close()

    run(keeper, story)


@pytest.mark.parametrize("keeper", ["memory", "file"], indirect=True)
def test_only_what_is_finished_and_wholly_taken_is_forgotten(keeper):
    reader = keeper.reader

    async def story(journal: Journal) -> None:
        await keep(journal, packed(1), packed(2))
        done = dict((await reader.claim({}, limit=10)).done)
        assert await reader.settle(done) == ()
        await journal.close()
        assert await reader.settle(dict.fromkeys(done, 1)) == ()
        done |= (await reader.claim(done, limit=10)).done
        assert await reader.settle(done) == tuple(done)
        assert (await reader.claim({}, limit=10)).hits == ()
        assert await reader.settle({"long-gone": 9}) == ("long-gone",)

    run(keeper, story)


def test_a_payload_that_is_no_hit_is_reported_and_not_raised(keeper):
    async def story(journal: Journal) -> None:
        await keep(journal, packed(1), b"no hit", pack_hit(b"x" * 16, 1, b"no token", "GET"), packed(2))
        await keeper.moved(4)
        batch = await keeper.reader.claim({}, limit=10)
        assert [hit.id for hit in batch.hits] == ids(1, 2)
        assert batch.torn
        await journal.close()

    run(keeper, story)


def test_closing_keeps_what_is_under_way_and_makes_its_calls(keeper):
    async def story(journal: Journal) -> None:
        called: list[int] = []
        for number in range(50):
            journal.append([packed(number)], partial(called.append, number))
        await journal.close()
        await asyncio.sleep(0)
        assert called == list(range(50))
        await keeper.moved(50)
        assert len(await drained(keeper.reader)) == 50
        assert (journal.lost, journal.healthy) == (0, True)

    run(keeper, story)

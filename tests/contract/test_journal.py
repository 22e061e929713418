"""What every journal keeps to, whichever keeper it is."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from seenby.journal import FileJournal, FileReader, Journal, MemoryJournal, pack_client, pack_hit
from seenby.words.policy import Level
from seenby.words.token import Keyring, Kind, Token, decode_id, encode_id, sign_token

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


@pytest.fixture(params=["memory", "file"])
def keeper(request, tmp_path):
    """Makes writers and one reader over the same keeper."""
    if request.param == "memory":
        memory = MemoryJournal()
        return lambda: memory, memory
    return lambda: FileJournal(tmp_path / "journal", segment_bytes=65_536), FileReader(tmp_path / "journal")


async def keep(journal: Journal, *payloads: bytes) -> list[int]:
    """Append all, and wait until each was called for; the order of the calls."""
    called: list[int] = []
    everything = asyncio.Event()

    def then(number: int) -> None:
        called.append(number)
        if len(called) == len(payloads):
            everything.set()

    for number, payload in enumerate(payloads):
        journal.append(payload, partial(then, number))
    assert not called, "no call from inside append"
    await asyncio.wait_for(everything.wait(), 10)
    return called


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


def test_a_hit_is_there_when_its_call_comes_and_reads_back_whole(keeper):
    make, reader = keeper

    async def story() -> None:
        journal = make()
        journal.start()
        await keep(journal, packed(5, address="192.0.2.7", agent="Mail/1.0", headers={"accept": "image/*"}))
        [hit] = reader.take({}, limit=10).hits
        assert (hit.id, hit.token, hit.method) == (ids(5)[0], TOKEN, "GET")
        assert hit.at == datetime.fromtimestamp(1_700_000_000, UTC).replace(microsecond=5)
        assert (hit.address, hit.agent, hit.headers) == ("192.0.2.7", "Mail/1.0", {"accept": "image/*"})
        await journal.close()

    run(story)


def test_calls_and_hits_come_in_the_order_of_the_appends(keeper):
    make, reader = keeper

    async def story() -> None:
        journal = make()
        assert await keep(journal, *map(packed, range(300))) == list(range(300))
        assert [hit.id for hit in reader.take({}, limit=1000).hits] == ids(*range(300))
        await journal.close()

    run(story)


def test_taking_goes_on_where_it_ended_and_may_be_repeated(keeper):
    make, reader = keeper

    async def story() -> None:
        journal = make()
        await keep(journal, *map(packed, range(25)))
        done: dict[str, int] = {}
        seen: list[str] = []
        while (batch := reader.take(done, limit=7)).hits:
            assert len(batch.hits) <= 7
            assert reader.take(done, limit=7) == batch
            seen += [hit.id for hit in batch.hits]
            done |= batch.done
        assert seen == ids(*range(25))
        await keep(journal, packed(25))
        assert [hit.id for hit in reader.take(done, limit=7).hits] == ids(25)
        await journal.close()

    run(story)


def test_only_what_is_finished_and_wholly_taken_is_forgotten(keeper):
    make, reader = keeper

    async def story() -> None:
        journal = make()
        await keep(journal, packed(1), packed(2))
        done = dict(reader.take({}, limit=10).done)
        assert reader.forget(done) == ()
        await journal.close()
        assert reader.forget(dict.fromkeys(done, 1)) == ()
        done |= reader.take(done, limit=10).done
        assert reader.forget(done) == tuple(done)
        assert reader.take({}, limit=10).hits == ()
        assert reader.forget({"long-gone": 9}) == ("long-gone",)

    run(story)


def test_a_payload_that_is_no_hit_is_reported_and_not_raised(keeper):
    make, reader = keeper

    async def story() -> None:
        journal = make()
        await keep(journal, packed(1), b"no hit", pack_hit(b"x" * 16, 1, b"no token", "GET"), packed(2))
        batch = reader.take({}, limit=10)
        assert [hit.id for hit in batch.hits] == ids(1, 2)
        assert batch.torn
        await journal.close()

    run(story)


def test_closing_keeps_what_is_under_way_and_makes_its_calls(keeper):
    make, reader = keeper

    async def story() -> None:
        journal = make()
        called: list[int] = []
        for number in range(50):
            journal.append(packed(number), partial(called.append, number))
        await journal.close()
        await asyncio.sleep(0)
        assert called == list(range(50))
        assert len(reader.take({}, limit=100).hits) == 50
        assert (journal.lost, journal.healthy) == (0, True)

    run(story)

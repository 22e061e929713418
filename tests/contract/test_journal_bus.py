"""Hits on their way from a tracker's files over a real NATS into the store: whatever dies, each arrives, and once."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js import api
from nats.js.errors import ServerError
from sqlalchemy import text

from seenby import flow, maillog
from seenby.folder import Folder, open_folder
from seenby.journal import FileJournal, pack_hit
from seenby.journal.bus import Bus
from seenby.journal.jetstream import JetStreamReader
from seenby.journal.mover import Mover
from seenby.journal.piece import Place, pack_piece, pack_places
from seenby.journal.seal import Seal, Sealed
from seenby.journal.segment import segment_names, writer_of
from seenby.keys import new_keyring, rotate_key
from seenby.settings import Settings
from seenby.steps.house import House
from seenby.store import Store
from seenby.words.policy import Level
from seenby.words.token import Kind, Token, decode_id, sign_token
from tests.conftest import require
from tests.house import Clock, add_sender, make_house, submitted
from tests.nats import NatsServer, nats_binary, running_nats

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def server() -> Iterator[NatsServer]:
    require(nats_binary(), "nats-server")
    with running_nats() as started:
        yield started


@dataclass(slots=True)
class Town:
    """A tracker's journal and mover, and a store with one message that its hits are on."""

    house: House
    folder: Folder
    settings: Settings
    raw: bytes
    journal: FileJournal
    mover: Mover
    sent: int = 0
    readers: list[JetStreamReader] = field(default_factory=list)

    async def hit(self, count: int) -> None:
        """So many hits, all answered."""
        answered = asyncio.Semaphore(0)
        for _ in range(count):
            packed = pack_hit(os.urandom(16), time.time_ns() // 1000, self.raw, "GET")
            self.journal.append([packed], answered.release)
        async with asyncio.timeout(20):
            for _ in range(count):
                await answered.acquire()
        self.sent += count
        assert self.journal.lost == 0

    def reader(self, *, lease: float = 5.0) -> JetStreamReader:
        made = JetStreamReader(Bus(self.settings), Seal(self.folder.keyring), lease_seconds=lease)
        self.readers.append(made)
        return made

    async def kept(self) -> int:
        """How many hits the store has."""
        async with self.house.store.read() as tx:
            return int((await tx.connection.execute(text("select count(*) from hits"))).scalar_one())

    async def all_moved(self) -> None:
        await until(lambda: is_true(self.mover.moved >= self.sent), "the bus did not take all")

    async def all_arrive(self, reader: JetStreamReader) -> None:
        """Drain until the store has what was answered, and until the tracker knows it and has let go of it."""

        async def are_there() -> bool:
            await flow.drain(self.house, reader)
            return await self.kept() == self.sent

        await until(are_there, "not all hits arrived")
        await self.journal.close()

        async def are_gone() -> bool:
            await flow.drain(self.house, reader)
            return not segment_names(self.folder.journal)

        await until(are_gone, "the tracker did not learn that the store has all of it")
        assert await self.kept() == self.sent
        assert self.mover.waiting == 0


async def is_true(answer: bool) -> bool:
    return answer


async def until(what: Callable[[], Awaitable[bool]], why: str) -> None:
    try:
        async with asyncio.timeout(60):
            while not await what():  # noqa: ASYNC110 - what is waited for is another thread or process
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(why) from None


@pytest.fixture
async def make_town(store: Store, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Town]]]:
    towns: list[Town] = []

    async def make(url: str, **settings: Any) -> Town:
        house = make_house(store, clock=Clock())
        message = await submitted(house, await add_sender(house))
        token = Token(kind=Kind.PIXEL, level=Level.COUNTED, message=message, recipient=None)
        folder = open_folder(tmp_path / "tracker")
        town = Town(
            house=house,
            folder=folder,
            settings=Settings(nats_url=url, data=folder.path, **settings),
            raw=decode_id(sign_token(token, house.keys)) or b"",
            journal=FileJournal(folder.journal, segment_bytes=65_536),
            mover=Mover(
                folder.journal, Bus(Settings(nats_url=url, **settings)), Seal(folder.keyring), look_seconds=0.3
            ),
        )
        town.mover.start()
        town.journal.start()
        towns.append(town)
        return town

    yield make
    for town in towns:
        await asyncio.to_thread(town.mover.stop)
        for reader in town.readers:
            await reader.aclose()
        await town.journal.close()


MakeTown = Callable[..., Awaitable[Town]]


async def test_hits_arrive_once_and_the_tracker_keeps_its_files_until_the_store_has_them(
    make_town: MakeTown, server: NatsServer
) -> None:
    town = await make_town(server.url)
    await town.hit(2000)
    await town.all_moved()
    await town.journal.close()
    await asyncio.sleep(1.5)  # long enough for the mover to have deleted what it may
    assert len(segment_names(town.folder.journal)) > 1
    assert town.mover.waiting > 0
    await town.all_arrive(town.reader())


async def test_with_the_bus_down_hits_are_answered_and_appear_when_it_is_back(
    make_town: MakeTown, server: NatsServer
) -> None:
    server.kill()
    town = await make_town(server.url)
    reader = town.reader()
    await town.hit(500)
    assert await flow.drain(town.house, reader) == 0
    server.start()
    await until(lambda: is_true(town.mover.moved == 500), "the mover did not come back")
    server.kill()
    await town.hit(500)
    assert town.journal.healthy
    server.start()
    await town.all_arrive(reader)


async def test_a_bus_killed_again_and_again_while_hits_move_loses_and_doubles_none(
    make_town: MakeTown, server: NatsServer
) -> None:
    town = await make_town(server.url)
    reader = town.reader(lease=1.0)
    for _ in range(4):
        for _ in range(5):
            await town.hit(200)
            await flow.drain(town.house, reader)
        server.kill()
        await town.hit(200)
        server.start()
    await town.all_arrive(reader)


async def test_a_bus_that_hangs_keeps_nobody_waiting_and_is_left_for_a_new_connection(
    make_town: MakeTown, server: NatsServer
) -> None:
    town = await make_town(server.url)
    reader = town.reader(lease=2.0)
    await town.hit(300)
    await town.all_moved()
    await until(lambda: holds(reader), "nothing came")
    server.pause()
    try:
        await town.hit(300)
        await flow.drain(town.house, reader)
        await asyncio.sleep(6)  # longer than the mover waits for an answer
        await town.hit(300)
    finally:
        server.resume()
    await town.all_arrive(reader)


async def delete(url: str) -> None:
    client = await nats.connect(url)
    await client.jetstream().delete_stream("seenby")
    await client.close()


async def purge(url: str) -> None:
    client = await nats.connect(url)
    await client.jetstream().purge_stream("seenby")
    await client.close()


async def make_anew(url: str) -> None:
    client = await nats.connect(url)
    await client.jetstream().delete_stream("seenby")
    with contextlib.suppress(ServerError):  # a tracker makes it at this very moment, which is as good
        await client.jetstream().add_stream(Bus(Settings(nats_url=url))._wanted())
    await client.close()


@pytest.mark.parametrize("harm", [delete, purge, make_anew])
async def test_a_stream_that_was_deleted_or_emptied_is_filled_again_from_the_trackers_files(
    make_town: MakeTown, server: NatsServer, harm: Callable[[str], Awaitable[None]]
) -> None:
    town = await make_town(server.url)
    await town.hit(600)
    await town.all_moved()
    await harm(server.url)
    await town.hit(10)
    await town.all_arrive(town.reader())


async def test_a_stream_deleted_under_a_worker_that_waits_is_made_and_drained_anew(
    make_town: MakeTown, server: NatsServer
) -> None:
    town = await make_town(server.url)
    reader = town.reader()
    await town.hit(100)
    await town.all_moved()
    await until(lambda: drained(town, reader, 100), "the first did not arrive")
    await delete(server.url)
    await town.hit(100)
    await town.all_arrive(reader)


async def drained(town: Town, reader: JetStreamReader, count: int) -> bool:
    await flow.drain(town.house, reader)
    return await town.kept() == count


async def test_a_bus_that_lost_everything_gets_it_again(make_town: MakeTown, server: NatsServer) -> None:
    town = await make_town(server.url)
    await town.hit(600)
    await town.all_moved()
    server.kill()
    server.wipe()
    server.start()
    await town.all_arrive(town.reader())


class Forgetful(JetStreamReader):
    """A worker that dies after the store's commit and before it could tell anybody."""

    deaths = 0

    async def settle(self, done: Any) -> tuple[str, ...]:
        if self.deaths < 10 and self._claimed:
            self.deaths += 1
            await self._bus.close()
            return ()
        return await super().settle(done)


async def test_a_piece_delivered_ten_times_adds_nothing(make_town: MakeTown, server: NatsServer) -> None:
    town = await make_town(server.url)
    await town.hit(100)
    await town.all_moved()
    reader = Forgetful(Bus(town.settings), Seal(town.folder.keyring), lease_seconds=0.3)
    town.readers.append(reader)

    async def has_died_ten_times() -> bool:
        await flow.drain(town.house, reader)
        return reader.deaths == 10

    await until(has_died_ten_times, "it was not delivered ten times")
    assert await town.kept() == 100
    assert town.mover.waiting > 0
    await town.all_arrive(reader)


async def test_what_a_dead_worker_held_comes_to_another(make_town: MakeTown, server: NatsServer) -> None:
    town = await make_town(server.url)
    await town.hit(1000)
    await town.all_moved()
    first = town.reader(lease=0.5)
    await until(lambda: holds(first), "nothing came")
    await first._bus.close()
    await town.all_arrive(town.reader(lease=0.5))


async def holds(reader: JetStreamReader) -> bool:
    return bool((await reader.claim({}, limit=500)).hits)


async def test_what_a_worker_held_that_ended_in_order_is_there_for_others_at_once(
    make_town: MakeTown, server: NatsServer
) -> None:
    town = await make_town(server.url)
    await town.hit(1000)
    await town.all_moved()
    first = town.reader(lease=600)
    await until(lambda: holds(first), "nothing came")
    await first.aclose()
    await town.all_arrive(town.reader(lease=600))


async def test_several_workers_drain_at_the_same_time_and_no_piece_goes_to_two(
    make_town: MakeTown, server: NatsServer
) -> None:
    town = await make_town(server.url)
    taken: list[int] = []

    async def work(reader: JetStreamReader) -> None:
        while await town.kept() < 5000:
            taken.append(await flow.drain(town.house, reader))

    for _ in range(5):
        await town.hit(1000)
    async with asyncio.timeout(60):
        await asyncio.gather(*(work(town.reader(lease=60)) for _ in range(3)))
    await town.all_arrive(town.reader())
    assert sum(taken) == 5000


async def test_a_full_stream_takes_no_more_and_drops_nothing(make_town: MakeTown, server: NatsServer) -> None:
    client = await nats.connect(server.url)
    wanted = Bus(Settings(nats_url=server.url))._wanted()
    wanted.max_bytes = 100_000
    await client.jetstream().add_stream(wanted)
    await client.close()
    town = await make_town(server.url)
    await town.hit(3000)
    await asyncio.sleep(1)
    assert 0 < town.mover.moved < 3000
    await town.all_arrive(town.reader())


async def test_a_stream_that_may_drop_hits_is_not_used_and_the_log_says_so(
    make_town: MakeTown, server: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    client = await nats.connect(server.url)
    await client.jetstream().add_stream(
        api.StreamConfig(name="seenby", subjects=["seenby.hits"], max_bytes=100_000, discard=api.DiscardPolicy.OLD)
    )
    maillog.start_log(level="info")
    town = await make_town(server.url)
    await town.hit(10)
    assert await flow.drain(town.house, town.reader()) == 0
    await asyncio.sleep(0.5)
    assert town.mover.moved == 0
    assert "SEENBY_NATS_STREAM" in capsys.readouterr().err
    await client.jetstream().delete_stream("seenby")
    await client.close()
    await town.all_arrive(town.readers[0])


async def test_what_is_no_piece_is_reported_and_dropped(
    make_town: MakeTown, server: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    maillog.start_log(level="info")
    town = await make_town(server.url)
    await town.hit(10)
    await town.all_moved()
    client = await nats.connect(server.url)
    for rubbish in (b"", b"rubbish", b"\x94\xa1x\x00\x01\x90", b"\xff" * 1000):
        await client.jetstream().publish("seenby.hits", rubbish)
        await client.publish(f"seenby.stored.{segment_names(town.folder.journal)[0].split('-')[1]}", rubbish)
    await client.close()
    await town.all_arrive(town.reader())
    assert capsys.readouterr().err.count("no piece that one of our trackers sealed") == 4


async def test_a_password_opens_the_bus_and_stands_in_no_log(
    make_town: MakeTown, capsys: pytest.CaptureFixture[str]
) -> None:
    require(nats_binary(), "nats-server")
    maillog.start_log(level="debug")
    with running_nats(config='authorization { user: "seen by", password: "s3cr%t" }') as server:
        right = server.url.replace("nats://", "nats://seen%20by:s3cr%25t@")
        wrong = Bus(Settings(nats_url=right.replace("s3cr%25t", "wr0ng")))
        assert await wrong.link() is None
        town = await make_town(right)
        await town.hit(10)
        await town.all_arrive(town.reader())
        log = capsys.readouterr().err
        assert "bus_is_lost" in log
        assert not any(secret in log for secret in ("s3cr", "wr0ng"))
        await asyncio.to_thread(town.mover.stop)


async def test_the_rights_that_the_documentation_gives_are_enough(
    make_town: MakeTown, capsys: pytest.CaptureFixture[str]
) -> None:
    require(nats_binary(), "nats-server")
    maillog.start_log(level="info")
    page = Path(__file__).parents[2] / "docs" / "howto" / "run-on-many-machines.md"
    [rights] = re.findall(r"^```\n(authorization .*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    with running_nats(config=rights) as server:
        town = await make_town(server.url.replace("//", "//tracker:tracker-secret@"))
        worker = Settings(nats_url=server.url.replace("//", "//worker:worker-secret@"))
        town.readers.append(JetStreamReader(Bus(worker), Seal(town.folder.keyring)))
        await town.hit(1000)
        await town.all_arrive(town.readers[0])
        assert "bus_complains" not in capsys.readouterr().err
        await asyncio.to_thread(town.mover.stop)
        await town.readers.pop().aclose()


async def test_one_process_moves_a_folder_and_another_takes_over_when_it_ends(
    make_town: MakeTown, server: NatsServer
) -> None:
    town = await make_town(server.url)
    await town.hit(10)
    await town.all_moved()
    second = Mover(town.folder.journal, Bus(town.settings), Seal(town.folder.keyring))
    second.start()
    await asyncio.sleep(0.5)
    assert second.moved == 0
    await asyncio.to_thread(town.mover.stop)
    town.mover = second
    town.sent = 0
    await town.hit(10)
    await until(lambda: is_true(second.moved >= 10), "nobody took over")
    town.sent = 20
    await town.all_arrive(town.reader())


async def test_who_has_rights_on_the_bus_and_no_key_moves_nothing(make_town: MakeTown, server: NatsServer) -> None:
    """A leaked password neither invents hits nor makes a tracker let go of answered ones."""
    town = await make_town(server.url)
    await town.hit(40)
    await town.all_moved()
    names = segment_names(town.folder.journal)
    assert names
    bus = Bus(town.settings)
    stranger = await nats.connect(server.url)
    whole = pack_places([Place(name, 0, 2**40) for name in names])
    forged = pack_piece(Place(names[0], 2**41, 2**41 + 1), [pack_hit(os.urandom(16), 1, town.raw, "GET")])
    with_other_key = Seal(new_keyring)
    for word in (whole, b"", b"x" * 40, with_other_key.close(Sealed.STORED, whole)):
        for name in names:
            await stranger.publish(bus.stored(writer_of(name)), word)
    sealed = Seal(town.folder.keyring).close(Sealed.STORED, forged)  # a word of the store's is no piece
    for piece in (forged, with_other_key.close(Sealed.PIECE, forged), sealed):
        await stranger.jetstream().publish(bus.hits, piece)
    await stranger.flush()
    await asyncio.sleep(1.0)
    assert segment_names(town.folder.journal) == names
    await stranger.close()
    await town.all_arrive(town.reader())


async def test_a_worker_learns_of_a_new_key_by_itself(make_town: MakeTown, server: NatsServer) -> None:
    town = await make_town(server.url)
    reader = town.reader()
    await town.hit(5)
    await town.all_moved()
    rotate_key(town.folder.tracking_keys)
    town.mover.stop()
    second = Mover(town.folder.journal, Bus(town.settings), Seal(town.folder.keyring), look_seconds=0.3)
    second.start()
    try:
        await town.hit(5)
        await asyncio.sleep(1.1)  # the key file is read again once a second at the most

        async def are_there() -> bool:
            await flow.drain(town.house, reader)
            return await town.kept() == town.sent

        await until(are_there, "what the new key sealed did not arrive")
    finally:
        second.stop()

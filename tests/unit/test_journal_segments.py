"""Segments cut short, damaged, left behind, on full disks and on bad ones; written past the page cache and through."""

import asyncio
import errno
import os
import stat
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seenby.journal import Batch, FileJournal, FileReader, pack_client, pack_hit
from seenby.journal import segment as segments
from seenby.journal.record import MARKER, frame, seed_of
from seenby.journal.segment import BLOCK, Segment, segment_names
from seenby.words.policy import Level
from seenby.words.token import Keyring, Kind, Token, decode_id, encode_id, sign_token

KEYS = Keyring(keys={1: b"k" * 32}, current=1)
TOKEN = Token(kind=Kind.PIXEL, level=Level.FULL, message="m" * 16, recipient=None)
RAW = decode_id(sign_token(TOKEN, KEYS)) or b""


def packed(number: int) -> bytes:
    return pack_hit(number.to_bytes(16, "big"), number, RAW, "GET", pack_client("192.0.2.1", "x" * number))


def hit_id(number: int) -> str:
    return encode_id(number.to_bytes(16, "big"))


def new_segment(folder: Path, *, number: int = 1, room: int = 8192) -> Segment:
    segment = Segment(folder, writer="0123456789abcdef", room=room)
    segment.begin(started=1_700_000_000_000_000, number=number)
    return segment


def written(folder: Path, count: int = 4) -> tuple[Path, list[int]]:
    """A finished segment of `count` hits, each a commit, and where each record begins and the last ends."""
    segment = new_segment(folder)
    bounds = [0]
    for number in range(count):
        assert segment.write([packed(number)], 0) == 1
        bounds.append(bounds[-1] + record_bytes(number))
    segment.finish()
    return folder / segment.name, bounds


def record_bytes(*numbers: int) -> int:
    return len(frame([packed(number) for number in numbers], 0))


def refused(*_given: Any) -> int:
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def unknown(*_given: Any) -> int:
    raise NotImplementedError("pwritev2: flags unavailable on this platform")


@pytest.fixture(autouse=True, params=["past the page cache", "through it"])
def way(request, monkeypatch):
    if request.param == "through it":
        monkeypatch.setattr(os, "pwritev", refused)


def commit_with(monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None]) -> None:
    """Have `before` called with a segment's name whenever something in it is to be put on disk."""
    past, through = os.pwritev, os.fdatasync

    def name_of(file: int) -> str:
        return Path(f"/proc/self/fd/{file}").readlink().name

    def pwritev(file: int, *given: Any) -> int:
        if past is not refused and not name_of(file).endswith(".new"):
            before(name_of(file))
        return past(file, *given)

    def fdatasync(file: int) -> None:
        if not name_of(file).endswith(".new"):
            before(name_of(file))
        through(file)

    monkeypatch.setattr(os, "pwritev", pwritev)
    monkeypatch.setattr(os, "fdatasync", fdatasync)


def read_ids(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    batch = FileReader(folder).take({}, limit=1000)
    return [hit.id for hit in batch.hits], batch.torn


async def keep(journal: FileJournal, *payloads: bytes) -> None:
    left = len(payloads)
    over = asyncio.Event()

    def then() -> None:
        nonlocal left
        left -= 1
        if not left:
            over.set()

    for payload in payloads:
        journal.append([payload], then)
    await asyncio.wait_for(over.wait(), 20)


async def until_open(folder: Path) -> None:
    """Until the first segment is made."""
    while not segment_names(folder):  # noqa: ASYNC110 - the file system tells nobody
        await asyncio.sleep(0.01)


async def until_healthy(journal: FileJournal) -> None:
    while not journal.healthy:  # noqa: ASYNC110 - it tells nobody when it recovers
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("knows_the_flag", [False, True])
def test_a_python_that_was_built_without_pwritev2_keeps_hits_as_well(tmp_path, monkeypatch, knows_the_flag):
    if not knows_the_flag:
        monkeypatch.setattr(segments, "_DSYNC", 0)
    monkeypatch.setattr(os, "pwritev", unknown)
    written(tmp_path)
    assert read_ids(tmp_path) == ([hit_id(number) for number in range(4)], ())


@pytest.mark.parametrize("behind", ["nothing", "blank room", "blank and of a finished segment's size"])
def test_a_segment_cut_at_any_byte_gives_exactly_the_whole_records_before(tmp_path, behind):
    path, bounds = written(tmp_path)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        size = {"nothing": cut, "blank room": BLOCK}.get(behind, len(whole))
        path.write_bytes(whole[:cut].ljust(size, b"\0"))
        ids, torn = read_ids(tmp_path)
        expected = sum(end <= cut for end in bounds[1:])
        # zeros are put where zeros were: a record may be whole although its last bytes were cut off
        if size > cut and len(ids) == expected + 1:
            assert whole[cut : bounds[expected + 1]].strip(b"\0") == b""
            continue
        assert ids == [hit_id(number) for number in range(expected)]
        is_as_a_dead_writer_leaves_it = size == BLOCK and not whole[bounds[expected] : cut].strip(b"\0")
        is_whole = size > cut and not whole[cut:].strip(b"\0")
        assert bool(torn) != (is_as_a_dead_writer_leaves_it or is_whole)


def test_a_finished_segment_ends_with_a_mark_and_is_forgotten_whole(tmp_path):
    path, bounds = written(tmp_path)
    assert path.stat().st_size == bounds[-1] + record_bytes()
    reader = FileReader(tmp_path)
    batch = reader.take({}, limit=3)
    batch = reader.take(batch.done, limit=3)
    assert (len(batch.hits), batch.done, batch.torn) == (1, {path.name: path.stat().st_size}, ())
    assert reader.take(batch.done, limit=3) == Batch()
    assert reader.forget(batch.done) == (path.name,)


def test_what_the_disk_does_not_give_holds_up_nothing_else_and_is_told_once(tmp_path):
    path, _bounds = written(tmp_path)
    refused = path.with_name(path.name.replace("170", "160", 1))
    refused.mkdir()
    reader = FileReader(tmp_path)
    batch = reader.take({}, limit=10)
    assert len(batch.hits) == 4
    assert [report.partition(":")[0] for report in batch.torn] == [refused.name]
    assert reader.forget(batch.done) == (path.name,)
    assert reader.take({}, limit=10) == Batch()
    assert refused.exists()


def test_any_damaged_byte_costs_its_own_record_only_and_is_reported(tmp_path):
    path, bounds = written(tmp_path)
    whole = path.read_bytes()
    for at in range(bounds[-1]):
        spoilt = bytearray(whole)
        spoilt[at] ^= 0x5A
        path.write_bytes(bytes(spoilt))
        hurt = next(number for number, end in enumerate(bounds[1:]) if at < end)
        ids, torn = read_ids(tmp_path)
        assert ids == [hit_id(number) for number in range(4) if number != hurt]
        assert torn


def test_a_commit_is_one_record_and_what_is_damaged_of_it_costs_no_other(tmp_path):
    segment = new_segment(tmp_path)
    segment.write([packed(1)], 0)
    segment.write([packed(2), packed(3)], 0)
    segment.write([packed(4)], 0)
    segment.finish()
    path = tmp_path / segment.name
    whole = path.read_bytes()
    assert len(whole) == record_bytes(1) + record_bytes(2, 3) + record_bytes(4) + record_bytes()
    path.write_bytes(whole.replace(packed(3), packed(3)[:-1] + b"y"))
    ids, torn = read_ids(tmp_path)
    assert (ids, len(torn)) == ([hit_id(1), hit_id(4)], 1)


def test_what_is_too_long_for_one_record_is_several_and_nothing_of_it_is_lost(tmp_path):
    segment = new_segment(tmp_path, room=1024 * 1024)
    payloads = [packed(number) for number in range(600)]
    assert segment.write(payloads, 0) == 600
    segment.finish()
    assert (tmp_path / segment.name).read_bytes().count(MARKER) > 3
    assert read_ids(tmp_path) == ([hit_id(number) for number in range(600)], ())


def test_segments_of_the_first_version_are_read(tmp_path):
    """A hit was a record then: "hj1", its length, its checksum, the hit; and nothing in one was the end."""
    path = tmp_path / "1700000000000000-0123456789abcdef-000001.journal"
    seed = seed_of(path.name)
    path.write_bytes(
        b"".join(
            b"\xf7hj1" + struct.pack(">II", len(one), zlib.crc32(one, seed)) + one
            for one in (packed(1), packed(2), packed(3), b"")
        )
    )
    assert read_ids(tmp_path) == ([hit_id(1), hit_id(2), hit_id(3)], ())


def test_a_hole_of_zeros_is_skipped_once_the_writer_is_gone(tmp_path):
    path, bounds = written(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: bounds[1]] + bytes(bounds[2] - bounds[1]) + whole[bounds[2] :])
    ids, torn = read_ids(tmp_path)
    assert ids == [hit_id(0), hit_id(2), hit_id(3)]
    assert torn


def test_records_of_another_segment_are_not_taken_for_this_ones(tmp_path):
    path, _bounds = written(tmp_path)
    other = path.with_name(path.name.replace("0123456789abcdef", "fedcba9876543210"))
    path.rename(other)
    ids, torn = read_ids(tmp_path)
    assert ids == []
    assert torn


def test_a_file_in_which_nothing_is_ours_is_put_aside_for_a_human(tmp_path):
    path, _bounds = written(tmp_path)
    path.write_bytes(b"something else altogether" * 100)
    ids, torn = read_ids(tmp_path)
    assert ids == []
    assert len(torn) == 1
    assert path.with_name(path.name + ".damaged").exists()
    assert read_ids(tmp_path) == ([], ())


def test_a_growing_segment_is_read_up_to_what_is_written_and_no_further(tmp_path):
    segment = new_segment(tmp_path)
    reader = FileReader(tmp_path)
    done: dict[str, int] = {}
    for number in range(5):
        batch = reader.take(done, limit=10)
        assert (batch.hits, batch.done, batch.torn) == ((), {}, ())
        segment.write([packed(number)], 0)
        batch = reader.take(done, limit=10)
        assert [hit.id for hit in batch.hits] == [hit_id(number)]
        done |= batch.done
        assert reader.forget(done) == ()
    segment.abandon()  # as if its process had died
    done |= reader.take(done, limit=10).done
    assert done == {segment.name: 8192}
    assert reader.forget(done) == (segment.name,)
    assert segment_names(tmp_path) == []


def test_half_a_record_in_a_growing_segment_is_waited_for(tmp_path):
    segment = new_segment(tmp_path)
    segment.write([packed(1)], 0)
    path = tmp_path / segment.name
    file = os.open(path, os.O_RDWR)
    used = FileReader(tmp_path).take({}, limit=9).done[segment.name]
    os.pwrite(file, b"\xf7hj2\x00\x00\x00\x20half", used)
    os.close(file)
    batch = FileReader(tmp_path).take({}, limit=9)
    assert len(batch.hits) == 1
    assert (batch.torn, batch.done) == ((), {segment.name: used})
    segment.abandon()


def test_damage_in_a_growing_segment_does_not_hold_up_what_follows(tmp_path):
    segment = new_segment(tmp_path)
    for number in (1, 2, 3):
        segment.write([packed(number)], 0)
    file = os.open(tmp_path / segment.name, os.O_RDWR)
    os.pwrite(file, b"??", record_bytes(1) + 20)
    os.close(file)
    ids, torn = read_ids(tmp_path)
    assert ids == [hit_id(1), hit_id(3)]
    assert torn
    segment.abandon()


def test_what_is_no_segment_is_left_alone(tmp_path):
    for name in ("notes.txt", "x.journal", "0000000000000001-zz-000001.journal"):
        (tmp_path / name).write_bytes(b"mine")
    assert read_ids(tmp_path) == ([], ())
    assert read_ids(tmp_path / "nowhere") == ([], ())
    assert len(list(tmp_path.iterdir())) == 3


def test_what_a_dead_writer_left_unnamed_is_cleared_away(tmp_path):
    path, _bounds = written(tmp_path)
    unborn = tmp_path / "0000000000000001-0123456789abcdef-000001.journal.new"
    unborn.write_bytes(bytes(100))
    young = tmp_path / "0000000000000002-0123456789abcdef-000001.journal.new"
    young.write_bytes(bytes(100))
    os.utime(unborn, (0, 0))
    done = FileReader(tmp_path).take({}, limit=100).done
    assert FileReader(tmp_path).forget(done) == (path.name,)
    assert list(tmp_path.iterdir()) == [young], "whose writer may be about to lock it"


def test_nobody_else_may_read_the_journal(tmp_path):
    folder = tmp_path / "journal"

    async def story() -> None:
        journal = FileJournal(folder, segment_bytes=65_536)
        await keep(journal, packed(1))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
        await journal.close()

    asyncio.run(story())


def test_hits_go_on_in_a_new_segment_when_one_is_full_and_none_is_lost_or_doubled(tmp_path):
    async def story() -> None:
        journal = FileJournal(tmp_path, segment_bytes=4096)
        await keep(journal, *map(packed, range(200)))
        await journal.close()
        assert journal.lost == 0

    asyncio.run(story())
    assert len(segment_names(tmp_path)) > 5
    assert read_ids(tmp_path) == ([hit_id(number) for number in range(200)], ())


def test_a_new_process_begins_a_new_segment(tmp_path):
    async def story(number: int) -> None:
        journal = FileJournal(tmp_path)
        await keep(journal, packed(number))
        await journal.close()

    asyncio.run(story(1))
    first = {path: path.read_bytes() for path in tmp_path.iterdir()}
    asyncio.run(story(2))
    assert len(segment_names(tmp_path)) == 2
    assert all(path.read_bytes() == was for path, was in first.items())


def test_a_segment_with_hits_is_ended_when_it_is_old_so_that_it_can_be_deleted(tmp_path):
    async def story() -> None:
        journal = FileJournal(tmp_path, segment_seconds=0.2)
        await keep(journal, packed(1))
        reader = FileReader(tmp_path)
        done: dict[str, int] = {}
        while not reader.forget(done):
            await asyncio.sleep(0.02)
            done |= reader.take(done, limit=10).done
        await journal.close()

    asyncio.run(story())


def test_at_the_size_limit_readers_are_served_the_loss_is_counted_and_room_heals_it(tmp_path):
    async def story() -> None:
        journal = FileJournal(tmp_path, segment_bytes=4096, max_bytes=8192, retry_seconds=0.02)
        await keep(journal, *map(packed, range(200)))
        kept = FileReader(tmp_path).take({}, limit=1000)
        assert not journal.healthy
        assert journal.lost == 200 - len(kept.hits) > 0
        lost = journal.lost
        FileReader(tmp_path).forget(dict.fromkeys(kept.done, 4096))
        await asyncio.wait_for(until_healthy(journal), 20)
        await keep(journal, packed(201))
        assert journal.lost == lost
        assert hit_id(201) in read_ids(tmp_path)[0]
        await journal.close()

    asyncio.run(story())


def test_a_full_disk_is_survived_and_recovered_from_without_a_hit(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    async def story() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", full)
            journal = FileJournal(tmp_path, retry_seconds=0.02)
            await keep(journal, *map(packed, range(3)))
            assert (journal.lost, journal.healthy) == (3, False)
        await asyncio.wait_for(until_healthy(journal), 20)
        await keep(journal, packed(9))
        await journal.close()
        assert journal.lost == 3

    asyncio.run(story())
    assert read_ids(tmp_path)[0] == [hit_id(9)]


def test_a_file_whose_sync_failed_is_never_synced_again_and_its_batch_is_written_anew(tmp_path, monkeypatch):
    synced, failing = [], [False]

    def before(name):
        synced.append(name)
        if failing[0]:
            failing[0] = False
            raise OSError(errno.EIO, "Input/output error")

    async def story() -> None:
        commit_with(monkeypatch, before)
        journal = FileJournal(tmp_path)
        await keep(journal, packed(1))
        failing[0] = True
        await keep(journal, packed(2))
        await keep(journal, packed(3))
        await journal.close()
        assert (journal.lost, journal.healthy) == (0, True)

    asyncio.run(story())
    first, second = segment_names(tmp_path)
    assert synced == [first, first, second, second, second]  # the last for the end mark
    (tmp_path / first).write_bytes((tmp_path / first).read_bytes()[: record_bytes(1)])  # what was synced
    assert read_ids(tmp_path)[0] == [hit_id(1), hit_id(2), hit_id(3)]


def test_a_disk_that_always_fails_turns_health_red_and_every_loss_is_counted(tmp_path, monkeypatch):
    def broken(_name):
        raise OSError(errno.EIO, "Input/output error")

    async def story() -> None:
        commit_with(monkeypatch, broken)
        journal = FileJournal(tmp_path, retry_seconds=60)
        await keep(journal, packed(1), packed(2))
        await keep(journal, packed(3))
        assert (journal.lost, journal.healthy) == (3, False)
        await journal.close()

    asyncio.run(story())


def test_readers_do_not_wait_for_a_disk_that_hangs(tmp_path, monkeypatch):
    hanging: list[threading.Event] = []

    def before(_name):
        while hanging:
            hanging[0].wait()

    async def story() -> None:
        commit_with(monkeypatch, before)
        journal = FileJournal(tmp_path, segment_bytes=65_536, patience_seconds=0.05)
        journal.start()
        await asyncio.wait_for(until_open(tmp_path), 20)
        await keep(journal, packed(1))
        hung = threading.Event()
        hanging.append(hung)
        await keep(journal, packed(2), packed(3))
        await keep(journal, packed(4))
        assert (journal.lost, journal.healthy) == (3, False)
        hanging.clear()
        hung.set()
        await asyncio.wait_for(until_healthy(journal), 20)
        await keep(journal, packed(5))
        await journal.close()
        assert journal.lost == 3

    asyncio.run(story())
    ids = read_ids(tmp_path)[0]
    assert ids[0] == hit_id(1)
    assert ids[-1] == hit_id(5)
    assert len(ids) == len(set(ids))


def test_of_hits_that_were_handed_over_together_each_counts(tmp_path):
    async def story() -> None:
        journal = FileJournal(tmp_path, segment_bytes=4096)
        over = asyncio.Event()
        journal.append([packed(1), packed(5000), packed(2), packed(5001)], over.set)
        await asyncio.wait_for(over.wait(), 20)
        await journal.close()
        assert journal.lost == 2

    asyncio.run(story())
    assert read_ids(tmp_path)[0] == [hit_id(1), hit_id(2)]


def test_whoever_raises_when_their_hit_is_kept_holds_up_nobody(tmp_path):
    def raises() -> None:
        raise ValueError("ours")

    async def story() -> None:
        journal = FileJournal(tmp_path, segment_bytes=4096)
        journal.append([packed(1)], raises)
        await keep(journal, packed(2))
        await keep(journal, packed(3))
        await journal.close()

    asyncio.run(story())
    assert read_ids(tmp_path)[0] == [hit_id(1), hit_id(2), hit_id(3)]


def test_a_record_longer_than_a_segment_is_counted_as_lost_and_the_others_kept(tmp_path):
    async def story() -> None:
        journal = FileJournal(tmp_path, segment_bytes=4096)
        await keep(journal, packed(1), packed(5000), packed(2))
        await journal.close()
        assert journal.lost == 1

    asyncio.run(story())
    assert read_ids(tmp_path)[0] == [hit_id(1), hit_id(2)]


def test_a_process_that_had_no_hit_leaves_nothing_behind(tmp_path):
    async def story() -> None:
        journal = FileJournal(tmp_path)
        journal.start()
        await journal.close()

    asyncio.run(story())
    [name] = segment_names(tmp_path)
    reader = FileReader(tmp_path)
    batch = reader.take({}, limit=10)
    assert batch.done == {name: record_bytes()}
    assert reader.take(batch.done, limit=10).done == {}
    assert reader.forget(batch.done) == (name,)
    assert list(tmp_path.iterdir()) == []


def test_the_loss_of_the_data_folder_is_survived_too(tmp_path):
    folder = tmp_path / "journal"

    async def story() -> None:
        journal = FileJournal(folder, segment_bytes=4096, retry_seconds=0.02)
        await keep(journal, packed(1))
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        await keep(journal, *map(packed, range(100, 140)))
        await journal.close()
        assert journal.lost == 0

    asyncio.run(story())
    assert hit_id(139) in read_ids(folder)[0]

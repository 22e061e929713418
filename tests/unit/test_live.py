"""Live pages: everything that happens reaches the pages of its team, once, in time, and nobody else's."""

import asyncio

import pytest

from seenby.store import Store
from seenby.tell import live as module
from seenby.tell.live import RENEW, Listener, Live

pytestmark = pytest.mark.anyio


async def happen(
    store: Store, *ids: str, team: str = "blue", message: str = "m1", kind: str = "message_reported", bell: int = 0
) -> None:
    async with store.write() as tx:
        for one in ids:
            await tx.run(
                "add_event",
                id=one,
                team=team,
                kind=kind,
                message=message,
                recipient=None,
                hit=None,
                bell=bell,
                at=1,
                detail="",
            )


async def names(listener: Listener, wanted: set[str]) -> set[str]:
    """What the listener is told until it was told all that is wanted."""
    got: set[str] = set()
    async with asyncio.timeout(10):
        while not wanted <= got:
            got |= set(await listener.take(patience=1))
    return got


async def test_a_page_is_told_what_changed_in_its_team_only(store: Store) -> None:
    live = Live(store, poll=0.01)
    async with live.listen(team="blue", after=0) as blue, live.listen(team="grey", after=0) as grey:
        await happen(store, "e1", kind="message_accepted")
        await happen(store, "e2", message="m2", kind="opened", bell=1)
        await happen(store, "e3", team="grey", message="m3", kind="message_sent")
        told = {"m-m1", "sent", "m-m2", "bell", "feed", "hot"}
        assert await names(blue, told) == told
        assert await names(grey, {"m-m3"}) == {"m-m3", "delivered"}
    live.stop()


async def test_nothing_is_missed_between_the_page_and_its_stream(store: Store) -> None:
    await happen(store, "e1", "e2")
    live = Live(store, poll=0.01)
    async with live.listen(team="blue", after=1) as listener:
        assert await listener.take(patience=1) == ("m-m1",)
        assert listener.seq == 2
    live.stop()


async def test_a_number_from_the_future_does_not_stop_the_stream(store: Store) -> None:
    live = Live(store, poll=0.01)
    async with live.listen(team="blue", after=2**40), live.listen(team="blue", after=0) as listener:
        await happen(store, "e1")
        assert await names(listener, {"m-m1"})
    live.stop()


async def test_a_page_that_cannot_keep_up_is_told_once_to_renew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    listener = Listener(team="blue", seq=0)
    for number in range(10):
        listener.put([f"m-{number}", f"m-{number}"], seq=number)
    assert await listener.take(patience=0) == (RENEW,)
    listener.put(["m-1"], seq=11)
    assert await listener.take(patience=0) == ("m-1",)


async def test_a_page_long_gone_is_told_to_renew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 5)
    await happen(store, *(f"e{number}" for number in range(9)))
    live = Live(store, poll=0.01)
    async with live.listen(team="blue", after=0) as listener:
        assert await listener.take(patience=1) == (RENEW,)
    live.stop()


async def test_stopping_ends_every_stream(store: Store) -> None:
    live = Live(store, poll=0.01)
    told: asyncio.Queue[str] = asyncio.Queue()

    async def read() -> None:
        async for piece in live.stream(team="blue", after=0):
            await told.put(piece)

    readers = [asyncio.create_task(read()) for _ in range(3)]
    await happen(store, "e1")
    async with asyncio.timeout(10):
        pieces = [await told.get() for _ in range(6)]
        assert sorted(pieces) == ["event: m-m1\nid: 1\ndata: 1\n\n"] * 3 + ["retry: 1000\n\n"] * 3
        live.stop()
        await asyncio.gather(*readers)
        await read()
    assert [told.get_nowait() for _ in range(told.qsize())] == ["retry: 1000\n\n"], "nobody gets a new one"


async def test_a_quiet_stream_says_that_it_lives(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT", 0.01)
    live = Live(store)
    stream = live.stream(team="blue", after=0)
    async with asyncio.timeout(10):
        assert await anext(stream) == "retry: 1000\n\n"
        assert (await anext(stream)).startswith(":")
    await stream.aclose()  # type: ignore[attr-defined]
    live.stop()


async def test_the_table_is_read_only_while_somebody_listens(store: Store) -> None:
    live = Live(store, poll=0.001)
    async with live.listen(team="blue", after=0):
        assert live._tail is not None
    async with asyncio.timeout(10):
        await live._tail
    await happen(store, "e1")
    async with live.listen(team="blue", after=1) as listener:
        await happen(store, "e2", message="m2")
        assert await names(listener, {"m-m2"}) == {"m-m2"}
    live.stop()


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)  # SQLite has one writer: numbers appear in order
async def test_an_event_that_appears_after_a_later_one_is_told_too(store: Store) -> None:
    live = Live(store, poll=0.01)
    async with live.listen(team="blue", after=0) as listener:
        async with store.write() as slow:
            await slow.run(
                "add_event",
                id="early",
                team="blue",
                kind="message_reported",
                message="early",
                recipient=None,
                hit=None,
                bell=0,
                at=1,
                detail="",
            )
            await happen(store, "late", message="late")
            assert await names(listener, {"m-late"}) == {"m-late"}
        assert await names(listener, {"m-early"}) == {"m-early"}
    live.stop()


async def test_the_way_from_a_fetch_to_the_page_is_measured_once_a_fetch(store: Store) -> None:
    live = Live(store, clock=lambda: 12.5, poll=0.01)
    async with live.listen(team="t", after=0) as listener:
        for identity, kind in (("hit:h:1:1", "hit_judged"), ("hit:h:2:1", "hit_judged"), ("opened:h", "opened")):
            async with store.write() as tx:
                await tx.run(
                    "add_event", id=identity, team="t", kind=kind, message="m", recipient=None, hit="h", bell=0,
                    at=12_000_000, detail="",
                )  # fmt: skip
        while listener.seq < 3:
            await listener.take(patience=5.0)
    lately = live.measured.lately()
    assert lately is not None
    assert (lately.count, lately.p99) == (1, 0.5)


async def test_what_gathers_while_a_page_rests_is_told_in_one_go_and_nothing_is_lost() -> None:
    listener = Listener(team="blue", seq=0)
    listener.put(["m-m1"], seq=1)
    assert await listener.take(patience=1) == ("m-m1",)
    resting = asyncio.create_task(listener.rest(0.05))
    for seq in range(2, 50):
        listener.put(["m-m1", "feed"], seq=seq)
        await asyncio.sleep(0)
    await resting
    assert await listener.take(patience=1) == ("m-m1", "feed")
    assert listener.seq == 49


async def test_a_page_that_rests_goes_at_once_when_the_stream_ends() -> None:
    listener = Listener(team="blue", seq=0)
    resting = asyncio.create_task(listener.rest(3600))
    await asyncio.sleep(0)
    listener.end()
    async with asyncio.timeout(10):
        await resting

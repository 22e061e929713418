"""Statements that ride along with the next one, and rows that are fetched ahead, on both databases."""

import pytest
from sqlalchemy.exc import DBAPIError

from seenby.store import Store

pytestmark = pytest.mark.anyio


def setting(name: str, value: str = "1") -> dict[str, object]:
    return {"team": "t", "name": name, "value": value}


async def value_of(store: Store, name: str) -> str | None:
    async with store.read() as tx:
        row = await tx.one("setting", team="t", name=name)
    return row["value"] if row else None


async def test_what_is_left_for_later_is_done_in_its_order_before_what_comes_next(store: Store):
    async with store.write() as tx:
        tx.later("put_setting", setting("a", "first"))
        tx.later("put_setting", [setting("a", "second"), setting("b")])
        row = await tx.one("setting", team="t", name="a")
        assert row is not None
        assert row["value"] == "second"
        tx.later("put_setting", setting("c"))
    assert [await value_of(store, name) for name in "abc"] == ["second", "1", "1"]


async def test_a_transaction_that_fails_takes_back_what_was_left_for_later(store: Store):
    with pytest.raises(RuntimeError, match="called off"):
        async with store.write() as tx:
            await tx.run("put_setting", **setting("a"))
            tx.later("put_setting", setting("b"))
            raise RuntimeError("called off")
    assert [await value_of(store, name) for name in "ab"] == [None, None]


async def test_what_fails_later_fails_the_transaction_and_no_other(store: Store):
    with pytest.raises(DBAPIError):
        async with store.write() as tx:
            await tx.run("put_setting", **setting("a"))
            tx.later("put_setting", setting("b") | {"value": None})
    async with store.write() as tx:
        await tx.run("put_setting", **setting("c"))
    assert [await value_of(store, name) for name in "abc"] == [None, None, "1"]


async def test_rows_fetched_ahead_are_those_that_would_have_been_found_and_are_given_once(store: Store):
    async with store.write() as tx:
        await tx.run("put_setting", **setting("a"))
    async with store.read() as tx:
        await tx.ahead(("setting", {"team": "t", "name": "a"}), ("setting", {"team": "t", "name": "b"}))
        for _ in range(2):
            row = await tx.one("setting", name="a", team="t")
            assert row is not None
            assert row["value"] == "1"
            assert await tx.all("setting", team="t", name="b") == []

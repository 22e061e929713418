"""A browser that was signed out hears nothing more of the team's mail."""

from collections.abc import AsyncIterator

import pytest

from seenby.store import Store
from seenby.web import stream
from tests.browser.lively import ALICE, add_people
from tests.house import rows
from tests.unit.test_web_pages import browser, parts_of, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("store", ["sqlite"], indirect=True)]


async def pieces() -> AsyncIterator[str]:
    for number in range(10):
        yield str(number)


async def test_the_stream_ends_with_the_session(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ASK_EVERY", -1.0)
    await add_people(store)
    parts = parts_of(store)
    async with browser(parts) as opened:
        await sign_in(opened, store)
        [cookie] = opened.cookies.values()
    heard = []
    async for piece in stream._while_signed_in(pieces(), parts, cookie):
        heard.append(piece)
        if piece == "3":
            [session] = await rows(store, "sessions_of", sender=f"id-{ALICE}", now=0)
            async with store.write() as tx:
                await tx.run("end_session", hash=session["hash"])
    assert heard == ["0", "1", "2", "3"]

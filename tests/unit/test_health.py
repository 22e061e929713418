"""System health: what is measured from a fetch to a page, what waits, and who sees the numbers."""

import httpx2
import pytest

from seenby import maillog
from seenby.store import Store
from seenby.tell.latency import HOUR, MOST, Measured
from tests.browser.lively import BOB, CHARLIE
from tests.unit.test_web_pages import browser, on_both, parts_of, sign_in, store

pytestmark = pytest.mark.anyio
__all__ = ["store"]


def test_the_last_hour_is_measured_by_rank() -> None:
    now = [0.0]
    measured = Measured(monotonic=lambda: now[0])
    assert measured.lately() is None
    measured.add(99.0)
    now[0] = HOUR + 1
    for number in range(100):
        measured.add(number / 100)
    lately = measured.lately()
    assert lately is not None
    assert (lately.count, lately.median, lately.p99) == (100, 0.49, 0.98)


def test_a_flood_is_measured_within_bounds_and_a_clock_that_was_set_back_is_no_negative_time() -> None:
    measured = Measured(monotonic=lambda: 0.0)
    for _ in range(MOST + 10):
        measured.add(-5.0)
    lately = measured.lately()
    assert lately is not None
    assert (lately.count, lately.p99) == (MOST, 0.0)


@on_both
async def test_an_owner_of_the_installation_sees_numbers(alice: httpx2.AsyncClient) -> None:
    page = (await alice.get("/settings/health")).text
    for words in ("Promised: 2 s", "Python 3", "Seenby makes none"):
        assert words in page
    assert 'hx-trigger="every 10s"' in (await alice.get("/settings/health", headers={"HX-Request": "true"})).text


@pytest.mark.parametrize("who", [BOB, CHARLIE])
async def test_a_member_and_another_teams_owner_see_no_numbers(team: Store, who: str) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, who)
        page = (await opened.get("/settings/health")).text
    assert "From a fetch to the page" in page
    for words in ("Promised", "free where", "Python 3", "127.0.0.1:8030", "metrics"):
        assert words not in page


async def test_steps_that_failed_are_named_by_kind(alice: httpx2.AsyncClient) -> None:
    maillog.failed("a-made-up-step", ValueError("secret@address.test"))
    page = (await alice.get("/settings/health")).text
    assert "a-made-up-step 1" in page
    assert "secret@address.test" not in page

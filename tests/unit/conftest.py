"""What several tests of the pages start from: a team with a week of mail, and one of them signed in."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from seenby.store import Store
from seenby.web.assets import STATIC
from tests.browser.lively import NOW, add_mail, add_people, week
from tests.conftest import require
from tests.unit.test_web_pages import browser, parts_of, sign_in


@pytest.fixture
async def team(store: Store) -> Store:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    for mail in week():
        await add_mail(store, mail, now=NOW)
    return store


@pytest.fixture
async def alice(team: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team)
        yield opened

"""Signing in at an identity provider in Chromium: cookies, redirects and the pages' own policy let it through."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from seenby.settings import Settings
from tests.browser import test_pages
from tests.browser.lively import ALICE
from tests.browser.test_pages import House, chromium, house, page, visitor
from tests.provider import CLIENT, SECRET, TinyProvider

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]
__all__ = ["chromium", "house", "page", "visitor"]


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyProvider]:
    """Named in the settings before the house is opened. To the browser it is another site: localhost, not a number."""
    claims = {"sub": "alice-1", "email": ALICE, "email_verified": True}
    opened = TinyProvider(now=int(time.time()), claims=claims)
    opened.issuer = opened.issuer.replace("127.0.0.1", "localhost")
    about: dict[str, Any] = {
        "oidc_issuer": opened.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_name": "Blue ID",
    }
    monkeypatch.setattr(test_pages, "Settings", lambda: Settings(**about))
    yield opened
    opened.close()


def test_a_member_goes_there_and_is_in_when_back(chromium: Browser, house: House, provider: TinyProvider) -> None:
    context = chromium.new_context()
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.goto(f"{house.url}/sign-in")
    opened.get_by_role("link", name="Continue with Blue ID").click()
    expect(opened.get_by_role("heading", name="Sent")).to_be_visible(timeout=20_000)
    assert [cookie["name"] for cookie in context.cookies()] == ["seenby_session"], "the way there is forgotten"
    opened.goto(f"{house.url}/settings/sign-in")
    opened.get_by_role("button", name="Disconnect").click()
    expect(opened.get_by_text("is no longer connected")).to_be_visible()
    provider.claims = {"sub": "alice-at-home", "email": "alice@home.test"}
    opened.get_by_role("link", name="Connect my account there").click()
    expect(opened.get_by_text("Your account there is connected.")).to_be_visible(timeout=20_000)
    assert problems == []
    context.close()

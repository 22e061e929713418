"""Passkeys in Chromium, with a device of its own making (WebDriver 'virtual authenticator', over CDP)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Request, expect

from tests.browser.lively import ALICE
from tests.browser.test_pages import House, chromium, house, page, visitor

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]
__all__ = ["chromium", "house", "page", "visitor"]
WAIT = 20_000  # milliseconds, for a busy machine


@dataclass(kw_only=True)
class Desk:
    """A browser at the address where passkeys work, with a device that says yes."""

    page: Page
    cdp: CDPSession
    device: str
    home: str

    def keys(self) -> list[dict[str, Any]]:
        told = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.device})
        found: list[dict[str, Any]] = told["credentials"]
        return found

    def says(self, *, yes: bool) -> None:
        """Whether its owner can be verified."""
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.device, "isUserVerified": yes})


@pytest.fixture
def context(house: House, chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context()
    opened.request.get(house.path_in().replace("127.0.0.1", "localhost"))
    yield opened
    opened.close()


@pytest.fixture
def desk(house: House, context: BrowserContext) -> Desk:
    opened = context.new_page()
    cdp = context.new_cdp_session(opened)
    cdp.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    told = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    home = house.url.replace("127.0.0.1", "localhost")
    return Desk(page=opened, cdp=cdp, device=told["authenticatorId"], home=home)


def add(desk: Desk, name: str) -> None:
    desk.page.goto(f"{desk.home}/settings/sign-in")
    desk.page.get_by_label("What you call the device").fill(name)
    desk.page.get_by_role("button", name="Add a passkey").click()
    expect(desk.page.get_by_text("The passkey is added")).to_be_visible(timeout=WAIT)


def test_a_passkey_is_made_signs_in_is_renamed_and_removed(desk: Desk, context: BrowserContext) -> None:
    problems: list[str] = []
    desk.page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
    desk.page.on("pageerror", lambda error: problems.append(str(error)))
    add(desk, "My laptop")
    [key] = desk.keys()
    assert key["isResidentCredential"]
    assert key["rpId"] == "localhost"
    desk.page.get_by_role("button", name="Add a passkey").click()
    expect(desk.page.get_by_text("This device has a passkey here already.")).to_be_visible(timeout=WAIT)

    context.clear_cookies()
    sent: list[Request] = []
    desk.page.on("request", lambda one: sent.append(one) if one.url.endswith("/sign-in/passkey") else None)
    desk.page.goto(f"{desk.home}/sign-in")
    desk.page.get_by_role("button", name="Use a passkey").click()
    expect(desk.page.get_by_role("heading", name="Sent")).to_be_visible(timeout=WAIT)
    replayed = context.request.post(
        f"{desk.home}/sign-in/passkey",
        headers={"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"},
        data=sent[-1].post_data or "",
    )
    assert replayed.status == 403
    assert "answered already" in replayed.text()

    desk.page.goto(f"{desk.home}/settings/sign-in")
    expect(desk.page.get_by_text("last used")).to_be_visible()
    desk.page.get_by_label("Change My laptop").press("Enter")
    desk.page.get_by_label("Name", exact=True).fill("Work laptop")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_text("The passkey is called Work laptop now.")).to_be_visible()
    desk.page.get_by_label("Change Work laptop").press("Enter")
    desk.page.get_by_role("button", name="Remove Work laptop").press("Enter")
    expect(desk.page.get_by_text("The passkey is removed")).to_be_visible()
    context.clear_cookies()
    desk.page.goto(f"{desk.home}/sign-in")
    expect(desk.page.get_by_label("Password")).to_be_visible()
    expect(desk.page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    assert problems == []


def test_the_browser_offers_the_passkey_where_the_address_is_typed(desk: Desk, context: BrowserContext) -> None:
    add(desk, "Phone")
    context.clear_cookies()
    desk.page.goto(f"{desk.home}/sign-in")  # the device answers as soon as it is asked, without a click
    expect(desk.page.get_by_role("heading", name="Sent")).to_be_visible(timeout=WAIT)


def test_an_owner_who_is_not_verified_stays_outside_and_is_told_what_to_do(desk: Desk, context: BrowserContext) -> None:
    add(desk, "Key")
    desk.says(yes=False)
    context.clear_cookies()
    desk.page.goto(f"{desk.home}/sign-in")
    desk.page.get_by_role("button", name="Use a passkey").click()
    expect(desk.page.get_by_text("Nothing was done")).to_be_visible(timeout=WAIT)
    assert desk.page.url.endswith("/sign-in")


def test_at_another_address_the_page_says_where_passkeys_work(house: House, page: Page) -> None:
    page.goto(f"{house.url}/settings/sign-in")
    place = house.url.replace("127.0.0.1", "localhost")
    expect(page.get_by_role("link", name=place)).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)
    page.goto(f"{place}/sign-in")
    page.get_by_text("No password yet, or forgotten it?").click()
    expect(page.get_by_text("Ask an owner of your team.")).to_be_visible()
    assert ALICE not in page.content()

"""The settings in Chromium: they live, they copy, they work by keyboard and on a phone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import LIVE, House, chromium, house, lively, mail, page, visitor

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]
__all__ = ["chromium", "house", "lively", "page", "visitor"]


def test_the_first_message_is_told_of_by_itself(house: House, page: Page) -> None:
    page.goto(house.url + "/settings/connect")
    expect(page.get_by_text("Waiting for your first message…")).to_be_visible()
    house.add(replace(mail("m-first"), ago=timedelta(0)))
    house.happens("message_accepted", "m-first")
    expect(page.get_by_text("Your first message arrived:")).to_be_visible(timeout=2 * LIVE)


def test_what_is_to_be_typed_elsewhere_is_copied(lively: House, chromium: Browser) -> None:
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    context.request.get(lively.path_in())
    opened = context.new_page()
    opened.goto(lively.url + "/settings/connect")
    opened.locator("#django > summary").click()
    button = opened.get_by_role("button", name="Copy the lines for Django's settings")
    button.click()
    expect(button).to_have_text("Copied")
    copied = opened.evaluate("navigator.clipboard.readText()")
    assert 'EMAIL_HOST_USER = "alice@blue.test"' in copied
    context.close()


def test_an_owner_manages_the_team_by_keyboard(lively: House, page: Page) -> None:
    page.goto(lively.url + "/settings/team")
    page.get_by_label("Address of a new member").fill("ann@new.test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="For ann@new.test")).to_be_visible()
    page.get_by_label("Change bob@blue.test").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Make an owner").press("Enter")
    expect(page.get_by_text("bob@blue.test is now: owner.")).to_be_visible()
    page.get_by_role("link", name="Log").press("Enter")
    expect(page.get_by_text("Changed a role")).to_be_visible()
    expect(page.get_by_text("bob@blue.test: owner")).to_be_visible()


def test_somebody_is_erased_with_word_of_it(lively: House, page: Page) -> None:
    page.goto(lively.url + "/settings/privacy")
    erase = page.locator("#erase")
    erase.get_by_label("Address").fill("rita@customer.test")
    erase.get_by_label("Write ERASE to confirm").fill("ERASE")
    erase.get_by_role("button").click()
    expect(page.get_by_text("Erased: 2 copies")).to_be_visible()


def test_the_checks_come_by_themselves(lively: House, page: Page) -> None:
    page.goto(lively.url + "/settings/tracking")
    expect(page.get_by_text("Our tracker answers there")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Ask again")).to_be_visible()


def test_on_a_phone_the_menu_shows_where_one_is(lively: House, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.request.get(lively.path_in())
    opened = context.new_page()
    opened.goto(lively.url + "/settings/health")
    expect(opened.locator(".settings-nav [aria-current]")).to_be_in_viewport()
    context.close()

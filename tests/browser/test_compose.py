"""Writing in Chromium: format, attach, send, take back, send again, see it on Sent; by keys alone; without script."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

from seenby import flow
from seenby.store import preferences
from seenby.store.people import sender_by_address
from tests.browser.lively import ALICE, BOB, RITA, TEAM
from tests.browser.test_pages import TOO_FAINT, UNNAMED, House, chromium, house, lively, utc_now, visitor
from tests.house import hop_to, make_house, rows
from tests.world import Sink
from tests.world import sink as running_sink

__all__ = ["chromium", "house", "lively", "visitor"]  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]
ANGEBOT: FilePayload = {"name": "Angebot Grüße.txt", "mimeType": "text/plain", "buffer": b"all of it"}
PAGES = ("/compose", "/drafts", "/templates", "/templates/new", "/settings/writing", "/compose?reply=m-offer")


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as server:
        yield server


@pytest.fixture
def page(visitor: BrowserContext, faults: list[str]) -> Iterator[Page]:
    page = visitor.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    yield page
    assert faults == []


def post_and_send(house: House, port: int) -> None:
    """What the worker does, eleven seconds from now."""
    worker = make_house(house.store, clock=lambda: utc_now() + timedelta(seconds=11), next_hop=hop_to(port))
    house.wait(flow.post(worker))
    house.wait(flow.send(worker, hop=""))


def test_a_message_is_written_sent_taken_back_sent_again_and_seen_on_sent(house: House, page: Page, sink: Sink) -> None:
    page.goto(house.url)
    page.get_by_role("link", name="Write", exact=True).click()
    page.get_by_label("To", exact=True).fill(f"Rita Sommer <{RITA}>, {BOB}")
    page.get_by_label("Subject").fill("Our offer")
    text = page.get_by_role("textbox", name="The text of your message")
    text.click()
    page.keyboard.type("Hello ")
    page.get_by_role("button", name="Bold").click()
    page.keyboard.type("Rita")
    page.get_by_role("button", name="Bold").click()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Bullets").click()
    page.keyboard.type("one")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+k")
    page.keyboard.type("example.org")
    page.keyboard.press("Enter")
    page.locator("[data-files]").set_input_files(ANGEBOT)
    expect(page.locator(".file-list")).to_contain_text("Angebot Grüße.txt")
    gets = page.locator(".gets li")
    expect(gets).to_have_count(2)
    expect(gets.nth(0)).to_contain_text("Opens and clicks: who, when, with device and country.")
    expect(gets.nth(1)).to_contain_text("Never tracked: a colleague.")
    expect(page.locator(".saved-line")).to_contain_text("Saved")

    page.get_by_role("button", name="Send", exact=True).click()
    toast = page.locator("#going")
    expect(toast).to_contain_text("Our offer")
    expect(toast).to_contain_text("Sending in")
    assert page.url == f"{house.url}/"
    page.goto(f"{house.url}/feed")
    toast.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back. Nothing was sent.").first).to_be_visible()
    post_and_send(house, sink.port)
    assert sink.got == []
    expect(page.locator(".prose strong")).to_have_text("Rita")
    expect(page.locator(".file-list")).to_contain_text("Angebot Grüße.txt")

    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#going")).to_contain_text("Our offer")
    post_and_send(house, sink.port)
    expect(page.locator("#going")).to_contain_text("Sent.", timeout=10_000)
    page.goto(house.url)
    expect(page.locator(".sent-row")).to_contain_text("Our offer")
    copies: dict[str, Any] = {to: message_from_bytes(raw, policy=policy.default) for _from, to, raw in sink.got}
    assert sorted(copies) == sorted([BOB, RITA])
    html = copies[RITA].get_body(("html",)).get_content()
    assert "<strong>Rita</strong>" in html
    assert "http://t.test/" in html
    assert "https://example.org" in copies[BOB].get_body(("html",)).get_content()
    (file,) = copies[RITA].iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("Angebot Grüße.txt", "all of it")
    assert "- one" in copies[RITA].get_body(("plain",)).get_content()


def test_what_is_missing_is_said_where_it_can_be_mended(house: House, page: Page) -> None:
    page.goto(f"{house.url}/compose")
    page.get_by_label("To", exact=True).fill(f"Rita Sommer <{RITA}>")
    page.get_by_label("Subject").fill("For {{company}}")
    page.locator(".prose").click()
    page.keyboard.type("Dear {{first_name}}")
    expect(page.get_by_label(f"company of {RITA}")).to_be_visible()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#problems")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text(f"“company” is missing for {RITA}.")
    page.get_by_label(f"company of {RITA}").fill("Customer Inc")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("For Customer Inc")
    expect(page.locator("#preview")).to_contain_text("Dear Rita")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#going")).to_contain_text("Sending in")


def test_typing_in_one_place_loses_nothing_elsewhere(house: House, page: Page) -> None:
    page.goto(f"{house.url}/compose")
    page.get_by_label("To", exact=True).fill(RITA)
    page.locator(".prose").click()
    page.keyboard.type("Dear {{name}} of {{company}}, ")
    cell = page.get_by_label(f"name of {RITA}", exact=True)
    expect(cell).to_be_visible()
    with page.expect_response("**/compose/save"):
        cell.press_sequentially("Rita", delay=150)
    expect(cell).to_be_focused()
    expect(cell).to_have_value("Rita")
    page.locator(".prose").press_sequentially("and so on", delay=30)
    page.goto(f"{house.url}/drafts")  # at once: what was typed last is saved as the page is left
    page.get_by_role("link", name="(no subject)").click()
    expect(page.locator(".prose")).to_contain_text("and so on")
    expect(page.get_by_label(f"name of {RITA}", exact=True)).to_have_value("Rita")


def test_people_are_offered_while_an_address_is_typed(lively: House, page: Page) -> None:
    page.goto(f"{lively.url}/compose")
    to = page.get_by_label("To", exact=True)
    offered = page.locator("#people-to [role=option]")
    to.press_sequentially("ri")
    expect(offered.first).to_have_text(f"Rita Sommer {RITA}")
    expect(to).to_have_attribute("aria-activedescendant", offered.first.get_attribute("id") or "-")
    page.keyboard.press("Enter")
    expect(to).to_have_value(f"Rita Sommer <{RITA}>, ")
    expect(offered).to_have_count(0)
    expect(page.locator(".gets li")).to_have_count(1)
    to.press_sequentially("li")
    expect(offered.first).to_contain_text("Mei Lin")
    page.keyboard.press("Escape")
    expect(offered).to_have_count(0)
    to.press_sequentially("n")
    offered.filter(has_text="Mei Lin").click()
    expect(to).to_have_value(f"Rita Sommer <{RITA}>, Mei Lin <mei.lin@studio.test>, ")
    to.press_sequentially("odd")
    expect(offered.first).to_contain_text("<b>Bold</b>")
    page.keyboard.press("Tab")  # a name with quotes and commas stays one person
    expect(to).to_have_value(re.compile(r'"<b>Bold</b> & \\"quoted\\"" <odd@customer.test>, $'))
    expect(page.locator(".gets li")).to_have_count(3)
    to.fill("legal@customer.te")  # typed out: Tab goes on and makes nothing else of it
    expect(offered.first).to_contain_text("Legal desk")
    page.keyboard.press("Tab")
    expect(to).to_have_value("legal@customer.te")
    expect(to).not_to_be_focused()
    expect(offered).to_have_count(0)


def test_the_toolbar_is_one_stop_for_the_tab_key_and_works_with_arrows(house: House, page: Page) -> None:
    page.goto(f"{house.url}/compose")
    expect(page.get_by_role("button", name="Bold")).to_be_visible()
    page.get_by_label("Subject").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Bold")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Italic")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="Redo")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "true")
    page.keyboard.type("strong")
    expect(page.locator(".prose strong")).to_have_text("strong")


def test_later_is_in_the_writers_zone_and_can_be_cancelled(house: House, chromium: Browser) -> None:
    context = chromium.new_context(timezone_id="Asia/Tokyo")
    context.request.get(house.path_in())
    page = context.new_page()
    page.goto(f"{house.url}/compose")
    page.get_by_label("To", exact=True).fill(RITA)
    page.get_by_label("Subject").fill("Later")
    page.locator(".prose").click()
    page.keyboard.type("Hello")
    page.get_by_text("Send later").click()
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    day = utc_now() + timedelta(days=3)
    page.get_by_label("Day").fill(f"{day:%Y-%m-%d}")
    page.get_by_label("Time", exact=True).fill("09:00")
    page.get_by_role("button", name="Send at that time").click()
    expect(page.locator("#going")).to_contain_text("09:00 Asia/Tokyo")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Taken back. Nothing was sent.").first).to_be_visible()
    context.close()


def test_what_is_pasted_into_the_editor_runs_nothing_and_is_cleaned(house: House, page: Page) -> None:
    page.goto(f"{house.url}/compose")
    page.locator(".prose").click()
    hostile = (
        "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
        "<a href=\"javascript:document.title='owned'\">x</a><b>bold</b>"
    )
    with page.expect_response("**/compose/save"):
        page.evaluate(
            """html => { const data = new DataTransfer(); data.setData('text/html', html);
        document.querySelector('.prose').dispatchEvent(
          new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })) }""",
            hostile,
        )
    expect(page.locator(".prose")).to_contain_text("bold")
    assert page.title() != "owned"
    assert page.locator(".prose img").count() == 0
    assert "javascript" not in page.locator("input[name=html]").input_value()


def test_without_the_script_a_message_is_written_sent_and_taken_back(house: House, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    context.request.get(house.path_in())
    page = context.new_page()
    page.goto(f"{house.url}/compose")
    page.get_by_label("To", exact=True).fill("nobody")
    page.get_by_label("Subject").fill("Plain")
    page.get_by_label("The text of your message").fill("Hello\n\nRita")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("“nobody” is no address")
    expect(page.get_by_label("The text of your message")).to_have_value("Hello\n\nRita\n")
    page.get_by_label("To", exact=True).fill(RITA)
    page.get_by_label("Add files").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"})
    page.get_by_role("button", name="Upload the chosen files").click()
    expect(page.locator(".file-list")).to_contain_text("a.txt")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#going")).to_contain_text("Sending in")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back. Nothing was sent.").first).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1024, 1600])
def test_every_page_of_writing_fits_can_be_read_and_is_quiet(
    lively: House, chromium: Browser, width: int, scheme: Any
) -> None:
    async def sign() -> None:
        async with lively.store.write() as tx:
            sender = await sender_by_address(tx, ALICE)
            assert sender is not None
            await preferences.put(tx, sender, "signature", "<p>Alice <strong>Blue</strong></p>")
            template = {"id": "template-1", "name": "First", "subject": "x", "html": "<p>x</p>", "shared": 1, "at": 0}
            await tx.run("add_template", team=TEAM, sender=sender.id, most=9, **template)

    lively.wait(sign())
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.request.get(lively.path_in())
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    foreign: list[str] = []
    page.on("request", lambda r: None if r.url.startswith((lively.url, "data:")) else foreign.append(r.url))
    for path in PAGES:
        page.goto(lively.url + path)
        if "/compose" in path or path.endswith(("new", "writing")):
            expect(page.locator(".prose")).to_be_visible()
        if path == "/compose":
            page.get_by_label("To", exact=True).fill(f"{RITA}, nobody, {BOB}")
            page.locator(".prose").press_sequentially("{{company}}")
            expect(page.get_by_label(f"company of {RITA}")).to_be_visible()
            page.get_by_role("button", name="Send", exact=True).click()
            expect(page.get_by_role("alert")).to_be_visible()
        for fold in page.locator("main details").all():
            fold.evaluate("fold => fold.open = true")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert page.evaluate(TOO_FAINT) == [], path
        assert page.evaluate(UNNAMED) == [], path
    assert faults == []
    assert foreign == []
    context.close()


def test_only_pages_where_something_is_written_load_the_editor(lively: House, page: Page) -> None:
    loaded: list[str] = []
    page.on("request", lambda r: loaded.append(r.url) if "/static/assets/compose-" in r.url else None)
    for path in ("/", "/feed", "/drafts", "/templates"):
        page.goto(lively.url + path, wait_until="networkidle" if path == "/drafts" else "load")
    assert loaded == []
    page.goto(f"{lively.url}/compose")
    expect(page.locator(".prose")).to_be_visible()
    assert len([url for url in loaded if url.endswith(".js")]) == 1


def test_a_follow_up_is_in_the_thread_of_what_it_follows(lively: House, page: Page, sink: Sink) -> None:
    page.goto(f"{lively.url}/compose?reply=m-offer")
    expect(page.get_by_role("heading", name="Follow up")).to_be_visible()
    page.locator(".prose").click()
    page.keyboard.type("Any news?")
    page.get_by_label("To", exact=True).fill("new@customer.test")
    page.evaluate("document.querySelector('#copies').querySelectorAll('input').forEach(one => { one.value = '' })")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#going")).to_contain_text("Sending in")
    post_and_send(lively, sink.port)
    (message,) = [message_from_bytes(raw) for raw in sink.to("new@customer.test")]
    assert message["In-Reply-To"] == "<m-offer@blue.test>"
    sent = lively.wait(rows(lively.store, "sent_page", team=TEAM, before=2**62, before_id="", limit=1))
    assert sent[0]["subject"].startswith("Re: ")

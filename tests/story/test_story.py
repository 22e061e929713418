"""One email's whole life, real parts only: submitted, sent, opened and clicked in Chromium, watched on a live page."""

import base64
import os
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

from tests.conftest import require
from tests.world import CHROMIUM, CHROMIUM_FLAGS, PERSON, Seenby, Sink, Site, seenby, sink, site, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.xdist_group("browser")]
LIVE = 4000  # milliseconds from a hit to the page: twice what is promised, as other tests share the machine
RITA, ROB, ZOE = "rita@outside.test", "rob@elsewhere.test", "zoe@hidden.test"
BOB, ALICE = "bob@acme.test", "alice@acme.test"


def offer(target: str) -> bytes:
    """What a mail program sends: text and HTML, a picture inside, a file attached; Bcc is in the envelope only."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = f"Alice Ames <{ALICE}>"
    message["To"] = f"Rita <{RITA}>, Rob <{ROB}>"
    message["Cc"] = f"{BOB}, {ALICE}"
    message["Subject"] = "Our offer: Angebot für Sie"
    message["Date"] = "Sun, 22 Nov 2026 12:00:00 +0000"
    message["Message-ID"] = "<offer-1@acme.test>"
    message.set_content(f"Hello,\r\n\r\nthe offer: {target}\r\n\r\n-- \r\nAlice\r\n")
    message.add_alternative(
        f'<html><body><p>Hello, the <a href="{target.replace("&", "&amp;")}">offer</a>.</p></body></html>',
        subtype="html",
        cte="quoted-printable",
    )
    message.add_attachment(b"%PDF-1.4 not really", maintype="application", subtype="pdf", filename="offer.pdf")
    return message.as_bytes()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seenby, Sink, Site]]:
    require(Path(CHROMIUM).exists(), CHROMIUM)
    data = tmp_path_factory.mktemp("story") / "data"
    with sink() as server, site() as shop:
        hop = f"smtp://127.0.0.1:{server.port}?tls=none"
        with seenby(data, NEXT_HOP=hop) as running:
            yield running, server, shop


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield _chromium(playwright)


def _chromium(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))


def html_of(copy: bytes) -> str:
    part = message_from_bytes(copy, policy=policy.default).get_body(("html",))
    assert part is not None
    return str(part.get_content())


def read_mail(browser: Browser, copy: bytes, folder: Path) -> Page:
    """A person opens a copy in a browser's mail program: a page of its own, nothing shared with others."""
    file = folder / f"{abs(hash(copy))}.html"
    file.write_text(html_of(copy), encoding="utf-8")
    page = browser.new_context(user_agent=PERSON).new_page()
    page.goto(file.as_uri())
    return page


def mark(inside: Locator, address: str, channel: str) -> Locator:
    """The eye or the link of one recipient."""
    return inside.locator(f'[data-recipient="{address}"] .mark[data-channel="{channel}"]')


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where one was asked for, to be looked at."""
    if folder := os.environ.get("SEENBY_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_one_emails_whole_life(world: tuple[Seenby, Sink, Site], browser: Browser, tmp_path: Path) -> None:
    running, server, shop = world
    target = f"{shop.url}/offer?a=1&copy=2&name=Gr%C3%BC%C3%9Fe"
    added = running.command("sender", "add", ALICE)
    link = running.command("sign-in", ALICE)["link"]

    dashboard = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    faults: list[str] = []
    dashboard.on("pageerror", lambda error: faults.append(str(error)))
    dashboard.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    foreign: list[str] = []
    dashboard.on("request", lambda r: None if r.url.startswith(running.app_url) else foreign.append(r.url))
    dashboard.goto(link)

    original = offer(target)
    running.submit(original, user=added["user"], password=added["password"], to=[RITA, ROB, BOB, ALICE, ZOE])
    row = dashboard.locator(".sent-row").first
    expect(row).to_contain_text("Our offer: Angebot für Sie", timeout=LIVE)
    wait_for(lambda: len(server.got) == 5, why="all five copies reach the next hop")

    # Everybody got exactly one copy; nobody learns of Zoe; tokens are everybody's own.
    copies = {address: server.to(address) for address in (RITA, ROB, BOB, ALICE, ZOE)}
    assert {address: len(got) for address, got in copies.items()} == dict.fromkeys(copies, 1)
    tracked = {address: copies[address][0] for address in (RITA, ROB, ZOE)}
    assert all(b"bcc" not in copy.lower() and b"zoe" not in copy.lower() for copy in tracked.values())
    pixels = {address: re.findall(r'src="([^"]+/o/[^"]+)"', html_of(copy)) for address, copy in tracked.items()}
    assert all(len(found) == 1 for found in pixels.values())
    assert len({found[0] for found in pixels.values()}) == 3
    for address in (BOB, ALICE):
        assert copies[address][0].endswith(original), "a colleague's copy and the sender's own are as they were written"
        assert running.tracking_url.encode() not in copies[address][0]
    for copy in tracked.values():
        parts = message_from_bytes(copy, policy=policy.default)
        assert [part.get_content() for part in parts.iter_attachments()] == [b"%PDF-1.4 not really"]
        assert parts["Subject"] == "Our offer: Angebot für Sie"

    # Rita opens: the page, which nobody reloads, says so, and says it of her alone.
    expect(mark(row, RITA, "open")).to_have_attribute("data-state", "no_sign")
    ritas = read_mail(browser, tracked[RITA], tmp_path)
    expect(mark(row, RITA, "open")).to_have_attribute("data-state", "seen", timeout=LIVE)
    expect(mark(row, ROB, "open")).to_have_attribute("data-state", "no_sign")
    # Rita clicks, and gets exactly where the link led before.
    ritas.get_by_role("link", name="offer").click()
    ritas.wait_for_url(target)
    assert shop.visits == ["/offer?a=1&copy=2&name=Gr%C3%BC%C3%9Fe"]
    expect(mark(row, RITA, "click")).to_have_attribute("data-state", "seen", timeout=LIVE)
    picture(dashboard, "sent")

    # The message's own page tells it in words, and Zoe's open appears there while it is open.
    row.get_by_role("link", name="Our offer").click()
    expect(dashboard.locator("body")).to_contain_text("Opened in Chrome", timeout=LIVE)
    expect(mark(dashboard.locator(".recipients"), ZOE, "open")).to_have_attribute("data-state", "no_sign")
    read_mail(browser, tracked[ZOE], tmp_path)
    expect(mark(dashboard.locator(".recipients"), ZOE, "open")).to_have_attribute("data-state", "seen", timeout=LIVE)
    expect(dashboard.locator(f'.recipients [data-recipient="{BOB}"]')).to_contain_text("colleague")
    picture(dashboard, "message")
    assert faults == []
    # Nothing came from anywhere else but the message itself, on the previews' own origin, and that made no hit.
    origins = {url.partition("/m/heat.")[0] for url in foreign}
    assert all("/m/heat." in url for url in foreign)
    assert len(origins) <= 1
    assert running.tracking_url not in origins


def test_ctrl_c_stops_within_five_seconds_with_a_live_page_open(browser: Browser, tmp_path: Path) -> None:
    with seenby(tmp_path / "data") as running:
        page = browser.new_page()
        page.goto(running.sign_in)
        expect(page.locator("body")).to_contain_text("Sent")
        second = running.command("sender", "add", "x@acme.test")
        assert second["user"] == "x@acme.test"
        assert running.stop() < 5
        assert running.process.returncode == 0


def test_a_newcomers_first_mail_is_seen_in_the_built_in_mailbox(browser: Browser, tmp_path: Path) -> None:
    with site() as shop, seenby(tmp_path / "data") as running:
        user, password = running.owner
        message = (
            f"From: {user}\r\nTo: rita@outside.test\r\nSubject: First mail\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        ).encode() + base64.encodebytes(f'<p>Look <a href="{shop.url}/here">here</a></p>'.encode()).replace(
            b"\n", b"\r\n"
        )
        running.submit(message, user=user, password=password, to=[RITA])
        page = browser.new_context(user_agent=PERSON).new_page()
        page.goto(running.sign_in)
        row = page.locator(".sent-row").first
        expect(row).to_contain_text("First mail", timeout=LIVE)
        mailbox = page.context.new_page()
        mailbox.goto(f"{running.app_url}/mailbox")
        mailbox.get_by_role("link", name="First mail").first.click()
        expect(mailbox.frame_locator("iframe").locator("body")).to_contain_text("Look here")
        mailbox.wait_for_timeout(500)
        expect(mark(row, RITA, "open")).to_have_attribute("data-state", "no_sign")
        show = mailbox.get_by_role("button", name="Show images").or_(mailbox.get_by_role("link", name="Show images"))
        show.first.click()
        expect(mark(row, RITA, "open")).to_have_attribute("data-state", "seen", timeout=LIVE + 1000)
        with mailbox.context.expect_page() as opened:
            mailbox.frame_locator("iframe").get_by_role("link", name="here").click()
        opened.value.wait_for_url(f"{shop.url}/here")
        expect(mark(row, RITA, "click")).to_have_attribute("data-state", "seen", timeout=LIVE)

"""The pages in Chromium: they live, they fit, they work by keyboard, and nothing hostile runs."""

import asyncio
import http.server
import os
import re
import socket
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from seenby.settings import Settings
from seenby.store import Store, open_store, unsubscribed
from seenby.store.times import micros
from seenby.tell.live import Live
from seenby.tell.push import Pusher
from seenby.web import Parts, make_app, make_preview
from seenby.web.assets import STATIC
from tests.browser.lively import ALICE, KEYS, RITA, TEAM, Fetch, Mail, Person, add_mail, add_people, sign_in_link, week
from tests.conftest import require
from tests.world import CHROMIUM, CHROMIUM_FLAGS

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]
LIVE = 2000  # milliseconds from a hit to the page
PAGES = ("/", "/messages/m-offer", "/messages/m-hostile", "/messages/m-bounce", "/mailbox/m-offer-0", "/mailbox")
ALL_PAGES = (
    *PAGES,
    "/settings",
    "/settings/connect",
    "/settings/next-hop",
    "/settings/tracking",
    "/settings/team",
    "/settings/privacy",
    "/settings/judge",
    "/settings/health",
    "/settings/log",
    "/accuracy",
    "/unsubscribed",
    "/feed",
    "/feed?show=all",
    "/feed?show=highlights",
    "/people",
    "/people?find=nobody-is-called-so",
    "/people/rita@customer.test",
    "/people/odd@customer.test",
    "/organisations/customer.test",
    "/bell",
    "/nowhere",
    "/sign-in",
    "/?words=nothing-like-this",
)
Answer = TypeVar("Answer")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class House:
    """Both apps of one process, served on loopback by a loop in a thread of its own."""

    data: Path

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.ports = [0, 0]
        self.store: Store = self.wait(open_store(database_url="", data=self.data))
        self.open()

    def wait(self, what: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(60)

    def open(self) -> None:
        sockets = [socket.create_server(("127.0.0.1", port)) for port in self.ports]
        self.ports = [one.getsockname()[1] for one in sockets]
        self.url, preview = (f"http://127.0.0.1:{port}" for port in self.ports)
        self.live = self.wait(self._live())
        parts = Parts(
            store=self.store,
            settings=Settings(),
            app_url=self.url,
            tracking_url="http://127.0.0.1:1",
            preview_url=preview,
            smtp_address="127.0.0.1:2525",
            secret=b"s" * 32,
            keys=KEYS,
            pusher=Pusher(b"p" * 32, contact="https://app.test"),
            now=utc_now,
            live=self.live,
        )
        self.servers = [
            uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
            for app in (make_app(parts), make_preview(parts))
        ]
        self.tasks = [
            asyncio.run_coroutine_threadsafe(server.serve(sockets=[one]), self.loop)
            for server, one in zip(self.servers, sockets, strict=True)
        ]

    async def _live(self) -> Live:
        return Live(self.store)

    def shut(self) -> None:
        """As the real process does: streams first, then the servers."""
        self.loop.call_soon_threadsafe(self.live.stop)
        for server in self.servers:
            server.should_exit = True
        for task in self.tasks:
            task.result(10)

    def close(self) -> None:
        self.shut()
        self.wait(self.store.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def path_in(self, address: str = ALICE) -> str:
        link = f"link-{os.urandom(8).hex()}"
        return self.url + self.wait(sign_in_link(self.store, address, link=link, now=utc_now()))

    def add(self, mail: Mail) -> None:
        self.wait(add_mail(self.store, mail, now=utc_now()))

    def leaves(self, address: str, *, minutes: int, lifted: str = "") -> None:
        """Somebody unsubscribes from the team's mail, and may ask to be written to again."""

        async def write() -> None:
            at = utc_now() - timedelta(minutes=minutes)
            async with self.store.write() as tx:
                await unsubscribed.put(tx, team=TEAM, address=address, message="m-offer", at=at)
                if lifted:
                    await unsubscribed.lift(tx, team=TEAM, address=address, sender=f"id-{ALICE}", why=lifted, at=at)

        self.wait(write())

    def happens(self, kind: str, message: str, *, bell: int = 0, opened: str | None = None) -> None:
        """Something is told of a message; with `opened`, its first recipient's state changes as well."""

        async def write() -> None:
            async with self.store.write() as tx:
                if opened is not None:
                    await tx.run(
                        "set_states",
                        recipient=f"{message}-0",
                        opened=opened,
                        clicked="no_sign",
                        opens=1,
                        clicks=0,
                        machines=0,
                        fetched=1,
                        apple=0,
                        scanned=0,
                        opened_at=micros(utc_now()),
                        clicked_at=None,
                    )
                await tx.run(
                    "add_event",
                    id=os.urandom(8).hex(),
                    team="team-blue",
                    kind=kind,
                    message=message,
                    recipient=f"{message}-0",
                    hit=None,
                    bell=bell,
                    at=micros(utc_now()),
                    detail="",
                )

        self.wait(write())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    require(Path(CHROMIUM).exists(), CHROMIUM)
    require((STATIC / "manifest.json").exists(), "the built frontend")
    opened = House(tmp_path)
    opened.wait(add_people(opened.store))
    yield opened
    opened.close()


@pytest.fixture
def lively(house: House) -> House:
    for mail in week():
        house.add(mail)
    house.leaves(RITA, minutes=5)
    house.leaves("somebody.with.a.very.long.name.indeed@an-even-longer-name-of-a-company.example", minutes=4)
    house.leaves("back@customer.test", minutes=3, lifted="She called us on Monday")
    return house


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    require(Path(CHROMIUM).exists(), CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visitor(house: House, chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.request.get(house.path_in())
    yield context
    context.close()


@pytest.fixture
def page(visitor: BrowserContext) -> Page:
    return visitor.new_page()


def mail(name: str, **given: Any) -> Mail:
    people = (Person(address=RITA, name="Rita Sommer"),)
    return replace(Mail(id=name, subject=f"About {name}", ago=timedelta(minutes=5), people=people), **given)


def test_the_first_message_appears_by_itself_and_its_open_shows_at_once(house: House, page: Page) -> None:
    page.goto(house.url)
    expect(page.get_by_text("Send your first mail through Seenby")).to_be_visible()
    house.add(mail("m-first"))
    house.happens("message_accepted", "m-first")
    expect(page.locator("#row-m-first")).to_be_visible(timeout=LIVE)
    expect(page.get_by_role("searchbox")).to_be_visible()
    mark = page.locator('#row-m-first .mark[data-channel="open"]')
    expect(mark).to_have_attribute("data-state", "no_sign")
    house.happens("opened", "m-first", opened="seen", bell=1)
    expect(mark).to_have_attribute("data-state", "seen", timeout=LIVE)
    expect(page.locator("#bell .count")).to_have_text("1", timeout=LIVE)


def test_a_live_page_catches_up_after_the_server_came_back(lively: House, page: Page) -> None:
    lively.add(mail("m-pilot"))
    page.goto(lively.url)
    mark = page.locator('#row-m-pilot .mark[data-channel="open"]')
    expect(mark).to_have_attribute("data-state", "no_sign")
    page.wait_for_timeout(500)  # the stream is open, and must not keep the server from stopping
    lively.shut()
    expect(page.locator("#offline")).to_be_visible(timeout=5000)
    lively.happens("opened", "m-pilot", opened="seen")
    lively.open()
    expect(mark).to_have_attribute("data-state", "seen", timeout=15_000)
    expect(page.locator("#offline")).to_be_hidden()


def test_a_page_in_the_background_gives_its_connection_up_and_catches_up_when_shown(lively: House, page: Page) -> None:
    lively.add(mail("m-pilot"))
    page.goto(lively.url)
    mark = page.locator('#row-m-pilot .mark[data-channel="open"]')
    expect(mark).to_have_attribute("data-state", "no_sign")
    look = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    look += " document.dispatchEvent(new Event('visibilitychange')) }"
    page.evaluate(look, True)
    lively.happens("opened", "m-pilot", opened="seen")
    page.wait_for_timeout(1000)
    expect(mark).to_have_attribute("data-state", "no_sign")
    page.evaluate(look, False)
    expect(mark).to_have_attribute("data-state", "seen", timeout=LIVE)
    lively.happens("opened", "m-pilot", opened="probably")
    expect(mark).to_have_attribute("data-state", "probably", timeout=LIVE)


def test_a_messages_page_renews_itself_and_keeps_what_was_unfolded(lively: House, page: Page) -> None:
    page.goto(f"{lively.url}/messages/m-offer-2")
    entry = page.locator("#hit-m-offer-2-hit-0")
    entry.locator("summary").click()
    expect(entry.get_by_text("A mail program that scanners do not imitate")).to_be_visible()
    lively.happens("opened", "m-offer-2", opened="probably")
    mark = page.locator(f'.recipients [data-recipient="{RITA}"] .mark[data-channel="open"]')
    expect(mark).to_have_attribute("data-state", "probably", timeout=LIVE)
    expect(page.locator("#hit-m-offer-2-hit-0")).to_have_attribute("open", "")


def test_searching_and_moving_about_by_keyboard(lively: House, page: Page) -> None:
    page.goto(lively.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("pilot")
    expect(page.locator(".sent-row")).to_have_count(1)
    assert page.url.endswith("words=pilot")
    page.locator(".sent-subject").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to the pilot group")


def test_the_bell_unfolds_marks_as_read_and_folds_with_escape(lively: House, page: Page) -> None:
    page.goto(lively.url)
    expect(page.locator("#bell .count")).to_have_text("5")  # one of the six is of a colleague's message
    page.locator("#bell summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#bell-list")).to_contain_text("Rita Sommer clicked a link")
    expect(page.locator("#bell .count")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#bell-list")).to_be_hidden()
    expect(page.locator("#bell summary")).to_be_focused()
    page.reload()
    expect(page.locator("#bell .count")).to_have_count(0)


def test_a_switch_is_kept_at_once(house: House, page: Page) -> None:
    page.goto(f"{house.url}/settings")
    page.get_by_role("switch", name="Clicks").click()
    expect(page.locator("#switches-said")).to_have_text("Saved")
    page.reload()
    expect(page.get_by_role("switch", name="Clicks")).not_to_be_checked()
    expect(page.get_by_role("switch", name="Opens")).to_be_checked()


def test_the_chosen_colours_stay(lively: House, page: Page) -> None:
    page.goto(lively.url)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.goto(f"{lively.url}/settings")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_times_are_shown_in_the_readers_own_zone(lively: House, chromium: Browser) -> None:
    shown = []
    for zone in ("Asia/Tokyo", "America/New_York"):
        context = chromium.new_context(timezone_id=zone, locale="en-GB")
        context.request.get(lively.path_in())
        page = context.new_page()
        page.goto(lively.url)
        shown.append(page.locator(".sent-when time").first.get_attribute("title"))
        context.close()
    assert shown[0] != shown[1]
    assert "Japan" in str(shown[0]) or "GMT+9" in str(shown[0])


class _Tracker(http.server.BaseHTTPRequestHandler):
    got: list[str]

    def do_GET(self) -> None:
        self.got.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>arrived</title>")

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture
def tracker() -> Iterator[tuple[str, list[str]]]:
    got: list[str] = []
    handler = type("Tracker", (_Tracker,), {"got": got})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", got
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_a_preview_runs_no_script_and_fetches_images_only_when_asked(
    house: House, page: Page, tracker: tuple[str, list[str]]
) -> None:
    url, got = tracker
    body = (
        f'<p>Hi <a href="{url}/c/1">the offer</a></p><img src="{url}/o/1"><script>fetch("{url}/script")</script>'
        f'<link rel=stylesheet href="{url}/style"><iframe src="{url}/frame"></iframe>'
        f'<form action="{url}/form"><button>go</button></form><meta http-equiv=refresh content="0;url={url}/moved">'
        '<img src="x" onerror="parent.document.title=1">'
    )
    raw = f"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}".encode()
    house.add(mail("m-caught", raw=raw))
    page.goto(f"{house.url}/mailbox/m-caught-0")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="the offer")).to_be_visible()
    page.wait_for_timeout(300)
    assert got == []
    page.get_by_role("link", name="Show images").click()
    page.wait_for_function("document.title.startsWith('Mailbox')")
    expect(page.get_by_text("Images are shown.")).to_be_visible()
    expect(frame.get_by_role("link", name="the offer")).to_be_visible()
    page.wait_for_timeout(300)
    assert got == ["/o/1"]
    with page.context.expect_page() as beside:
        frame.get_by_role("link", name="the offer").click()
    expect(beside.value).to_have_title("arrived")
    assert "/c/1" in got
    assert page.url.startswith(house.url)


# The contrast of every text against what is really behind it (WCAG 2.2, 1.4.3): 4.5, or 3 for large text.
TOO_FAINT = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data] }
  const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = (element) => { for (let e = element; e; e = e.parentElement) {
    const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 200) return c } return [255, 255, 255, 255] }
  const faint = []
  for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
    const element = walk.currentNode.parentElement
    if (!walk.currentNode.data.trim() || !element.checkVisibility()) continue
    if (element.closest('.visually-hidden, .skip')) continue
    const style = getComputedStyle(element), a = light(rgba(style.color)), b = light(behind(element))
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    const large = parseFloat(style.fontSize) >= 24
    const words = walk.currentNode.data.trim().slice(0, 30)
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${element.className} ${words}`)
  }
  return faint
}"""
UNNAMED = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), summary, iframe')].filter((e) =>
  e.checkVisibility() && !(e.innerText || '').trim() && !e.getAttribute('aria-label')
  && !e.getAttribute('aria-labelledby') && !e.title && !e.labels?.length
  && !e.textContent.trim()).map((e) => e.outerHTML.slice(0, 90))"""


def test_the_feed_lives_and_hours_are_in_the_reader_s_zone(house: House, chromium: Browser) -> None:
    context = chromium.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    context.request.get(house.path_in())
    page = context.new_page()
    page.goto(f"{house.url}/feed")
    expect(page.get_by_text("No sign of a person yet.")).to_be_visible()
    person = Person(address=RITA, name="Rita Sommer", opened="seen", opens=1)
    house.add(mail("m-feed", people=(person,), fetches=(Fetch(after=timedelta(seconds=1), reader=RITA),)))
    expect(page.locator("#feed-list [data-event]")).to_have_count(1, timeout=LIVE)
    expect(page.locator("#hot [data-person]")).to_have_count(1, timeout=LIVE)
    page.goto(f"{house.url}/people/{RITA}")
    expect(page.locator("[data-zone]")).to_have_text("your time zone, Asia/Tokyo")
    at = page.evaluate("new Date(Number(document.getElementById('hours').dataset.quarters) * 900000).getHours()")
    expect(page.locator("#hours rect.h4")).to_have_attribute("data-cell", re.compile(rf"^[0-6]-{at}$"))
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1024, 1600])
def test_every_page_fits_can_be_read_and_is_quiet(lively: House, chromium: Browser, width: int, scheme: Any) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.request.get(lively.path_in())
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    foreign: list[str] = []
    own = (lively.url, lively.url.replace(str(lively.ports[0]), str(lively.ports[1])), "data:")
    page.on("request", lambda r: None if r.url.startswith(own) else foreign.append(r.url))
    for path in ALL_PAGES:
        page.goto(lively.url + path)
        for fold in page.locator("main details").all():
            fold.evaluate("fold => fold.open = true")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert page.evaluate(TOO_FAINT) == [], path
        assert page.evaluate(UNNAMED) == [], path
        assert page.title() != "owned"
        if folder := os.environ.get("SEENBY_SCREENSHOTS"):
            name = path.strip("/?").replace("/", "-") or "sent"
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
    # The preview's own sandbox speaks up about the hostile mail in it; the page for a missing page is a 404.
    expected = ("Blocked script execution", "img-src data:", "404 (Not Found)")
    assert [fault for fault in faults if not any(words in fault for words in expected)] == []
    assert [url for url in foreign if "/o/pixel" not in url] == [], "and that one was blocked"
    context.close()


def test_links_are_set_taken_back_and_a_wrong_line_keeps_what_was_typed(house: House, page: Page) -> None:
    page.goto(f"{house.url}/settings")
    links = page.locator("#links")
    links.get_by_label("Links that stay as they are").fill("app.example.com\nnot a host")
    links.get_by_role("radio", name="Formatted text only").check()
    links.get_by_role("button", name="Save links").click()
    expect(links.get_by_role("alert")).to_contain_text("Line 2")
    expect(links.get_by_role("alert")).to_be_in_viewport()
    expect(links.get_by_label("Links that stay as they are")).to_have_value("app.example.com\nnot a host")
    expect(links.get_by_role("radio", name="Formatted text only")).to_be_checked()
    links.get_by_label("Links that stay as they are").fill("app.example.com")
    links.get_by_role("button", name="Save links").click()
    expect(links.get_by_role("status")).to_contain_text("Saved")
    expect(links.get_by_role("status")).to_be_in_viewport()
    links.get_by_role("button", name="Go back to what was before").click()
    expect(links.get_by_label("Links that stay as they are")).to_have_value("")
    page.reload()
    expect(page.get_by_role("radio", name="Formatted and plain text")).to_be_checked()


def test_writing_again_takes_their_wish_and_can_be_undone(house: House, page: Page) -> None:
    house.leaves("gone@customer.test", minutes=1)
    page.goto(f"{house.url}/unsubscribed")
    row = page.locator('[data-address="gone@customer.test"]')
    row.get_by_text("Write again").click()
    row.get_by_role("button", name="Write to gone@customer.test again").click()
    expect(row.get_by_role("checkbox")).to_be_visible()  # the browser asks for the tick
    row.get_by_role("checkbox").check()
    row.get_by_label("How did they ask?").fill("By phone")
    row.get_by_role("button", name="Write to gone@customer.test again").click()
    expect(page.get_by_role("status")).to_contain_text("may write to gone@customer.test again")
    expect(row).to_contain_text("“By phone”")
    page.get_by_role("button", name="Undo, keep them unsubscribed").click()
    expect(row.get_by_text("Write again")).to_be_visible()


def test_a_hit_with_a_hostile_agent_stays_text(house: House, page: Page) -> None:
    fetch = Fetch(
        after=timedelta(minutes=1), reader=RITA, agent="</details><img src=x onerror=\"document.title='owned'\">"
    )
    house.add(mail("m-odd", fetches=(fetch,)))
    page.goto(f"{house.url}/messages/m-odd")
    page.locator("#hit-m-odd-hit-0 summary").click()
    expect(page.locator("#hit-m-odd-hit-0")).to_contain_text("<img src=x onerror=")
    assert page.title() != "owned"

"""A day of real mail through a whole Seenby, read by people and machines; then every page is walked.

Written to the gateway by SMTP, taken by a mail server that refuses one address, opened in Chromium and (where it is
installed) Thunderbird, searched by a scanner that follows every link at once, answered. Whoever is signed in then
walks every page as wide as a phone, a tablet and a desk, light and dark, and once by keys alone.

`SEENBY_SCREENSHOTS=folder` keeps the pictures; `make screenshots` puts them where the documentation has them.
"""

import os
import re
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from seenby.web.menu import SETTINGS
from tests.conftest import require
from tests.story.test_thunderbird import IMAGES, marks, thunderbird
from tests.world import CHROMIUM, CHROMIUM_FLAGS, PERSON, Seenby, Sink, Site, seenby, sink, site, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(400), pytest.mark.xdist_group("walk")]
ALICE, RITA, OMAR, MEI = "alice@acme.test", "rita@outside.test", "omar@partner.test", "mei.lin@studio.test"
GONE, LEGAL = "nadia@gone.test", "legal@outside.test"
READERS: Final = tuple(f"reader{number}@list.test" for number in range(6))
WIDTHS: Final = (390, 1024, 1600)
SCHEMES: Final = ("light", "dark")
SCANNER: Final = "python-requests/2.32.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What there is when the mail has been read, and a browser's state that is signed in."""

    running: Seenby
    shop: Site
    state: StorageState
    offer: str
    paths: tuple[str, ...]


def written(subject: str, *, to: str, html: str = "", text: str = "Hello,\r\n", cc: str = "", **more: str) -> bytes:
    """What a mail program sends."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = f"Alice Ames <{ALICE}>", to, subject
    if cc:
        mail["Cc"] = cc
    mail["Date"] = "Sun, 22 Nov 2026 12:00:00 +0000"
    mail["Message-ID"] = more.pop("id", f"<{abs(hash(subject))}@acme.test>")
    for name, value in more.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(f"<html><body>{html}</body></html>", subtype="html")
    return mail.as_bytes()


SIGNED: Final = (
    f"From: Alice Ames <{ALICE}>\r\nTo: {LEGAL}\r\nSubject: Signed contract, please keep\r\n"
    "Message-ID: <signed@acme.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=sha-256; "
    'protocol="application/pkcs7-signature"; boundary=cut\r\n\r\n--cut\r\nContent-Type: text/html\r\n\r\n'
    "<p>The <a href='https://acme.test/contract'>contract</a>.</p>\r\n--cut\r\n"
    "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "MIIB\r\n--cut--\r\n"
).encode()


def send_the_day(running: Seenby, shop: Site, *, password: str) -> None:
    """The shapes of mail there are on an ordinary day."""

    def submit(raw: bytes, *to: str) -> None:
        running.submit(raw, user=ALICE, password=password, to=list(to))

    sold = (
        f'<p>Hello Rita,</p><p>here is <a href="{shop.url}/offer">the offer</a> we spoke about, with '
        f'<a href="{shop.url}/prices">all prices</a> and <a href="{shop.url}/calendar">our calendar</a>.</p>'
        "<p>Kind regards<br>Alice</p>"
    )
    submit(written("Minutes of Tuesday's call", to=RITA, text="As agreed on Tuesday.\r\n"), RITA)
    submit(SIGNED, LEGAL)
    submit(written("Welcome to the pilot group", to=f"Nadia Ooms <{GONE}>", html="<p>Welcome!</p>"), GONE)
    news = f'<h1>November</h1><p>What is new: <a href="{shop.url}/news">read it</a>.</p>' * 3
    submit(written("What changed in November", to="Readers <list@acme.test>", html=news), *READERS)
    submit(
        written(
            "Offer for the autumn campaign",
            to=f"Rita Sommer <{RITA}>",
            cc=f"Omar Haddad <{OMAR}>, Mei Lin <{MEI}>",
            html=sold,
            id="<offer@acme.test>",
        ),
        RITA,
        OMAR,
        MEI,
    )


def html_of(copy: bytes) -> str:
    body = message_from_bytes(copy, policy=policy.default).get_body(("html",))
    assert body is not None
    return str(body.get_content())


def read(browser: Browser, copy: bytes, folder: Path, *, follow: str = "") -> None:
    """A person opens a copy in a browser's mail program, and may follow a link."""
    file = folder / "mail.html"
    file.write_text(html_of(copy), encoding="utf-8")
    context = browser.new_context(user_agent=PERSON)
    page = context.new_page()
    page.goto(file.as_uri(), wait_until="networkidle")
    if follow:
        page.get_by_role("link", name=follow).click()
        page.wait_for_url("http://127.0.0.1:*/*")
    context.close()


def scan(copy: bytes) -> None:
    """What mail security does: everything in the mail is fetched at once, by a program."""
    for address in re.findall(r'(?:src|href)="(http[^"]+)"', html_of(copy)):
        request = urllib.request.Request(address.replace("&amp;", "&"), headers={"User-Agent": SCANNER})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            answer.read()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require(Path(CHROMIUM).exists(), CHROMIUM)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("walk")
    with sink() as server, site() as shop:
        server.answers[GONE] = "550 5.1.1 <nadia@gone.test>: Recipient address rejected: User unknown"
        hop = f"smtp://127.0.0.1:{server.port}?tls=none"
        with seenby(folder / "data", owner=ALICE, NEXT_HOP=hop) as running:
            _user, password = running.owner
            send_the_day(running, shop, password=password)
            wait_for(lambda: len(server.got) == 11, why="every copy but the refused one reaches the mail server")
            the_day_is_read(running, server, browser, folder, password=password)
            context = browser.new_context()
            page = context.new_page()
            page.goto(running.command("sign-in", ALICE)["link"])
            offer = page.get_by_role("link", name="Offer for the autumn campaign", exact=True).get_attribute("href")
            assert offer
            keep_some(page, running)
            yield World(
                running=running, shop=shop, state=context.storage_state(), offer=offer, paths=paths(page, offer)
            )


def the_day_is_read(running: Seenby, server: Sink, browser: Browser, folder: Path, *, password: str) -> None:
    """Machines first, as ever; then people, one of whom clicks and answers."""
    of = {address: server.to(address)[-1] for address in (RITA, OMAR, MEI, *READERS)}
    scan(of[OMAR])
    read(browser, of[RITA], folder, follow="the offer")
    read(browser, of[READERS[0]], folder)
    if shutil.which("thunderbird"):
        kept = folder / "mei.eml"
        kept.write_bytes(of[MEI])
        with httpx2.Client(trust_env=False, follow_redirects=True) as client, thunderbird(kept, folder, **IMAGES):
            client.get(running.command("sign-in", ALICE)["link"])
            wait_for(lambda: marks(client.get(running.app_url).text)[MEI, "open"] == "seen", seconds=90)
    answer = written(
        "Re: Offer for the autumn campaign",
        to=f"Rita Sommer <{RITA}>",
        html="<p>Gladly, see you then.</p>",
        In_Reply_To="<hers@outside.test>",
        References="<offer@acme.test> <hers@outside.test>",
    )
    running.submit(answer, user=ALICE, password=password, to=[RITA])
    wait_for(lambda: len(server.to(RITA)) == 3, why="the answer to her answer is sent")


def keep_some(page: Page, running: Seenby) -> None:
    """A draft, a template, a saved report: what somebody makes in a day, made on the pages."""
    page.goto(f"{running.app_url}/templates/new")
    page.get_by_label("Name").fill("First contact")
    page.get_by_label("Subject").fill("A question about {{company}}")
    page.locator(".prose").click()
    page.keyboard.type("Dear {{first_name}}, how does {{company}} do this today?")
    page.get_by_role("button", name="Save template").click()
    expect(page.get_by_text("First contact")).to_be_visible()
    page.goto(f"{running.app_url}/reports/saved?query=?days=30")
    page.get_by_label("Name").fill("What the team sent this month")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto(f"{running.app_url}/compose?to={MEI}")
    page.get_by_label("Subject").fill("The pictures for the campaign")
    page.locator(".prose").click()
    page.keyboard.type("Hello Mei, ")
    expect(page.locator(".saved-line")).to_contain_text("Saved")
    wait_for(lambda: page.request.get(f"{running.app_url}/").text().count('data-state="seen"') >= 3)


def paths(page: Page, offer: str) -> tuple[str, ...]:
    """Every page that there is a way to."""
    root = page.url.partition("/compose")[0]
    page.goto(root)
    messages = [link.get_attribute("href") or "" for link in page.locator(".sent-subject").all()]
    cuts = ("", "/when", "/programs", "/where", "/filtered", "/saved")
    return (
        "/",
        "/?words=nothing-like-this",
        *messages,
        *("/feed", "/feed?show=all", "/feed?show=highlights", "/bell"),
        *("/people", f"/people/{RITA}", f"/people/{GONE}", "/organisations/outside.test"),
        *(f"/reports{cut}" for cut in cuts),
        *("/reports?shape=lines", "/reports?shape=table", "/reports?shape=funnel"),
        *("/compose", f"/compose?reply={offer.rpartition('/')[2]}", "/drafts", "/templates", "/templates/new"),
        *("/mailbox", "/accuracy", "/unsubscribed", "/nowhere"),
        *(place.path for place in SETTINGS),
    )


# What a browser says of a missing page, and of mail that it shows without its images.
EXPECTED: Final = ("404 (Not Found)", "img-src data:", "Blocked script execution")


def watched(context: BrowserContext, own: str) -> tuple[Page, list[str]]:
    """A page, and what goes wrong on it."""
    page, faults = context.new_page(), list[str]()

    def said(message: Any) -> None:
        if message.type in ("error", "warning") and not any(words in message.text for words in EXPECTED):
            faults.append(f"{page.url} said {message.text}")

    def failed(request: Any) -> None:
        if "/live" not in request.url and request.failure not in ("csp", "net::ERR_ABORTED"):
            faults.append(f"{page.url}: {request.url} {request.failure}")

    def asked(request: Any) -> None:
        if not request.url.startswith((own, "data:", "http://127.0.0.1:")):
            faults.append(f"{page.url} asked {request.url}")

    page.on("console", said)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on("requestfailed", failed)
    page.on("request", asked)
    return page, faults


# What the documentation shows, and how it calls the pictures.
PICTURES: Final = {
    "/": "sent",
    "OFFER": "message",
    "/feed": "feed",
    f"/people/{RITA}": "person",
    "/reports": "reports",
    "/compose": "compose",
    "/settings/connect": "connect",
}


def picture(page: Page, world: World, path: str, *, width: int, scheme: str) -> None:
    """Keep a picture where one was asked for."""
    name = PICTURES.get("OFFER" if path == world.offer else path)
    if name and (folder := os.environ.get("SEENBY_SCREENSHOTS")):
        page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=width == 390 or name == "message")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_quiet_and_fits(world: World, browser: Browser, width: int, scheme: Any) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, storage_state=world.state, locale="en-GB"
    )
    page, faults = watched(context, world.running.app_url)
    for path in world.paths:
        page.goto(world.running.app_url + path)
        picture(page, world, path, width=width, scheme=scheme)
        page.evaluate("for (const fold of document.querySelectorAll('main details')) fold.open = true")
        if (beyond := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            faults.append(f"{path} is {beyond} px wider than the window")
    context.close()
    assert not faults, "\n".join(faults)


# What a person with a keyboard must reach. Of radio buttons the browser gives one; a switch is as large as its label.
REACHABLE: Final = """() => {
  const found = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  const kept = found.filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled
    && one.type !== 'hidden' && one.tabIndex >= 0 && !one.closest('[inert]')
    && !(one.type === 'radio' && !one.checked && document.querySelector(`[name="${one.name}"]:checked`)))
  kept.forEach((one, number) => { one.dataset.walk = number })
  return kept.map((one) => one.outerHTML.slice(0, 120))
}"""
FOCUSED: Final = """() => {
  const here = document.activeElement
  if (!here || here === document.body) return null
  const seen = getComputedStyle(here), box = here.getClientRects()[0] ?? here.getBoundingClientRect()
  const [x, y] = [box.x + Math.min(box.width, innerWidth) / 2, box.y + box.height / 2]
  const top = document.elementFromPoint(x, y)
  const hidden = box.width < 1 || x < 0 || y < 0 || x > innerWidth || y > innerHeight
    || !(top && (here.contains(top) || top.contains(here) || here.labels?.length))
  const frame = seen.outlineStyle !== 'none' && parseFloat(seen.outlineWidth) >= 1
  return { walk: here.dataset.walk ?? '', hidden, marked: frame || here.matches('iframe, [contenteditable]'),
    is: here.outerHTML.slice(0, 120) }
}"""


def by_keys(page: Page, path: str) -> Iterator[str]:
    """What cannot be reached or seen when somebody presses Tab from the top of a page to its end."""
    if page.locator("[data-editor]").count():
        page.locator(".prose").wait_for()
    wanted = page.evaluate(REACHABLE)
    page.locator(".skip").focus()
    met, last = {"0"}, "0"
    for _ in range(2 * len(wanted) + 40):
        page.keyboard.press("Tab")
        here = page.evaluate(FOCUSED)
        if here is None:
            break
        if here["walk"] in met and here["walk"] != last:  # round again; a date is several stops
            break
        met.add(last := here["walk"])
        if here["hidden"]:
            page.wait_for_timeout(200)  # what scrolls into view may still be on its way
            here = page.evaluate(FOCUSED) or here
        if here["hidden"]:
            yield f"{path}: focused but not to be seen: {here['is']}"
        if not here["marked"]:
            yield f"{path}: focused without a mark: {here['is']}"
    for number, element in enumerate(wanted):
        if str(number) not in met:
            yield f"{path}: not reached by Tab: {element}"


@pytest.mark.parametrize("width", [390, 1024])
def test_every_page_works_by_keyboard(world: World, browser: Browser, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, storage_state=world.state, reduced_motion="reduce"
    )
    page, faults = watched(context, world.running.app_url)
    for path in world.paths:
        page.goto(world.running.app_url + path)
        faults += by_keys(page, path)
    context.close()
    assert not faults, "\n".join(faults)


def test_menus_open_by_key_and_close_by_escape(world: World, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1024, "height": 900}, storage_state=world.state)
    page, faults = watched(context, world.running.app_url)
    for path in ("/", world.offer, "/settings/team", "/reports"):
        page.goto(world.running.app_url + path)
        for number, menu in enumerate(page.locator("details.menu").all()):
            handle = menu.locator("summary").first
            handle.focus()
            page.keyboard.press("Enter" if number % 2 else "Space")
            expect(menu).to_have_attribute("open", "")
            page.keyboard.press("Escape")
            expect(menu).not_to_have_attribute("open", "")
            expect(handle).to_be_focused()
    context.close()
    assert not faults, "\n".join(faults)


def test_the_offer_tells_people_from_machines(world: World, browser: Browser) -> None:
    context = browser.new_context(storage_state=world.state)
    page = context.new_page()
    page.goto(world.running.app_url + world.offer)
    people = page.locator(".recipients")
    for address, channel, state in ((RITA, "open", "seen"), (RITA, "click", "seen"), (OMAR, "click", "no_sign")):
        mark = people.locator(f'[data-recipient="{address}"] .mark[data-channel="{channel}"]')
        expect(mark).to_have_attribute("data-state", state)
    if shutil.which("thunderbird"):
        expect(page.locator("body")).to_contain_text("Opened in Thunderbird")
    page.get_by_role("link", name="Follow up").click()
    expect(page.get_by_label("Subject")).to_have_value("Re: Offer for the autumn campaign")
    page.goto(world.running.app_url)
    expect(page.locator("body")).to_contain_text("Bounced")
    context.close()

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
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, StorageState, expect, sync_playwright

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
    server: Sink
    shop: Site
    preview: str  # the origin on which messages are shown
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
            page.goto(running.app_url + offer)
            yield World(
                running=running,
                server=server,
                shop=shop,
                preview=origin(page.locator("iframe.frame").get_attribute("src") or ""),
                state=context.storage_state(),
                offer=offer,
                paths=paths(page, running.app_url, offer),
            )


def origin(url: str) -> str:
    """Scheme, host and port (RFC 6454)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


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


def paths(page: Page, root: str, offer: str) -> tuple[str, ...]:
    """Every page that there is a way to."""
    page.goto(root)
    messages = [link.get_attribute("href") or "" for link in page.locator(".sent-subject").all()]
    cuts = ("", "/organisations", "/organisations?by=clicked", "/when", "/programs", "/where", "/filtered", "/saved")
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


def watched(context: BrowserContext, world: World) -> tuple[Page, list[str]]:
    """A page, and what goes wrong on it. The tracker is asked for nothing: looking makes no hit."""
    own = (world.running.app_url, world.preview, "data://")
    page, faults = context.new_page(), list[str]()

    def said(message: Any) -> None:
        if message.type in ("error", "warning") and not any(words in message.text for words in EXPECTED):
            faults.append(f"{page.url} said {message.text}")

    def failed(request: Any) -> None:
        if "/live" not in request.url and request.failure not in ("csp", "net::ERR_ABORTED"):
            faults.append(f"{page.url}: {request.url} {request.failure}")

    def asked(request: Any) -> None:
        if origin(request.url) not in own:
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
    page, faults = watched(context, world)
    for path in world.paths:
        page.goto(world.running.app_url + path)
        expect(page.locator("[data-editor]:not(:has(.written-box))")).to_have_count(0)
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
    page, faults = watched(context, world)
    for path in world.paths:
        page.goto(world.running.app_url + path)
        faults += by_keys(page, path)
    context.close()
    assert not faults, "\n".join(faults)


def test_menus_open_by_key_and_close_by_escape(world: World, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1024, "height": 900}, storage_state=world.state)
    page, faults = watched(context, world)
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


@pytest.mark.parametrize("width", [390, 1280])
def test_somebody_new_finds_the_way_by_the_screen_alone(
    world: World, browser: Browser, tmp_path: Path, width: int
) -> None:
    """What a first day is made of, by what can be seen, clicked and typed; no address is known but the first."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, storage_state=world.state, locale="en-GB", accept_downloads=True
    )
    page, faults = watched(context, world)
    page.goto(world.running.app_url)
    subject = f"Invitation to the fair, {width}"
    sends(page, world, subject)
    sees(page, world, browser, subject, tmp_path)
    filters(page, name=f"Autumn {width}")
    explains(page)
    reports(page, label=f"Autumn {width}", name=f"The fair, {width}")
    switches(page)
    context.close()
    assert not faults, "\n".join(faults)


def go(page: Page, name: str) -> None:
    """By the menu that stands on every page."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()


def sends(page: Page, world: World, subject: str) -> None:
    page.get_by_role("link", name="Write", exact=True).click()
    page.get_by_label("To", exact=True).fill(f"Rita Sommer <{RITA}>")
    page.get_by_label("Subject").fill(subject)
    page.locator(".prose").click()
    page.keyboard.type("Dear Rita, we would be glad to see you there.")
    expect(page.locator("#beside")).to_contain_text("Opens and clicks: who, when, with device and country.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.locator("#going")).to_contain_text("Undo")
    wait_for(lambda: any(subject.encode() in copy for copy in world.server.to(RITA)), why="it reaches the mail server")


def sees(page: Page, world: World, browser: Browser, subject: str, folder: Path) -> None:
    """It comes into the list by itself, and so does what Rita does with it."""
    row = page.locator(".sent-row").filter(has_text=subject)
    expect(row).to_have_count(1, timeout=15_000)
    [copy] = [copy for copy in world.server.to(RITA) if subject.encode() in copy]
    read(browser, copy, folder)
    mark = row.locator(f'[data-recipient="{RITA}"] .mark[data-channel="open"]')
    expect(mark).to_have_attribute("data-state", re.compile("seen|probably"), timeout=15_000)


def subjects(page: Page) -> list[str]:
    return [one.strip() for one in page.locator(".sent-subject").all_inner_texts()]


OFFER: Final = "Offer for the autumn campaign"


def filters(page: Page, *, name: str) -> None:
    """By state, by label, by words; and the filter that was saved."""
    everything = subjects(page)
    assert len(everything) >= 7
    states = page.get_by_role("navigation", name="Filters")
    states.get_by_role("link", name="Not delivered").click()
    expect(page.locator(".sent-subject")).to_have_text(["Welcome to the pilot group"])
    states.get_by_role("link", name="Clicked", exact=True).click()
    expect(page.locator(".sent-subject")).to_have_text([OFFER])

    page.get_by_role("checkbox", name=OFFER, exact=True).check()
    bar = page.get_by_role("group", name="With the chosen messages")
    bar.get_by_label("Label").fill(name)
    bar.get_by_role("button", name="Add label").click()
    expect(page.locator(".sent-row").filter(has_text=OFFER).locator(".label").filter(has_text=name)).to_be_visible()

    states.get_by_role("link", name="All", exact=True).click()
    page.locator("#filter summary").click()
    page.locator("#filter").get_by_label("Label").select_option(name)
    page.locator("#filter").get_by_role("button", name="Show").click()
    expect(page.locator(".sent-subject")).to_have_text([OFFER])
    expect(page.locator(".chips")).to_contain_text(f"label {name}")
    page.get_by_text("Save this filter").click()
    page.locator(".save").get_by_label("Name").fill(f"Fair {name}")
    page.locator(".save").get_by_role("button", name="Save").click()
    saved = states.get_by_role("link", name=f"Fair {name}")
    expect(saved).to_have_attribute("aria-current", "true")
    states.get_by_role("link", name="All", exact=True).click()
    expect(page.locator(".sent-subject")).to_have_count(len(everything))
    saved.click()
    expect(page.locator(".sent-subject")).to_have_text([OFFER])
    states.get_by_role("button", name=f"Forget the filter Fair {name}").click()
    expect(saved).to_have_count(0)

    words = page.get_by_role("searchbox", name="Search sent messages")
    words.press_sequentially("minutes")
    expect(page.locator(".sent-subject")).to_have_text(["Minutes of Tuesday's call"])
    words.fill("nobody writes so")
    expect(page.locator("#list")).to_contain_text("No message has")
    page.get_by_role("link", name="Show all sent messages").click()
    expect(page.locator(".sent-subject")).to_have_count(len(everything))


def explains(page: Page) -> None:
    """Why a person is a person, and a machine a machine."""
    page.get_by_role("link", name=OFFER, exact=True).click()
    people = page.get_by_role("region", name="Opened and clicked").locator("details").filter(has_text="Rita Sommer")
    speaks(people.first, sure=re.compile(r"9\d% a person"), side="speaks for a person")
    machines = page.get_by_role("region", name="Machines and your own side").locator("details")
    speaks(machines.first, sure=re.compile(r"\b\d% a person"), side="speaks against a person")
    expect(machines.first).to_contain_text("Omar Haddad")
    expect(machines.first).to_contain_text(SCANNER)


def speaks(entry: Locator, *, sure: re.Pattern[str], side: str) -> None:
    expect(entry.locator(".chance")).to_contain_text(sure)
    reasons = entry.locator(".reasons li")
    expect(reasons.first).not_to_be_visible()
    entry.locator("summary").first.click()
    expect(reasons.first).to_be_visible()
    expect(entry).to_contain_text("Why we read it as")
    expect(reasons.first.get_by_role("img", name=side)).to_be_visible()
    for reason in reasons.all():  # each in words of its own, and none a name in the code
        assert len(reason.inner_text().split()) > 3, reason.inner_text()
        assert not re.search(r"\b[a-z]+_[a-z]+\b", reason.inner_text()), reason.inner_text()


def reports(page: Page, *, label: str, name: str) -> None:
    go(page, "Reports")
    form = page.locator("form.report-for")
    form.get_by_role("combobox", name="Label", exact=True).select_option(label)
    form.get_by_role("button", name="Show").click()
    expect(page.locator("main")).to_contain_text("1 message to 3 recipients")
    tabs = page.get_by_role("navigation", name="Reports")
    with page.expect_download() as waiting:
        tabs.get_by_role("link", name="PDF").click()
    assert waiting.value.path().read_bytes().startswith(b"%PDF-")
    tabs.get_by_role("link", name="Filtered").click()
    expect(page.locator("main")).to_contain_text("A programmer's library, not a reader's program")
    tabs.get_by_role("link", name="Organisations").click()
    page.get_by_role("navigation", name="Ranked by").get_by_role("link", name="Clicked").click()
    outside = page.get_by_role("row").filter(has=page.get_by_role("link", name="outside.test", exact=True))
    expect(outside.get_by_role("cell")).to_have_text(["1", "100% (1)", "100% (1)", "100% (1)", "0%"])
    tabs.get_by_role("link", name="Overview").click()
    tabs.get_by_role("link", name="Save").click()
    expect(page.locator("form").filter(has_text="Save a report")).to_contain_text(f"the last 30 days, {label}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Mail it").select_option("every Monday")
    page.get_by_role("button", name="Save").click()
    kept = page.get_by_role("listitem").filter(has_text=name)
    expect(kept).to_contain_text(f"PDF every Monday to {ALICE}")
    kept.get_by_role("link", name=name).click()
    expect(page.locator("main")).to_contain_text("1 message to 3 recipients")
    expect(form.get_by_role("combobox", name="Label", exact=True)).to_have_value(label)
    page.go_back()
    kept.get_by_role("button", name="Remove").click()
    expect(kept).to_have_count(0)


def switches(page: Page) -> None:
    """Off, and what is written says so; on again."""
    go(page, "Settings")
    opens = page.get_by_role("switch", name="Opens", exact=True)
    expect(opens).to_be_checked()
    opens.uncheck()
    expect(page.locator("#switches-said")).to_contain_text("Saved")
    page.get_by_role("link", name="Write", exact=True).click()
    page.get_by_label("To", exact=True).fill(RITA)
    expect(page.locator("#beside")).to_contain_text("Opens: not tracked. Clicks: who, when")
    go(page, "Settings")
    expect(opens).not_to_be_checked()
    opens.check()
    expect(page.locator("#switches-said")).to_contain_text("Saved")
    page.reload()
    expect(opens).to_be_checked()


def test_looking_at_the_message_itself_asks_the_tracker_for_nothing(world: World, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, storage_state=world.state)
    page, faults = watched(context, world)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(world.running.app_url + world.offer)
    fetches = page.locator("#raw-hits summary").inner_text()
    for picture in (page.get_by_role("link", name="Without the clicks"), None):
        frame = page.locator("iframe.frame")
        frame.scroll_into_view_if_needed()
        shown = page.frame_locator("iframe.frame")
        expect(shown.get_by_role("link", name="the offer")).to_be_visible()
        expect(shown.locator("[data-seenby-clicks]")).to_have_count(3 if picture else 0)
        if picture:
            expect(shown.get_by_role("link", name="the offer")).to_have_attribute("data-seenby-clicks", "1 click")
            picture.click()
    assert any(url.startswith(f"{world.preview}/m/") for url in asked)
    assert [url for url in asked if url.startswith(world.running.tracking_url)] == []
    page.wait_for_timeout(1000)  # a hit would be there by now
    page.reload()
    assert page.locator("#raw-hits summary").inner_text() == fetches
    context.close()
    assert not faults, "\n".join(faults)

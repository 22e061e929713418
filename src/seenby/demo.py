"""`seenby demo`: one email's whole life in a temporary folder, real parts in one process, told as its timeline.

Alice writes to Rita and Rob. A scanner follows the links at once, Rita opens and clicks, and Alice's
own office fetches Rita's pixel. Nothing leaves this machine: where the world would be, the demo asks
the tracker over loopback, as a proxy in front of it would.
"""

import asyncio
import re
import smtplib
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import httpx2
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from seenby import maillog
from seenby.accounts import Accounts
from seenby.folder import Folder, open_folder
from seenby.gateway import open_gateway
from seenby.gateway.certificate import tls_context
from seenby.journal import FileJournal, FileReader
from seenby.report.moments import moments_of
from seenby.report.timeline import Entry, timeline
from seenby.settings import load_settings
from seenby.store import Store, open_store, people
from seenby.store.times import micros, moment
from seenby.tracker import Options, run_tracker
from seenby.web.wording import entry_words, reason_words
from seenby.wiring import make_house, mint, now
from seenby.words.token import Keyring
from seenby.worker import Worker

ALICE, RITA, ROB = "alice@acme.example", "rita@customer.example", "rob@customer.example"
_PATIENCE: Final = 20.0
# Ordinary lines and a scanner's network, so that the judge has something to go by; nothing is ever sent there.
_OFFICE, _RITAS_LINE, _SCANNER = "82.64.119.7", "81.187.44.10", "148.163.130.20"
_THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0"
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
_IMAGE: Final = {"Accept": "image/avif,image/webp,*/*;q=0.8", "Accept-Language": "en-GB,en;q=0.5"}
_PAGE: Final = {
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "cross-site",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One line of the printed timeline."""

    at: str
    who: str
    what: str
    why: str


def run_demo(out: Console) -> None:
    """Run the story and print it."""
    maillog.start_log(level="error")
    with (
        tempfile.TemporaryDirectory(prefix="seenby-demo-") as folder,
        Progress(
            SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True
        ) as bar,
    ):
        task = bar.add_task("starting gateway, tracker and worker")
        lines = asyncio.run(_story(Path(folder), lambda what: bar.update(task, description=what)))
    width = max(len(line.who) for line in lines)
    out.print("Our offer\nfrom Alice to Rita and Rob\n", highlight=False)
    for line in lines:
        out.print(f"{line.at:>7}  {line.who:{width}}  {line.what}", highlight=False, markup=False)
        if line.why:
            out.print(f"{'':7}  {'':{width}}  {line.why}", highlight=False, markup=False, style="dim")


async def _story(path: Path, say: Callable[[str], None]) -> Sequence[_Line]:
    settings = load_settings(data=path / "data", next_hop="", trusted_proxies="127.0.0.1/32")
    folder = open_folder(settings.data)
    store = await open_store(database_url="", data=folder.path)
    with _tracker(folder, folder.keyring()) as port:
        url = f"http://127.0.0.1:{port}"
        house = make_house(settings.model_copy(update={"tracking_url": url}), folder=folder, store=store)
        accounts = Accounts(store=store, app_url="", now=now, mint=mint)
        password = (await accounts.add_sender(ALICE))["password"]
        await _note_office(store)
        tls = tls_context(certificate=None, key=None, folder=folder.keys, host="demo")
        gateway = await open_gateway(house=house, listen=("127.0.0.1", 0), tls=tls)
        stop = asyncio.Event()
        working = asyncio.create_task(Worker(house, FileReader(folder.journal)).run(stop))
        try:
            say("Alice's mail program hands over a message")
            await asyncio.to_thread(_submit, gateway.port, password)
            await _happenings(store, say)
            return await _told(store)
        finally:
            stop.set()
            await working
            await gateway.close()
            await store.close()


@contextmanager
def _tracker(folder: Folder, keys: Keyring) -> Iterator[int]:
    """A tracker in a thread; its port."""
    ports: list[int] = []
    ready, stop = threading.Event(), threading.Event()

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    options = {
        "listen": ("127.0.0.1", 0),
        "keys": keys,
        "journal": FileJournal(folder.journal),
        "options": Options(trusted_proxies=(ip_network("127.0.0.1/32"),)),
        "on_ready": on_ready,
        "stop": stop,
    }
    thread = threading.Thread(target=run_tracker, kwargs=options, daemon=True)
    thread.start()
    if not ready.wait(_PATIENCE):
        raise TimeoutError("the tracker did not start")
    try:
        yield ports[0]
    finally:
        stop.set()
        thread.join()


async def _note_office(store: Store) -> None:
    """Where Alice works from, as signing in would note it."""
    async with store.write() as tx:
        alice = await people.sender_by_address(tx, ALICE)
        assert alice is not None
        await tx.run("put_place", team=alice.team, address=_OFFICE, at=micros(now()))


def _submit(port: int, password: str) -> None:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = ALICE, f"Rita <{RITA}>, Rob <{ROB}>", "Our offer"
    message.set_content("Hello,\n\nhere is our offer: https://acme.example/offer\n")
    message.add_alternative(
        '<html><body><p>Hello,</p><p>here is <a href="https://acme.example/offer">our offer</a>, '
        'the <a href="https://acme.example/terms?lang=en&amp;v=2">terms</a> and '
        '<a href="https://acme.example/people">who we are</a>.</p></body></html>',
        subtype="html",
    )
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.login(ALICE, password)
        client.send_message(message)


async def _happenings(store: Store, say: Callable[[str], None]) -> None:
    """What the world does with the two copies."""
    ritas, robs = await _copy(store, RITA), await _copy(store, ROB)
    async with httpx2.AsyncClient(trust_env=False) as client:

        async def fetch(url: str, *, line: str, agent: str, headers: dict[str, str]) -> None:
            said = {"User-Agent": agent, "X-Forwarded-For": line, **headers}
            await client.get(url, headers=said, follow_redirects=False)

        await asyncio.sleep(1)
        say("a scanner at Rob's company follows every link")
        for url in robs.links[-3:]:  # those of the HTML part
            await fetch(url, line=_SCANNER, agent=_FIREFOX, headers={})
        await asyncio.sleep(4)
        say("Rita opens the message")
        await fetch(ritas.pixel, line=_RITAS_LINE, agent=_THUNDERBIRD, headers=_IMAGE)
        await asyncio.sleep(2)
        say("Rita clicks a link")
        await fetch(ritas.links[-3], line=_RITAS_LINE, agent=_FIREFOX, headers=_PAGE)
        await asyncio.sleep(1)
        say("Alice's own office fetches Rita's copy")
        await fetch(ritas.pixel, line=_OFFICE, agent=_THUNDERBIRD, headers=_IMAGE)
    expected = 6
    async with asyncio.timeout(_PATIENCE):
        while len(await _judged(store)) < expected:  # noqa: ASYNC110 - the store tells nobody when it changes
            await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    pixel: str
    links: Sequence[str]


async def _copy(store: Store, address: str) -> _Copy:
    """The tracking URLs of the copy that lies in the built-in mailbox for `address`, once it is there."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            async with store.read() as tx:
                team = await tx.one("first_team")
                assert team is not None
                rows = await tx.all("caught_list", team=team["id"], before=2**62, limit=10)
                found = next((row["recipient"] for row in rows if row["address"] == address), None)
                if found and (row := await tx.one("caught", recipient=found, team=team["id"])):
                    urls = re.findall(rb"http://127\.0\.0\.1:\d+/[oc]/[A-Za-z0-9_-]+", _unfolded(bytes(row["raw"])))
                    pixel = next(url for url in urls if b"/o/" in url)
                    return _Copy(pixel=pixel.decode(), links=[url.decode() for url in urls if b"/c/" in url])
            await asyncio.sleep(0.1)


def _unfolded(raw: bytes) -> bytes:
    return raw.replace(b"=\r\n", b"")  # quoted-printable soft line breaks


async def _judged(store: Store) -> Sequence[Entry]:
    async with store.read() as tx:
        found = await moments_of(tx, await _message(store))
    return [Entry(lead=one) for one in found if one.opinion]


async def _message(store: Store) -> str:
    async with store.read() as tx:
        team = await tx.one("first_team")
        assert team is not None
        return str((await tx.all("sent_page", team=team["id"], before=2**62, before_id="", limit=1))[0]["id"])


async def _told(store: Store) -> Sequence[_Line]:
    """The timeline, oldest first."""
    identity = await _message(store)
    async with store.read() as tx:
        row = await tx.one("message_of_token", id=identity)
        names = {
            row["id"]: row["address"].partition("@")[0].title()
            for row in await tx.all("recipients_of", message=identity)
        }
        found = timeline(await moments_of(tx, identity))
    assert row is not None
    sent_at = moment(row["accepted_at"])
    entries = sorted((*found.people, *found.unsure, *found.machines), key=lambda entry: entry.lead.at)
    return [
        _Line(at="0 s", who="Alice", what="Sent it; the copy in her own Sent folder carries nothing", why=""),
        *(
            _line(entry, names.get(entry.lead.reader or "", "Someone"), row["accepted_at"], sent_at)
            for entry in entries
        ),
    ]


def _line(entry: Entry, who: str, accepted_at: int, sent_at: datetime) -> _Line:
    opinion = entry.lead.opinion
    assert opinion is not None
    reasons = "; ".join(f"{reason_words(reason)} {reason.weight:+.1f}" for reason in opinion.reasons[:2])
    return _Line(
        at=f"{(entry.lead.at - sent_at).total_seconds():.0f} s",
        who=who,
        what=f"{entry_words(entry, accepted_at)} ({opinion.permille / 10:.0f}% a person)",
        why=reasons,
    )

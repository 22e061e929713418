"""Somebody unsubscribes: from the header of a mail that was really sent to the refusal of the next one."""

import http.client
import os
import re
import signal
import smtplib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from seenby.journal import FileReader
from seenby.words.token import Kind
from tests.world import Seenby, Sink, seenby, sink, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ALICE, RITA, ROB = "alice@acme.test", "rita@outside.test", "rob@elsewhere.test"


def letter(number: int, *, ask: bool = True) -> bytes:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = ALICE
    message["To"] = f"{RITA}, {ROB}"
    message["Subject"] = f"News {number}"
    if ask:
        message["X-Seenby-Unsubscribe"] = "on"
    message.set_content(f"<p>News <a href='https://news.test/{number}'>here</a></p>", subtype="html")
    return message.as_bytes()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seenby, Sink, str]]:
    data = tmp_path_factory.mktemp("unsubscribing") / "data"
    with sink() as server, seenby(data, NEXT_HOP=f"smtp://127.0.0.1:{server.port}?tls=none") as running:
        yield running, server, running.command("sender", "add", ALICE)["password"]


def url_for(server: Sink, address: str) -> str:
    wait_for(lambda: server.to(address), why=f"{address} gets their copy")
    header = message_from_bytes(server.to(address)[-1])["List-Unsubscribe"]
    found = re.fullmatch(r"<(http\S+/u/[\w-]+)>", header or "")
    assert found, header
    return found[1]


def ask(url: str, method: str, body: str | None = None) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request(method, parts.path, body=body)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def send(running: Seenby, password: str, message: bytes) -> dict[str, tuple[int, bytes]]:
    """Hand a message over; who was refused, and how."""
    with smtplib.SMTP(*running.smtp, timeout=30) as client:
        client.login(ALICE, password)
        return client.sendmail(ALICE, [RITA, ROB], message)


def test_one_post_and_the_next_mail_is_refused(world: tuple[Seenby, Sink, str]) -> None:
    running, server, password = world
    assert send(running, password, letter(1)) == {}
    url = url_for(server, RITA)
    assert url != url_for(server, ROB)
    assert b"X-Seenby" not in server.to(RITA)[0]
    assert ask(url, "GET")[0] == 200
    assert ask(url, "HEAD")[0] == 200
    assert send(running, password, letter(2)) == {}, "looking is not asking"

    status, page = ask(url, "POST", "List-Unsubscribe=One-Click")
    assert (status, "You are unsubscribed" in page) == (200, True)
    number = iter(range(3, 1000))
    refused = wait_for(lambda: send(running, password, letter(next(number))), why="mail to Rita is refused")
    assert set(refused) == {RITA}
    assert refused[RITA][0] == 550
    assert b"unsubscribed" in refused[RITA][1]
    wait_for(lambda: any(b"News 3\r\n" in copy for copy in server.to(ROB)), why="Rob gets his")


def test_a_wish_that_was_answered_outlives_the_death_of_everything(tmp_path: Path) -> None:
    with sink() as server:
        hop = f"smtp://127.0.0.1:{server.port}?tls=none"
        with seenby(tmp_path / "data", NEXT_HOP=hop) as running:
            password = running.command("sender", "add", ALICE)["password"]
            assert send(running, password, letter(1)) == {}
            url = url_for(server, RITA)
            app = running.children()["app"]
            os.kill(app, signal.SIGSTOP)  # nobody drains
            try:
                assert ask(url, "POST")[0] == 200
            finally:
                running.process.kill()
                running.process.wait(20)
                os.kill(app, signal.SIGKILL)
        journal = FileReader(tmp_path / "data" / "journal")
        assert Kind.UNSUBSCRIBE in {hit.token.kind for hit in journal.take({}, limit=1000).hits}
        with seenby(tmp_path / "data", NEXT_HOP=hop) as running:
            number = iter(range(2, 1000))
            refused = wait_for(lambda: send(running, password, letter(next(number))), why="mail to Rita is refused")
            assert set(refused) == {RITA}

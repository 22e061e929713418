"""What is written on the pages lies in its writer's own Sent folder: a real Dovecot, and servers that mean ill."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from seenby import flow
from seenby.delivery import sent_folder
from seenby.delivery.sent_folder import Mailbox, MailboxError, Secured, find_folder, next_filing, parse_mailbox
from seenby.store import Store, open_store
from tests.contract.test_drafts import HELLO, let_go, write
from tests.dovecot import PASSWORD, USER, Dovecot, running_dovecot
from tests.house import Clock, add_sender, make_house, rows

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def trusted(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate))
    return dovecot


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(database_url="", data=tmp_path)
    yield opened
    await opened.close()


def mailbox(port: int, *, secured: Secured = Secured.TLS, host: str = "localhost", password: str = PASSWORD) -> Mailbox:
    return Mailbox(host=host, port=port, secured=secured, user=USER, password=password, public_only=False)


async def connect(store: Store, sender: str, team: str, url: str, *, folder: str = "Sent") -> None:
    async with store.write() as tx:
        await tx.run("put_mailbox", sender=sender, team=team, url=url, folder=folder, at=0)


async def test_a_written_message_is_filed_as_it_was_written_and_read(store: Store, trusted: Dovecot) -> None:
    clock = Clock()
    house = make_house(store, clock=clock)
    alice = await add_sender(house)
    where = mailbox(trusted.imaps)
    folder = await find_folder(where)
    assert folder == "Gesendet &- mehr", "found by what the server says it is for, whatever it is called"
    await connect(store, alice.id, alice.team, where.url(), folder=folder)
    await write(house, alice)
    await let_go(house, alice)
    await flow.post(house)
    before = len(trusted.sent())
    assert await flow.file(house) == 1
    assert await flow.file(house) == 0
    clock.forward(timedelta(days=1))
    assert await flow.file(house) == 0, "it is filed once"
    (kept,) = trusted.sent()[before:]
    raw = kept.read_bytes()
    assert kept.name.endswith(",S"), "as read"
    assert b"http://t.test" not in raw
    assert b"https://x.test/" in raw.replace(b"=\n", b"")
    assert b"Bcc: rob@out.test" in raw
    assert await rows(store, "files_of", draft=f"sent:{alice.id}") == []


@pytest.mark.parametrize("secured", Secured)
async def test_both_ways_to_encrypt_work(trusted: Dovecot, secured: Secured) -> None:
    port = trusted.imaps if secured is Secured.TLS else trusted.imap
    assert await find_folder(mailbox(port, secured=secured))


async def test_a_wrong_password_and_a_certificate_of_somebody_else_are_told_apart(
    trusted: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MailboxError, match="refused the user name or the password"):
        await find_folder(mailbox(trusted.imaps, password="wrong"))
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(MailboxError, match="no certificate that can be trusted"):
        await find_folder(mailbox(trusted.imaps))


async def test_what_cannot_be_filed_is_told_kept_and_tried_again(store: Store, trusted: Dovecot) -> None:
    clock = Clock()
    house = make_house(store, clock=clock)
    alice = await add_sender(house)
    wrong = mailbox(trusted.imaps, password="wrong")
    await connect(store, alice.id, alice.team, wrong.url())
    await write(house, alice)
    await let_go(house, alice)
    await flow.post(house)
    before = len(trusted.sent())
    assert await flow.file(house) == 1
    (row,) = await rows(store, "mailbox_of", sender=alice.id)
    assert "refused the user name" in row["problem"]
    assert await flow.file(house) == 0, "not at once"
    right = mailbox(trusted.imaps)
    await connect(store, alice.id, alice.team, right.url(), folder=await find_folder(right))
    clock.forward(timedelta(minutes=2))
    assert await flow.file(house) == 1
    assert len(trusted.sent()) == before + 1
    (row,) = await rows(store, "mailbox_of", sender=alice.id)
    assert row["problem"] == ""


async def test_after_two_days_it_is_given_up_and_the_message_itself_was_never_held_up(store: Store) -> None:
    clock = Clock()
    house = make_house(store, clock=clock)
    alice = await add_sender(house)
    await connect(store, alice.id, alice.team, mailbox(1, host="127.0.0.1").url())
    await write(house, alice)
    await let_go(house, alice)
    await flow.post(house)
    assert (await flow.send(house, hop="")).copies == 2
    tries = 0
    for _ in range(40):
        tries += await flow.file(house)
        clock.forward(timedelta(hours=6))
    assert tries == sent_folder._ATTEMPTS
    assert await rows(store, "files_of", draft=f"sent:{alice.id}") == []


async def test_a_mailbox_that_is_no_longer_connected_gets_nothing(store: Store) -> None:
    house = make_house(store, clock=Clock())
    alice = await add_sender(house)
    await connect(store, alice.id, alice.team, mailbox(1, host="127.0.0.1").url())
    await write(house, alice, msgspec.structs.replace(HELLO, bcc=""))
    await let_go(house, alice)
    await flow.post(house)
    async with store.write() as tx:
        await tx.run("drop_mailbox", sender=alice.id)
    assert await flow.file(house) == 1
    assert await flow.file(house) == 0
    assert await rows(store, "files_of", draft=f"sent:{alice.id}") == []


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Somebody who answers otherwise than a mail server does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    opened, _ = listening.accept()
                    with opened, suppress(OSError):
                        talk(opened)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def endless_line(opened: socket.socket) -> None:
    for _ in range(64):
        opened.sendall(b"x" * 1_000_000)


def endless_answers(opened: socket.socket) -> None:
    opened.sendall(b"* OK hello\r\n")
    for _ in range(200_000):
        opened.sendall(b"* OK " + b"x" * 1000 + b"\r\n")


def huge_literal(opened: socket.socket) -> None:
    opened.sendall(b"* OK hello\r\n* LIST () {2000000000}\r\n")
    opened.recv(100)
    for _ in range(200):
        opened.sendall(b"x" * 1_000_000)


def silence(opened: socket.socket) -> None:
    time.sleep(1)


def another_protocol(opened: socket.socket) -> None:
    opened.sendall(b"220 mail.test ESMTP\r\n")
    opened.recv(100)


def no_tls(opened: socket.socket) -> None:
    opened.sendall(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
    tag = opened.recv(100).split()[0]
    opened.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
    assert b"LOGIN" not in opened.recv(100)


@pytest.mark.parametrize("talk", [endless_line, endless_answers, huge_literal, silence, another_protocol])
@pytest.mark.parametrize("secured", Secured)
async def test_a_server_that_means_ill_costs_a_bounded_wait(
    talk: Callable[[socket.socket], None], secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_folder, "IMAP_SECONDS", 3)
    with server(talk) as port, pytest.raises(MailboxError):
        await find_folder(mailbox(port, host="127.0.0.1", secured=secured))


async def test_a_password_never_goes_without_encryption_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_folder, "_is_here", lambda _address: False)
    with server(no_tls) as port, pytest.raises(MailboxError, match="offers no TLS"):
        await find_folder(mailbox(port, host="127.0.0.1", secured=Secured.STARTTLS))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "::1", "0.0.0.0"])
async def test_who_does_not_run_the_installation_reaches_public_hosts_only(host: str) -> None:
    theirs = replace(mailbox(993, host=host), public_only=True)
    with pytest.raises(MailboxError, match="not on the public internet"):
        await find_folder(theirs)


async def test_time_that_runs_out_ends_the_thread_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_folder, "IMAP_SECONDS", 0.3)
    ended = threading.Event()

    def drips(opened: socket.socket) -> None:
        opened.sendall(b"* OK ")
        while opened.recv(1):
            pass
        ended.set()

    with server(drips) as port, pytest.raises(MailboxError, match="in time"):
        await find_folder(mailbox(port, host="127.0.0.1", secured=Secured.STARTTLS))
    assert await asyncio.to_thread(ended.wait, 10)


@pytest.mark.parametrize(
    "one",
    [
        mailbox(993),
        mailbox(143, secured=Secured.STARTTLS, password="p@ss:/?#%&=ü"),
        replace(mailbox(993, host="2001:db8::1"), public_only=True),
    ],
    ids=lambda one: one.host,
)
def test_a_mailbox_is_read_back_as_it_was_kept_and_never_shown_with_its_password(one: Mailbox) -> None:
    assert parse_mailbox(one.url()) == one
    assert PASSWORD not in repr(one)


@pytest.mark.parametrize("url", ["", "imaps://", "http://u:p@h", "imaps://h:99999", "imaps://u:p@h:x"])
def test_what_is_no_mailbox_is_none(url: str) -> None:
    assert parse_mailbox(url) is None


def test_the_waits_grow_and_end() -> None:
    waits = [next_filing(attempts) for attempts in range(1, 20)]
    assert waits[0] == timedelta(minutes=2)
    assert waits[-1] is None
    total = sum((wait for wait in waits if wait is not None), timedelta())
    assert timedelta(days=1) < total < timedelta(days=3)

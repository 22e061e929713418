"""The door for submissions, over real sockets: what it lets in, what it refuses, and with which words."""

import asyncio
import base64
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seenby.accounts import Accounts
from seenby.delivery.retry import Patience
from seenby.folder import open_folder
from seenby.gateway import open_gateway
from seenby.gateway.certificate import tls_context
from seenby.gateway.dialog import Dialog
from seenby.steps.house import House
from seenby.store import open_store
from seenby.wiring import mint
from seenby.words.limits import AUTH_FAILURES, LINE_BYTES, MESSAGE_BYTES, RECIPIENTS
from seenby.words.policy import FULL, Level, Policy

ALICE, RITA = "alice@acme.test", "rita@out.test"
MAIL = (
    f"From: Alice <{ALICE}>\r\nTo: {RITA}\r\nSubject: Hi\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Hi <a href='https://x.test/'>x</a></p>\r\n"
).encode()


class Door:
    """A running gateway in a thread, over a SQLite store."""

    def __init__(self, folder: Path, **rules: Any) -> None:
        self.folder = open_folder(folder)
        self.rules = rules
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self.password = ""
        self.house: House | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._run()))

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        store = await open_store(database_url="", data=self.folder.path)
        accounts = Accounts(store=store, app_url="http://a.test", now=lambda: datetime.now(UTC), mint=mint)
        self.password = (await accounts.add_sender(ALICE))["password"]
        await accounts.add_sender("mallory@acme.test")
        hour = timedelta(hours=1)
        house = House(
            store=store,
            keys=self.folder.keyring(),
            tracking_url="http://t.test",
            host="t.test",
            ceiling=FULL,
            next_hop=None,
            patience=Patience(first=hour, longest=hour, give_up=hour),
            repeat_window=hour,
            burst_wait=hour,
            keep_address=hour,
            keep_message=hour,
            dkim=(),
            holder="test",
            now=lambda: datetime.now(UTC),
            mint=mint,
        )
        self.house = replace(house, **self.rules)
        tls = tls_context(certificate=None, key=None, folder=self.folder.keys, host="t.test")
        gateway = await open_gateway(house=self.house, listen=("127.0.0.1", 0), tls=tls)
        self.port = gateway.port
        self._ready.set()
        await self._stop.wait()
        await gateway.close()
        await store.close()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(20)

    def close(self) -> None:
        assert self._stop is not None
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self.loop.close()

    def rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        async def ask() -> list[dict[str, Any]]:
            assert self.house is not None
            async with self.house.store.read() as tx:
                return [dict(row) for row in await tx.all(statement, **values)]

        return asyncio.run_coroutine_threadsafe(ask(), self.loop).result(20)

    def accepted(self) -> int:
        team = self.rows("first_team")[0]["id"]
        return int(self.rows("count_messages", team=team)[0]["n"])

    @contextmanager
    def client(self, *, signed_in: bool = True) -> Iterator[smtplib.SMTP]:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
            client.ehlo()
            if signed_in:
                client.login(ALICE, self.password)
            yield client

    @contextmanager
    def raw(self, *, signed_in: bool = False) -> Iterator["Raw"]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as sock:
            raw = Raw(sock)
            raw.says("220")
            raw.send(b"EHLO c.test\r\n").says("250")
            if signed_in:
                word = base64.b64encode(f"\0{ALICE}\0{self.password}".encode())
                raw.send(b"AUTH PLAIN " + word + b"\r\n").says("235")
            yield raw


class Raw:
    """A socket whose every byte the test chooses."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.file = sock.makefile("rb")

    def send(self, data: bytes) -> "Raw":
        self.socket.sendall(data)
        return self

    def says(self, start: str) -> str:
        lines = []
        while True:
            line = self.file.readline().decode()
            lines.append(line)
            if line[3:4] != "-":
                break
        assert line.startswith(start), lines
        return "".join(lines)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = Door(tmp_path_factory.mktemp("door") / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seenby.gateway.dialog._LINGER", 0.2)
        made.start()
        yield made
        made.close()


def refusal(do: Callable[[], object]) -> tuple[int, str]:
    """The code and words of a no."""
    try:
        do()
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        return code, words.decode()
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, error.smtp_error.decode() if isinstance(error.smtp_error, bytes) else error.smtp_error
    raise AssertionError("it was accepted")


def test_what_it_offers(door):
    with door.client(signed_in=False) as client:
        for extension in ("size", "8bitmime", "smtputf8", "pipelining", "starttls", "auth", "enhancedstatuscodes"):
            assert client.has_extn(extension), extension
        assert int(client.esmtp_features["size"]) == MESSAGE_BYTES


def test_a_message_is_accepted_and_every_recipient_has_a_copy_of_their_own(door):
    before = door.accepted()
    with door.client() as client:
        client.sendmail(ALICE, [RITA, "rob@out.test", RITA.upper()], MAIL)
    assert door.accepted() == before + 1
    team = door.rows("first_team")[0]["id"]
    message = door.rows("sent_page", team=team, before=2**62, before_id="", limit=1)[0]
    people = door.rows("recipients_of", message=message["id"])
    assert sorted(row["address"].lower() for row in people) == [RITA, "rob@out.test"]
    assert {row["address"].lower(): row["role"] for row in people} == {RITA: "to", "rob@out.test": "bcc"}


def test_starttls_protects_and_everything_works_inside(door):
    context = ssl.create_default_context(cafile=door.folder.keys / "smtp-certificate.pem")
    context.check_hostname = False
    with door.client(signed_in=False) as client:
        client.starttls(context=context)
        client.ehlo()
        client.login(ALICE, door.password)
        client.sendmail(ALICE, [RITA], MAIL)


def test_what_was_said_before_starttls_is_forgotten(door):
    with door.raw() as raw:
        raw.send(b"STARTTLS\r\nMAIL FROM:<x@x.test>\r\n").says("220")
        context = ssl._create_unverified_context()
        with context.wrap_socket(raw.socket) as inside:
            inside.sendall(b"EHLO c.test\r\n")
            answer = inside.recv(4096)
            assert answer.startswith(b"250-")
            assert b"530" not in answer


@pytest.mark.parametrize("command", [f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{RITA}>", "DATA", "VRFY x"])
def test_nothing_goes_without_signing_in_even_on_this_machine(door, command):
    with door.raw() as raw:
        raw.send(command.encode() + b"\r\n").says("530 5.7.0")


def test_auth_is_refused_without_tls_from_elsewhere(door, monkeypatch):
    monkeypatch.setattr("seenby.gateway.dialog.is_loopback", lambda _peer: False)
    with door.raw() as raw:
        raw.send(b"EHLO c.test\r\n")
        assert "AUTH" not in raw.says("250")
        raw.send(b"AUTH PLAIN AAAA\r\n").says("538 5.7.11")


@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_both_old_and_new_mail_programs_can_sign_in(door, mechanism):
    with door.client(signed_in=False) as client:
        client.user, client.password = ALICE, door.password
        code, _ = client.auth(mechanism.upper(), getattr(client, f"auth_{mechanism}"), initial_response_ok=True)
        assert code == 235


def test_a_wrong_password_is_refused_and_guessing_ends_the_session(door):
    with door.raw() as raw:
        word = base64.b64encode(f"\0{ALICE}\0wrong".encode())
        for _ in range(AUTH_FAILURES):
            raw.send(b"AUTH PLAIN " + word + b"\r\n").says("535 5.7.8")
        raw.says("421 4.7.0")
        assert raw.file.read() == b""


@pytest.mark.parametrize(
    ("from_", "header"),
    [
        ("mallory@acme.test", ALICE),
        (ALICE, "mallory@acme.test"),
        (ALICE, f"{ALICE}, mallory@acme.test"),
        (ALICE, "The Boss <boss@acme.test>"),
    ],
    ids=["envelope", "header", "one of two authors", "nobody's"],
)
def test_nobody_writes_in_another_ones_name(door, from_, header):
    before = door.accepted()
    with door.client() as client:
        message = MAIL.replace(f"Alice <{ALICE}>".encode(), header.encode())
        code, words = refusal(lambda: client.sendmail(from_, [RITA], message))
    assert (code, words[:5]) == (550, "5.7.1")
    assert door.accepted() == before


def test_a_message_without_author_is_refused(door):
    with door.client() as client:
        assert refusal(lambda: client.sendmail(ALICE, [RITA], b"Subject: x\r\n\r\nx\r\n"))[0] == 550


def test_a_hundred_recipients_pass_and_one_more_has_to_wait(door):
    with door.raw(signed_in=True) as raw:
        raw.send(f"MAIL FROM:<{ALICE}>\r\n".encode()).says("250")
        for number in range(RECIPIENTS):
            raw.send(f"RCPT TO:<r{number}@out.test>\r\n".encode()).says("250 2.1.5")
        raw.send(b"RCPT TO:<one.more@out.test>\r\n").says("452 4.5.3")


def line_of(size: int) -> bytes:
    return MAIL + b"y" * size + b"\r\n"


def test_a_line_may_be_as_long_as_the_rfc_allows_and_no_longer(door):
    with door.client() as client:
        client.sendmail(ALICE, [RITA], line_of(LINE_BYTES))
        code, words = refusal(lambda: client.sendmail(ALICE, [RITA], line_of(LINE_BYTES + 1)))
        assert (code, words[:5]) == (500, "5.6.0")
        code, words = refusal(lambda: client.sendmail(ALICE, [RITA], line_of(100_000)))
        assert code == 500
        assert words[:2] == "5."
        client.sendmail(ALICE, [RITA], MAIL)


def test_a_message_too_large_is_refused_before_and_after_it_was_sent(door):
    with door.raw(signed_in=True) as raw:
        raw.send(f"MAIL FROM:<{ALICE}> SIZE={MESSAGE_BYTES + 1}\r\n".encode()).says("552 5.3.4")
        raw.send(f"MAIL FROM:<{ALICE}> SIZE={MESSAGE_BYTES}\r\n".encode()).says("250")
        raw.send(f"RCPT TO:<{RITA}>\r\nDATA\r\n".encode())
        raw.says("250")
        raw.says("354")
        raw.send(MAIL + (b"z" * 900 + b"\r\n") * (MESSAGE_BYTES // 900) + b".\r\n").says("552 5.3.4")


@pytest.mark.parametrize(
    "body",
    [b"a\nb", b"a\rb", b"a\x00b", b"\n.\r\n", b"\r.\r\n", b"\n.\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\x00\r\n.\r\n"],
    ids=repr,
)
def test_bare_line_ends_and_nul_in_a_message_are_refused_and_nothing_is_smuggled(door, body):
    before = door.accepted()
    smuggled = f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<victim@out.test>\r\nDATA\r\n".encode() + MAIL + b".\r\n"
    with door.raw(signed_in=True) as raw:
        raw.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{RITA}>\r\nDATA\r\n".encode())
        raw.says("250")
        raw.says("250")
        raw.says("354")
        raw.send(MAIL + body + smuggled + b"\r\n.\r\n").says("554 5.6.0")
        assert raw.file.read() == b""
    assert door.accepted() == before


@pytest.mark.parametrize("command", [b"NOOP\n", b"NOOP\r", b"NO\x00OP\r\n", b"MAIL FROM:<a\r@x.test>\r\n"], ids=repr)
def test_bare_line_ends_and_nul_in_the_dialog_are_refused(door, command):
    with door.raw(signed_in=True) as raw:
        raw.send(command + b"QUIT\r\n").says("500 5.5.2")


def test_a_line_end_cut_in_two_by_the_network_is_a_line_end(door):
    with door.raw() as raw:
        for byte in b"NOOP\r\n":
            raw.send(bytes([byte]))
        raw.says("250")


@pytest.mark.parametrize("asked", ["pixel=off links=off", "off"])
def test_a_message_may_ask_not_to_be_tracked(door, asked):
    with door.client() as client:
        client.sendmail(ALICE, [RITA], f"X-Seenby: {asked}\r\n".encode() + MAIL)
    team = door.rows("first_team")[0]["id"]
    message = door.rows("sent_page", team=team, before=2**62, before_id="", limit=1)[0]
    (person,) = door.rows("recipients_of", message=message["id"])
    assert (person["pixels"], person["links"], person["untracked"]) == (0, 0, "off")


def test_a_wish_nobody_understands_is_refused(door):
    with door.client() as client:
        code, words = refusal(lambda: client.sendmail(ALICE, [RITA], b"X-Seenby: pixel=maybe\r\n" + MAIL))
    assert (code, words[:5]) == (550, "5.7.1")


def test_more_than_the_ceiling_is_refused_and_never_silently_less(tmp_path):
    door = Door(tmp_path / "data", ceiling=Policy(pixels=Level.IDENTIFIED, links=Level.FULL))
    door.start()
    try:
        with door.client() as client:
            code, words = refusal(lambda: client.sendmail(ALICE, [RITA], b"X-Seenby: pixel=full\r\n" + MAIL))
            assert (code, words[:5]) == (550, "5.7.1")
            client.sendmail(ALICE, [RITA], b"X-Seenby: pixel=on links=on\r\n" + MAIL)
        team = door.rows("first_team")[0]["id"]
        message = door.rows("sent_page", team=team, before=2**62, before_id="", limit=1)[0]
        (person,) = door.rows("recipients_of", message=message["id"])
        assert (person["pixels"], person["links"]) == (Level.IDENTIFIED, Level.FULL)
    finally:
        door.close()


def test_a_full_disk_is_said_and_nothing_is_kept(door, monkeypatch):
    async def full(*_arguments: object, **_values: object) -> None:
        raise OSError(28, "No space left on device")

    with door.client() as client, monkeypatch.context() as patch:
        patch.setattr("seenby.steps.accepting.mail.put_message", full)
        code, words = refusal(lambda: client.sendmail(ALICE, [RITA], MAIL))
        assert (code, words[:5]) == (452, "4.3.1")
    with door.client() as client:
        client.sendmail(ALICE, [RITA], MAIL)


def test_one_connection_more_than_there_may_be_is_turned_away_for_now(door, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("seenby.gateway.door.SMTP_DIALOGS", 0)
        with socket.create_connection(("127.0.0.1", door.port), timeout=20) as one_more:
            assert one_more.makefile("rb").read().startswith(b"421 4.7.0")
    with door.raw(signed_in=True) as raw:
        raw.send(b"NOOP\r\n").says("250")


def test_no_is_always_said_with_an_enhanced_code():
    from seenby.gateway.dialog import _ENHANCED, _REPLY

    for code in _ENHANCED:
        assert _REPLY.match(f"{code} Error: something")
        assert not _REPLY.match(f"{code} {_ENHANCED[code]} Error: something")
    assert Dialog.line_length_limit > LINE_BYTES


@pytest.mark.parametrize(
    "junk",
    [b"\xff\xfe\r\n", b"A" * 5000 + b"\r\n", b" \r\n", b"MAIL\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<@>\r\n"],
    ids=lambda junk: repr(junk[:12]),
)
def test_junk_gets_an_answer_and_the_session_goes_on(door, junk):
    with door.raw(signed_in=True) as raw:
        assert raw.send(junk).says("5")[4:6] == "5."
        raw.send(b"NOOP\r\n").says("250")

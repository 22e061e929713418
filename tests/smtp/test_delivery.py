"""Copies leave over real sockets: what each answer of a next hop comes to, and who is told."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from seenby import flow
from seenby.delivery.hop import NextHop, Tls, parse_next_hop
from seenby.delivery.retry import next_attempt
from seenby.gateway.certificate import tls_context
from seenby.journal import MemoryJournal
from seenby.steps.house import House
from seenby.steps.sending import LEASE
from seenby.store import open_store
from seenby.store.times import micros
from seenby.worker import Worker
from tests.conftest import empty_store
from tests.house import ALICE, MAIL, RITA, ROB, START, Clock, add_sender, hop_to, make_house, rows, submitted

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Server:
    """A mail server that keeps what it takes."""

    got: list[tuple[str, str, bytes]] = field(default_factory=list)
    options: list[list[str]] = field(default_factory=list)
    signed_in: list[tuple[str, str]] = field(default_factory=list)
    was_tls: list[bool] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    refuses: dict[str, str] = field(default_factory=dict)  # the answer to RCPT, by address
    refuses_data: str = ""

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        self.options.append(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses_data:
            return self.refuses_data
        self.was_tls.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        self.got += [(envelope.mail_from or "", address, envelope.original_content) for address in envelope.rcpt_tos]
        return "250 2.0.0 taken as 1"

    def check(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, said: LoginPassword) -> AuthResult:
        self.signed_in.append((said.login.decode(), said.password.decode()))
        return AuthResult(success=said.password == b"p@ss:/?#", handled=False)


@asynccontextmanager
async def serving(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, **options: Any
) -> AsyncIterator[Server]:
    """A running Server in this loop; `options` are aiosmtpd's."""
    made, loop = Server(), asyncio.get_running_loop()
    dialogs: list[SMTP] = []
    if options.pop("auth", False):
        options |= {"authenticator": made.check, "auth_require_tls": tls is not None and not implicit}

    def dialog() -> SMTP:
        made.connections += 1
        settings: dict[str, Any] = {
            "enable_SMTPUTF8": True,
            "hostname": "hop.test",
            "tls_context": None if implicit else tls,
        } | options
        dialogs.append(SMTP(made, loop=loop, **settings))
        return dialogs[-1]

    server = await loop.create_server(dialog, "127.0.0.1", 0, ssl=tls if implicit else None)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for each in dialogs:
            if each.transport is not None:
                each.transport.close()
        await asyncio.sleep(0.01)


HANG_UP, SILENCE = "hang up", "silence"


@asynccontextmanager
async def scripted(script: Mapping[str, str | bytes], *, heard: list[str] | None = None) -> AsyncIterator[int]:
    """A server that says what stands in `script` for a verb (or `.`, the end of the message), else yes; its port."""
    writers: list[asyncio.StreamWriter] = []

    async def say(writer: asyncio.StreamWriter, verb: str, otherwise: str) -> bool:
        answer = script.get(verb, otherwise)
        if answer == HANG_UP:
            writer.close()
            return False
        if answer != SILENCE:
            writer.write(answer if isinstance(answer, bytes) else f"{answer}\r\n".encode())
        return True

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if not await say(writer, "", "220 hop.test"):
            return
        while line := await reader.readline():
            verb = line.decode().split(None, 1)[0].upper().partition(":")[0].strip()
            if heard is not None:
                heard.append(verb)
            if not await say(writer, verb, "354 go on" if verb == "DATA" else "250 2.0.0 yes"):
                return
            if verb == "DATA" and str(script.get("DATA", "354"))[:1] == "3":
                while await reader.readline() not in (b".\r\n", b""):
                    pass
                if not await say(writer, ".", "250 2.0.0 taken"):
                    return

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.01)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def house(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    store = await open_store(database_url=await empty_store(request, tmp_path), data=tmp_path)
    yield make_house(store, clock=clock)
    await store.close()


def sending_to(house: House, port: int, **rest: Any) -> House:
    return replace(house, next_hop=hop_to(port, **rest))


async def one(house: House, message: str) -> dict[str, Any]:
    (row,) = await rows(house.store, "recipients_of", message=message)
    return row


async def attempts(house: House, message: str) -> list[tuple[str, str]]:
    return [(row["outcome"], row["reply"]) for row in await rows(house.store, "attempts", message=message)]


async def events(house: House) -> list[str]:
    return [row["kind"] for row in await rows(house.store, "events_after", seq=0, limit=1000)]


async def test_what_the_next_hop_takes_is_sent_and_its_words_are_kept(house: House) -> None:
    async with serving() as server:
        house = sending_to(house, server.port)
        message = await submitted(house, await add_sender(house))
        assert await flow.send(house, hop="") == flow.Batch(copies=1, reached=True)
    row = await one(house, message)
    assert (row["state"], row["due_at"], row["reply"], row["attempts"]) == ("sent", None, "250 2.0.0 taken as 1", 1)
    assert await attempts(house, message) == [("sent", "250 2.0.0 taken as 1")]
    assert await events(house) == ["message_accepted", "message_sent"]
    assert await rows(house.store, "spool", message=message) == []
    ((from_, to, content),) = server.got
    assert (from_, to) == (ALICE, RITA)
    assert content.startswith(b"Received: by t.test with ESMTPA;")
    assert b"http://t.test/o/" in content
    assert await flow.send(house, hop="") == flow.Batch(copies=0, reached=True)


async def test_a_no_for_now_is_tried_again_when_it_is_due_and_not_before(house: House, clock: Clock) -> None:
    async with serving() as server:
        server.refuses[RITA] = "450 4.2.1 Busy"
        house = sending_to(house, server.port)
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
        row = await one(house, message)
        assert (row["state"], row["reply"]) == ("deferred", "450 4.2.1 Busy")
        server.refuses.clear()
        clock.forward(timedelta(minutes=5) - timedelta(microseconds=1))
        assert (await flow.send(house, hop="")).copies == 0
        clock.forward(timedelta(microseconds=1))
        assert (await flow.send(house, hop="")).copies == 1
    assert (await one(house, message))["state"] == "sent"
    assert [outcome for outcome, _reply in await attempts(house, message)] == ["deferred", "sent"]


FAULTS = [
    pytest.param({"": HANG_UP}, "No connection to", id="hangs up at once"),
    pytest.param({"": "554 5.3.2 Closed"}, "554 5.3.2 Closed", id="does not want to talk"),
    pytest.param({"": SILENCE}, "No connection to", id="says nothing"),
    pytest.param({"EHLO": SILENCE}, "No connection to", id="silent after EHLO"),
    pytest.param({"MAIL": HANG_UP}, "broke", id="hangs up at MAIL"),
    pytest.param({"RCPT": SILENCE}, "broke", id="silent at RCPT"),
    pytest.param({"DATA": HANG_UP}, "broke", id="hangs up at DATA"),
    pytest.param({".": HANG_UP}, "broke", id="hangs up after the message"),
    pytest.param({".": SILENCE}, "broke", id="silent after the message"),
    pytest.param({".": b"\xff\x00 rubbish\r\n"}, "", id="rubbish after the message"),
    pytest.param({"MAIL": "421 4.3.2 Going down"}, "421 4.3.2 Going down", id="going down"),
    pytest.param({"DATA": "250 what"}, "", id="yes instead of go on"),
]


@pytest.mark.parametrize(("script", "words"), FAULTS)
async def test_a_connection_that_fails_is_no_refusal(
    house: House, monkeypatch: pytest.MonkeyPatch, script: dict[str, str], words: str
) -> None:
    monkeypatch.setattr("seenby.delivery.smtp.TIMEOUT", 0.2)
    async with scripted(script) as port:
        house = sending_to(house, port)
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
    row = await one(house, message)
    assert row["state"] == "deferred"
    assert words in row["reply"]
    assert (await attempts(house, message)) == [(row["state"], row["reply"])]


async def test_a_server_from_before_extensions_gets_its_copy_too(house: House) -> None:
    heard: list[str] = []
    async with scripted({"EHLO": "502 5.5.1 What?"}, heard=heard) as port:
        house = sending_to(house, port)
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
    assert (await one(house, message))["state"] == "sent"
    assert heard == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]


async def test_no_server_at_all_is_asked_once_for_a_whole_batch(house: House) -> None:
    async with serving() as server:
        house = sending_to(house, server.port)
    message = await submitted(house, await add_sender(house), to=[RITA, ROB])
    assert await flow.send(house, hop="") == flow.Batch(copies=2, reached=False)
    for row in await rows(house.store, "recipients_of", message=message):
        assert row["state"] == "deferred"
        assert row["reply"].startswith(f"No connection to 127.0.0.1:{server.port}")


def problem(dsn: bytes) -> tuple[Any, Any, Any]:
    """A DSN with its two groups of fields (RFC 3464 2.1)."""
    parsed: Any = message_from_bytes(dsn, policy=policy.default)
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert parsed["Auto-Submitted"] == "auto-replied"
    words, status = parsed.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    server, recipient = status.get_payload()
    return parsed, server, recipient


async def test_what_is_refused_for_good_comes_back_to_its_sender_at_once_and_once(house: House) -> None:
    async with serving() as server:
        server.refuses_data = "554 5.7.1 We do not want this"
        house = sending_to(house, server.port)
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
        row = await one(house, message)
        assert (row["state"], row["reply"], row["due_at"]) == ("bounced", "554 5.7.1 We do not want this", None)
        assert [await flow.tell(house), await flow.tell(house)] == [1, 0]
        server.refuses_data = ""
        assert (await flow.send(house, hop="")).copies == 1
    ((from_, to, dsn),) = server.got
    assert from_ in ("", "<>")
    assert to == ALICE
    parsed, reporting, failed = problem(dsn)
    assert (parsed["To"], parsed["In-Reply-To"]) == (ALICE, "<offer@acme.test>")
    assert "Our offer" in parsed["Subject"]
    assert reporting["Reporting-MTA"] == "dns; t.test"
    assert failed["Final-Recipient"] == f"rfc822; {RITA}"
    assert (failed["Action"], failed["Status"]) == ("failed", "5.7.1")
    assert failed["Diagnostic-Code"] == "smtp; 554 5.7.1 We do not want this"
    assert b"http://t.test/o/" not in dsn


async def test_the_pauses_grow_as_promised_and_at_the_end_one_dsn_says_so(house: House, clock: Clock) -> None:
    async with serving() as server:
        server.refuses[RITA] = "451 Later"
        house = sending_to(house, server.port)
        message = await submitted(house, await add_sender(house))
        due, tries = START, 0
        while (row := await one(house, message))["state"] in ("queued", "deferred"):
            assert row["due_at"] == int(due.timestamp() * 1_000_000)
            clock.at = due
            await flow.send(house, hop="")
            tries += 1
            wait = next_attempt(age=due - START, patience=house.patience)
            due += wait or timedelta(0)
        assert row["state"] == "failed"
        assert clock.at - START > timedelta(days=5) - timedelta(hours=4)
        assert len(await attempts(house, message)) == row["attempts"] == tries > 30
        assert await flow.tell(house) == 1
        await flow.send(house, hop="")
    assert [await flow.tell(house), (await flow.send(house, hop="")).copies] == [0, 0]
    ((_from, to, dsn),) = server.got
    assert to == ALICE
    assert problem(dsn)[2]["Status"] == "4.4.7"
    kinds = await events(house)
    assert kinds.count("message_failed") == 1
    assert kinds.count("message_deferred") == tries - 1


@pytest.mark.parametrize("fate", ["550 5.1.1 Nobody here", "451 4.0.0 Later"], ids=["refused", "given up"])
async def test_a_dsn_that_cannot_be_sent_makes_no_dsn(house: House, clock: Clock, fate: str) -> None:
    async with serving() as server:
        server.refuses = {RITA: "550 5.1.1 Nobody here", ALICE: fate}
        house = sending_to(house, server.port)
        await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
        assert await flow.tell(house) == 1
        for _ in range(40):
            await flow.send(house, hop="")
            clock.forward(timedelta(hours=4))
        assert await flow.tell(house) == 0
    assert server.got == []
    assert await rows(house.store, "due_hops", now=2**62) == []


async def test_a_refusal_leaves_the_connection_good_for_the_next_copy(house: House) -> None:
    async with serving() as server:
        server.refuses[ROB] = "550 5.1.1 No such user"
        house = sending_to(house, server.port)
        message = await submitted(house, await add_sender(house), to=[RITA, ROB, "zoe@out.test"])
        await flow.send(house, hop="")
    states = {row["address"]: row["state"] for row in await rows(house.store, "recipients_of", message=message)}
    assert states == {RITA: "sent", ROB: "bounced", "zoe@out.test": "sent"}
    assert server.connections == 1
    assert len(server.got) == 2


async def test_every_sender_may_have_a_next_hop_and_may_give_it_up_again(house: House) -> None:
    async with serving() as ours, serving() as theirs:
        house = sending_to(house, ours.port)
        sender = await add_sender(house, next_hop=f"smtp://127.0.0.1:{theirs.port}?tls=none")
        await submitted(house, sender)
        assert [row["hop"] for row in await rows(house.store, "due_hops", now=2**62)] == [f"sender:{sender.id}"]
        await flow.send(house, hop=f"sender:{sender.id}")
        await submitted(house, sender)
        async with house.store.write() as tx:
            await tx.run("set_next_hop", id=sender.id, next_hop="")
        await flow.send(house, hop=f"sender:{sender.id}")
        await submitted(house, sender)
        await flow.send(house, hop="")
    assert (len(theirs.got), len(ours.got)) == (1, 2)
    assert await rows(house.store, "caught_list", team=sender.team, before=2**62, limit=9) == []


@pytest.mark.parametrize("dead", [1, 9])
async def test_dead_next_hops_of_some_do_not_delay_the_mail_of_others(house: House, dead: int) -> None:
    async with scripted({"": SILENCE}) as silent, serving() as server:
        house = sending_to(house, server.port)
        for number in range(dead):
            stuck = await add_sender(house, f"s{number}@acme.test", next_hop=f"smtp://127.0.0.1:{silent}?tls=none")
            raw = MAIL.replace(ALICE.encode(), stuck.address.encode())
            for _ in range(3):
                await submitted(house, stuck, raw)
        stop = asyncio.Event()
        working = asyncio.create_task(Worker(house, MemoryJournal()).run(stop))
        await asyncio.sleep(0.3)
        message = await submitted(house, await add_sender(house))
        await until(lambda: server.got)
        stop.set()
        await working
    assert (await one(house, message))["state"] == "sent"
    due = [row["hop"] for row in await rows(house.store, "due_hops", now=int(START.timestamp() * 1_000_000))]
    assert len(due) == dead, "what was being tried was given back when the worker stopped"


async def until(what: Callable[[], object]) -> None:
    for _ in range(2000):
        if what():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


async def renewal(house: House, message: str, *, until: int) -> None:
    for _ in range(2000):
        if (await one(house, message))["due_at"] == until:
            return
        await asyncio.sleep(0.01)


async def test_however_slow_a_server_is_its_copies_are_sent_by_one_worker_only(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seenby.steps.sending.RENEW_EVERY", 0.01)
    heard: list[str] = []
    async with scripted({"RCPT": SILENCE}, heard=heard) as port:
        house = sending_to(house, port)
        message = await submitted(house, await add_sender(house))
        sending = asyncio.create_task(flow.send(house, hop=""))
        await until(lambda: "RCPT" in heard)
        for _ in range(3):
            clock.forward(LEASE - timedelta(seconds=1))
            await renewal(house, message, until=micros(clock() + LEASE))
        assert (await flow.send(replace(house, holder="another"), hop="")).copies == 0
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    row = await one(house, message)
    assert (row["claimed_by"], row["attempts"], row["state"]) == (None, 0, "queued")
    async with serving() as server:
        assert (await flow.send(sending_to(house, server.port), hop="")).copies == 1


async def test_a_dead_workers_copies_are_sent_by_another_and_the_dead_settles_nothing(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    async with scripted({"RCPT": SILENCE}, heard=heard) as port, serving() as server:
        monkeypatch.setattr("seenby.steps.sending.RENEW_EVERY", 1000.0)  # as if it had stopped breathing
        message = await submitted(house, await add_sender(house))
        sending = asyncio.create_task(flow.send(sending_to(house, port), hop=""))
        await until(lambda: "RCPT" in heard)
        clock.forward(LEASE)
        assert (await flow.send(sending_to(house, server.port), hop="")).copies == 1
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    assert (await one(house, message))["state"] == "sent"
    assert len(await attempts(house, message)) == 1


# ---------------------------------------------------------------- TLS and AUTH


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A self-made certificate for `localhost`, and its file."""
    folder = tmp_path_factory.mktemp("tls")
    return tls_context(certificate=None, key=None, folder=folder, host="localhost"), folder / "smtp-certificate.pem"


@pytest.mark.parametrize("tls", list(Tls))
async def test_user_and_password_over_every_kind_of_connection(
    house: House, certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch, tls: Tls
) -> None:
    context, file = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with serving(tls=None if tls is Tls.NONE else context, implicit=tls is Tls.IMPLICIT, auth=True) as server:
        hop = parse_next_hop(f"smtp://us%40er:p%40ss%3A%2F%3F%23@localhost:{server.port}?tls={tls}")
        house = replace(house, next_hop=hop)
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
        assert (await one(house, message))["reply"] == "250 2.0.0 taken as 1"
    assert server.signed_in == [("us@er", "p@ss:/?#")]
    assert server.was_tls == [tls is not Tls.NONE]


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_a_certificate_nobody_vouches_for_is_refused_unless_told_otherwise(
    house: House, certificate: tuple[ssl.SSLContext, Path], tls: Tls
) -> None:
    async with serving(tls=certificate[0], implicit=tls is Tls.IMPLICIT, auth=True) as server:
        hop = NextHop(host="localhost", port=server.port, tls=tls, user="u", password="p@ss:/?#")
        strict = replace(house, next_hop=hop)
        message = await submitted(strict, await add_sender(strict))
        await flow.send(strict, hop="")
        row = await one(house, message)
        assert row["state"] == "deferred"
        assert "its TLS certificate is not trusted (self-signed certificate)" in row["reply"]
        assert "verify=no" in row["reply"]
        assert server.signed_in == []
        trusting = replace(strict, next_hop=replace(hop, verify=False))
        message = await submitted(trusting, await _again(trusting))
        await flow.send(trusting, hop="")
        assert (await one(house, message))["state"] == "sent"
    assert server.was_tls == [True]


async def _again(house: House) -> Any:
    from seenby.store import people

    async with house.store.read() as tx:
        sender = await people.sender_by_address(tx, ALICE)
    assert sender is not None
    return sender


async def test_without_starttls_nothing_is_said_in_clear_when_it_was_asked_for(house: House) -> None:
    async with serving() as server:
        house = sending_to(house, server.port, tls=Tls.STARTTLS, user="u", password="secret")
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
    row = await one(house, message)
    assert row["state"] == "deferred"
    assert "STARTTLS" in row["reply"]
    assert (server.got, server.signed_in) == ([], [])


async def test_a_wrong_password_waits_and_is_named_but_never_shown(house: House) -> None:
    async with serving(auth=True) as server:
        house = sending_to(house, server.port, user="user", password="not-that-one")
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
    row = await one(house, message)
    assert row["state"] == "deferred"
    assert "does not accept our user and password" in row["reply"]
    assert "not-that-one" not in row["reply"]


# ---------------------------------------------------------------- 8BITMIME and SMTPUTF8


async def test_eight_bits_are_announced(house: House) -> None:
    async with serving() as server:
        house = sending_to(house, server.port)
        await submitted(house, await add_sender(house), MAIL.replace(b"Hi", "Grüße".encode()))
        await flow.send(house, hop="")
    assert server.options == [["BODY=8BITMIME"]]
    assert "Grüße".encode() in server.got[0][2]


@pytest.mark.parametrize("offers", [True, False])
async def test_an_internationalised_address_needs_a_server_that_takes_it(house: House, offers: bool) -> None:
    async with serving(enable_SMTPUTF8=offers) as server:
        house = sending_to(house, server.port)
        message = await submitted(house, await add_sender(house), to=["grüße@out.test"])
        await flow.send(house, hop="")
    row = await one(house, message)
    if offers:
        assert row["state"] == "sent"
        assert server.options == [["SMTPUTF8"]]
        assert server.got[0][1] == "grüße@out.test"
    else:
        assert row["state"] == "bounced"
        assert row["reply"].startswith("550 5.6.7")


@pytest.mark.parametrize(("offers", "said"), [(True, ["BODY=8BITMIME", "SMTPUTF8"]), (False, ["BODY=8BITMIME"])])
async def test_fields_in_utf8_are_announced_where_that_is_known(house: House, offers: bool, said: list[str]) -> None:
    async with serving(enable_SMTPUTF8=offers) as server:
        house = sending_to(house, server.port)
        await submitted(house, await add_sender(house), MAIL.replace(b"Our offer", "Grüße".encode()))
        await flow.send(house, hop="")
    assert server.options == [said]
    assert len(server.got) == 1


# ---------------------------------------------------------------- what strangers may say


async def test_any_bytes_of_a_server_are_kept_as_words_in_both_databases(store: Any, clock: Clock) -> None:
    async with scripted({"RCPT": b"550-5.1.1 \xff\x00\x1b[31m\r\n550 5.1.1 no\r\n"}) as port:
        house = make_house(store, clock=clock, next_hop=hop_to(port))
        message = await submitted(house, await add_sender(house))
        await flow.send(house, hop="")
    row = await one(house, message)
    assert row["state"] == "bounced"
    assert row["reply"].isprintable()
    assert re.match(r"550 5\.1\.1 ", row["reply"])
    assert await flow.tell(house) == 1

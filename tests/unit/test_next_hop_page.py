"""A next hop of one's own: who may name which host, what is kept of a password, and a test that sends nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest

from seenby.delivery import reach
from seenby.delivery.hop import NextHop, Tls, parse_next_hop, write_next_hop
from seenby.delivery.reach import NotPublic, is_public, public_addresses
from seenby.delivery.rehearsal import rehearse
from seenby.delivery.smtp import Outcome, SmtpSession
from seenby.store import Store
from seenby.store.people import sender_by_address
from tests.browser.lively import ALICE, BOB, HOSTILE
from tests.unit.test_settings_access import logged
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in, store

pytestmark = pytest.mark.anyio
__all__ = ["store"]
FORM = {"host": "mail.blue.test", "port": "587", "tls": "starttls", "user": "ann", "password": "s3cret/@:"}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "ff02::1", "nonsense", "",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


async def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    async def ask(_host: str, _port: int) -> Sequence[str]:
        return ["9.9.9.9", "10.0.0.1"]

    with pytest.raises(NotPublic):
        await public_addresses("two.example", 25, ask=ask)


async def test_a_hop_that_a_member_named_is_looked_at_again_when_mail_is_sent(server: "Server") -> None:
    """A name that was public when it was saved and leads inside by now gets no connection."""
    hop = NextHop(host="localhost", port=server.port, tls=Tls.NONE, public_only=True)
    async with SmtpSession(hop, hello="here") as session:
        answer = await session.send(envelope_from=ALICE, recipient=BOB, message=b"x")
    assert answer.outcome is Outcome.BROKEN
    assert "not on the public internet" in answer.reply
    assert server.heard == []


@pytest.mark.parametrize(
    "hop",
    [
        NextHop(host="mail.blue.test", port=587, tls=Tls.STARTTLS),
        NextHop(host="2001:db8::1", port=465, tls=Tls.IMPLICIT, user="a@b", password="p/:@#?%", verify=False),
        NextHop(host="mail.blue.test", port=25, tls=Tls.NONE, public_only=True),
    ],
)
def test_a_hop_is_read_back_as_it_was_written(hop: NextHop) -> None:
    assert parse_next_hop(write_next_hop(hop)) == hop


class Server:
    """A small SMTP server that writes down what it hears, and refuses what it is told to refuse."""

    def __init__(self, refuse: dict[str, str]) -> None:
        self.refuse, self.port = refuse, 0
        self.heard: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 fake\r\n")
        while line := (await reader.readline()).decode().strip():
            self.heard.append(line)
            verb = line.partition(" ")[0].upper()
            usual = "250-fake\r\n250 AUTH PLAIN" if verb == "EHLO" else "250 fine"
            writer.write((self.refuse.get(verb) or usual).encode() + b"\r\n")
            if verb == "QUIT":
                break
        writer.close()


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    made = Server(getattr(request, "param", {}))
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


def here(server: Server, **more: Any) -> NextHop:
    return NextHop(host="127.0.0.1", port=server.port, tls=Tls.NONE, **more)


async def test_a_rehearsal_goes_up_to_the_recipient_and_sends_nothing(server: Server) -> None:
    steps = await rehearse(here(server), hello="here", sender=ALICE, recipient=BOB)
    assert all(step.is_good for step in steps)
    assert [line.partition(" ")[0].upper() for line in server.heard] == ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"]


@pytest.mark.parametrize(
    ("server", "stops_at"),
    [
        ({"EHLO": "502 no"}, "EHLO"),
        ({"MAIL": "550 5.7.1 not you"}, "MAIL FROM"),
        ({"RCPT": "554 \x1b[31m<script>relay denied"}, "RCPT TO"),
    ],
    indirect=["server"],
)
async def test_a_rehearsal_says_where_it_stopped_in_the_servers_words(server: Server, stops_at: str) -> None:
    *before, last = await rehearse(here(server), hello="here", sender=ALICE, recipient=BOB)
    assert all(step.is_good for step in before)
    assert stops_at in last.what
    assert not last.is_good
    assert last.said.isprintable()
    assert last.cure


@pytest.mark.parametrize("server", [{"AUTH": "535 5.7.8 s3cret-word is wrong"}], indirect=True)
async def test_a_password_that_a_server_quotes_is_not_shown(server: Server) -> None:
    hop = here(server, user="ann", password="s3cret-word")
    last = (await rehearse(hop, hello="here", sender=ALICE, recipient=BOB))[-1]
    assert "AUTH" in last.what
    assert "s3cret-word" not in last.said


async def hop_of(store: Store, who: str) -> str:
    async with store.read() as tx:
        sender = await sender_by_address(tx, who)
    assert sender is not None
    return sender.next_hop


async def test_a_password_is_kept_for_its_own_server_only_and_never_shown(
    alice: httpx2.AsyncClient, team: Store
) -> None:
    page = (await alice.post("/settings/next-hop", data=FORM, headers=OURS)).text
    assert "Saved" in page
    assert "s3cret" not in page
    await alice.post("/settings/next-hop", data={**FORM, "password": ""}, headers=OURS)
    kept = parse_next_hop(await hop_of(team, ALICE))
    assert kept is not None
    assert kept.password == FORM["password"]
    moved = (
        await alice.post("/settings/next-hop", data={**FORM, "password": "", "host": "evil.test"}, headers=OURS)
    ).text
    assert "password is missing" in moved
    for less in ({"tls": "none"}, {"tls": "implicit"}, {"any_certificate": "1"}):
        weaker = await alice.post("/settings/next-hop", data={**FORM, "password": "", **less}, headers=OURS)
        assert "password is missing" in weaker.text
    assert parse_next_hop(await hop_of(team, ALICE)) == kept
    assert "s3cret" not in str(await logged(team))
    await alice.post("/settings/next-hop/remove", headers=OURS)
    assert await hop_of(team, ALICE) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "a/b"}, {"host": "user@host"}, {"host": "x?tls=none"}, {"host": HOSTILE}, {"host": ""},
        {"host": "a\r\nRCPT"}, {"port": "0"}, {"port": "99999"}, {"port": "x"}, {"tls": "maybe"},
    ],
)  # fmt: skip
async def test_what_is_no_server_is_refused(alice: httpx2.AsyncClient, team: Store, wrong: dict[str, str]) -> None:
    page = (await alice.post("/settings/next-hop", data={**FORM, **wrong}, headers=OURS)).text
    assert "Not saved" in page
    assert "<script>document" not in page
    assert await hop_of(team, ALICE) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.5", "::1", "169.254.169.254", "[::ffff:10.0.0.1]"])
async def test_a_member_may_name_no_host_inside(team: Store, host: str) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        page = (await opened.post("/settings/next-hop", data={**FORM, "host": host}, headers=OURS)).text
    assert "Not saved" in page
    assert await hop_of(team, BOB) == ""


async def test_a_member_may_name_a_public_host_at_a_mail_port(team: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(_host: str, _port: int) -> Sequence[str]:
        return ["9.9.9.9"]

    monkeypatch.setattr(reach.public_addresses, "__kwdefaults__", {"ask": ask})
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        refused = (await opened.post("/settings/next-hop", data={**FORM, "port": "6379"}, headers=OURS)).text
        assert "another port" in refused
        assert "Saved" in (await opened.post("/settings/next-hop", data=FORM, headers=OURS)).text
    kept = parse_next_hop(await hop_of(team, BOB))
    assert kept is not None
    assert kept.public_only


async def test_an_owner_tests_a_server_on_this_machine_and_sees_every_step(
    alice: httpx2.AsyncClient, server: Server
) -> None:
    own = {"host": "127.0.0.1", "port": str(server.port), "tls": "none", "user": "", "password": ""}
    assert "Saved" in (await alice.post("/settings/next-hop", data=own, headers=OURS)).text
    page = (await alice.post("/settings/next-hop/test", data={"recipient": BOB}, headers=OURS)).text
    assert "Everything works. Nothing was sent." in page
    for _ in range(20):
        page = (await alice.post("/settings/next-hop/test", data={"recipient": "x"}, headers=OURS)).text
    assert "no address" in page
    assert "DATA" not in server.heard


async def test_a_public_host_is_connected_to_at_the_address_that_was_looked_at(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "is_public", lambda _address: True)
    hop = here(server, public_only=True)
    steps = await rehearse(hop, hello="here", sender=ALICE, recipient=BOB)
    assert all(step.is_good for step in steps)
    async with SmtpSession(hop, hello="here") as session:
        for _ in range(2):
            await session.send(envelope_from=ALICE, recipient=BOB, message=b"Subject: x\r\n\r\nx")
        assert not session.is_unreachable
    assert [line for line in server.heard if line.startswith("RCPT")]


async def test_nobody_there_is_told_in_plain_words() -> None:
    hop = NextHop(host="127.0.0.1", port=9, tls=Tls.NONE)
    (step,) = await rehearse(hop, hello="here", sender=ALICE, recipient=BOB)
    assert not step.is_good
    assert "firewalls" in step.cure

"""What a stranger may bring to the gateway: mail for a return address that we signed, alone, nothing else."""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from seenby import flow
from seenby.words.limits import LINE_BYTES, MESSAGE_BYTES, REFUSED_STRANGERS, REPORT_BYTES
from seenby.words.return_path import sign_return_path
from seenby.words.token import Keyring
from tests.smtp.test_gateway import ALICE, MAIL, RITA, Door, Raw, refusal
from tests.unit.test_inbound_report import POSTFIX, report

DOMAIN = "bounces.acme.test"
SIGN_IN = "530 5.7.0"
NULL = "MAIL FROM:<>"


class Returns(Door):
    """A gateway that takes returned mail, with a message that was sent to Rita."""

    recipient = ""
    message = ""

    def send(self) -> str:
        """Submit a message and have its copy sent; Rita's return address."""
        with self.client() as client:
            client.sendmail(ALICE, [RITA], MAIL)
        assert self.house is not None
        asyncio.run_coroutine_threadsafe(flow.send(self.house, hop=""), self.loop).result(20)
        team = self.rows("first_team")[0]["id"]
        (row,) = self.rows("sent_page", team=team, before=2**62, before_id="", limit=1)
        self.message = row["id"]
        (person,) = self.rows("recipients_of", message=self.message)
        assert person["state"] == "sent"
        self.recipient = person["id"]
        return self.address()

    def address(self, **options: Any) -> str:
        assert self.house is not None
        return sign_return_path(self.recipient, self.house.keys, **{"domain": DOMAIN} | options)

    def state(self) -> str:
        return str(self.rows("recipients_of", message=self.message)[0]["state"])

    def kept(self) -> int:
        """How many messages wait to be sent, forwards among them."""
        return len(self.rows("due_hops", now=2**62))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Returns]:
    made = Returns(tmp_path_factory.mktemp("returns") / "data", return_path=DOMAIN)
    made.start()
    yield made
    made.close()


@pytest.fixture
def shut(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Returns]:
    """One without the setting."""
    made = Returns(tmp_path_factory.mktemp("shut") / "data")
    made.start()
    yield made
    made.close()


def dialog(door: Returns, *lines: str, signed_in: bool = False) -> list[str]:
    """The answers to some lines."""
    with door.raw(signed_in=signed_in) as raw:
        return [raw.send(line.encode() + b"\r\n").says("") for line in lines]


def bring(raw: Raw, address: str, content: bytes, *, from_: str = NULL) -> str:
    raw.send(from_.encode() + b"\r\n").says("250")
    raw.send(f"RCPT TO:<{address}>\r\n".encode()).says("250")
    raw.send(b"DATA\r\n").says("354")
    return raw.send(content + b".\r\n").says("")


@pytest.mark.parametrize("spell", [str, str.upper, str.title], ids=["as it was", "upper", "mixed"])
@pytest.mark.parametrize("from_", [NULL, "MAIL FROM:<mailer-daemon@out.test>"], ids=["empty sender", "a sender"])
def test_a_stranger_may_bring_a_bounce_to_a_return_address(door, from_, spell):
    address = door.send()
    with door.raw() as raw:
        assert bring(raw, spell(address), report(POSTFIX), from_=from_).startswith("250 2.0.0")
    assert door.state() == "bounced"


def test_so_may_somebody_who_has_signed_in_and_a_relay_that_says_how_large_it_is(door):
    address = door.send()
    with door.raw(signed_in=True) as raw:
        content = report(POSTFIX)
        assert bring(raw, address, content, from_=f"{NULL} SIZE={len(content)} BODY=8BITMIME").startswith("250")
        raw.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{RITA}>\r\nDATA\r\n".encode())
        for code in ("250", "250", "354"):
            raw.says(code)
        raw.send(MAIL + b".\r\n").says("250 2.0.0")
    assert door.state() == "bounced"


def test_over_starttls_too(door):
    address = door.send()
    with smtplib.SMTP("127.0.0.1", door.port, timeout=20) as client:
        client.starttls(context=ssl._create_unverified_context())
        client.sendmail("", [address], report(POSTFIX))
    assert door.state() == "bounced"


NOT_OURS = [
    pytest.param(lambda a: RITA, id="somebody outside"),
    pytest.param(lambda a: ALICE, id="somebody inside"),
    pytest.param(lambda a: f"x@{DOMAIN}", id="nobody at our domain"),
    pytest.param(lambda a: f"postmaster@{DOMAIN}", id="postmaster at our domain"),
    pytest.param(lambda a: a.replace(DOMAIN, "out.test"), id="another domain"),
    pytest.param(lambda a: a.replace("@", "@x."), id="a domain below ours"),
    pytest.param(lambda a: a.replace("@", "%out.test@"), id="percent hack"),
    pytest.param(lambda a: f"rita%out.test@{DOMAIN}", id="percent hack without a signature"),
    pytest.param(lambda a: f"out.test!rita@{DOMAIN}", id="bang path"),
    pytest.param(lambda a: f"@{DOMAIN}:{RITA}", id="source route over us"),
    pytest.param(lambda a: f"@{DOMAIN},@x.test:{RITA}", id="longer source route over us"),
    pytest.param(lambda a: f'"{RITA}"@{DOMAIN}', id="an address in quotes"),
    pytest.param(lambda a: f'"{a}"@out.test', id="our address in quotes elsewhere"),
    pytest.param(lambda a: f"{a}@out.test", id="two domains"),
    pytest.param(lambda a: f"{a}, {RITA}", id="two addresses"),
    pytest.param(lambda a: f"{a}> <{RITA}", id="two addresses in brackets"),
    pytest.param(lambda a: f"{a}>,<{RITA}", id="two addresses, comma"),
    pytest.param(lambda a: a[:9] + ("a" if a[9] != "a" else "b") + a[10:], id="one letter changed"),
    pytest.param(lambda a: a.replace("@", "a@"), id="too long"),
    pytest.param(lambda a: "b" * 400 + a, id="much too long"),
    pytest.param(lambda a: a.replace("@", "@[127.0.0.1]"), id="an address literal"),
    pytest.param(lambda a: a.replace("@", "+x@"), id="a tag"),
    pytest.param(lambda a: a.replace("b-", "\uff42-"), id="wide letters"),
    pytest.param(lambda a: "postmaster", id="postmaster without a domain"),
    pytest.param(lambda a: "", id="nobody"),
]


@pytest.mark.parametrize("from_", [NULL, "MAIL FROM:<x@out.test>", f"MAIL FROM:<{ALICE}>"], ids=["empty", "any", "own"])
@pytest.mark.parametrize("change", NOT_OURS)
def test_a_stranger_brings_nothing_to_anybody_else(door, from_, change):
    address = door.send()
    before = (door.accepted(), door.kept())
    told = dialog(door, from_, f"RCPT TO:<{change(address)}>", "DATA", "RCPT TO:<rob@out.test>", "DATA")
    assert told[0].startswith("250")
    assert told[1][0] == "5", told
    assert told[2].startswith(SIGN_IN)
    assert told[3].startswith(SIGN_IN)
    assert told[4].startswith(SIGN_IN)
    assert (door.accepted(), door.kept()) == before
    assert door.state() == "sent"


def test_a_source_route_and_quotes_around_our_own_address_change_nothing(door):
    address = door.send()
    local, _, domain = address.partition("@")
    for spelt in (f"@out.test:{address}", f'"{local}"@{domain}', f"{address}."):
        with door.raw() as raw:
            raw.send(f"{NULL}\r\n".encode()).says("250")
            answer = raw.send(f"RCPT TO:<{spelt}>\r\n".encode()).says("")
            if answer.startswith("250"):
                assert raw.send(b"DATA\r\n").says("354")
                raw.send(report(POSTFIX) + b".\r\n").says("250")
                assert door.state() == "bounced"
            else:
                assert answer[0] == "5"


def test_a_key_that_we_do_not_know_signs_nothing(door):
    door.send()
    theirs = Keyring(keys={door.house.keys.current: b"x" * 32}, current=door.house.keys.current)
    forged = sign_return_path(door.recipient, theirs, domain=DOMAIN)
    assert dialog(door, NULL, f"RCPT TO:<{forged}>")[1].startswith(SIGN_IN)


@pytest.mark.parametrize("signed_in", [False, True], ids=["stranger", "signed in"])
def test_a_return_address_comes_alone(door, signed_in):
    address = door.send()
    before = door.accepted()
    told = dialog(door, NULL, f"RCPT TO:<{address}>", f"RCPT TO:<{address}>", f"RCPT TO:<{RITA}>", signed_in=signed_in)
    assert told[1].startswith("250")
    assert told[2].startswith("452 4.5.3")
    assert told[3].startswith("452 4.5.3" if signed_in else SIGN_IN)
    told = dialog(door, f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{RITA}>", f"RCPT TO:<{address}>", signed_in=True)
    assert [line[:3] for line in told] == ["250", "250", "452"]
    assert door.accepted() == before


def test_what_was_refused_beside_it_does_not_come_along(door):
    address = door.send()
    before = door.accepted()
    with door.raw() as raw:
        for line, code in [(NULL, "250"), (f"RCPT TO:<{RITA}>", "530"), (f"RCPT TO:<{address}>", "250")]:
            raw.send(line.encode() + b"\r\n").says(code)
        raw.send(f"RCPT TO:<{RITA}>\r\nDATA\r\n".encode()).says("530")
        raw.says("354")
        raw.send(report(POSTFIX) + b".\r\n").says("250")
        # Nothing of it is left for the next message.
        raw.send(b"MAIL FROM:<>\r\n").says("250")
        raw.send(b"DATA\r\n").says("530")
        raw.send(f"RCPT TO:<{address}>\r\nRSET\r\nMAIL FROM:<x@out.test>\r\nDATA\r\n".encode())
        for code in ("250", "250", "250", "530"):
            raw.says(code)
    assert door.state() == "bounced"
    assert door.accepted() == before


def test_the_empty_sender_is_for_return_addresses_only(door):
    assert dialog(door, NULL, f"RCPT TO:<{RITA}>", signed_in=True)[1].startswith("553 5.1.7")


def test_a_stranger_who_tries_one_recipient_after_the_other_is_shown_the_door(door):
    with door.raw() as raw:
        raw.send(f"{NULL}\r\n".encode()).says("250")
        for _ in range(REFUSED_STRANGERS):
            raw.send(f"RCPT TO:<{RITA}>\r\n".encode()).says("530")
        raw.says("421 4.7.0")
        assert raw.file.read() == b""


def test_mail_to_a_return_address_may_be_so_large_and_no_larger(door):
    address = door.send()
    with door.raw() as raw:
        raw.send(f"{NULL} SIZE={REPORT_BYTES}\r\nRCPT TO:<{address}>\r\nRSET\r\n".encode())
        for _ in range(3):
            raw.says("250")
        raw.send(f"{NULL} SIZE={REPORT_BYTES + 1}\r\nRCPT TO:<{address}>\r\nRSET\r\n".encode()).says("250")
        raw.says("552 5.3.4")
        raw.says("250")
        content = report(POSTFIX)
        filler = (b"x" * 78 + b"\r\n") * ((REPORT_BYTES - len(content)) // 80)
        filler += b"y" * (REPORT_BYTES - len(content) - len(filler) - 2) + b"\r\n"
        assert len(content + filler) == REPORT_BYTES
        assert bring(raw, address, content[:-2] + b"y\r\n" + filler).startswith("552 5.3.4")
    assert door.state() == "sent"
    with door.raw() as raw:
        assert bring(raw, address, content + filler).startswith("250")
    assert door.state() == "bounced"
    with door.raw() as raw:
        assert bring(raw, address, b"x" * (LINE_BYTES + 1) + b"\r\n").startswith("500 5.6.0")
    assert MESSAGE_BYTES > REPORT_BYTES


def test_when_the_disk_says_no_the_bringer_is_asked_to_come_again(door, monkeypatch):
    address = door.send()

    async def full(*_arguments: object, **_options: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("seenby.store.returned.write", full)
        with door.raw() as raw:
            assert bring(raw, address, report(POSTFIX)).startswith("452 4.3.1")
    with door.raw() as raw:
        assert bring(raw, address, report(POSTFIX)).startswith("250")
    assert door.state() == "bounced"


@pytest.mark.parametrize("line", [NULL, "MAIL FROM:<x@out.test>", f"MAIL FROM:<{ALICE}>", "DATA", "VRFY x", "HELP"])
def test_without_the_setting_strangers_are_refused_at_the_first_word(shut, line):
    assert dialog(shut, line)[0].startswith(SIGN_IN)


def test_without_the_setting_a_return_address_is_nothing_special(shut):
    address = shut.send()
    assert dialog(shut, f"RCPT TO:<{address}>")[0].startswith(SIGN_IN)
    assert dialog(shut, NULL, signed_in=True)[0].startswith("553 5.1.7")


def test_other_commands_of_strangers_are_refused_as_ever(door):
    assert all(answer.startswith(SIGN_IN) for answer in dialog(door, "VRFY x", "HELP", "DATA"))
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as sock:
        raw = Raw(sock)
        raw.says("220")
        raw.send(b"MAIL FROM:<>\r\n").says("503")  # nobody who has not said who they are


def test_a_bounce_with_a_bare_line_feed_is_not_taken(door):
    address = door.send()
    with door.raw() as raw:
        raw.send(f"{NULL}\r\nRCPT TO:<{address}>\r\nDATA\r\n".encode())
        for code in ("250", "250", "354"):
            raw.says(code)
        raw.send(b"Subject: x\n.\r\n").says("554 5.6.0")
    assert door.state() == "sent"


def test_signing_in_still_works_and_a_sender_still_writes_to_anybody(door):
    with door.client() as client:
        client.sendmail(ALICE, [RITA, "rob@out.test"], MAIL)
        assert refusal(lambda: client.sendmail("mallory@acme.test", [RITA], MAIL))[0] == 550

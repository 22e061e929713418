"""What an attacker tries at the door for submissions, each attempt over a real socket."""

import tracemalloc

import pytest

from seenby.words.limits import MESSAGE_BYTES
from tests.smtp.test_gateway import ALICE, MAIL, RITA, Raw, door, refusal

__all__ = ["door"]  # the fixture

_START = f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{RITA}>\r\nDATA\r\n".encode()


def into_data(raw: Raw) -> Raw:
    raw.send(_START)
    raw.says("250")
    raw.says("250")
    raw.says("354")
    return raw


def test_a_message_of_empty_lines_takes_no_more_memory_than_any_other_of_its_size(door):
    size = 2_000_000
    with door.raw(signed_in=True) as raw:
        into_data(raw)
        tracemalloc.start()
        try:
            raw.send(MAIL + b"\r\n" * (size // 2) + b".\r\n").says("250 2.0.0")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 15 * size


def test_what_follows_the_end_of_a_message_is_the_next_command(door):
    before = door.accepted()
    with door.raw(signed_in=True) as raw:
        into_data(raw).send(MAIL + b".\r\nNOOP\r\n" + _START)
        for code in ("250 2.0.0", "250", "250", "250", "354"):
            raw.says(code)
        raw.send(MAIL + b".\r").send(b"\nNOOP\r\n").says("250 2.0.0")
        raw.says("250")
    assert door.accepted() == before + 2


def test_the_end_of_a_message_is_found_however_the_network_cuts_it(door):
    before = door.accepted()
    with door.raw(signed_in=True) as raw:
        into_data(raw)
        for byte in MAIL[-40:]:
            raw.send(bytes([byte]))
        for byte in b".\r\n":
            raw.send(bytes([byte]))
        raw.says("550 5.6.0")  # the piece has no From
        into_data(raw).send(MAIL)
        for byte in b".\r\n":
            raw.send(bytes([byte]))
        raw.says("250 2.0.0")
    assert door.accepted() == before + 1


def test_dots_at_the_start_of_lines_come_out_as_they_were_meant(door):
    with door.raw(signed_in=True) as raw:
        into_data(raw).send(MAIL + b"..\r\n...x\r\n..\r\n.y\r\n.\r\n").says("250 2.0.0")
        into_data(raw).send(b".\r\n").says("550 5.6.0")
    team = door.rows("first_team")[0]["id"]
    message = door.rows("sent_page", team=team, before=2**62, before_id="", limit=1)[0]
    assert door.rows("spool", message=message["id"])[0]["raw"] == MAIL + b".\r\n..x\r\n.\r\ny\r\n"


def test_a_message_without_end_is_forgotten_while_it_is_still_coming(door):
    with door.raw(signed_in=True) as raw:
        into_data(raw)
        tracemalloc.start()
        try:
            for _ in range(3):
                raw.send((b"z" * 900 + b"\r\n") * (MESSAGE_BYTES // 902 + 1))
            raw.send(b".\r\n").says("552 5.3.4")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < 5 * MESSAGE_BYTES  # the test's own bytes are among them
        raw.send(b"NOOP\r\n").says("250")


BOSS = "boss@acme.test"


@pytest.mark.parametrize(
    "author",
    [
        f"<{BOSS}> <{ALICE}>",
        f"{BOSS} <{ALICE}>",
        f"<{ALICE}> {BOSS}",
        f'"{BOSS}" <{ALICE}>',
        f'"Boss" <{BOSS}> "{ALICE}" <{ALICE}>',
        f'{ALICE}, "boss"@acme.test',
        f'"boss"@acme.test, {ALICE}',
        f"{BOSS}: {ALICE};",
        f"{ALICE}, boss@[192.0.2.1]",
        f"boss @ acme.test, {ALICE}",
        f"{BOSS}@acme.test, {ALICE}",
        f"<{BOSS}, {ALICE}",
        f"{BOSS}\\, <{ALICE}>",
        f"(x)boss(y)@(z)acme.test, {ALICE}",
        f"=?utf-8?q?boss=40acme.test?= <{ALICE}>",
        f"=?utf-8?b?Ym9zc0BhY21lLnRlc3Q=?=, {ALICE}",
        f"{ALICE}\r\nFrom: {BOSS}",
        f"{ALICE}\r\nFrom : {BOSS}",
        f"{ALICE}\r\nfROM:\r\n {BOSS}",
        f"{ALICE}\r\nFrom: {ALICE}",
        f"{ALICE}\r\nSender: {BOSS}",
        f'{ALICE}\r\nSender: "boss"@acme.test',
        f"{ALICE}\r\nResent-From: {BOSS}",
        f"{ALICE}\r\nResent-Sender: {BOSS}",
        "al\u0131ce@acme.test",
        "alic\u0435@acme.test",
        f"{ALICE}\u200b",
    ],
)
def test_no_odd_way_of_writing_it_makes_somebody_else_the_author(door, author):
    before = door.accepted()
    with door.client() as client:
        message = MAIL.replace(f"Alice <{ALICE}>".encode(), author.encode())
        code, words = refusal(lambda: client.sendmail(ALICE, [RITA], message))
    assert (code, words[:4]) == (550, "5.7." if words[:5] == "5.7.1" else "5.6.")
    assert door.accepted() == before


@pytest.mark.parametrize(
    "author",
    [
        ALICE.upper(),
        f"{ALICE} <{ALICE}>",
        f'"{ALICE}" <{ALICE}>',
        f"=?utf-8?q?alice=40acme.test?= <{ALICE}>",
        f'"Alice @ Acme" <{ALICE}>',
        f"Doe, Alice <{ALICE}>",
        f"{ALICE} (Alice @ work)",
        f"Alice:\r\n <{ALICE}>;",
        f"=?utf-8?q?Al=C3=AF=2C_=40home?= <{ALICE}>",
        f"<{ALICE}>,",
        f"Alice <{ALICE}>\r\nReply-To: {BOSS}",
    ],
)
def test_ones_own_name_may_be_written_in_any_way(door, author):
    with door.client() as client:
        client.sendmail(ALICE, [RITA], MAIL.replace(f"Alice <{ALICE}>".encode(), author.encode()))


@pytest.mark.parametrize("local", [b"a\xff", "a\u0085b".encode(), "a\u202eb".encode(), b"a\x01b"], ids=repr)
def test_an_address_nobody_can_store_or_show_is_refused_at_once(door, local):
    with door.raw(signed_in=True) as raw:
        raw.send(f"MAIL FROM:<{ALICE}> SMTPUTF8\r\n".encode()).says("250")
        raw.send(b"RCPT TO:<" + local + b"@out.test>\r\n").says("55")

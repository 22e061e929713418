"""The mail that tells a sender what could not be sent: every mail program and every list server can read it."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.delivery.dsn import Undelivered, compose_dsn

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def dsn(**given: Any) -> bytes:
    facts: dict[str, Any] = {
        "sender": "alice@acme.test",
        "recipient": "rita@out.test",
        "subject": "Our offer",
        "message_id": "<1@acme.test>",
        "reply": "550 5.1.1 No such user",
        "gave_up": False,
    }
    return compose_dsn(Undelivered(**facts | given), host="t.test", message_id="<2@t.test>", at=NOW)


def read(raw: bytes) -> tuple[Any, str, Any, Any]:
    parsed: Any = message_from_bytes(raw, policy=policy.default)
    words, status = parsed.iter_parts()
    reporting, failed = status.get_payload()
    return parsed, words.get_content(), reporting, failed


@pytest.mark.parametrize(
    ("reply", "gave_up", "status", "diagnostic"),
    [
        ("550 5.1.1 No such user", False, "5.1.1", "smtp; 550 5.1.1 No such user"),
        ("550 No such user", False, "5.0.0", "smtp; 550 No such user"),
        ("550 4.1.1 Which?", False, "5.0.0", "smtp; 550 4.1.1 Which?"),
        ("550 5.1.1.9 What", False, "5.0.0", "smtp; 550 5.1.1.9 What"),
        ("550 5.1.² What", False, "5.0.0", "smtp; 550 5.1.? What"),
        ("451 4.2.2 Mailbox full", True, "4.2.2", "smtp; 451 4.2.2 Mailbox full"),
        ("451 Later", True, "4.4.7", "smtp; 451 Later"),
        ("No connection to h.test:25: refused", True, "4.4.7", "x-seenby; No connection to h.test:25: refused"),
        ("", True, "4.4.7", "x-seenby;"),
    ],
)
def test_status_and_diagnostic_are_what_was_said(reply: str, gave_up: bool, status: str, diagnostic: str) -> None:
    _parsed, words, _reporting, failed = read(dsn(reply=reply, gave_up=gave_up))
    assert (failed["Status"], failed["Diagnostic-Code"]) == (status, diagnostic)
    assert reply in words


def test_it_names_the_message_and_the_recipient_in_words() -> None:
    parsed, words, reporting, failed = read(dsn(subject="Grüße"))
    assert parsed["Subject"] == "Not sent: Grüße"
    assert "rita@out.test" in words
    assert "Subject: Grüße" in words
    assert reporting["Reporting-MTA"] == "dns; t.test"
    assert (failed["Action"], failed["Final-Recipient"]) == ("failed", "rfc822; rita@out.test")


def test_internationalised_addresses_are_told_as_rfc_6533_says() -> None:
    raw = dsn(sender="älice@acme.test", recipient="grüße@öut.test")
    _parsed, _words, _reporting, failed = read(raw)
    assert failed["Final-Recipient"] == r"utf-8; gr\x{FC}\x{DF}e@\x{F6}ut.test"
    assert "To: älice@acme.test\r\n".encode() in raw


@pytest.mark.parametrize("message_id", ["", "garbage", "<a b@c>", "<" + "x" * 900 + ">", "<ü@c>", "<a>\r\nX: y"])
def test_a_message_id_that_is_none_is_left_out(message_id: str) -> None:
    parsed = read(dsn(message_id=message_id))[0]
    assert parsed["In-Reply-To"] is None
    assert parsed["References"] is None


@pytest.mark.parametrize("where", ["sender", "recipient", "subject", "message_id", "reply"])
@pytest.mark.parametrize("word", ["=?utf-8?q?a=0d=0aBcc:_evil@x.test?=", "=?utf-8?b?YQ0KQmNjOiBldmlsQHgudGVzdA==?="])
def test_no_encoded_word_in_what_was_said_becomes_a_header(where: str, word: str) -> None:
    given = {"sender": f"{word}@a.test", "recipient": f"{word}@a.test", "message_id": f"<{word}>"}
    raw = dsn(**{where: given.get(where, word)})
    assert b"\nBcc:" not in raw


text = st.text(max_size=300).map(lambda words: " ".join(words.split()))


@given(subject=st.text(max_size=300), reply=text, message_id=text)
def test_whatever_strangers_said_it_is_a_mail_that_can_be_sent(subject: str, reply: str, message_id: str) -> None:
    clean = "".join(letter for letter in subject if letter.isprintable())
    raw = dsn(subject=clean, reply="".join(filter(str.isprintable, reply)), message_id=message_id)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()
    assert read(raw)[3]["Action"] == "failed"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_whatever_unicode_calls_the_end_of_a_line_ends_none_of_ours(end: str) -> None:
    parsed, words, _reporting, failed = read(dsn(subject=f"Our{end}Bcc: x@evil.test", reply=f"550 5.1.1 No{end}such"))
    assert parsed["Subject"] == "Not sent: Our Bcc: x@evil.test"
    assert parsed["Bcc"] is None
    assert failed["Status"] == "5.1.1"
    assert "Our Bcc: x@evil.test" in words

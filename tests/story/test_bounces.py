"""A message is taken, comes back an hour later by mail, and its sender sees it on the page and in the mailbox."""

import smtplib
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.house import ALICE, MAIL, RITA, ROB
from tests.unit.test_inbound_report import POSTFIX
from tests.world import seenby, sink, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
DOMAIN = "bounces.acme.test"


def notice(return_path: str, original: bytes) -> bytes:
    """What Postfix writes when the last server on the way says no: for people, for machines, and what was sent."""
    return (
        (
            f"Return-Path: <>\r\nFrom: MAILER-DAEMON@mail.acme.test (Mail Delivery System)\r\nTo: {return_path}\r\n"
            "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="4XyZ.1/mail.acme.test"\r\n'
            "Content-Transfer-Encoding: 8bit\r\nMessage-Id: <1@mail.acme.test>\r\n\r\n"
            "This is a MIME-encapsulated message.\r\n\r\n--4XyZ.1/mail.acme.test\r\n"
            "Content-Description: Notification\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nCame back.\r\n\r\n"
            "--4XyZ.1/mail.acme.test\r\nContent-Description: Delivery report\r\n"
            f"Content-Type: message/delivery-status\r\n\r\n{POSTFIX}\r\n"
            "--4XyZ.1/mail.acme.test\r\nContent-Type: message/rfc822\r\n\r\n"
        ).encode()
        + original
        + b"\r\n--4XyZ.1/mail.acme.test--\r\n"
    )


def test_a_bounce_that_comes_by_mail_is_on_the_page_and_in_the_senders_mailbox(tmp_path: Path) -> None:
    with sink() as server:
        hop = f"smtp://127.0.0.1:{server.port}?tls=none"
        with seenby(tmp_path / "data", NEXT_HOP=hop, RETURN_PATH=DOMAIN) as running:
            added = running.command("sender", "add", ALICE)
            running.submit(MAIL, user=ALICE, password=added["password"], to=[RITA, ROB, ALICE])
            wait_for(lambda: len(server.got) == 3)
            from_ = {to: sender for sender, to, _copy in server.got}
            assert len(set(from_.values())) == 3
            assert all(sender.endswith(f"@{DOMAIN}") for sender in from_.values())
            bounce = notice(from_[RITA], server.to(RITA)[0])
            with httpx2.Client(trust_env=False, follow_redirects=True) as browser:
                browser.get(running.command("sign-in", ALICE)["link"])

                def page() -> Any:
                    return browser.get(running.app_url).text

                wait_for(lambda: "Our offer" in page())
                assert "Bounced" not in page()
                for _ in range(2):  # a server whose connection broke before our answer brings it again
                    with smtplib.SMTP(*running.smtp, timeout=30) as client:
                        client.sendmail("", [from_[RITA].upper()], bounce)
                        with pytest.raises(smtplib.SMTPRecipientsRefused):
                            client.sendmail("", [RITA], bounce)
                assert page().count("Bounced") >= 1
                message = browser.get(f"{running.app_url}/messages/{_message_id(page())}").text
                assert message.count("Came back undelivered from") == 1
                assert "User unknown" in message
                assert "did not get" in browser.get(f"{running.app_url}/bell").text
            wait_for(lambda: len(server.to(ALICE)) == 2)
            assert [(sender, to) for sender, to, _copy in server.got[3:]] in ([("", ALICE)], [("<>", ALICE)])
            forwarded = server.to(ALICE)[1]
            assert forwarded.partition(b"\r\n")[2] == bounce
            told: Any = message_from_bytes(forwarded, policy=policy.default)
            assert told["Subject"] == "Undelivered Mail Returned to Sender"
            running.stop()
    assert len(server.got) == 4, "nobody else was written to"
    log = running.log.read_text()
    assert all(word not in log for word in (DOMAIN, RITA, "User unknown"))


def _message_id(page: str) -> str:
    return page.partition('href="/messages/')[2].partition('"')[0]

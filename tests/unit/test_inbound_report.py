"""What mail that comes back is taken for: only what says so in a standard's words is a bounce or a complaint."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.inbound.report import MAX_WORDS, read_report
from seenby.words.limits import REPORT_BYTES
from seenby.words.report import Report, ReportKind


def report(
    status: str, *, kind: str = "delivery-status", part: str = "message/delivery-status", extra: str = ""
) -> bytes:
    """A report as most servers write it: words, the machine's part, and the first lines of what was sent."""
    return (
        "From: Mail Delivery System <MAILER-DAEMON@mx.out.test>\r\nTo: b-x@bounces.acme.test\r\n"
        "Subject: Undelivered\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind};\r\n\tboundary="=_b1"\r\n\r\n'
        "This is a report.\r\n\r\n--=_b1\r\nContent-Type: text/plain\r\n\r\nIt did not work: 5.1.1.\r\n\r\n"
        f"--=_b1\r\nContent-Type: {part}\r\n{extra}\r\n{status}\r\n"
        "--=_b1\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: Our offer\r\nAction: failed\r\n\r\n--=_b1--\r\n"
    ).encode()


POSTFIX = (
    "Reporting-MTA: dns; mail.acme.test\r\nX-Postfix-Queue-ID: 4XyZ\r\n\r\n"
    "Final-Recipient: rfc822; rita@out.test\r\nOriginal-Recipient: rfc822;rita@out.test\r\nAction: failed\r\n"
    "Status: 5.1.1\r\nRemote-MTA: dns; mx.out.test\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1 <rita@out.test>: Recipient address rejected:\r\n    User unknown\r\n"
)
POSTFIX_GAVE_UP = POSTFIX.replace("5.1.1", "4.4.1").replace(
    "smtp; 550 4.4.1 <rita@out.test>: Recipient address rejected:\r\n    User unknown", "X-Postfix; connect timed out"
)
EXIM = (
    "Reporting-MTA: dns; mail.acme.test\r\n\r\nAction: failed\r\nFinal-Recipient: rfc822;rita@out.test\r\n"
    "Status: 5.0.0\r\nRemote-MTA: dns; mx.out.test\r\nDiagnostic-Code: smtp; 550 No such user here\r\n"
)
EXCHANGE = (
    "Reporting-MTA: dns;AM0PR01.prod.out.test\r\nReceived-From-MTA: dns;mail.acme.test\r\n\r\n"
    "Final-Recipient: rfc822;rita@out.test\r\nAction: failed\r\nStatus: 5.1.10\r\n"
    "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup\r\n"
    "X-Display-Name: Rita\r\n"
)
GMAIL = (
    "Reporting-MTA: dns; googlemail.test\r\nArrival-Date: Sun, 22 Nov 2026 04:00:00 -0800\r\n"
    "X-Original-Message-ID: <offer@acme.test>\r\n\r\nFinal-Recipient: rfc822; rita@out.test\r\nAction: failed\r\n"
    "Status: 5.2.2\r\nRemote-MTA: dns; gmail-smtp-in.test. (192.0.2.27, the server for the domain.)\r\n"
    "Diagnostic-Code: smtp; 552-5.2.2 The mailbox is out of storage space\r\n"
    "Last-Attempt-Date: Sun, 22 Nov 2026 04:00:01 -0800\r\n"
)
DELAYED = (
    "Reporting-MTA: dns; mail.acme.test\r\n\r\nFinal-Recipient: rfc822; rita@out.test\r\nAction: delayed\r\n"
    "Status: 4.4.1\r\nDiagnostic-Code: X-Postfix; connect to mx.out.test: Connection timed out\r\n"
    "Will-Retry-Until: Fri, 27 Nov 2026 12:00:00 +0000\r\n"
)


def simple(action: str, status: str = "2.0.0") -> str:
    return (
        "Reporting-MTA: dns; m.test\r\n\r\nFinal-Recipient: rfc822; r@out.test\r\n"
        f"Action: {action}\r\nStatus: {status}\r\n"
    )


K = ReportKind
CASES = [
    pytest.param(
        report(POSTFIX),
        K.FAILED,
        "550 5.1.1 <rita@out.test>: Recipient address rejected: User unknown (mx.out.test)",
        id="Postfix",
    ),
    pytest.param(report(POSTFIX_GAVE_UP), K.FAILED, "4.4.1 connect timed out (mx.out.test)", id="Postfix gave up"),
    pytest.param(report(EXIM), K.FAILED, "5.0.0 550 No such user here (mx.out.test)", id="Exim"),
    pytest.param(
        report(EXCHANGE),
        K.FAILED,
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        id="Exchange",
    ),
    pytest.param(
        report(GMAIL),
        K.FAILED,
        "552-5.2.2 The mailbox is out of storage space (gmail-smtp-in.test. (192.0.2.27, the server for the domain.))",
        id="Gmail",
    ),
    pytest.param(
        report(DELAYED), K.DELAYED, "4.4.1 connect to mx.out.test: Connection timed out", id="Postfix is delayed"
    ),
    pytest.param(report(simple("delivered")), K.DELIVERED, "2.0.0", id="delivered"),
    pytest.param(report(simple("relayed")), K.RELAYED, "2.0.0", id="relayed"),
    pytest.param(report(simple("expanded")), K.EXPANDED, "2.0.0", id="expanded"),
    pytest.param(report(simple("FAILED (by us)", "5.7.1")), K.FAILED, "5.7.1", id="capitals and a comment"),
    pytest.param(report(simple("rejected", "5.7.1")), K.FAILED, "5.7.1", id="no action of the RFC, class 5"),
    pytest.param(report(simple("later", "4.7.1")), K.DELAYED, "4.7.1", id="no action of the RFC, class 4"),
    pytest.param(report(simple("delayed", "5.4.7")), K.DELAYED, "5.4.7", id="the action counts, not the class"),
    pytest.param(report(simple("what", "9.9.9")), K.OTHER, "", id="neither action nor status"),
    pytest.param(report("Reporting-MTA: dns; m.test\r\nAction: failed\r\n"), K.OTHER, "", id="about no recipient"),
    pytest.param(report(""), K.OTHER, "", id="an empty status part"),
    pytest.param(
        report(f"{DELAYED}\r\nFinal-Recipient: rfc822; second@out.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"),
        K.FAILED,
        "5.1.1",
        id="of several recipients behind an alias the worst counts",
    ),
    pytest.param(
        report(
            base64.encodebytes(EXIM.encode()).decode().replace("\n", "\r\n"),
            extra="Content-Transfer-Encoding: base64\r\n",
        ),
        K.FAILED,
        "5.0.0 550 No such user here (mx.out.test)",
        id="in base64",
    ),
    pytest.param(
        report(EXIM.replace("=", "=3D"), extra="Content-Transfer-Encoding: Quoted-Printable\r\n"),
        K.FAILED,
        "5.0.0 550 No such user here (mx.out.test)",
        id="in quoted-printable",
    ),
    pytest.param(
        report(EXIM, part="message/global-delivery-status"),
        K.FAILED,
        "5.0.0 550 No such user here (mx.out.test)",
        id="internationalised",
    ),
    pytest.param(
        report(EXIM).replace(b"\r\n", b"\n"), K.FAILED, "5.0.0 550 No such user here (mx.out.test)", id="bare LF"
    ),
    pytest.param(
        report(EXIM).replace(b"report-type=delivery-status;", b""),
        K.FAILED,
        "5.0.0 550 No such user here (mx.out.test)",
        id="without report-type",
    ),
    pytest.param(report(EXIM, kind="disposition-notification"), K.AUTO_REPLY, "", id="a receipt that holds one"),
    pytest.param(
        report(EXIM).replace(b"multipart/report", b"multipart/mixed"), K.AUTO_REPLY, "", id="a forwarded report"
    ),
    pytest.param(
        b"From: MAILER-DAEMON@out.test\r\nSubject: failure notice\r\n\r\nHi. This is qmail-send at out.test."
        b"\r\nI'm afraid I could not deliver.\r\n\r\n<rita@out.test>:\r\n550 5.1.1 no mailbox here\r\n",
        K.OTHER,
        "",
        id="qmail's own form",
    ),
    pytest.param(
        b"From: Mail Delivery System <Mailer-Daemon@out.test>\r\nAuto-Submitted: auto-replied\r\n"
        b"X-Failed-Recipients: rita@out.test\r\n\r\nA message could not be delivered:\r\n  rita@out.test\r\n",
        K.AUTO_REPLY,
        "",
        id="Exim's old form",
    ),
    pytest.param(
        b"From: rita@out.test\r\nSubject: Out of office: Our offer\r\nAuto-Submitted: auto-replied; owner-email=x\r\n"
        b"\r\nI am away. Delivery to me has failed permanently, 5.1.1.\r\n",
        K.AUTO_REPLY,
        "",
        id="an absence note",
    ),
    pytest.param(b"From: r@out.test\r\nX-Autoreply: yes\r\n\r\nAway\r\n", K.AUTO_REPLY, "", id="an old absence note"),
    pytest.param(
        b"From: r@out.test\r\nPrecedence: auto_reply\r\n\r\nAway\r\n", K.AUTO_REPLY, "", id="an older absence note"
    ),
    pytest.param(b"From: rita@out.test\r\nAuto-Submitted: no\r\n\r\nHello\r\n", K.OTHER, "", id="a person writes"),
    pytest.param(b"", K.OTHER, "", id="nothing"),
    *(
        pytest.param(
            report(
                f"Feedback-Type: {said}\r\nUser-Agent: Loop/1\r\nVersion: 1\r\nOriginal-Rcpt-To: redacted\r\n",
                kind="feedback-report",
                part="message/feedback-report",
            ),
            kind,
            words,
            id=f"a complaint: {said}",
        )
        for said, kind, words in [
            ("abuse", K.COMPLAINT, "abuse"),
            ("Fraud", K.COMPLAINT, "fraud"),
            ("virus", K.COMPLAINT, "virus"),
            ("other", K.COMPLAINT, "other"),
            ("x-newest", K.COMPLAINT, "other"),
            ("not-spam", K.NOT_SPAM, ""),
        ]
    ),
]


@pytest.mark.parametrize(("raw", "kind", "words"), CASES)
def test_what_comes_back_is_taken_for_what_it_says(raw, kind, words):
    assert read_report(raw) == Report(kind=kind, words=words)


def test_a_servers_words_are_one_short_line_without_tricks():
    said = "smtp; 550 " + "no\x07 \u202egnol " * 400
    found = read_report(report(simple("failed", "5.0.0") + f"Diagnostic-Code: {said}\r\n"))
    assert found.kind is ReportKind.FAILED
    assert len(found.words) == MAX_WORDS
    assert found.words.isprintable()
    assert "\u202e" not in found.words


@given(st.binary(max_size=400) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_nothing_that_comes_raises(noise):
    assert read_report(noise).kind in (ReportKind.OTHER, ReportKind.AUTO_REPLY)
    for wrapped in (report("") + noise, report("@").replace(b"@", noise), report(EXIM).replace(b"failed", noise)):
        assert isinstance(read_report(wrapped), Report)


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
            + b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(500))
            + b"\r\n" * 500_000,
            id="boundaries within boundaries",
        ),
        pytest.param(report("Action: failed\r\nStatus: 5.0.0\r\n\r\n" * 30_000), id="very many recipients"),
        pytest.param(report("X: " + " ;" * 500_000), id="one long field"),
        pytest.param(report("").replace(b"--=_b1--", b"--=_b1\r\n\r\n" * 90_000), id="very many parts"),
        pytest.param(report("\r\n" * 500_000), id="empty lines"),
    ],
)
def test_no_mail_of_the_largest_size_tires_us_out(hostile):
    assert isinstance(read_report(hostile[:REPORT_BYTES]), Report)  # what is quadratic runs into the tests' own limit

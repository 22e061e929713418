"""What a mail that came back says: a delivery status notification, a complaint, or something else. Pure.

Only what says so in the forms of RFC 3464 and RFC 5965 is taken for a report: a guess from free text
would call an absence note a bounce one day. Whom a report is about is not asked of it, since the address
it came to was signed for one recipient; the addresses inside may have been rewritten on the way.
"""

import binascii
import re
from typing import Final

from seenby.instrument import Headers, scan_headers
from seenby.instrument.parts import ReportPart, report_parts
from seenby.words.report import Report, ReportKind

MAX_WORDS: Final = 500  # characters of a server's words that are kept
_MAX_GROUPS: Final = 200  # recipients in one notification
_STATUS: Final = re.compile(r"(?<![\d.])([245])\.\d{1,3}\.\d{1,3}(?![\d.])", re.ASCII)  # RFC 3463 2
_TYPED: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30}\s*;\s*")  # "smtp; ", "x-unix; ", "dns; "
_BLANK: Final = re.compile(rb"\n[ \t]*\r?\n")


_ACTIONS: Final = {
    "failed": ReportKind.FAILED,
    "delayed": ReportKind.DELAYED,
    "delivered": ReportKind.DELIVERED,
    "relayed": ReportKind.RELAYED,
    "expanded": ReportKind.EXPANDED,
}
_CLASSES: Final = {"5": ReportKind.FAILED, "4": ReportKind.DELAYED, "2": ReportKind.DELIVERED}
_GRAVITY: Final = (
    ReportKind.FAILED,
    ReportKind.DELAYED,
    ReportKind.DELIVERED,
    ReportKind.RELAYED,
    ReportKind.EXPANDED,
)
_COMPLAINTS: Final = frozenset({"abuse", "fraud", "virus", "other"})


def read_report(raw: bytes) -> Report:
    """What the mail `raw` says of our copy. Never raises: anyone may write to a return address."""
    headers = scan_headers(raw)
    found = report_parts(raw, headers)
    if found is not None:
        for part in found.parts:
            if part.kind in ("message/delivery-status", "message/global-delivery-status") and (
                found.report_type in ("", "delivery-status")
            ):
                return _status(_content(raw, part)) or Report(kind=ReportKind.OTHER)
            if part.kind == "message/feedback-report" and found.report_type in ("", "feedback-report"):
                return _complaint(scan_headers(_content(raw, part)))
    return Report(kind=ReportKind.AUTO_REPLY if _is_automatic(headers) else ReportKind.OTHER)


def _status(content: bytes) -> Report | None:
    """A notification (RFC 3464 2.1): fields about the message, then a group for each recipient it is about."""
    groups = [scan_headers(group.strip()) for group in _BLANK.split(content, _MAX_GROUPS + 1)[: _MAX_GROUPS + 1]]
    told = [report for group in groups if (report := _of_recipient(group)) is not None]
    return min(told, key=lambda report: _GRAVITY.index(report.kind)) if told else None


def _of_recipient(group: Headers) -> Report | None:
    """The action decides; where it is none of RFC 3464 2.3.3, the class of the status does (RFC 3463 3.1)."""
    status = _STATUS.search(group.first("status") or "")
    kind = _ACTIONS.get(_word(group.first("action")))
    if kind is None and status is not None:
        kind = _CLASSES[status[1]]
    if kind is None or not (status or group.raw("final-recipient") or group.raw("original-recipient")):
        return None
    return Report(kind=kind, words=_diagnosis(group, status[0] if status else ""))


def _diagnosis(group: Headers, status: str) -> str:
    """The status, what the server said, and which server; the type before a value is left out (RFC 3464 2.1.2)."""
    said = _untyped(group.first("diagnostic-code"))
    server = _untyped(group.first("remote-mta"))
    shown = "" if status in said else status
    return _cut(" ".join(filter(None, (shown, said, f"({server})" if server else ""))))


def _complaint(fields: Headers) -> Report:
    """A feedback report (RFC 5965 3); a kind that is not registered counts as `other`, as it asks for."""
    kind = _word(fields.first("feedback-type"))
    if kind == "not-spam":
        return Report(kind=ReportKind.NOT_SPAM)
    return Report(kind=ReportKind.COMPLAINT, words=kind if kind in _COMPLAINTS else "other")


def _is_automatic(headers: Headers) -> bool:
    """Whether a machine answered (RFC 3834 5), or a program from before that RFC says so in its own way."""
    said = _word(headers.first("auto-submitted"))
    old = any(headers.raw(name) for name in ("x-autoreply", "x-autorespond", "x-auto-response"))
    return said not in ("", "no") or old or _word(headers.first("precedence")) == "auto_reply"


def _content(raw: bytes, part: ReportPart) -> bytes:
    """A part's content; one that is not written as it says is read as far as it goes."""
    written = raw[part.start : part.end]
    match _word(part.headers.first("content-transfer-encoding")):
        case "quoted-printable":
            return binascii.a2b_qp(written)
        case "base64":
            try:
                return binascii.a2b_base64(written)
            except binascii.Error:
                return b""
        case _:
            return written


def _word(text: str | None) -> str:
    """The first word of a value: a comment or a parameter may follow."""
    return re.split(r"[\s;(]", (text or "").strip(), maxsplit=1)[0].lower()


def _untyped(text: str | None) -> str:
    found = _TYPED.match(text or "")
    return (text or "")[found.end() if found else 0 :]


def _cut(text: str) -> str:
    """A stranger's words as one line that any store takes and any screen shows."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text.encode("utf-8", "replace").decode())
    return " ".join(clean.split())[:MAX_WORDS]

"""What a mail that came back to a return address says. A closed set, as read_report tells it."""

from dataclasses import dataclass
from enum import StrEnum


class ReportKind(StrEnum):
    """What came back; the values stand in the delivery story beside those of our own attempts."""

    FAILED = "came_back"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    COMPLAINT = "complained"
    NOT_SPAM = "not_spam"
    AUTO_REPLY = "auto_reply"
    OTHER = "other_mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came back, and its words on one line: a diagnostic, a kind of complaint, or nothing."""

    kind: ReportKind
    words: str = ""

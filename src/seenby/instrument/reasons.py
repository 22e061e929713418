"""Why a message, a part or a link was left as it was: closed lists, each entry with a sentence for the screen."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Untouched(StrEnum):
    """Why nothing at all in a message could be instrumented."""

    SIGNED = "signed"
    ENCRYPTED = "encrypted"
    DKIM_SIGNED = "dkim_signed"
    SIGNATURE_KEPT = "signature_kept"
    REPORT = "report"
    EMPTY_BODY = "empty_body"
    NO_BODY_PART = "no_body_part"
    NOTHING_TO_TRACK = "nothing_to_track"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_DEEP = "too_deep"
    HEADERS_TOO_LONG = "headers_too_long"
    HTML_TOO_LARGE = "html_too_large"
    MALFORMED = "malformed"
    UNKNOWN_CHARSET = "unknown_charset"
    UNKNOWN_ENCODING = "unknown_encoding"

    @property
    def sentence(self) -> str:
        """The reason in plain words."""
        return _UNTOUCHED[self]


class Left(StrEnum):
    """Why one part or one link stayed as it was, or why a channel is missing."""

    TEXT_ONLY = "text_only"
    OPTED_OUT = "opted_out"
    LISTED_HOST = "listed_host"
    VISIBLE_URL = "visible_url"
    IN_NOSCRIPT = "in_noscript"
    PART_NOT_WANTED = "part_not_wanted"
    UNSUBSCRIBE_LINK = "unsubscribe_link"
    OWN_LINK = "own_link"
    QUOTED_UNSUBSCRIBE = "quoted_unsubscribe"
    ODD_LINK = "odd_link"
    LINK_TOO_LONG = "link_too_long"
    TOO_MANY_LINKS = "too_many_links"
    LINE_TOO_LONG = "line_too_long"
    PART_EMPTY = "part_empty"
    PART_SIGNED = "part_signed"
    PART_ENCRYPTED = "part_encrypted"
    PART_CHARSET = "part_charset"
    PART_ENCODING = "part_encoding"
    PART_MALFORMED = "part_malformed"
    PART_TOO_LARGE = "part_too_large"

    @property
    def sentence(self) -> str:
        """The reason in plain words."""
        return _LEFT[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One reason and how many parts or links it concerns; never their text."""

    reason: Left
    count: int = 1

    @property
    def sentence(self) -> str:
        """The reason in plain words."""
        return self.reason.sentence


_UNTOUCHED: Final[Mapping[Untouched, str]] = {
    Untouched.SIGNED: "The message is signed; changing it would break the signature.",
    Untouched.ENCRYPTED: "The message is encrypted; there is nothing we could read or change.",
    Untouched.DKIM_SIGNED: "Another domain has signed the message (DKIM); changing it would break the signature.",
    Untouched.SIGNATURE_KEPT: (
        "The message carries your own domain's signature (DKIM), and your settings say that such mail stays."
    ),
    Untouched.REPORT: "The message is a delivery or read report, not mail that somebody reads.",
    Untouched.EMPTY_BODY: "Not trackable: the body is empty.",
    Untouched.NO_BODY_PART: "Not trackable: the message holds attachments only.",
    Untouched.NOTHING_TO_TRACK: "Not trackable: plain text, and no link in it that we could wrap.",
    Untouched.TOO_MANY_PARTS: "The message has more parts than we look at.",
    Untouched.TOO_DEEP: "The message's parts are nested deeper than we look.",
    Untouched.HEADERS_TOO_LONG: "The message's headers are longer than we read.",
    Untouched.HTML_TOO_LARGE: "The message's text is larger than we rewrite.",
    Untouched.MALFORMED: "The message is not built as mail should be; touching it could break it.",
    Untouched.UNKNOWN_CHARSET: "The message's character set is one we do not rewrite.",
    Untouched.UNKNOWN_ENCODING: "The message's transfer encoding is one we do not rewrite.",
}

_LEFT: Final[Mapping[Left, str]] = {
    Left.TEXT_ONLY: "Plain text only: links can be tracked, opens cannot.",
    Left.OPTED_OUT: "The author asked that this link is not tracked.",
    Left.LISTED_HOST: "The link leads to a host that the sender keeps out of tracking.",
    Left.VISIBLE_URL: "The link's text is an address, and the sender wants such links to stay.",
    Left.IN_NOSCRIPT: "The link is for programs without scripts, and the sender wants such links to stay.",
    Left.PART_NOT_WANTED: "The sender wants the links of this kind of part to stay.",
    Left.UNSUBSCRIBE_LINK: "Unsubscribing is never tracked.",
    Left.OWN_LINK: "The link is a tracking link of ours already.",
    Left.QUOTED_UNSUBSCRIBE: (
        "In tracked copies a quoted link leads nowhere, because it would have unsubscribed who got the earlier message."
    ),
    Left.ODD_LINK: "Mail programs would not agree where this link leads.",
    Left.LINK_TOO_LONG: "The link is too long to be tracked.",
    Left.TOO_MANY_LINKS: "The message holds more links than we track.",
    Left.LINE_TOO_LONG: "Tracking this link would make a line longer than mail allows.",
    Left.PART_EMPTY: "A part of the message is empty.",
    Left.PART_SIGNED: "A part of the message is signed.",
    Left.PART_ENCRYPTED: "A part of the message is encrypted.",
    Left.PART_CHARSET: "A part's character set is one we do not rewrite.",
    Left.PART_ENCODING: "A part's transfer encoding is one we do not rewrite.",
    Left.PART_MALFORMED: "A part is not built as mail should be.",
    Left.PART_TOO_LARGE: "A part is larger than we rewrite.",
}

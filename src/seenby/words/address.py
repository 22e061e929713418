"""An address: `local@domain`, as text we parsed (RFC 5321 4.1.2).

The local part keeps its case for sending, because only its own host may say that case does not
matter (RFC 5321 2.4); for comparing, everybody treats it as one, and so do we.
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_ADDRESS: Final = 254  # RFC 5321 4.5.3.1.3 allows a path of 256 octets, brackets included
MAX_LOCAL: Final = 64  # RFC 5321 4.5.3.1.1
# Besides what RFC 5322 3.2.3 keeps out: control characters, what turns the direction of text around, and surrogates,
# which is what bytes that are no UTF-8 become on their way in.
_DOT_ATOM: Final = re.compile(
    r"[^\s\x00-\x20\x7f-\x9f\"(),:;<>@\[\]\\\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+\Z"
)
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox name; `str()` gives it as it is written on the wire."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """The form two spellings of one mailbox share; compare and store by this."""
        return f"{self.local}@{self.domain}".casefold()


def parse_address(text: str) -> Address | None:
    """The address in `text` (with or without angle brackets), or None. Never raises.

    Quoted local parts and address literals are refused: nobody we could track has one, and both
    are a well-worn way to smuggle a second address past a check.
    """
    text = text.strip()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1].strip()
    local, at, domain = text.rpartition("@")
    domain = domain.removesuffix(".").lower()
    if not at or len(text.encode("utf-8", "replace")) > MAX_ADDRESS or len(local) > MAX_LOCAL:
        return None
    if not _DOT_ATOM.match(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        return None
    return Address(local, domain) if _DOMAIN.match(domain) else None

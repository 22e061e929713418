"""The fields with which a recipient's mail program offers to unsubscribe (RFC 2369 3.2, RFC 8058). Pure.

They have nothing to do with tracking, so a copy that is not tracked gets them as well. A message that
has a way of its own to unsubscribe keeps it, and nobody else's signature is broken for ours.
"""

from typing import Final

from seenby.instrument import Headers, Untouched
from seenby.instrument.headers import signs_field
from seenby.words.message import ClaimedCopy
from seenby.words.policy import Level
from seenby.words.token import Keyring, Kind, Token, token_url

_FIELDS: Final = frozenset(("list-unsubscribe", "list-unsubscribe-post"))
_FOREIGN: Final = frozenset((Untouched.DKIM_SIGNED, Untouched.SIGNATURE_KEPT))


def unsubscribe_url(copy: ClaimedCopy, *, keys: Keyring) -> str | None:
    """Where this recipient unsubscribes; None when no URL can hold it.

    The level `counted` makes the tracker keep nothing of the client: whoever leaves is asked for nothing.
    """
    token = Token(kind=Kind.UNSUBSCRIBE, level=Level.COUNTED, message=copy.message, recipient=copy.recipient)
    return token_url(
        copy.tracking_url, token, keys, key_id=copy.key_id if copy.key_id in keys.keys else None
    )  # a revoked key signs nothing more


def unsubscribe_lines(headers: Headers, *, url: str, untouched: Untouched | None, is_signed_again: bool) -> bytes:
    """The header lines to add to a copy; none where they must not be.

    One click is promised for https only, as RFC 8058 3.1 wants it.
    """
    if any(headers.raw(name) for name in _FIELDS):
        return b""
    breaks = any(signs_field(signature, _FIELDS) for signature in headers.raw("DKIM-Signature"))
    if breaks and (untouched in _FOREIGN or not is_signed_again):
        return b""
    lines = f"List-Unsubscribe: <{url}>\r\n"
    if url.startswith("https://"):
        lines += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return lines.encode("ascii")

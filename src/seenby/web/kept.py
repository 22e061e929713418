"""A sent message as it is kept: its page, the same with the links that people followed, and a harmless copy.

Nothing here makes a hit: what is shown carries no pixel and leads to the targets themselves, and the copy for
downloading carries tokens of a key that nobody believes.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from seenby.delivery.copy import added_headers
from seenby.delivery.intake import own_domain
from seenby.instrument import NO_WISHES, Analysis, analyse, scan_headers, stamp, untouched_copy
from seenby.instrument.wishes import read_wishes
from seenby.report.timeline import LinkCount
from seenby.store import Transaction
from seenby.store.times import moment
from seenby.web.rendering import page_of
from seenby.words.address import parse_address
from seenby.words.policy import Level, Policy
from seenby.words.token import MESSAGE_BYTES, RECIPIENT_BYTES, Keyring, encode_id

_LINKS_ALONE: Final = Policy(pixels=Level.OFF, links=Level.COUNTED)
_NOBODY: Final = encode_id(bytes(MESSAGE_BYTES))
_STEPS: Final = 4  # of warmth; 0 is a link that nobody followed
_STYLE: Final = (
    "<style>[data-seenby-clicks]{outline:2px solid #9aa4b2!important;outline-offset:2px!important}"
    "[data-seenby-warmth='1']{outline-color:#e8b04a!important}[data-seenby-warmth='2']{outline-color:#e8862e!important}"
    "[data-seenby-warmth='3']{outline-color:#dc5a22!important}[data-seenby-warmth='4']{outline-color:#c4261d!important}"
    "[data-seenby-clicks]::after{content:attr(data-seenby-clicks)!important;display:inline-block!important;"
    "margin:0 0 0 6px!important;padding:0 6px!important;border-radius:9px!important;background:#5b6675!important;"
    "color:#fff!important;font:600 11px/18px system-ui,sans-serif!important;letter-spacing:0!important;"
    "text-transform:none!important;text-decoration:none!important;white-space:nowrap!important}"
    "[data-seenby-warmth='1']::after{background:#8a5a00!important}"
    "[data-seenby-warmth='2']::after{background:#a34a00!important}"
    "[data-seenby-warmth='3']::after{background:#b23a0c!important}"
    "[data-seenby-warmth='4']::after{background:#a81c14!important}</style>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message as it was submitted, with what it was accepted with. `row` is of the statement `kept_message`."""

    raw: bytes
    row: Mapping[Any, Any]

    def analysed(self, keys: Keyring) -> Analysis:
        """Read again as it was when it was accepted, so that its links have the numbers they had."""
        sender = parse_address(self.row["from_address"])
        return analyse(
            self.raw,
            tracking_url=self.row["tracking_url"],
            keys=keys,
            wishes=read_wishes(self.row["wishes"]) or NO_WISHES,
            sender_domain=own_domain(sender) if sender else "",
        )


async def kept_message(tx: Transaction, message: str) -> Kept | None:
    """The message while it is kept; who may see it was asked before."""
    row = await tx.one("kept_message", message=message)
    return Kept(raw=bytes(row["raw"]), row=row) if row else None


def written_page(kept: Kept) -> str:
    """The message as its recipients see it, but for images that lie elsewhere."""
    return page_of(kept.raw)


def heat_page(kept: Kept, clicks: Mapping[int, LinkCount], *, keys: Keyring) -> str:
    """The same, each tracked link in the colour of how many people followed it; `clicks` by link number."""
    copy = stamp(
        kept.analysed(keys),
        message=_NOBODY,
        recipient=None,
        policy=_LINKS_ALONE,
        keys=nobodys_keys(),
        tracking_url=kept.row["tracking_url"],
    )
    page = page_of(copy.message)
    targets = {link.url: (link.number, link.target) for link in copy.links}
    if not targets:
        return page
    most = max((count.people for count in clicks.values()), default=0)
    # One pass over the page for all links: a message may have thousands.
    url = re.compile(
        rf"(href\s*=\s*)?([\"']?)({re.escape(kept.row['tracking_url'])}/c/[A-Za-z0-9_-]+)(\2)", re.IGNORECASE
    )

    def replaced(found: re.Match[str]) -> str:
        if found[3] not in targets:
            return found[0]
        number, target = targets[found[3]]
        if not found[1]:
            return f"{found[2]}{escape(target)}{found[4]}"
        people = clicks[number].people if number in clicks else 0
        warmth = -(-people * _STEPS // most) if most else 0
        words = "nobody" if not people else "1 click" if people == 1 else f"{people:,} clicks"
        return f'data-seenby-warmth="{warmth}" data-seenby-clicks="{words}" href="{escape(target)}"'

    return url.sub(replaced, page) + _STYLE


def harmless_copy(kept: Kept, recipient: Mapping[Any, Any], *, keys: Keyring, host: str) -> bytes:
    """What one recipient was sent, byte by byte but for its tokens and signature: opening it makes no hit."""
    at = moment(kept.row["accepted_at"])
    added = added_headers(scan_headers(kept.raw), message_id=kept.row["message_id"], host=host, at=at)
    if recipient["untracked"]:
        return untouched_copy(kept.raw, prepend=added)
    return stamp(
        kept.analysed(keys),
        message=_NOBODY,
        recipient=encode_id(bytes(RECIPIENT_BYTES - 1) + b"\x01"),
        policy=Policy(pixels=Level(recipient["pixels"]), links=Level(recipient["links"])),
        keys=nobodys_keys(),
        tracking_url=kept.row["tracking_url"],
        prepend=added,
    ).message


def nobodys_keys() -> Keyring:
    """A key that is forgotten at once: tokens of the right length that no tracker believes and that name nobody."""
    return Keyring(keys={0: secrets.token_bytes(32)}, current=0)

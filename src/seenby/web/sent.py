"""Sent: every message of the team, what became of each copy, and what was seen of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import RowMapping

from seenby.store import Transaction
from seenby.web.given import Given, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.problem import NotFound
from seenby.words.message import Sender

router = APIRouter()
PAGE: Final = 30
SHOWN_PEOPLE: Final = 4  # of one message; the rest stand on its own page
_END: Final = 2**62  # later than any message


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRow:
    """One message in the list."""

    message: Mapping[Any, Any]
    people: Sequence[Mapping[Any, Any]]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages: whose, with which words, and from where on."""

    who: str = "everyone"
    words: str = ""
    before: int = _END
    before_id: str = ""

    @property
    def is_start(self) -> bool:
        """Whether this is the newest page, which grows by itself."""
        return self.before == _END

    def address(self, **changed: str | int) -> str:
        """The address of these messages, with something changed."""
        values: dict[str, str | int] = {"who": self.who, "words": self.words, **changed}
        query = {name: value for name, value in values.items() if value and (name, value) != ("who", "everyone")}
        return f"/?{urlencode(query)}" if query else "/"


@router.get("/")
async def sent_page(
    request: Request,
    parts: Given,
    sender: SignedIn,
    who: Annotated[str, Query(max_length=10)] = "everyone",
    words: str = "",
    before: Annotated[int, Query(ge=0, le=_END)] = _END,
    before_id: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The list, newest first, in pages by key."""
    wanted = Wanted(
        who="me" if who == "me" else "everyone", words=words.strip()[:200], before=before, before_id=before_id
    )
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        messages = await _find(tx, sender, wanted)
        rows = await sent_rows(tx, messages[:PAGE])
        nothing_yet = not rows and not await _has_sent(tx, sender)
    last = messages[PAGE - 1] if len(messages) > PAGE else None
    older = wanted.address(before=last["accepted_at"], before_id=last["id"]) if last else None
    host, _, port = parts.smtp_address.rpartition(":")
    return draw(
        request,
        "sent.html",
        frame=frame,
        rows=rows,
        wanted=wanted,
        older=older,
        nothing_yet=nothing_yet,
        smtp={"host": host.strip("[]"), "port": port},
        catches=not (sender.next_hop or parts.settings.next_hop),
    )


@router.get("/messages/{message_id}/row")
async def sent_row(message_id: str, request: Request, parts: Given, sender: SignedIn) -> Response:
    """One line of the list again, after something happened to its message."""
    async with parts.store.read() as tx:
        message = await tx.one("message", id=message_id, team=sender.team)
        if message is None:
            raise NotFound
        rows = await sent_rows(tx, [message])
    return draw(request, "sent_row.html", row=rows[0])


async def _find(tx: Transaction, sender: Sender, wanted: Wanted) -> Sequence[RowMapping]:
    key = {"before": wanted.before, "before_id": wanted.before_id, "limit": PAGE + 1}
    if wanted.words:
        words = f"%{_escaped(wanted.words.lower())}%"
        if wanted.who == "me":
            return await tx.all("search_sent_of_sender", sender=sender.id, words=words, **key)
        return await tx.all("search_sent", team=sender.team, words=words, **key)
    if wanted.who == "me":
        return await tx.all("sent_page_of_sender", sender=sender.id, **key)
    return await tx.all("sent_page", team=sender.team, **key)


def _escaped(words: str) -> str:
    """Words for LIKE, in which nothing stands for anything else."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _has_sent(tx: Transaction, sender: Sender) -> bool:
    row = await tx.one("count_messages", team=sender.team)
    return bool(row and row["n"])


async def sent_rows(tx: Transaction, messages: Sequence[RowMapping]) -> Sequence[SentRow]:
    """Messages with their first recipients."""
    found = []
    for message in messages:
        people = await tx.all("recipients_of", message=message["id"])
        notes = await tx.one("notes_of", id=message["id"])
        known = {**message, "notes": notes["notes"] if notes else "[]"}
        people = sorted(
            people, key=lambda person: person["untracked"] is not None
        )  # those we can tell something of first
        shown = len(people) if len(people) <= SHOWN_PEOPLE + 1 else SHOWN_PEOPLE
        found.append(SentRow(message=known, people=people[:shown], more=len(people) - shown))
    return found

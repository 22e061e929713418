"""Sent: every message of the team, what became of each copy, what was seen of it, and how to find some of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import RowMapping

from seenby.store import Transaction, labels, lists, reminders
from seenby.store.lists import END, State, Wanted
from seenby.store.people import sender_addresses
from seenby.store.times import micros
from seenby.web.given import Given, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.problem import NotFound
from seenby.web.start import first_steps, has_samples
from seenby.words.address import parse_address
from seenby.words.message import Sender

router = APIRouter()
PAGE: Final = 30
ROWS: Final = 100  # that are fetched again at once; frontend/src/rows.js asks for no more
SHOWN_PEOPLE: Final = 4  # of one message; the rest stand on its own page
QUIET: Final = timedelta(days=3)  # after which "no sign" is one
ME: Final = "me"
STATES: Final[Mapping[str, str]] = {
    State.SEEN: "Seen or clicked",
    State.UNANSWERED: "Seen, not answered",
    State.CLICKED: "Clicked",
    State.ANSWERED: "Answered",
    State.NO_SIGN: "No sign after 3 days",
    State.CANNOT_KNOW: "Cannot know",
    State.FAILED: "Not delivered",
    State.REMINDED: "Reminders",
}


class Filter(BaseModel):
    """What the address of a list asks for. What makes no sense asks for nothing: an old link is still a list."""

    who: str = Field(default="", max_length=64)
    words: str = Field(default="", max_length=200)
    to: str = Field(default="", max_length=320)
    label: str = Field(default="", max_length=40)
    thread: str = Field(default="", max_length=998)
    state: str = Field(default="", max_length=20)
    since: str = Field(default="", max_length=10)
    until: str = Field(default="", max_length=10)

    def query(self, **changed: str | int) -> str:
        """The address of these messages, with something changed."""
        values: dict[str, str | int] = {**self.model_dump(), **changed}
        query = {name: value for name, value in values.items() if value not in ("", "everyone")}
        return f"?{urlencode(query)}" if query else ""

    def address(self, **changed: str | int) -> str:
        """The list's page, with something changed."""
        return f"/{self.query(**changed)}"

    @property
    def is_everything(self) -> bool:
        """Whether nothing is asked for."""
        return not self.query(who="")

    def wanted(self, sender: Sender, *, now: datetime) -> Wanted:
        """The same for the store."""
        to = self.to.strip().lower().removeprefix("@")
        person = parse_address(to) if "@" in to else None
        return Wanted(
            team=sender.team,
            reader=sender.id,
            sender=sender.id if self.who == ME else self.who if self.who != "everyone" else "",
            words=self.words.strip(),
            person=(person.key if person else to) if "@" in to else "",
            domain="" if "@" in to else to,
            label=self.label,
            thread=self.thread,
            state=State(self.state) if self.state in STATES else None,
            since=_day(self.since) or 0,
            until=_day(self.until, later=timedelta(days=1)) or END,
            quiet_before=micros(now - QUIET),
        )

    def chips(self, senders: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """What is asked for in words, each with the address of the list without it."""
        said = {
            "state": STATES.get(self.state, ""),
            "to": f"to {self.to}" if self.to else "",
            "label": f"label {self.label}" if self.label else "",
            "thread": "one conversation" if self.thread else "",
            "who": "" if self.who in ("", ME, "everyone") else f"by {senders.get(self.who, 'somebody else')}",
            "since": f"from {self.since}" if _day(self.since) else "",
            "until": f"until {self.until}" if _day(self.until) else "",
        }
        return ((words, self.address(**{name: ""})) for name, words in said.items() if words)


def _day(text: str, *, later: timedelta = timedelta(0)) -> int | None:
    try:
        day = date.fromisoformat(text)
        return micros(datetime(day.year, day.month, day.day, tzinfo=UTC) + later)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRow:
    """One message in the list."""

    message: Mapping[Any, Any]
    people: Sequence[Mapping[Any, Any]]
    more: int
    labels: Sequence[str]
    in_thread: int  # messages of its thread
    sights: Sequence[tuple[int, str]]
    reminder: Mapping[Any, Any] | None  # of the one who looks


@router.get("/")
async def sent_page(
    request: Request,
    parts: Given,
    sender: SignedIn,
    asked: Annotated[Filter, Query()],
    before: Annotated[int, Query(ge=0, le=END)] = END,
    before_id: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The list, newest first, in pages by key."""
    wanted = asked.wanted(sender, now=parts.now())
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        messages = await lists.find(tx, replace(wanted, before=before, before_id=before_id), limit=PAGE + 1)
        rows = await sent_rows(tx, sender, messages[:PAGE])
        nothing_yet = not rows and not await _has_sent(tx, sender)
        senders = await sender_addresses(tx, team=sender.team)
        used = await labels.of_team(tx, team=sender.team)
        saved = await tx.all("saved_filters", sender=sender.id)
        is_whole = before == END and asked.is_everything
        steps = await first_steps(tx, sender, parts.settings) if is_whole else []
        samples = await has_samples(tx, sender)
    last = messages[PAGE - 1] if len(messages) > PAGE else None
    host, _, port = parts.smtp_address.rpartition(":")
    return draw(
        request,
        "sent.html",
        frame=frame,
        rows=rows,
        asked=asked,
        is_start=before == END,
        older=asked.address(before=last["accepted_at"], before_id=last["id"]) if last else None,
        nothing_yet=nothing_yet,
        states=STATES,
        senders=senders,
        labels=used,
        saved=saved,
        steps=steps,
        samples=samples,
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
        rows = await sent_rows(tx, sender, [message])
    return draw(request, "sent_row.html", row=rows[0])


@router.get("/rows")
async def several_rows(
    request: Request, parts: Given, sender: SignedIn, message: Annotated[list[str], Query(max_length=ROWS)]
) -> Response:
    """Several lines again, for a page that puts each into its place; those that are no longer there are left out."""
    async with parts.store.read() as tx:
        asked = [{"id": one, "team": sender.team} for one in dict.fromkeys(message)]
        await tx.ahead(*(("message", one) for one in asked))
        found = [await tx.one("message", **one) for one in asked]
        rows = await sent_rows(tx, sender, [one for one in found if one is not None])
    return draw(request, "sent_rows.html", rows=rows)


async def _has_sent(tx: Transaction, sender: Sender) -> bool:
    return await tx.one("any_message", team=sender.team) is not None


async def sent_rows(tx: Transaction, sender: Sender, messages: Sequence[RowMapping]) -> Sequence[SentRow]:
    """Messages with what their lines show."""
    people = await lists.people_of(tx, messages)
    called = await labels.of_messages(tx, messages)
    threads = await lists.thread_sizes(tx, messages, team=sender.team)
    sights = await lists.sights_of(tx, messages)
    reminded = await reminders.reminders_of(tx, messages, sender=sender.id)
    return [
        _row(
            message,
            people[message["id"]],
            labels=called[message["id"]],
            in_thread=threads.get(message["thread"], 1),
            sights=sights[message["id"]],
            reminder=reminded.get(message["id"]),
        )
        for message in messages
    ]


def _row(message: RowMapping, everybody: Sequence[RowMapping], **rest: Any) -> SentRow:  # noqa: ANN401 - as in SentRow
    # Those we can tell something of come first.
    people = sorted(everybody, key=lambda person: person["untracked"] is not None)
    shown = len(people) if len(people) <= SHOWN_PEOPLE + 1 else SHOWN_PEOPLE
    return SentRow(message=message, people=people[:shown], more=len(people) - shown, **rest)

"""One message: what happened to it and around it, with every hit, every verdict and every reason."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import RowMapping

from seenby.report.audience import audience
from seenby.report.counting import thread_opens
from seenby.report.moments import moments_of
from seenby.report.reading import ME, PERSON
from seenby.report.summary import Summary, rate_words, summarize
from seenby.report.timeline import OPEN, LinkCount, Moment, Timeline, link_counts, timeline
from seenby.report.views import VIEWS, view_named
from seenby.store import Transaction
from seenby.store.hits import CLICK
from seenby.store.times import micros, moment
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.problem import NotFound
from seenby.web.written import preview_of
from seenby.words.message import Sender

router = APIRouter()
_NO_CLICKS = LinkCount()
SHOWN_HITS = 1000  # whoever has a copy can fetch its pixel as often as they like; the page must still be one


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """One link of the message and who followed it."""

    number: int
    part: str
    target: str
    clicks: LinkCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Attempts at the next hop that ended alike: for whom, and what it answered."""

    outcome: str
    reply: str
    at: int
    names: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """Everything the page shows."""

    message: RowMapping
    recipients: Sequence[RowMapping]
    names: Mapping[str | None, str]
    timeline: Timeline
    moments: Sequence[Moment]
    counted: Mapping[str, int]  # opens and clicks by people, of all hits
    fetches: int  # all of them; only the latest are shown
    links: Sequence[LinkRow]
    targets: Mapping[int | None, str]
    deliveries: Sequence[Attempts]
    notes: Sequence[str]
    unsubscribed: Mapping[str, int]  # by recipient, when they did so from this very message
    thread_opens: int
    once_each: bool  # the thread's count takes each reader once, however far apart
    summary: Summary | None  # of a message with several recipients
    said: Mapping[str, RowMapping]  # by hit: what somebody of the team said that it was
    asked: str  # the view that the page's address names, which lasts as long as the page

    @property
    def opens(self) -> int:
        """Opens by people, repeats folded; those of the level counted too, which no recipient has."""
        return self.counted[OPEN]

    @property
    def clicks(self) -> int:
        """Clicks by people, repeats folded."""
        return self.counted[CLICK]

    @property
    def machine_hits(self) -> int:
        """Hits that machines and our own side caused."""
        return sum(entry.count for entry in self.timeline.machines)


@router.get("/messages/{message_id}")
async def message_page(
    message_id: str,
    request: Request,
    parts: Given,
    sender: SignedIn,
    view: str = "",
    said: str = "",
    *,
    plain: bool = False,
) -> Response:
    """The page; another team's message is none.

    `view` counts another way for this once; `said` is a hit spoken of; `plain` shows the message without clicks.
    """
    asked = view if view in VIEWS else ""
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        page = await _read(tx, parts, sender, message_id, asked=asked)
        reminder = await tx.one("reminder_of", sender=sender.id, message=message_id)
        is_kept = await tx.one("is_kept", message=message_id) is not None
    return draw(
        request,
        "message.html",
        frame=frame,
        page=page,
        told=page.said.get(said),
        views=VIEWS.values(),
        rate_words=rate_words,
        reminder=reminder,
        preview=preview_of(parts, message_id, heat=not plain) if is_kept else None,
        plain=plain,
        kept_for=parts.settings.keep_message,
    )


@router.post("/messages/{message_id}/view")
async def count_as(
    message_id: str, parts: Given, sender: SignedIn, view: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Count this way from now on, on every message that this sender looks at."""
    async with parts.store.write() as tx:
        await tx.run("put_setting", team=sender.team, name=_remembered(sender), value=view_named(view).name)
    return RedirectResponse(f"/messages/{message_id}#counting", status_code=303)


@router.post("/messages/{message_id}/hits/{hit}/said")
async def say(
    message_id: str,
    hit: str,
    parts: Given,
    sender: SignedIn,
    what: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Say of a hit that it was the sender (me) or the recipient (person), or take it back (nothing)."""
    if what not in (ME, PERSON, ""):
        raise NotFound
    at = micros(parts.now())
    async with parts.store.write() as tx:
        if not await tx.one("hit_of_message", hit=hit, message=message_id, team=sender.team):
            raise NotFound
        if what:
            await tx.run("say", hit=hit, team=sender.team, message=message_id, what=what, sender=sender.id, at=at)
        else:
            await tx.run("unsay", hit=hit)
        await tx.run("set_judge_at", id=message_id, at=at)
    return RedirectResponse(f"/messages/{message_id}{f'?said={hit}' if what else ''}", status_code=303)


def _remembered(sender: Sender) -> str:
    return f"view:{sender.id}"


async def _summary(
    tx: Transaction,
    sender: Sender,
    message: RowMapping,
    recipients: Sequence[RowMapping],
    moments: Sequence[Moment],
    *,
    asked: str,
) -> Summary | None:
    if len(audience(recipients)) < 2:
        return None  # what one person did needs no counting
    kept = await tx.one("setting", team=sender.team, name=_remembered(sender))
    view = view_named(asked or (kept["value"] if kept else None))
    return await summarize(tx, message, recipients, moments, view=view)


async def _read(tx: Transaction, parts: Parts, sender: Sender, message_id: str, *, asked: str) -> MessagePage:
    message = await tx.one("message", id=message_id, team=sender.team)
    if message is None:
        raise NotFound
    recipients = await tx.all("recipients_of", message=message_id)
    moments = await moments_of(tx, message_id)
    links = await tx.all("links_of", message=message_id)
    clicks = link_counts(moments)
    names = {row["id"]: row["name"] or row["address"] for row in recipients}
    in_thread = await tx.all("thread_hits", team=sender.team, thread=message["thread"])
    opens = [(row["address"] or "", moment(row["at"])) for row in in_thread if row["channel"] == OPEN]
    return MessagePage(
        message=message,
        recipients=recipients,
        names=names,
        timeline=timeline(moments[-SHOWN_HITS:]),
        moments=moments[-SHOWN_HITS:][::-1],
        counted=Counter(one.channel for one in moments if one.opinion is not None and one.opinion.counted),
        fetches=len(moments),
        links=[
            LinkRow(
                number=row["number"],
                part=row["part"],
                target=row["target"],
                clicks=clicks.get(row["number"], _NO_CLICKS),
            )
            for row in links
        ],
        targets={row["number"]: row["target"] for row in links},
        deliveries=_deliveries(await tx.all("attempts", message=message_id), names),
        notes=json.loads(message["notes"]),
        unsubscribed={row["recipient"]: row["at"] for row in await tx.all("unsubscribed_from", message=message_id)},
        thread_opens=sum(thread_opens(opens, window=parts.settings.thread_window or None).values()),
        once_each=not parts.settings.thread_window,
        summary=await _summary(tx, sender, message, recipients, moments, asked=asked),
        said={row["hit"]: row for row in await tx.all("said_of", message=message_id)},
        asked=asked,
    )


def _deliveries(rows: Sequence[RowMapping], names: Mapping[str, str]) -> Sequence[Attempts]:
    """The delivery story, newest first; neighbours that ended alike are one."""
    story = [
        Attempts(
            outcome=outcome,
            reply=reply,
            at=alike[-1]["at"],
            names=[names.get(row["recipient"], "somebody") for row in alike],
        )
        for (outcome, reply), group in groupby(rows, key=lambda row: (row["outcome"], row["reply"]))
        if (alike := list(group))
    ]
    return story[::-1]

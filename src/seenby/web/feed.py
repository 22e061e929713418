"""The feed: what happened in the team's mail, newest first and live; what of it is worth a look; and who is hot.

Machines are in none of it. What people did comes first: it is what the feed shows unless asked for everything.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from seenby.report.highlights import Highlight, highlights
from seenby.report.hot import WINDOW, Hot, hot_list
from seenby.store import Transaction, feed
from seenby.store.lists import END
from seenby.store.times import micros
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.wording import FEED
from seenby.words.event import EventKind
from seenby.words.message import Sender

router = APIRouter(prefix="/feed")
PAGE: Final = 40
HIGHLIGHTS: Final = 60
KNOWN_BEFORE: Final = 100  # people of whom an earlier sign is looked for
BY_PEOPLE: Final = frozenset(
    {EventKind.OPENED, EventKind.CLICKED, EventKind.REPLIED, EventKind.UNSUBSCRIBED, EventKind.COMPLAINED}
)
TABS: Final[Mapping[str, str]] = {"people": "People", "all": "All", "highlights": "Highlights"}


@router.get("")
async def feed_page(
    request: Request,
    parts: Given,
    sender: SignedIn,
    show: Annotated[str, Query(max_length=20)] = "people",
    before: Annotated[int, Query(ge=0, le=END)] = END,
) -> Response:
    """The feed with the hot list beside it; a page that only renews the feed is given no hot list."""
    show = show if show in TABS else "people"
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        page, found = feed.Page(events=(), older=None), list[Highlight]()
        if show == "highlights":
            found = list(await _highlights(tx, parts, sender))
        else:
            kinds = BY_PEOPLE if show == "people" else frozenset(FEED)
            page = await feed.happened(tx, team=sender.team, kinds=kinds, before=before, limit=PAGE)
        hot = [] if request.headers.get("hx-target") == "feed-list" else await _hot(tx, parts, sender)
    return draw(
        request,
        "feed.html",
        frame=frame,
        tabs=TABS,
        show=show,
        page=page,
        found=found,
        hot=hot,
        words=FEED,
        is_start=before == END,
        window=WINDOW.days,
    )


@router.get("/hot")
async def hot_card(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The hot list again."""
    async with parts.store.read() as tx:
        hot = await _hot(tx, parts, sender)
    return draw(request, "hot.html", hot=hot, window=WINDOW.days)


async def _hot(tx: Transaction, parts: Parts, sender: Sender) -> Sequence[Hot]:
    now = parts.now()
    return hot_list(await feed.signs_since(tx, team=sender.team, since=micros(now - WINDOW)), now=now)


async def _highlights(tx: Transaction, parts: Parts, sender: Sender) -> Sequence[Highlight]:
    since = micros(parts.now() - WINDOW)
    signs = await feed.signs_since(tx, team=sender.team, since=since)
    oldest = min((sign["at"] for sign in signs), default=since)
    latest = list(dict.fromkeys(sign["address_key"] for sign in signs))[:KNOWN_BEFORE]
    before = await feed.signs_before(tx, team=sender.team, addresses=latest, before=oldest)
    return highlights(signs, before=before)[:HIGHLIGHTS]

"""How one is told: by this browser, of what, when not, and whether by a daily mail."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Form, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import RowMapping

from seenby.judge.describe import client_name
from seenby.store import preferences, telling
from seenby.store.telling import Pushed, Subscription
from seenby.tell.push import Notice, is_push_service
from seenby.tell.wanted import (
    DIGEST,
    DIGESTED,
    NAMES,
    Wanted,
    WantedError,
    asked_for,
    digest_day,
    read_wanted,
    write_wanted,
    zones,
)
from seenby.throttle import Throttle
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.frame import back_to, draw_page
from seenby.words.limits import BROWSERS
from seenby.words.message import Sender

router = APIRouter(prefix="/settings/notifications")
PATH: Final = "/settings/notifications"
Text = Annotated[str, StringConstraints(max_length=100)]
Word = Annotated[str, Form(max_length=100)]
_ENDPOINT_CHARACTERS: Final = 1000
_TEST: Final = Notice(title="This is a test", body="Notifications from Seenby arrive here.", path=PATH, tag="test")
UNWATCHED_SHOWN: Final = 50


@router.get("")
async def notifications_page(request: Request, parts: Given, sender: SignedIn, saved: str = "") -> Response:
    """What is chosen, the browsers that are told, and the messages whose bell is off."""
    return await _draw(request, parts, sender, said="Saved." if saved else "")


class Typed(BaseModel):
    """What the page's form says, as text."""

    of_team: Text = ""
    first_only: Text = ""
    sound: Text = ""
    quiet_from: Text = ""
    quiet_until: Text = ""
    zone: Text = ""
    digest: Text = ""


@router.post("")
async def choose(request: Request, parts: Given, sender: SignedIn, form: Annotated[Typed, Form()]) -> Response:
    """Keep all of it, or nothing where something of it is none."""
    try:
        wanted = asked_for(form.model_dump())
    except WantedError as error:
        return await _draw(request, parts, sender, said=str(error), is_bad=True)
    async with parts.store.write() as tx:
        had = await preferences.chosen(tx, sender.id)
        await preferences.choose(tx, sender, NAMES, write_wanted(wanted))
        if DIGEST not in had or DIGESTED not in had:
            last = digest_day(wanted, parts.now(), last="0001-01-01")  # the first comes when its time comes
            await preferences.choose(tx, sender, (DIGESTED,), {DIGESTED: last.isoformat()} if last else {})
    return back_to(f"{PATH}?saved=1")


@router.post("/browsers")
async def subscribe(
    parts: Given,
    sender: SignedIn,
    endpoint: Annotated[str, Form(max_length=_ENDPOINT_CHARACTERS)] = "",
    p256dh: Word = "",
    auth: Word = "",
    user_agent: Annotated[str, Header(max_length=1000)] = "",
) -> Response:
    """The browser that asks wants notifications; 400 when it names no push service, 409 when there are too many."""
    if not is_push_service(endpoint) or _octets(p256dh) != _POINT or _octets(auth) != _SECRET:
        return Response(status_code=400)
    one = Subscription(endpoint=endpoint, p256dh=p256dh, auth=auth, agent=client_name(user_agent)[:100])
    async with parts.store.write() as tx:
        kept = await telling.put_subscription(tx, sender, one, at=parts.now(), most=BROWSERS)
    return Response(status_code=204 if kept else 409)


@router.post("/browsers/drop")
async def unsubscribe(
    parts: Given, sender: SignedIn, endpoint: Annotated[str, Form(max_length=_ENDPOINT_CHARACTERS)] = ""
) -> Response:
    """That browser wants none any more."""
    async with parts.store.write() as tx:
        await tx.run("drop_push_subscription", endpoint=endpoint, sender=sender.id)
    return back_to(PATH)


@router.post("/test")
async def test(request: Request, parts: Given, sender: SignedIn) -> Response:
    """Send a notification to each of one's browsers now, and say what became of it."""
    throttle: Throttle = request.app.state.throttle
    who, now = f"push:{sender.id}", parts.now()
    if throttle.is_exhausted(who, now=now):
        said = "That was often. Try again in a quarter of an hour."
        return await _draw(request, parts, sender, said=said, is_bad=True)
    throttle.failed(who, now=now)
    async with parts.store.read() as tx:
        browsers = await telling.subscriptions(tx, sender.id)
    became = [await parts.pusher.push(one, _TEST) for one in browsers]
    async with parts.store.write() as tx:
        for one, fate in zip(browsers, became, strict=True):
            if fate is Pushed.GONE:
                await tx.run("drop_push_subscription", endpoint=one.endpoint, sender=sender.id)
    return await _draw(request, parts, sender, said=_outcome(became), is_bad=Pushed.TAKEN not in became)


@router.post("/watch")
async def watch(parts: Given, sender: SignedIn, message: Word = "") -> Response:
    """Hear of that message again."""
    async with parts.store.write() as tx:
        await tx.run("watch", sender=sender.id, message=message, team=sender.team)
    return back_to(PATH)


_POINT: Final = 65  # an uncompressed point of P-256 (RFC 8291 3.1)
_SECRET: Final = 16


def _octets(text: str) -> int:
    """How many octets this base64url says; 0 when it is none."""
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return 0


def _outcome(became: Sequence[Pushed]) -> str:
    if not became:
        return "No browser of yours is allowed to show notifications yet. Allow them in this one first."
    taken = sum(one is Pushed.TAKEN for one in became)
    words = [f"A test is on its way to {taken} of {len(became)} browsers." if taken else "The test was not taken."]
    if Pushed.GONE in became:
        words.append("A browser that wants no more notifications was removed from the list.")
    if Pushed.LATER in became:
        words.append("A push service could not be reached; this machine needs a way to the internet for that.")
    return " ".join(words)


async def _draw(request: Request, parts: Parts, sender: Sender, *, said: str = "", is_bad: bool = False) -> Response:
    async with parts.store.read() as tx:
        wanted: Wanted = read_wanted(kept := await preferences.chosen(tx, sender.id))
        browsers = await tx.all("push_subscriptions_of", sender=sender.id)
        unwatched: Sequence[RowMapping] = await tx.all("unwatched_of", sender=sender.id, limit=UNWATCHED_SHOWN)
    return await draw_page(
        request,
        parts,
        sender,
        "settings_notifications.html",
        wanted=wanted,
        has_zone="zone" in kept,
        zones=["UTC", *sorted(zone for zone in zones() if "/" in zone and not zone.startswith("Etc/"))],
        browsers=browsers,
        unwatched=unwatched,
        push_key=parts.pusher.public_key,
        said=said,
        is_bad=is_bad,
    )

"""Being reminded of messages: from the list, of several at once, or from one message's page."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form
from fastapi.responses import Response

from seenby.store import reminders
from seenby.store.reminders import Unless
from seenby.web.given import Given, SignedIn
from seenby.web.labelling import Back, Chosen, back_to
from seenby.web.look import REMIND_DAYS
from seenby.web.problem import NotFound

router = APIRouter(prefix="/remind")
_FROM: Final = ("/?", "/messages/")  # the list, or the message


@router.post("")
async def ask(
    parts: Given,
    sender: SignedIn,
    *,
    message: Chosen,
    days: Annotated[int, Form()],
    unless: Annotated[Unless, Form()],
    back: Back = "/",
) -> Response:
    """Remind this sender of the chosen messages after so many days, unless something comes of them."""
    if days not in REMIND_DAYS:
        raise NotFound
    async with parts.store.write() as tx:
        await reminders.ask(
            tx,
            team=sender.team,
            sender=sender.id,
            messages=message,
            unless=unless,
            after=timedelta(days=days),
            at=parts.now(),
        )
    return back_to(back, places=_FROM)


@router.post("/cancel")
async def cancel(parts: Given, sender: SignedIn, *, message: Chosen, back: Back = "/") -> Response:
    """Take it back, or be done with it."""
    async with parts.store.write() as tx:
        await reminders.forget(tx, sender=sender.id, messages=message, at=parts.now())
    return back_to(back, places=_FROM)

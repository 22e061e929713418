"""Who unsubscribed from the team's mail, and writing to them again when they asked for it."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from seenby.store import unsubscribed
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.words.address import Address, parse_address
from seenby.words.message import Sender

router = APIRouter(prefix="/unsubscribed")
SHOWN: Final = 1000
Word = Annotated[str, Form(max_length=300)]


@router.get("")
async def unsubscribed_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """Everybody, those who may be written to again at the end."""
    return await _draw(request, parts, sender)


@router.post("/lift")
async def write_again(
    request: Request,
    parts: Given,
    sender: SignedIn,
    *,
    address: Word = "",
    why: Word = "",
    they_asked: Annotated[bool, Form()] = False,
) -> Response:
    """Write to somebody again, if they asked for it: nothing else is a reason."""
    parsed = parse_address(address)
    if parsed is None or not they_asked:
        said = "Not changed: it takes their own wish to be written to again, so tick that they asked you to."
        return await _draw(request, parts, sender, said=said, is_bad=True)
    async with parts.store.write() as tx:
        lifted = await unsubscribed.lift(
            tx, team=sender.team, address=parsed.key, sender=sender.id, why=" ".join(why.split()), at=parts.now()
        )
    if not lifted:
        return await _draw(request, parts, sender, said=f"{parsed.key} is not unsubscribed.", is_bad=True)
    return await _draw(request, parts, sender, said=f"Your team may write to {parsed.key} again.", undo=parsed.key)


@router.post("/keep")
async def keep_unsubscribed(request: Request, parts: Given, sender: SignedIn, address: Word = "") -> Response:
    """Take it back: they are unsubscribed as before."""
    parsed = parse_address(address)
    if parsed is None or not await _took_back(parts, sender, parsed):
        return await _draw(request, parts, sender, said="Not changed.", is_bad=True)
    return await _draw(request, parts, sender, said=f"{parsed.key} is unsubscribed, as before.")


async def _took_back(parts: Parts, sender: Sender, address: Address) -> bool:
    async with parts.store.write() as tx:
        return await unsubscribed.take_lift_back(tx, team=sender.team, address=address.key)


async def _draw(
    request: Request, parts: Parts, sender: Sender, *, said: str = "", is_bad: bool = False, undo: str = ""
) -> Response:
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        people = await tx.all("unsubscribed", team=sender.team, limit=SHOWN)
    return draw(
        request,
        "unsubscribed.html",
        frame=frame,
        people=[person for person in people if person["lifted_at"] is None],
        lifted=[person for person in people if person["lifted_at"] is not None],
        is_cut=len(people) == SHOWN,
        said=said,
        is_bad=is_bad,
        undo=undo,
    )

"""How often the judge is wrong on the team's own mail, and the mailboxes that nobody reads by which that is known."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from seenby.report.accuracy import ENOUGH, FETCHES, PEOPLE, Bin, accuracy_of, percent, words
from seenby.store import Transaction, accuracy, admin_log
from seenby.store.accuracy import SeedError
from seenby.store.admin_log import Action
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.settings.frame import is_owner, only_owner
from seenby.words.message import Sender

router = APIRouter(prefix="/accuracy")
Word = Annotated[str, Form(max_length=300)]
LEFT, TOP, WIDE, HIGH = 46.0, 10.0, 270.0, 230.0  # the picture's plane, in its own units
TICKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One span of probabilities in the picture: what was said, what was, and its interval."""

    x: float
    y: float
    low: float
    high: float
    says: str


@router.get("")
async def accuracy_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """Both errors, whether probabilities mean what they say, and the seed mailboxes."""
    return await _draw(request, parts, sender)


@router.post("/seeds")
async def add_seed(request: Request, parts: Given, sender: SignedIn, address: Word = "") -> Response:
    """One more mailbox that nobody reads, for the whole team: whatever fetches from its copies is a machine."""
    only_owner(sender)
    try:
        async with parts.store.write() as tx:
            seed = await accuracy.add_seed(tx, team=sender.team, address=address, at=parts.now())
            await _log(tx, parts, sender, Action.SEED_ADDED, seed.key)
    except SeedError as error:
        return await _draw(request, parts, sender, said=f"Not added. {error}", is_bad=True)
    said = f"Added. Whatever fetches from copies to {seed.key} from now on is read as a machine's work here."
    return await _draw(request, parts, sender, said=said)


@router.post("/seeds/remove")
async def remove_seed(request: Request, parts: Given, sender: SignedIn, address: Word = "") -> Response:
    """It is a recipient like any other again."""
    only_owner(sender)
    async with parts.store.write() as tx:
        is_gone = await accuracy.remove_seed(tx, team=sender.team, address=address)
        if is_gone:
            await _log(tx, parts, sender, Action.SEED_REMOVED, address.strip())
    if not is_gone:
        return await _draw(request, parts, sender, said="Not changed: that is no seed mailbox.", is_bad=True)
    return await _draw(request, parts, sender, said=f"{address} is a recipient like any other again.")


@router.get("/seeds")
@router.get("/seeds/remove")
async def back_to_the_page() -> Response:
    """Where a form leads, typed as an address: the page itself."""
    return RedirectResponse("/accuracy", status_code=303)


async def _log(tx: Transaction, parts: Parts, sender: Sender, action: Action, address: str) -> None:
    await admin_log.put(tx, action, team=sender.team, by=sender.id, at=parts.now(), detail=address)


async def _draw(request: Request, parts: Parts, sender: Sender, *, said: str = "", is_bad: bool = False) -> Response:
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        seeds = await accuracy.seeds_of(tx, team=sender.team)
        told = await accuracy_of(tx, sender.team)
    return draw(
        request,
        "accuracy.html",
        frame=frame,
        told=told,
        seeds=seeds,
        points=[_point(one) for one in told.bins if one.people.of],
        ticks=[(place_x(at), place_y(at), f"{at * 100:.0f}%") for at in TICKS],
        plane=(LEFT, TOP, LEFT + WIDE, TOP + HIGH),
        enough=ENOUGH,
        false_words=words(told.false_human, what=FETCHES),
        lost_words=words(told.lost_human, what=PEOPLE),
        share_words=percent,
        said=said,
        is_bad=is_bad,
        is_owner=is_owner(sender),
    )


def place_x(share: float) -> float:
    """Where a probability stands in the picture, from the left."""
    return round(LEFT + WIDE * share, 1)


def place_y(share: float) -> float:
    """Where a share stands in the picture, from the top."""
    return round(TOP + HIGH * (1 - share), 1)


def _point(one: Bin) -> Point:
    low, high = one.people.interval
    says = f"{percent(one.said)} was said, {percent(one.people.value)} of {one.people.of:,} were people's"
    return Point(x=place_x(one.said), y=place_y(one.people.value), low=place_y(low), high=place_y(high), says=says)

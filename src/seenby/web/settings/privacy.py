"""Privacy and retention: what is kept for how long, and one person's rights over what the team keeps of them."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response, StreamingResponse

from seenby.consent import person
from seenby.consent.person import Person
from seenby.report import sums
from seenby.settings import Settings
from seenby.store import admin_log
from seenby.store.admin_log import Action
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import many
from seenby.web.settings.frame import ceiling_of, draw_page, draw_piece, is_part, only_owner
from seenby.web.settings.team import LEVELS
from seenby.words.address import parse_address
from seenby.words.message import Sender

router = APIRouter(prefix="/settings/privacy")
Word = Annotated[str, Form(max_length=300)]
ERASE: Final = "ERASE"
# What the environment sets, in the order in which a message meets it.
SHOWN: Final = ("pixels", "links", "look_up_mx", "keep_address", "keep_message", "sign_in_for")


@router.get("")
async def privacy_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The page."""
    return await _draw(request, parts, sender)


@router.post("/export")
async def export_person(request: Request, parts: Given, sender: SignedIn, address: Word = "") -> Response:
    """Everything that the team keeps of one person, as a file."""
    only_owner(sender)
    who = _person(sender, address)
    if who is None:
        return await _draw(request, parts, sender, said="That is no address. Write it as name@domain.", is_bad=True)
    async with parts.store.write() as tx:
        count = await person.copies(tx, who)
        await admin_log.put(
            tx, Action.PERSON_EXPORTED, team=sender.team, by=sender.id, at=parts.now(), detail=_unnamed(count)
        )
    return StreamingResponse(
        person.export(parts.store, who),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="seenby-person.json"'},
    )


@router.post("/erase")
async def erase_person(
    request: Request,
    parts: Given,
    sender: SignedIn,
    *,
    address: Word = "",
    sure: Word = "",
    done: Annotated[int, Form(ge=0, le=2**31)] = 0,
) -> Response:
    """Erase a batch; the piece that says how far it came asks for the next by itself."""
    only_owner(sender)
    who = _person(sender, address)
    if who is None or sure.strip() != ERASE:
        said = (
            f"Nothing was erased. Write the address, and {ERASE} in capital letters." if who else "That is no address."
        )
        return await _told(request, parts, sender, said=said, is_bad=True, typed=address)
    async with parts.store.write() as tx:
        left = await person.copies(tx, who)
        if not done:
            await admin_log.put(
                tx, Action.PERSON_ERASED, team=sender.team, by=sender.id, at=parts.now(), detail=_unnamed(left)
            )
        erased = await person.erase_some(tx, who)
        await sums.count_several(tx, erased)
    so_far = done + len(erased)
    if left > len(erased):
        return await _told(request, parts, sender, going=who.address, done=so_far, of=done + left)
    erased_so_far = many(so_far, "copy", "copies")
    said = f"Erased: {erased_so_far}, with all that was kept of each. Their counts stay, without a name."
    return await _told(request, parts, sender, said=said if so_far else "There was nothing to erase of that address.")


def _person(sender: Sender, address: str) -> Person | None:
    parsed = parse_address(address)
    return Person(team=sender.team, address=parsed.key) if parsed else None


def _unnamed(copies: int) -> str:
    """What the log keeps of it: it would be no erasing if the log went on naming them, or a domain that is theirs."""
    return f"somebody, {many(copies, 'copy', 'copies')}"


async def _told(request: Request, parts: Parts, sender: Sender, **values: object) -> Response:
    if is_part(request):
        return draw_piece(request, sender, "settings_erase.html", sure=ERASE, **_erasing(values))
    return await _draw(request, parts, sender, **values)


def _erasing(values: dict[str, object]) -> dict[str, object]:
    return {"said": "", "is_bad": False, "going": "", "done": 0, "of": 0, "typed": "", **values}


async def _draw(request: Request, parts: Parts, sender: Sender, **values: object) -> Response:
    async with parts.store.read() as tx:
        left = await tx.one("count_unsubscribed", team=sender.team)
    return await draw_page(
        request,
        parts,
        sender,
        "settings_privacy.html",
        sure=ERASE,
        ceiling=ceiling_of(parts, sender),
        levels=LEVELS,
        unsubscribed=left["n"] if left else 0,
        kept=[_setting(parts.settings, name) for name in SHOWN if name in Settings.model_fields],
        hours=_span(parts.settings.keep_address),
        **_erasing(values),
    )


def _setting(settings: Settings, name: str) -> dict[str, str]:
    value = getattr(settings, name)
    shown = _span(value) if isinstance(value, timedelta) else getattr(value, "word", "yes" if value else "no")
    return {
        "environment": f"SEENBY_{name.upper()}",
        "value": str(shown),
        "sentence": Settings.model_fields[name].description or "",
    }


def _span(span: timedelta) -> str:
    """`24 hours`, `30 days`."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size:,} {unit}s"
    return f"{seconds // 3600:,} hours" if seconds >= 7200 else f"{seconds:,} seconds"

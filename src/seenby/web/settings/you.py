"""What one chooses for oneself: the switches, the wishes for links, ways to unsubscribe, addresses to write as."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from seenby.instrument import TextMode, Wishes
from seenby.instrument.wishes import read_wishes, write_wishes
from seenby.store import Transaction
from seenby.store.people import is_another_teams
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw
from seenby.web.settings.frame import back_to, ceiling_of, draw_page, draw_piece, is_owner, is_part
from seenby.web.wishes import MODES, LinksForm, Typed, links_form, parse_typed, shown_form
from seenby.words.address import Address, parse_address
from seenby.words.message import Sender
from seenby.words.policy import Level

router = APIRouter(prefix="/settings")
Word = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=40_000)]
Switch = Annotated[bool, Form()]
MOST_ADDRESSES: Final = 100


@router.get("")
async def settings_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """All of them."""
    return await _whole_page(request, parts, sender, form=links_form(sender.wishes))


async def _whole_page(request: Request, parts: Parts, sender: Sender, *, form: LinksForm) -> Response:
    async with parts.store.read() as tx:
        addresses = await _addresses(tx, sender)
        left = await tx.one("count_unsubscribed", team=sender.team)
    return await draw_page(
        request,
        parts,
        sender,
        "settings.html",
        ceiling=ceiling_of(parts, sender),
        addresses=addresses,
        form=form,
        modes=MODES,
        unsubscribed=left["n"] if left else 0,
        has_one_click=parts.tracking_url.startswith("https://"),
    )


@router.post("/switches")
async def set_switches(
    request: Request,
    parts: Given,
    sender: SignedIn,
    *,
    pixels: Switch = False,
    links: Switch = False,
    notify: Switch = False,
) -> Response:
    """Keep the three switches; more than the ceiling allows is refused and said, never quietly lowered."""
    ceiling = ceiling_of(parts, sender)
    if (pixels and ceiling.pixels is Level.OFF) or (links and ceiling.links is Level.OFF):
        return _said(request, "Not saved: this installation or your team does not allow that.", is_bad=True)
    async with parts.store.write() as tx:
        await tx.run(
            "set_switches",
            id=sender.id,
            pixels=int(_level(sender.policy.pixels, ceiling.pixels, is_on=pixels)),
            links=int(_level(sender.policy.links, ceiling.links, is_on=links)),
            notify=int(notify),
        )
    return _said(request, "Saved", is_bad=False)


@router.post("/unsubscribe")
async def set_unsubscribe(request: Request, parts: Given, sender: SignedIn, *, unsubscribe: Switch = False) -> Response:
    """Whether recipients of this sender's mail get a way to unsubscribe."""
    async with parts.store.write() as tx:
        await tx.run("set_unsubscribe", id=sender.id, unsubscribe=int(unsubscribe))
    return _said(request, "Saved", is_bad=False)


@router.post("/links")
async def set_links(  # noqa: PLR0913 - a form has so many fields
    request: Request,
    parts: Given,
    sender: SignedIn,
    *,
    text: Annotated[str, Form(max_length=20)] = TextMode.HTML_AND_TEXT,
    hosts: Long = "",
    keep_visible_urls: Switch = False,
    noscript: Switch = False,
    own_signatures: Switch = False,
    honeypot: Switch = False,
) -> Response:
    """Keep the wishes for links if all of them are right; else say what is wrong, with all that was typed."""
    wishes = parse_typed(
        Typed(
            text=text,
            hosts=hosts,
            keep_visible_urls=keep_visible_urls,
            noscript=noscript,
            own_signatures=own_signatures,
            honeypot=honeypot,
        )
    )
    if isinstance(wishes, LinksForm):
        return await _links_again(request, parts, sender, wishes)
    return await _keep_wishes(request, parts, sender, wishes)


@router.post("/links/back")
async def go_back(request: Request, parts: Given, sender: SignedIn, before: Long = "") -> Response:
    """The wishes that were in force before, once more."""
    wishes = read_wishes(before)
    if wishes is None:
        form = replace(links_form(sender.wishes), errors=("Not changed: what was before could not be read.",))
        return await _links_again(request, parts, sender, form)
    return await _keep_wishes(request, parts, sender, wishes)


async def _keep_wishes(request: Request, parts: Parts, sender: Sender, wishes: Wishes) -> Response:
    """Keep them, and offer to go back to what was before if that was something else."""
    kept, was = write_wishes(wishes), sender.wishes
    async with parts.store.write() as tx:
        await tx.run("set_wishes", id=sender.id, wishes=kept)
    before = was if kept != was and read_wishes(was) is not None else None
    form = shown_form(wishes, said="Saved. It holds for mail you send from now on.", before=before)
    return await _links_again(request, parts, sender, form)


async def _links_again(request: Request, parts: Parts, sender: Sender, form: LinksForm) -> Response:
    """The form once more: in its place, or on the whole page for a browser without the script."""
    if not is_part(request):
        return await _whole_page(request, parts, sender, form=form)
    return draw(request, "settings_links.html", form=form, modes=MODES)


@router.post("/addresses")
async def add_address(request: Request, parts: Given, sender: SignedIn, address: Word = "") -> Response:
    """Let the sender write as one more address, unless somebody has it."""
    parsed = parse_address(address)
    async with parts.store.write() as tx:
        if parsed is None:
            said = "That is no address. Write it as name@domain."
        elif len(await _addresses(tx, sender)) >= MOST_ADDRESSES:
            said = f"{MOST_ADDRESSES} addresses are the most."
        elif not is_owner(sender) and await _is_the_teams(tx, sender, parsed):
            said = "Not added: only the team's owner may add an address of your own domain, which may be a colleague's."
        elif await is_another_teams(tx, parsed, team=sender.team):
            said = "Not added: that domain is another team's here, and the address may be one of theirs."
        elif not await tx.run("add_address", address=parsed.key, team=sender.team, sender=sender.id):
            said = "Not added: this address is in use already."
        else:
            said = ""
    return await _addresses_again(request, parts, sender, said or "Added", is_bad=bool(said))


async def _is_the_teams(tx: Transaction, sender: Sender, address: Address) -> bool:
    """Whether an address is in a domain of the team, where it may be a colleague's."""
    return address.domain in {row["domain"] for row in await tx.all("team_domains", team=sender.team)}


@router.post("/addresses/remove")
async def remove_address(request: Request, parts: Given, sender: SignedIn, address: Word = "") -> Response:
    """No longer write as this address; the account's own stays."""
    if address == sender.address:
        return await _addresses_again(request, parts, sender, "Your account's own address stays.", is_bad=True)
    if parse_address(address) is not None:
        async with parts.store.write() as tx:
            await tx.run("drop_address", address=address, sender=sender.id)
    return await _addresses_again(request, parts, sender, "Removed", is_bad=False)


def _level(now: Level, ceiling: Level, *, is_on: bool) -> Level:
    """Off; or what was chosen before; or, switched on afresh, as much as is allowed."""
    if not is_on:
        return Level.OFF
    return ceiling if now is Level.OFF else min(now, ceiling)


async def _addresses(tx: Transaction, sender: Sender) -> list[str]:
    return [row["address"] for row in await tx.all("addresses_of", sender=sender.id)]


def _said(request: Request, said: str, *, is_bad: bool) -> Response:
    """The answer to a switch: a word beside it, or the page again for a browser without the script."""
    if not is_part(request):
        return back_to("/settings")
    return draw(request, "said.html", said=said, is_bad=is_bad)


async def _addresses_again(request: Request, parts: Parts, sender: Sender, said: str, *, is_bad: bool) -> Response:
    if not is_part(request):
        return back_to("/settings")
    async with parts.store.read() as tx:
        addresses = await _addresses(tx, sender)
    return draw_piece(request, sender, "settings_addresses.html", addresses=addresses, said=said, is_bad=is_bad)

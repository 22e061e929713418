"""Settings of the one who looks: switches, wishes for links, addresses to write as, the team's domains, connecting."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from seenby.instrument import TextMode, Wishes
from seenby.instrument.wishes import read_wishes, write_wishes
from seenby.store import Transaction
from seenby.store.people import OWNER, is_free_mail
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import Frame, draw, frame_of
from seenby.web.wishes import MODES, LinksForm, Typed, links_form, parse_typed, shown_form
from seenby.words.address import Address, parse_address
from seenby.words.message import Sender
from seenby.words.policy import Level, Policy

router = APIRouter(prefix="/settings")
Word = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=40_000)]
Switch = Annotated[bool, Form()]
MOST_ADDRESSES: Final = 100
MOST_DOMAINS: Final = 100


@router.get("")
async def settings_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """All of them."""
    return await _whole_page(request, parts, sender, form=links_form(sender.wishes))


async def _whole_page(request: Request, parts: Parts, sender: Sender, *, form: LinksForm) -> Response:
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        addresses, domains = await _addresses(tx, sender), await _domains(tx, sender)
        left = await tx.one("count_unsubscribed", team=sender.team)
    host, _, port = parts.smtp_address.rpartition(":")
    return draw(
        request,
        "settings.html",
        frame=frame,
        ceiling=_ceiling(parts, sender),
        addresses=addresses,
        domains=domains,
        is_owner=sender.role == OWNER,
        form=form,
        modes=MODES,
        unsubscribed=left["n"] if left else 0,
        has_one_click=parts.tracking_url.startswith("https://"),
        smtp={"host": host.strip("[]"), "port": port},
        said="",
        is_bad=False,
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
    ceiling = _ceiling(parts, sender)
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
    if "hx-request" not in request.headers:
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
        elif sender.role != OWNER and await _is_the_teams(tx, sender, parsed):
            said = "Not added: only the team's owner may add an address of your own domain, which may be a colleague's."
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


@router.post("/domains")
async def add_domain(request: Request, parts: Given, sender: SignedIn, domain: Word = "") -> Response:
    """Treat everybody at this domain as a colleague."""
    _only_owner(sender)
    name = _domain(domain)
    async with parts.store.write() as tx:
        if name is None:
            said = "That is no domain. Write it as company.com."
        elif is_free_mail(name):
            said = f"Not added: anybody can have an address at {name}, so its people are no colleagues."
        elif len(await _domains(tx, sender)) >= MOST_DOMAINS:
            said = f"{MOST_DOMAINS} domains are the most."
        else:
            await tx.run("add_team_domain", team=sender.team, domain=name)
            said = ""
    return await _domains_again(request, parts, sender, said or "Added", is_bad=bool(said))


@router.post("/domains/remove")
async def remove_domain(request: Request, parts: Given, sender: SignedIn, domain: Word = "") -> Response:
    """People at this domain are outsiders again."""
    _only_owner(sender)
    if _domain(domain) is not None:
        async with parts.store.write() as tx:
            await tx.run("drop_team_domain", team=sender.team, domain=domain)
    return await _domains_again(request, parts, sender, "Removed", is_bad=False)


def _domain(text: str) -> str | None:
    """The domain that `text` names, or None."""
    parsed = parse_address(f"postmaster@{text.strip().removeprefix('@')}")
    return parsed.domain if parsed else None


def _only_owner(sender: Sender) -> None:
    if sender.role != OWNER:
        raise HTTPException(403)


def _ceiling(parts: Parts, sender: Sender) -> Policy:
    return sender.ceiling.within(parts.settings.ceiling)


def _level(now: Level, ceiling: Level, *, is_on: bool) -> Level:
    """Off; or what was chosen before; or, switched on afresh, as much as is allowed."""
    if not is_on:
        return Level.OFF
    return ceiling if now is Level.OFF else min(now, ceiling)


async def _addresses(tx: Transaction, sender: Sender) -> list[str]:
    return [row["address"] for row in await tx.all("addresses_of", sender=sender.id)]


async def _domains(tx: Transaction, sender: Sender) -> list[str]:
    return [row["domain"] for row in await tx.all("team_domains", team=sender.team)]


def _said(request: Request, said: str, *, is_bad: bool) -> Response:
    """The answer to a switch: a word beside it, or the page again for a browser without the script."""
    if "hx-request" not in request.headers:
        return RedirectResponse("/settings", status_code=303)
    return draw(request, "said.html", said=said, is_bad=is_bad)


async def _addresses_again(request: Request, parts: Parts, sender: Sender, said: str, *, is_bad: bool) -> Response:
    if "hx-request" not in request.headers:
        return RedirectResponse("/settings", status_code=303)
    async with parts.store.read() as tx:
        addresses = await _addresses(tx, sender)
    return draw(request, "settings_addresses.html", frame=_bare(sender), addresses=addresses, said=said, is_bad=is_bad)


async def _domains_again(request: Request, parts: Parts, sender: Sender, said: str, *, is_bad: bool) -> Response:
    if "hx-request" not in request.headers:
        return RedirectResponse("/settings", status_code=303)
    async with parts.store.read() as tx:
        domains = await _domains(tx, sender)
    return draw(request, "settings_domains.html", domains=domains, is_owner=True, said=said, is_bad=is_bad)


def _bare(sender: Sender) -> Frame:
    """For a part of a page, which has nothing around it."""
    return Frame(sender=sender, seq=0, unread=0, bell_seen=0)

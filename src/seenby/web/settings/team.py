"""The team: its name, who is in it and as what, which domains are its own, and how much may be tracked at most.

Everybody in the team may look; only its owners change anything, and each change is in the log.
"""

from secrets import token_urlsafe
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from seenby.accounts import AccountError, Accounts, Newcomer
from seenby.store import Transaction, admin_log, members
from seenby.store.admin_log import Action
from seenby.store.people import MEMBER, OWNER
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.frame import draw_page, only_owner
from seenby.web.signing_in import STALE, is_fresh
from seenby.words.message import Sender
from seenby.words.policy import Level

router = APIRouter(prefix="/settings/team")
Word = Annotated[str, Form(max_length=300)]
NAME_CHARACTERS: Final = 80
MOST_MEMBERS: Final = 500
ROLES: Final = {OWNER: "Owner", MEMBER: "Member"}
LEVELS: Final = {
    Level.OFF: ("Nothing", "Messages are sent as they were written."),
    Level.COUNTED: ("Totals only", "How often, for a message as a whole. Nothing about any one person."),
    Level.IDENTIFIED: ("Who and when", "Which recipient and at what time, but no device, network or place."),
    Level.FULL: ("Everything", "The program and the network as well; the whole address for a short time."),
}


def accounts_of(parts: Parts) -> Accounts:
    """The way to make accounts, passwords and links."""
    return Accounts(store=parts.store, app_url=parts.app_url, now=parts.now, mint=token_urlsafe)


@router.get("")
async def team_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The page."""
    return await _draw(request, parts, sender)


@router.post("/name")
async def set_name(request: Request, parts: Given, sender: SignedIn, name: Word = "") -> Response:
    """What the team calls itself."""
    only_owner(sender)
    kept = _plain(name)
    async with parts.store.write() as tx:
        await tx.run("set_team_name", id=sender.team, name=kept)
        await _log(tx, parts, sender, Action.TEAM_RENAMED, kept or "no name")
    return await _draw(request, parts, sender, said="The name is saved.")


@router.post("/ceiling")
async def set_ceiling(
    request: Request,
    parts: Given,
    sender: SignedIn,
    pixels: Annotated[int, Form(ge=0, le=3)],
    links: Annotated[int, Form(ge=0, le=3)],
) -> Response:
    """The most that anybody in the team may track; what was sent before keeps what it was sent with."""
    only_owner(sender)
    if pixels > parts.settings.pixels or links > parts.settings.links:
        return await _draw(request, parts, sender, said="Not saved: this installation allows less.", is_bad=True)
    async with parts.store.write() as tx:
        await tx.run("set_team_ceiling", id=sender.team, pixels=pixels, links=links)
        detail = f"opens: {Level(pixels).word}, links: {Level(links).word}"
        await _log(tx, parts, sender, Action.CEILING_SET, detail)
    return await _draw(request, parts, sender, said="Saved. It holds for mail sent from now on.")


@router.post("/add")
async def add_member(request: Request, parts: Given, sender: SignedIn, address: Word = "") -> Response:
    """Somebody new; what they need to begin is shown once. As `new_link`, not by a browser that was left open."""
    only_owner(sender)
    if not await is_fresh(request, parts, sender):
        return await _draw(request, parts, sender, said=f"Not added. {STALE}", is_bad=True, typed=address)
    async with parts.store.read() as tx:
        there = len(await tx.all("senders_of", team=sender.team))
    if there >= MOST_MEMBERS:
        return await _draw(request, parts, sender, said=f"{MOST_MEMBERS} members are the most.", is_bad=True)
    try:
        newcomer = await accounts_of(parts).add_member(address, team=sender.team, by=sender.id)
    except AccountError as error:
        return await _draw(request, parts, sender, said=f"Not added. {error}", is_bad=True, typed=address)
    return await _draw(request, parts, sender, said=f"{newcomer.address} is in the team.", newcomer=newcomer)


@router.post("/role")
async def set_role(request: Request, parts: Given, sender: SignedIn, member: Word = "", role: Word = "") -> Response:
    """Make somebody an owner, or an owner a member; not by a browser that was left open."""
    only_owner(sender)
    if role not in ROLES:
        raise HTTPException(422)
    if not await is_fresh(request, parts, sender):
        return await _draw(request, parts, sender, said=f"Not changed. {STALE}", is_bad=True)
    async with parts.store.write() as tx:
        who = await _member(tx, sender, member)
        is_done = await members.set_role(tx, who, role)
        if is_done:
            await _log(tx, parts, sender, Action.ROLE_SET, f"{who.address}: {role}")
    if not is_done:
        return await _draw(request, parts, sender, said=_LAST, is_bad=True)
    sender_now = await _again(parts, sender)
    return await _draw(request, parts, sender_now, said=f"{who.address} is now: {ROLES[role].lower()}.")


@router.post("/remove")
async def remove_member(request: Request, parts: Given, sender: SignedIn, member: Word = "") -> Response:
    """Somebody leaves; their mail stays with the team."""
    only_owner(sender)
    if member == sender.id:
        said = "You cannot remove yourself. Make somebody else an owner, who can."
        return await _draw(request, parts, sender, said=said, is_bad=True)
    async with parts.store.write() as tx:
        who = await _member(tx, sender, member)
        is_done = await members.remove(tx, who, heir=sender.id)
        if is_done:
            await _log(tx, parts, sender, Action.MEMBER_REMOVED, who.address)
    said = f"{who.address} is out of the team. Their mail is still here." if is_done else _LAST
    return await _draw(request, parts, sender, said=said, is_bad=not is_done)


@router.post("/password")
async def new_password(request: Request, parts: Given, sender: SignedIn, member: Word = "") -> Response:
    """Another SMTP password for somebody, shown once; not by a browser that was left open."""
    only_owner(sender)
    if not await is_fresh(request, parts, sender):
        return await _draw(request, parts, sender, said=f"No password was made. {STALE}", is_bad=True)
    async with parts.store.write() as tx:
        who = await _member(tx, sender, member)
        password = await accounts_of(parts).new_password(tx, who)
        await _log(tx, parts, sender, Action.PASSWORD_MADE, who.address)
    newcomer = Newcomer(address=who.address, password=password, link="")
    said = f"{who.address} has a new SMTP password. The old one opens nothing any more."
    return await _draw(request, parts, sender, said=said, newcomer=newcomer)


@router.post("/link")
async def new_link(request: Request, parts: Given, sender: SignedIn, member: Word = "") -> Response:
    """A link that signs somebody in once; not by a browser that was left open, which it would give a fresh session."""
    only_owner(sender)
    if not await is_fresh(request, parts, sender):
        return await _draw(request, parts, sender, said=f"No link was made. {STALE}", is_bad=True)
    async with parts.store.write() as tx:
        who = await _member(tx, sender, member)
        link = await accounts_of(parts).link_for(tx, who)
        await _log(tx, parts, sender, Action.SIGN_IN_LINK_MADE, who.address)
    newcomer = Newcomer(address=who.address, password="", link=link)
    return await _draw(request, parts, sender, said=f"A sign-in link for {who.address} is made.", newcomer=newcomer)


@router.post("/sign-out")
async def sign_out(request: Request, parts: Given, sender: SignedIn, member: Word = "") -> Response:
    """End all of somebody's sessions, and the links that would open new ones."""
    only_owner(sender)
    async with parts.store.write() as tx:
        who = await _member(tx, sender, member)
        await tx.run("end_sessions", sender=who.id)
        await tx.run("drop_sign_in_links", sender=who.id)
        await _log(tx, parts, sender, Action.SESSIONS_ENDED, who.address)
    return await _draw(request, parts, sender, said=f"{who.address} is signed out everywhere.")


@router.post("/passkeys")
async def remove_passkeys(request: Request, parts: Given, sender: SignedIn, member: Word = "") -> Response:
    """None of somebody's devices lets them in any more, and they are out: one of them was lost."""
    only_owner(sender)
    async with parts.store.write() as tx:
        who = await _member(tx, sender, member)
        await tx.run("drop_passkeys", sender=who.id)
        await tx.run("end_sessions", sender=who.id)
        await tx.run("drop_sign_in_links", sender=who.id)  # one may lie unopened on the device
        await _log(tx, parts, sender, Action.PASSKEYS_REMOVED, who.address)
    said = (
        f"{who.address} has no passkey any more and is signed out everywhere. They need a sign-in link or a password."
    )
    return await _draw(request, parts, sender, said=said)


_LAST: Final = "Not changed: the team needs an owner, and this is the last one."


def _plain(name: str) -> str:
    """A name as one line without characters that nobody sees."""
    return " ".join("".join(one if one.isprintable() else " " for one in name).split())[:NAME_CHARACTERS]


async def _member(tx: Transaction, sender: Sender, member: str) -> Sender:
    who = await members.member(tx, team=sender.team, sender=member)
    if who is None:
        raise HTTPException(404)
    return who


async def _again(parts: Parts, sender: Sender) -> Sender:
    """Whoever looks, as they are now: they may have changed their own role."""
    async with parts.store.read() as tx:
        return await members.member(tx, team=sender.team, sender=sender.id) or sender


async def _log(tx: Transaction, parts: Parts, sender: Sender, action: Action, detail: str) -> None:
    await admin_log.put(tx, action, team=sender.team, by=sender.id, at=parts.now(), detail=detail)


async def _draw(request: Request, parts: Parts, sender: Sender, **values: object) -> Response:
    async with parts.store.read() as tx:
        team = await tx.one("team_by_id", id=sender.team)
        people = await tx.all("senders_of", team=sender.team)
        domains = [row["domain"] for row in await tx.all("team_domains", team=sender.team)]
    assert team is not None
    return await draw_page(
        request,
        parts,
        sender,
        "settings_team.html",
        **({"newcomer": None, "typed": ""} | values),
        team=team,
        people=people,
        roles=ROLES,
        levels=LEVELS,
        allowed=parts.settings.ceiling,
        domains=domains,
        name_characters=NAME_CHARACTERS,
    )

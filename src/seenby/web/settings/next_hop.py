"""The server that one's mail is handed to: what it is, another one, and a test that sends nothing.

Whoever names a host makes this machine connect there. Only who answers for the installation may name one inside its
own network; a host that anybody else names must be public, now and at every later connection (`delivery/reach.py`).
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from seenby.delivery.hop import NextHop, Tls, parse_next_hop, write_next_hop
from seenby.delivery.reach import NotPublic, public_addresses, typed_host, typed_port
from seenby.delivery.rehearsal import rehearse
from seenby.store import admin_log
from seenby.store.admin_log import Action
from seenby.throttle import Throttle
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.frame import draw_page, draw_piece, is_administrator, is_part
from seenby.words.address import parse_address
from seenby.words.errors import SettingsError
from seenby.words.message import Sender

router = APIRouter(prefix="/settings/next-hop")
Word = Annotated[str, Form(max_length=300)]
SMTP_PORTS: Final = (25, 465, 587, 2525)  # more would be a way to look for open doors elsewhere
WAYS: Final = {
    Tls.STARTTLS: "STARTTLS (usual, port 587)",
    Tls.IMPLICIT: "Encrypted from the start (port 465)",
    Tls.NONE: "Not encrypted (same machine or own network, port 25)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the form."""

    host: str = ""
    port: str = "587"
    tls: str = Tls.STARTTLS.value
    user: str = ""
    verify: bool = True


@router.get("")
async def hop_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The page."""
    return await _draw(request, parts, sender)


@router.post("")
async def set_hop(  # noqa: PLR0913 - a form has so many fields
    request: Request,
    parts: Given,
    sender: SignedIn,
    *,
    host: Word = "",
    port: Word = "",
    tls: Word = Tls.STARTTLS.value,
    user: Word = "",
    password: Word = "",
    any_certificate: Annotated[bool, Form()] = False,
) -> Response:
    """Hand this sender's mail to another server from now on."""
    typed = Typed(host=host, port=port, tls=tls, user=user, verify=not any_certificate)
    made = _hop(typed, password=password, now=_own(sender))
    if isinstance(made, NextHop):
        made = await _allowed(parts, sender, made)
    if isinstance(made, str):
        return await _draw(request, parts, sender, typed=typed, said=f"Not saved. {made}", is_bad=True)
    await _keep(parts, sender, write_next_hop(made), detail=f"{sender.address}: {made}")
    said = "Saved. Mail that waits goes there as well. Test it now: that sends nothing."
    return await _draw(request, parts, replace(sender, next_hop=write_next_hop(made)), said=said)


@router.post("/remove")
async def remove_hop(request: Request, parts: Given, sender: SignedIn) -> Response:
    """Back to the installation's."""
    await _keep(parts, sender, "", detail=f"{sender.address}: the installation's")
    said = "Removed. Your mail goes where the installation's goes."
    return await _draw(request, parts, replace(sender, next_hop=""), said=said)


@router.post("/test")
async def try_hop(request: Request, parts: Given, sender: SignedIn, recipient: Word = "") -> Response:
    """Try every step and send nothing."""
    throttle: Throttle = request.app.state.throttle
    who, now = f"hop:{sender.id}", parts.now()
    to, hop = parse_address(recipient or sender.address), _in_force(parts, sender)
    if hop is None:
        return await _tested(request, parts, sender, why="There is no next hop: mail stays in the built-in mailbox.")
    if to is None:
        return await _tested(request, parts, sender, why="That is no address. Write it as name@domain.")
    if throttle.is_exhausted(who, now=now):
        return await _tested(request, parts, sender, why="That was often. Try again in a quarter of an hour.")
    throttle.failed(who, now=now)
    hello = urlsplit(parts.tracking_url).hostname or "localhost"
    steps = await rehearse(hop, hello=hello, sender=sender.address, recipient=str(to))
    return await _tested(request, parts, sender, steps=steps)


def _own(sender: Sender) -> NextHop | None:
    try:
        return parse_next_hop(sender.next_hop)
    except SettingsError:
        return None


def _in_force(parts: Parts, sender: Sender) -> NextHop | None:
    return _own(sender) or parse_next_hop(parts.settings.next_hop)


def _hop(typed: Typed, *, password: str, now: NextHop | None) -> NextHop | str:
    """The hop that was typed, or what is wrong with it.

    A password is kept for its own server only, and only where it is protected on its way as well as before.
    """
    host, port = typed_host(typed.host), typed_port(typed.port)
    if host is None:
        return "That is no host. Write its name alone, such as mail.company.com."
    if port is None:
        return "That is no port. Most servers take mail at 587."
    if typed.tls not in {way.value for way in Tls}:
        return "That is no way to protect a connection."
    is_same = now is not None and (now.host, now.port, now.user, now.tls) == (host, port, typed.user, typed.tls)
    is_as_safe = now is not None and (typed.verify or not now.verify)
    kept = now.password if is_same and is_as_safe and now is not None and not password else password
    if typed.user and not kept:
        return "The password is missing. It is asked for again whenever server, user or encryption change."
    hop = NextHop(host=host, port=port, tls=Tls(typed.tls), user=typed.user, password=kept, verify=typed.verify)
    try:
        parse_next_hop(write_next_hop(hop))
    except SettingsError as error:
        return str(error)
    return hop


async def _allowed(parts: Parts, sender: Sender, hop: NextHop) -> NextHop | str:
    """The hop as this sender may have it, or why not."""
    if await is_administrator(parts, sender):
        return hop
    if hop.port not in SMTP_PORTS:
        return f"Only an owner of the installation may name another port than {', '.join(map(str, SMTP_PORTS))}."
    try:
        await public_addresses(hop.host, hop.port)
    except NotPublic as error:
        return f"{error}."
    except (OSError, UnicodeError):
        return f"There is no host {hop.host}, or the DNS does not answer."
    return replace(hop, public_only=True)


async def _keep(parts: Parts, sender: Sender, hop: str, *, detail: str) -> None:
    async with parts.store.write() as tx:
        await tx.run("set_next_hop", id=sender.id, next_hop=hop)
        await admin_log.put(tx, Action.NEXT_HOP_SET, team=sender.team, by=sender.id, at=parts.now(), detail=detail)


async def _tested(request: Request, parts: Parts, sender: Sender, **values: object) -> Response:
    told: dict[str, Any] = {"steps": None, "why": "", **values}
    if is_part(request):
        return draw_piece(request, sender, "settings_hop_steps.html", **told)
    return await _draw(request, parts, sender, **told)


def _typed_of(hop: NextHop | None) -> Typed:
    if hop is None:
        return Typed()
    return Typed(host=hop.host, port=str(hop.port), tls=hop.tls.value, user=hop.user, verify=hop.verify)


async def _draw(
    request: Request, parts: Parts, sender: Sender, *, typed: Typed | None = None, **values: object
) -> Response:
    own = _own(sender)
    return await draw_page(
        request,
        parts,
        sender,
        "settings_hop.html",
        **({"steps": None, "why": ""} | values),
        own=own,
        house=parse_next_hop(parts.settings.next_hop),
        typed=typed or _typed_of(own),
        ways=WAYS,
        is_administrator=await is_administrator(parts, sender),
    )

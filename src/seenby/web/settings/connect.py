"""Connecting a mail program: what to enter where, a new password, and word of the first message as it comes."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from seenby.settings import split_listen
from seenby.store.times import micros
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.frame import draw_page, draw_piece
from seenby.web.settings.team import accounts_of
from seenby.words.message import Sender

router = APIRouter(prefix="/settings/connect")
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - read, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a mail program is told: `is_here` when only this machine reaches it; `is_own` certificate: made by us."""

    host: str
    port: int
    user: str
    is_here: bool
    is_own: bool


def server_of(parts: Parts, sender: Sender) -> Server:
    """The gateway as this sender enters it."""
    host, port = split_listen(parts.smtp_address)
    shown = (urlsplit(parts.app_url).hostname or host) if host in _EVERYWHERE else host
    return Server(
        host=shown,
        port=port,
        user=sender.address,
        is_here=is_here(host),
        is_own=parts.settings.tls_certificate is None,
    )


def is_here(host: str) -> bool:
    """Whether only this machine reaches a host of that name."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@router.get("")
async def connect_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The page."""
    return await _draw(request, parts, sender)


@router.post("/password")
async def new_password(request: Request, parts: Given, sender: SignedIn) -> Response:
    """Another password for sending, shown once."""
    async with parts.store.write() as tx:
        password = await accounts_of(parts).new_password(tx, sender)
    return await _draw(request, parts, sender, password=password)


@router.get("/first")
async def first_message(
    request: Request, parts: Given, sender: SignedIn, since: Annotated[int, Query(ge=0, le=2**62)] = 0
) -> Response:
    """Whether a message came since then; asked again and again until one did."""
    return draw_piece(request, sender, "settings_first.html", **await _came(parts, sender, since=since))


async def _came(parts: Parts, sender: Sender, *, since: int) -> dict[str, object]:
    async with parts.store.read() as tx:
        last = await tx.one("latest_of_sender", sender=sender.id)
        earlier = await tx.one("earlier_of_sender", sender=sender.id, since=since)
    is_new = last is not None and last["accepted_at"] >= since
    return {"last": last, "is_new": is_new, "is_first": earlier is None, "since": since}


async def _draw(request: Request, parts: Parts, sender: Sender, *, password: str = "") -> Response:
    return await draw_page(
        request,
        parts,
        sender,
        "settings_connect.html",
        smtp=server_of(parts, sender),
        password=password,
        **await _came(parts, sender, since=micros(parts.now())),
    )

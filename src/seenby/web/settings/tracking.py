"""The tracking domain and the senders' domains: what the DNS, the certificate and the tracker say just now."""

import asyncio
from secrets import token_bytes
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response

from seenby.delivery.dkim import DkimKey, dkim_keys
from seenby.delivery.dns_ask import Dns, RealDns
from seenby.delivery.domain_check import Check, State, check_sender_domain
from seenby.delivery.tracking_check import OUTSIDE, check_tracking
from seenby.store.people import is_free_mail
from seenby.throttle import Throttle
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.connect import is_here
from seenby.web.settings.frame import draw_page, draw_piece, is_part
from seenby.words.errors import SeenbyError
from seenby.words.message import Sender
from seenby.words.token import MESSAGE_BYTES

router = APIRouter(prefix="/settings/tracking")
MOST_DOMAINS: Final = 10
WORDS: Final = {
    State.GOOD: ("circle-check", "OK"),
    State.NOTE: ("alert-triangle", "Could be better"),
    State.WRONG: ("circle-x", "Problem"),
    State.UNKNOWN: ("help-circle", "Could not ask"),
}


@router.get("")
async def tracking_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The page; what takes seconds comes after it."""
    return await _draw(request, parts, sender, groups=None, why="")


@router.get("/checks")
async def checks(request: Request, parts: Given, sender: SignedIn) -> Response:
    """Look now."""
    throttle: Throttle = request.app.state.throttle
    who, now = f"checks:{sender.id}", parts.now()
    if throttle.is_exhausted(who, now=now):
        return await _draw(request, parts, sender, groups=[], why="That was often. Try again in a quarter of an hour.")
    throttle.failed(who, now=now)
    groups = await _looked(parts, sender, dns=getattr(request.app.state, "dns", None) or RealDns())
    return await _draw(request, parts, sender, groups=groups, why="")


async def _looked(parts: Parts, sender: Sender, *, dns: Dns) -> list[tuple[str, list[Check]]]:
    """What was looked at, under a heading each; everything at once."""
    domains, keys = await _domains(parts, sender), await asyncio.to_thread(_keys, parts)
    tracking, *others = await asyncio.gather(
        check_tracking(
            parts.tracking_url, keys=parts.keys, dns=dns, now=parts.now(), chance=token_bytes(MESSAGE_BYTES)
        ),
        *(check_sender_domain(domain, keys=keys, dns=dns) for domain in domains),
    )
    return [(parts.tracking_url, tracking), *zip(domains, others, strict=True)]


async def _domains(parts: Parts, sender: Sender) -> list[str]:
    """Where the team writes from. What everybody writes from is its provider's business."""
    async with parts.store.read() as tx:
        own = [row["address"].rpartition("@")[2] for row in await tx.all("addresses_of", sender=sender.id)]
        teams = [row["domain"] for row in await tx.all("team_domains", team=sender.team)]
    return [one for one in dict.fromkeys((*own, *teams)) if not is_free_mail(one)][:MOST_DOMAINS]


def _keys(parts: Parts) -> tuple[DkimKey, ...]:
    try:
        return dkim_keys(parts.settings)
    except (SeenbyError, OSError):
        return ()  # `seenby doctor` says what is wrong with them


async def _draw(request: Request, parts: Parts, sender: Sender, **values: object) -> Response:
    if is_part(request):
        return draw_piece(request, sender, "settings_checks.html", words=WORDS, **values)
    return await draw_page(
        request,
        parts,
        sender,
        "settings_tracking.html",
        words=WORDS,
        url=parts.tracking_url,
        outside=OUTSIDE if is_here(urlsplit(parts.tracking_url).hostname or "") else "",
        **values,
    )

"""Signing in at the team's identity provider, there and back; and which of its accounts is a member's.

Nobody becomes a member by it. Whoever comes for the first time is the member whose address the provider has verified;
from then on the account there counts (issuer and subject, which never change hands), and no address.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from secrets import token_urlsafe
from typing import Final, assert_never

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from seenby import maillog
from seenby.store import Transaction
from seenby.store.challenges import Asked, ask
from seenby.store.people import sender_by_address, sender_by_id
from seenby.store.times import micros
from seenby.throttle import Throttle
from seenby.web.given import Given, Parts, SignedIn, signed_in
from seenby.web.signing_in import PATH, STALE, draw_signing_in, is_fresh, this_browser
from seenby.web.ways.doors import TOO_OFTEN, draw_doors
from seenby.web.ways.entry import is_https, let_in, welcome
from seenby.web.ways.provider import BEGIN_AGAIN, Attempt, Identity, NotLetInError, Provider, issuer_of
from seenby.web.where import client_of
from seenby.words.message import Sender

router = APIRouter()
THERE: Final = "/sign-in/with/provider"
BACK: Final = "/sign-in/with/provider/back"
LASTS: Final = timedelta(minutes=10)
_PARAMETER: Final = 4000  # characters


class Purpose(StrEnum):
    """What somebody goes to the provider for."""

    ENTER = "enter"
    CONNECT = "connect"  # they are in, and say which account there is theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What a browser that set out carries in its cookie, until it is back.

    `whose` is the session that set out to connect: else a cookie carried into a browser that somebody left open would
    connect another's account to theirs. Empty for who enters.
    """

    secret: str
    purpose: Purpose
    whose: str = ""


@router.get(THERE)
async def set_out(request: Request, parts: Given) -> Response:
    """To the provider's own sign-in page."""
    return await _set_out(request, parts, Purpose.ENTER)


@router.get(f"{PATH}/provider/connect")
async def set_out_to_connect(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The same, for somebody who is in already.

    Only from our own page: another could first sign its visitor in at the provider as somebody else, and would have
    that account connected.
    """
    if not _is_from_here(request, parts):
        return await draw_signing_in(request, parts, sender, said="Nothing was connected. Begin here.", is_bad=True)
    if not await is_fresh(request, parts, sender):
        return await draw_signing_in(request, parts, sender, said=f"Nothing was connected. {STALE}", is_bad=True)
    return await _set_out(request, parts, Purpose.CONNECT)


@router.get(BACK)
async def come_back(request: Request, parts: Given) -> Response:
    """Let in whoever the provider says it is, or connect their account there."""
    throttle: Throttle = request.app.state.throttle
    client, now = client_of(request, parts.settings.trusted_proxies), parts.now()
    if throttle.is_exhausted(client, now=now):
        return await draw_doors(request, parts, said=TOO_OFTEN, status=429)
    leaving = _read(request.cookies.get(_cookie(parts), ""), parts)
    throttle.failed(client, now=now)
    try:
        response = await _answer(request, parts, leaving)
        throttle.forgive(client)
    except NotLetInError as error:
        _note(error)
        response = await _refused(request, parts, leaving, str(error))
    response.delete_cookie(_cookie(parts), path="/", secure=is_https(parts), httponly=True, samesite="lax")
    return response


@router.post(f"{PATH}/provider/disconnect")
async def disconnect(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The account there lets nobody in any more, and whoever was in elsewhere is out."""
    async with parts.store.write() as tx:
        await tx.run("drop_identity", sender=sender.id, issuer=issuer_of(parts.settings))
        await tx.run("end_other_sessions", sender=sender.id, hash=this_browser(request, parts))
    said = "Your account there is no longer connected, and your other browsers are signed out."
    return await draw_signing_in(request, parts, sender, said=said)


@router.get(f"{PATH}/provider/disconnect")
async def back_to_the_page() -> Response:
    """Where a form leads, typed as an address: the page itself."""
    return RedirectResponse(PATH, status_code=303)


async def _set_out(request: Request, parts: Parts, purpose: Purpose) -> Response:
    provider, secret = _provider(request), token_urlsafe(32)
    questions: Throttle = request.app.state.questions
    client = client_of(request, parts.settings.trusted_proxies)
    if questions.is_exhausted(client, now=parts.now()):
        return await draw_doors(request, parts, said=TOO_OFTEN, status=429)
    questions.failed(client, now=parts.now())  # each may ask the provider, and wait for it
    try:
        address = await provider.way_there(Attempt(secret=secret), now=parts.now())
    except NotLetInError as error:
        _note(error)
        return await _refused(request, parts, Leaving(secret=secret, purpose=purpose), str(error))
    whose = this_browser(request, parts) if purpose is Purpose.CONNECT else ""
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        _cookie(parts),
        _written(Leaving(secret=secret, purpose=purpose, whose=whose), parts),
        max_age=int(LASTS.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",  # it must come along when the provider sends the browser back
        secure=is_https(parts),
    )
    return response


async def _identity(request: Request, parts: Parts, leaving: Leaving | None) -> Identity:
    """Who came back. One way back is gone once. Raises NotLetInError."""
    if leaving is None:
        raise NotLetInError(BEGIN_AGAIN)
    came = {name: value for name, value in request.query_params.items() if len(value) <= _PARAMETER}
    async with parts.store.write() as tx:
        is_first = await ask(tx, Asked.PROVIDER_DONE, leaving.secret, now=parts.now(), lasts=LASTS)
    if not is_first:
        raise NotLetInError(BEGIN_AGAIN)
    return await _provider(request).who(Attempt(secret=leaving.secret), came, now=parts.now())


async def _answer(request: Request, parts: Parts, leaving: Leaving | None) -> Response:
    """What coming back comes to. Raises NotLetInError and SignInNeeded."""
    identity = await _identity(request, parts, leaving)
    purpose, whose = (leaving.purpose, leaving.whose) if leaving is not None else (Purpose.ENTER, "")
    match purpose:
        case Purpose.ENTER:
            async with parts.store.write() as tx:
                sender = await _member(tx, request, parts, identity)
                session = await let_in(tx, request, parts, sender)
            return welcome(parts, session)
        case Purpose.CONNECT:
            sender = await signed_in(request, parts)
            if whose != this_browser(request, parts):
                raise NotLetInError(BEGIN_AGAIN)
            async with parts.store.write() as tx:
                await _join(tx, request, parts, sender, identity)
            return RedirectResponse(f"{PATH}?said=connected", status_code=303)
        case _:
            assert_never(purpose)


async def _member(tx: Transaction, request: Request, parts: Parts, identity: Identity) -> Sender:
    """Whose identity it is. Raises NotLetInError."""
    name = _provider(request).name
    row = await tx.one("identity", issuer=identity.issuer, subject=identity.subject)
    known = await sender_by_id(tx, row["sender"]) if row else None
    if known is not None:
        return known
    if identity.unverified:
        raise NotLetInError(
            f"{name} has not verified your address, so it proves nothing here. Have it verified there; or sign in "
            "another way, and connect your account under Settings, Signing in."
        )
    if not identity.address:
        raise NotLetInError(
            f"{name} does not say which address is yours. Sign in another way, and connect your account under "
            "Settings, Signing in."
        )
    sender = await sender_by_address(tx, identity.address)
    if sender is None or not _is_same(identity.address, sender.address):
        raise NotLetInError(
            f"{name} knows you as {identity.address[:254]}, which is no member's address here. Ask your team's owner "
            "to add it."
        )
    await _join(tx, request, parts, sender, identity)
    return sender


def _is_same(told: str, kept: str) -> bool:
    """Whether an address that the provider verified is the one we keep, letter by letter.

    We look addresses up in a folded form, in which ß is ss and the Kelvin sign is k; to the provider and to the mail
    host these are two mailboxes, of two people.
    """
    return told == kept or (told.isascii() and told.lower() == kept)


async def _join(tx: Transaction, request: Request, parts: Parts, sender: Sender, identity: Identity) -> None:
    """From now on this identity is the sender's. Raises NotLetInError where either has another already."""
    name = _provider(request).name
    await tx.run("hold_team", id=sender.team)
    mine = await tx.one("identity_of", sender=sender.id, issuer=identity.issuer)
    if mine is not None and mine["subject"] == identity.subject:
        return
    if mine is not None:
        raise NotLetInError(
            f"{sender.address} is connected to another account at {name} already. Sign in another way, and disconnect "
            "that one under Settings, Signing in."
        )
    is_new = await tx.run(
        "put_identity",
        issuer=identity.issuer,
        subject=identity.subject,
        team=sender.team,
        sender=sender.id,
        made_at=micros(parts.now()),
    )
    if not is_new:
        raise NotLetInError(f"Your account at {name} is connected to another member here. Nothing was changed.")


async def _refused(request: Request, parts: Parts, leaving: Leaving | None, said: str) -> Response:
    """Why it came to nothing, on the page that one set out from."""
    if leaving is not None and leaving.purpose is Purpose.CONNECT:
        sender = await signed_in(request, parts)
        return await draw_signing_in(request, parts, sender, said=said, is_bad=True)
    return await draw_doors(request, parts, said=said, status=403)


def _note(error: NotLetInError) -> None:
    """Only what an administrator may have to mend: anybody can come back with nonsense."""
    if error.__cause__ is not None:
        maillog.failed("provider", error.__cause__)


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise HTTPException(404)
    return provider


def _is_from_here(request: Request, parts: Parts) -> bool:
    """Whether one of our own pages led here; a navigation carries no Origin."""
    site = request.headers.get("sec-fetch-site")
    return site == "same-origin" if site else request.headers.get("referer", "").startswith(f"{parts.app_url}/")


def _cookie(parts: Parts) -> str:
    return "__Host-seenby_provider" if is_https(parts) else "seenby_provider"


def _written(leaving: Leaving, parts: Parts) -> str:
    text = f"{leaving.secret}.{int((parts.now() + LASTS).timestamp())}.{leaving.purpose}.{leaving.whose}"
    return f"{text}.{_mac(text, parts.secret)}"


def _read(cookie: str, parts: Parts) -> Leaving | None:
    """What the cookie says, if it is ours and not too old. Never raises."""
    text, _, mac = cookie.rpartition(".")
    if not cookie.isascii() or not hmac.compare_digest(mac, _mac(text, parts.secret)):
        return None
    secret, ends, purpose, *whose = text.split(".")  # the version before wrote no session
    if parts.now() >= datetime.fromtimestamp(int(ends), UTC):
        return None
    return Leaving(secret=secret, purpose=Purpose(purpose), whose="".join(whose))


def _mac(text: str, secret: bytes) -> str:
    return blake2b(text.encode(), key=secret, digest_size=16, person=b"seenby.provider").hexdigest()

"""How one signs in: password, passkeys, the identity provider; and the browsers that are in, which can be ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from seenby.judge import client_name
from seenby.store import Transaction
from seenby.store.people import secret_hash
from seenby.store.times import micros
from seenby.throttle import Throttle
from seenby.web.given import Given, Parts, SignedIn, cookie_name
from seenby.web.look import draw, frame_of
from seenby.web.password import FEWEST_CHARACTERS, MOST_CHARACTERS, hash_password, is_password, refusal
from seenby.web.ways.doors import TOO_OFTEN
from seenby.web.ways.passkey import home_of
from seenby.web.ways.provider import issuer_of
from seenby.words.limits import PASSKEY_CHARACTERS, PASSKEYS
from seenby.words.message import Sender

router = APIRouter(prefix="/settings/sign-in")
PATH: Final = "/settings/sign-in"
FRESH: Final = timedelta(minutes=30)
STALE: Final = (
    "You signed in more than half an hour ago. Sign out, sign in again, and then do it: a browser that was left open "
    "must not become somebody else's way in."
)
Secret = Annotated[str, Form(max_length=MOST_CHARACTERS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One that is signed in; `name` is what it says of itself, empty where it was not kept."""

    id: str
    name: str
    since: int | None
    ends_at: int
    is_this: bool


@router.get("")
async def signing_in_page(request: Request, parts: Given, sender: SignedIn, said: str = "") -> Response:
    """The page."""
    words = "Your account there is connected. You can sign in with it." if said == "connected" else ""
    return await draw_signing_in(request, parts, sender, said=words)


@router.get("/password")
@router.get("/end")
async def back_to_the_page() -> Response:
    """Where a form leads, typed as an address: the page itself."""
    return RedirectResponse("/settings/sign-in", status_code=303)


@router.post("/password")
async def set_password(
    request: Request, parts: Given, sender: SignedIn, *, current: Secret = "", new: Secret = "", again: Secret = ""
) -> Response:
    """Set the password for the pages; other browsers are signed out."""
    if why := await _refusal(request, parts, sender, current=current, new=new):
        return await draw_signing_in(request, parts, sender, said=f"Not changed. {why}", is_bad=True)
    if new != again:
        return await draw_signing_in(request, parts, sender, said="Not changed. The two are not the same.", is_bad=True)
    made = await hash_password(new)
    async with parts.store.write() as tx:
        await tx.run("set_sign_in_hash", id=sender.id, sign_in_hash=made)
        await tx.run("end_other_sessions", sender=sender.id, hash=this_browser(request, parts))
        await tx.run("drop_sign_in_links", sender=sender.id)
    return await draw_signing_in(request, parts, sender, said="Set. Other browsers are signed out.")


async def _refusal(request: Request, parts: Parts, sender: Sender, *, current: str, new: str) -> str:
    """Why the password is not changed; empty when it may be."""
    throttle: Throttle = request.app.state.throttle
    guessing = f"password of {sender.id}"  # whoever finds this browser open may guess no more often than a stranger
    if throttle.is_exhausted(guessing, now=parts.now()):
        return TOO_OFTEN
    async with parts.store.read() as tx:
        row = await tx.one("sign_in_hash", id=sender.id)
    if row is not None and row["sign_in_hash"]:
        throttle.failed(guessing, now=parts.now())
        if not await is_password(row["sign_in_hash"], current):
            return "The present password is another one."
        throttle.forgive(guessing)
    elif not await is_fresh(request, parts, sender):
        return STALE
    return refusal(new, address=sender.address)


@router.post("/end")
async def end_browser(request: Request, parts: Given, sender: SignedIn, browser: str = Form(default="")) -> Response:
    """Sign one browser out; without a name, all but this one."""
    async with parts.store.write() as tx:
        if browser:
            await tx.run("end_session_of", sender=sender.id, hash=browser)
        else:
            await tx.run("end_other_sessions", sender=sender.id, hash=this_browser(request, parts))
            await tx.run("drop_sign_in_links", sender=sender.id)  # they would open another
    if browser == this_browser(request, parts):
        return RedirectResponse("/sign-in", status_code=303)
    return await draw_signing_in(request, parts, sender, said="Signed out there.")


async def is_fresh(request: Request, parts: Parts, sender: Sender) -> bool:
    """Whether the sender signed in with this browser just now, as who adds another way in must have."""
    async with parts.store.read() as tx:
        row = await tx.one("session_since", sender=sender.id, hash=this_browser(request, parts))
    return row is not None and row["made_at"] is not None and row["made_at"] > micros(parts.now() - FRESH)


def this_browser(request: Request, parts: Parts) -> str:
    """What is kept of this browser's session."""
    return secret_hash(request.cookies.get(cookie_name(parts), ""))


async def _browsers(tx: Transaction, request: Request, parts: Parts, sender: Sender) -> Sequence[Browser]:
    rows = await tx.all("sessions_of", sender=sender.id, now=micros(parts.now()))
    this = this_browser(request, parts)
    return [
        Browser(
            id=row["hash"],
            name=client_name(row["agent"]) or ("another browser" if row["agent"] else ""),
            since=row["made_at"],
            ends_at=row["ends_at"],
            is_this=row["hash"] == this,
        )
        for row in rows
    ]


async def draw_signing_in(
    request: Request, parts: Parts, sender: Sender, *, said: str = "", is_bad: bool = False
) -> Response:
    """The page, with what has just come of something on it."""
    home = home_of(parts.app_url)
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        row = await tx.one("sign_in_hash", id=sender.id)
        browsers = await _browsers(tx, request, parts, sender)
        passkeys = await tx.all("passkeys_of", sender=sender.id)
        identity = await tx.one("identity_of", sender=sender.id, issuer=issuer_of(parts.settings))
    return draw(
        request,
        "signing_in.html",
        frame=frame,
        has_password=bool(row and row["sign_in_hash"]),
        browsers=browsers,
        passkeys=passkeys,
        passkeys_at=home.origin if home else "",
        is_at_home=home is not None and urlsplit(home.origin).netloc == request.headers.get("host", ""),
        most_passkeys=PASSKEYS,
        name_characters=PASSKEY_CHARACTERS,
        provider=parts.settings.provider_name,
        identity=identity,
        fewest=FEWEST_CHARACTERS,
        said=said,
        is_bad=is_bad,
    )

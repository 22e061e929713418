"""Passkeys on the pages: making one, naming it, removing it, and signing in with one.

The browser's script (frontend/src/passkeys.js) asks here for a question, has the device answer it, and sends the
answer as a form like any other.
"""

from datetime import timedelta
from secrets import token_bytes
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from webauthn.helpers import bytes_to_base64url

from seenby.store import Transaction
from seenby.store.challenges import Asked, answered, ask
from seenby.store.people import sender_by_id
from seenby.store.times import micros
from seenby.throttle import Throttle
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.signing_in import PATH, STALE, draw_signing_in, is_fresh, this_browser
from seenby.web.ways.doors import TOO_OFTEN, draw_doors
from seenby.web.ways.entry import let_in, welcome
from seenby.web.ways.passkey import (
    LONGEST,
    Claim,
    Home,
    NewKey,
    Refusal,
    count_in,
    creation_options,
    home_of,
    read_claim,
    read_new,
    request_options,
)
from seenby.web.where import client_of
from seenby.words.limits import PASSKEY_CHARACTERS, PASSKEYS
from seenby.words.message import Sender

router = APIRouter()
QUESTION_LASTS: Final = timedelta(minutes=5)
QUESTIONS: Final = 200  # one client's in a quarter of an hour; an open sign-in page asks anew every four minutes
Answer = Annotated[str, Form(max_length=LONGEST)]
Name = Annotated[str, Form(max_length=300)]
Key = Annotated[str, Form(max_length=1400)]
WORDS: Final = {
    Refusal.BROKEN: "Your browser sent no passkey. Its scripts must be allowed here; nothing was changed.",
    Refusal.TOO_LATE: "That took longer than five minutes, or was answered already. Try once more.",
    Refusal.UNKNOWN: "Seenby does not know this passkey: it was removed here. Sign in another way, and delete it from "
    "your device.",
    Refusal.WRONG: "This passkey was not accepted: it belongs to another page, or could not be verified.",
    Refusal.COUNTED_BACK: "This passkey was not accepted: its counter did not rise, as if there were a copy of it. "
    "Sign in another way, remove it under Settings, Signing in, and add your device again.",
    Refusal.TAKEN: "This device has a passkey here already.",
}


@router.post(f"{PATH}/passkeys/ask")
async def ask_for_new(request: Request, parts: Given, sender: SignedIn) -> Response:
    """What the browser is to ask its device, to make a passkey."""
    home, questions = _home(parts), _questions(request)
    if not await is_fresh(request, parts, sender):
        return JSONResponse({"error": STALE}, status_code=403)
    if questions.is_exhausted(sender.id, now=parts.now()):
        return JSONResponse({"error": TOO_OFTEN}, status_code=429)
    questions.failed(sender.id, now=parts.now())
    challenge = token_bytes(32)
    async with parts.store.write() as tx:
        have = [row["id"] for row in await tx.all("passkeys_of", sender=sender.id)]
        is_asked = await ask(
            tx,
            Asked.PASSKEY_NEW,
            bytes_to_base64url(challenge),
            now=parts.now(),
            lasts=QUESTION_LASTS,
            value=sender.id,
        )
    if not is_asked:
        return JSONResponse({"error": TOO_OFTEN}, status_code=429)
    options = creation_options(home, sender=sender.id, address=sender.address, have=have, challenge=challenge)
    return Response(options, media_type="application/json")


@router.post(f"{PATH}/passkeys")
async def add_passkey(
    request: Request, parts: Given, sender: SignedIn, name: Name = "", credential: Answer = ""
) -> Response:
    """Keep the passkey that the device made."""
    why = await _add(parts, sender, name=name, answer=credential)
    if why:
        return await draw_signing_in(request, parts, sender, said=f"Not added. {why}", is_bad=True)
    return await draw_signing_in(request, parts, sender, said="The passkey is added. Next time, sign in with it.")


async def _add(parts: Parts, sender: Sender, *, name: str, answer: str) -> str:
    """Why it is not added; empty when it is."""
    home, claim = _home(parts), read_claim(answer)
    if claim is None:
        return WORDS[Refusal.BROKEN]
    async with parts.store.write() as tx:
        asked_by = await answered(tx, Asked.PASSKEY_NEW, claim.challenge, now=parts.now())
    if asked_by != sender.id:
        return WORDS[Refusal.TOO_LATE]
    made = read_new(answer, home, challenge=claim.challenge)
    if isinstance(made, Refusal):
        return WORDS[made]
    async with parts.store.write() as tx:
        return await _keep(tx, parts, sender, made, name=name)


async def _keep(tx: Transaction, parts: Parts, sender: Sender, made: NewKey, *, name: str) -> str:
    there = await tx.all("passkeys_of", sender=sender.id)
    if len(there) >= PASSKEYS:
        return f"{PASSKEYS} passkeys are the most. Remove one that you no longer use."
    is_kept = await tx.run(
        "put_passkey",
        id=made.id,
        team=sender.team,
        sender=sender.id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=_plain(name) or f"Passkey {len(there) + 1}",
        made_at=micros(parts.now()),
    )
    return "" if is_kept else WORDS[Refusal.TAKEN]


@router.post(f"{PATH}/passkeys/rename")
async def rename_passkey(
    request: Request, parts: Given, sender: SignedIn, passkey: Key = "", name: Name = ""
) -> Response:
    """Call it something else."""
    kept = _plain(name)
    if not kept:
        return await draw_signing_in(request, parts, sender, said="Not renamed: a name is missing.", is_bad=True)
    async with parts.store.write() as tx:
        if not await tx.run("rename_passkey", id=passkey, sender=sender.id, name=kept):
            raise HTTPException(404)
    return await draw_signing_in(request, parts, sender, said=f"The passkey is called {kept} now.")


@router.post(f"{PATH}/passkeys/remove")
async def remove_passkey(request: Request, parts: Given, sender: SignedIn, passkey: Key = "") -> Response:
    """It lets nobody in any more, and whoever was in elsewhere is out: a lost device is the usual reason."""
    async with parts.store.write() as tx:
        if not await tx.run("drop_passkey", id=passkey, sender=sender.id):
            raise HTTPException(404)
        await tx.run("end_other_sessions", sender=sender.id, hash=this_browser(request, parts))
    return await draw_signing_in(
        request, parts, sender, said="The passkey is removed, and your other browsers are signed out."
    )


@router.get(f"{PATH}/passkeys")
@router.get(f"{PATH}/passkeys/{{rest}}")
async def back_to_the_page() -> Response:
    """Where a form leads, typed as an address: the page itself."""
    return RedirectResponse(PATH, status_code=303)


@router.post("/sign-in/passkey/ask")
async def ask_anybody(request: Request, parts: Given) -> Response:
    """What the browser is to ask a device for, to sign in. Anybody may ask, and so only so often."""
    home, questions = _home(parts), _questions(request)
    client, now, challenge = client_of(request, parts.settings.trusted_proxies), parts.now(), token_bytes(32)
    if questions.is_exhausted(client, now=now):
        return JSONResponse({"error": TOO_OFTEN}, status_code=429)
    questions.failed(client, now=now)
    async with parts.store.write() as tx:
        text = bytes_to_base64url(challenge)
        if not await ask(tx, Asked.PASSKEY, text, now=now, lasts=QUESTION_LASTS):
            return JSONResponse({"error": TOO_OFTEN}, status_code=429)
    return Response(request_options(home, challenge=challenge), media_type="application/json")


@router.post("/sign-in/passkey")
async def sign_in_by_passkey(request: Request, parts: Given, credential: Answer = "") -> Response:
    """Let in whoever holds a passkey, and has answered a question of ours with it."""
    throttle: Throttle = request.app.state.throttle
    client, now = client_of(request, parts.settings.trusted_proxies), parts.now()
    if throttle.is_exhausted(client, now=now):
        return await draw_doors(request, parts, said=TOO_OFTEN, status=429)
    throttle.failed(client, now=now)  # before it is looked at: many at once are counted as well
    claim = read_claim(credential)
    who = await _holder(parts, claim, credential) if claim is not None else Refusal.BROKEN
    if isinstance(who, Refusal):
        return await draw_doors(request, parts, said=WORDS[who], status=403)
    throttle.forgive(client)
    async with parts.store.write() as tx:
        session = await let_in(tx, request, parts, who)
    return welcome(parts, session)


async def _holder(parts: Parts, claim: Claim, answer: str) -> Sender | Refusal:
    """Whose passkey answers. The question is spent whatever comes of it."""
    home = _home(parts)
    async with parts.store.write() as tx:
        if await answered(tx, Asked.PASSKEY, claim.challenge, now=parts.now()) is None:
            return Refusal.TOO_LATE
        row = await tx.one("passkey", id=claim.id)
        sender = await sender_by_id(tx, row["sender"]) if row else None
    if row is None or sender is None:
        return Refusal.UNKNOWN
    count = count_in(answer, home, challenge=claim.challenge, public_key=row["public_key"], sender=sender.id)
    if isinstance(count, Refusal):
        return count
    async with parts.store.write() as tx:
        if not await tx.run("count_passkey", id=claim.id, count=count, at=micros(parts.now())):
            return Refusal.COUNTED_BACK
    return sender


def _home(parts: Parts) -> Home:
    home = home_of(parts.app_url)
    if home is None:
        raise HTTPException(404)
    return home


def _questions(request: Request) -> Throttle:
    questions: Throttle = request.app.state.questions
    return questions


def _plain(name: str) -> str:
    """A name as one line without characters that nobody sees."""
    return " ".join("".join(one if one.isprintable() else " " for one in name).split())[:PASSKEY_CHARACTERS]

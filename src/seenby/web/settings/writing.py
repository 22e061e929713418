"""Writing: one's signature, and one's own mailbox, whose Sent folder gets what is written here.

Whoever names a host makes this machine connect there: the rules are those of the next hop (`settings/next_hop.py`).
"""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from seenby.compose.markup import clean, is_empty
from seenby.compose.prose import text_of
from seenby.delivery.reach import typed_host, typed_port
from seenby.delivery.sent_folder import Mailbox, MailboxError, Secured, find_folder, parse_mailbox
from seenby.store import Transaction, preferences
from seenby.store.drafts import shelf
from seenby.store.times import micros
from seenby.throttle import Throttle
from seenby.web.compose.choices import SIGNATURE
from seenby.web.compose.form import html_in, of_form
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.frame import draw_page, is_administrator
from seenby.words.message import Sender

router = APIRouter(prefix="/settings/writing")
Word = Annotated[str, Form(max_length=300)]
IMAP_PORTS: Final = (143, 993)  # more would be a way to look for open doors elsewhere
SIGNATURE_CHARACTERS: Final = 10_000
WAYS: Final = {
    Secured.TLS: "Encrypted from the start (usual, port 993)",
    Secured.STARTTLS: "STARTTLS (port 143)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the form."""

    host: str = ""
    port: str = "993"
    secured: str = Secured.TLS.value
    user: str = ""


@router.get("")
async def writing_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The page."""
    return await _draw(request, parts, sender)


@router.post("/signature")
async def set_signature(
    request: Request,
    parts: Given,
    sender: SignedIn,
    html: Annotated[str, Form(max_length=SIGNATURE_CHARACTERS)] = "",
    text: Annotated[str, Form(max_length=SIGNATURE_CHARACTERS)] = "",
) -> Response:
    """What a new message ends with; empty for nothing."""
    async with parts.store.write() as tx:
        kept = await preferences.get(tx, sender, SIGNATURE)
        made = html_in(of_form(html=html, text=text), kept=kept) or ""
        await preferences.put(tx, sender, SIGNATURE, "" if is_empty(made) else made)
    return await _draw(request, parts, sender, said="Saved. It stands below the next message you write.")


@router.post("/mailbox")
async def connect(
    request: Request,
    parts: Given,
    sender: SignedIn,
    *,
    host: Word = "",
    port: Word = "993",
    secured: Word = Secured.TLS.value,
    user: Word = "",
    password: Word = "",
) -> Response:
    """Connect a mailbox, once it has let us in and shown its Sent folder."""
    typed = Typed(host=host, port=port, secured=secured, user=user)
    async with parts.store.read() as tx:
        row = await tx.one("mailbox_of", sender=sender.id)
    now = parse_mailbox(row["url"]) if row else None
    made = _mailbox(typed, password=password, now=now)
    if isinstance(made, Mailbox):
        made = await _allowed(parts, sender, made)
    folder = await _tried(request, parts, sender, made) if isinstance(made, Mailbox) else made
    if isinstance(made, str) or isinstance(folder, MailboxError):
        return await _draw(request, parts, sender, typed=typed, said=f"Not connected. {folder}", is_bad=True)
    async with parts.store.write() as tx:
        await tx.run(
            "put_mailbox", sender=sender.id, team=sender.team, url=made.url(), folder=folder, at=micros(parts.now())
        )
    return await _draw(request, parts, sender, said=f"Connected. What you write here is put into “{folder}”.")


@router.post("/mailbox/test")
async def try_again(request: Request, parts: Given, sender: SignedIn) -> Response:
    """Sign in once more, and look for the folder."""
    async with parts.store.read() as tx:
        row = await tx.one("mailbox_of", sender=sender.id)
    mailbox = parse_mailbox(row["url"]) if row else None
    if mailbox is None:
        return await _draw(request, parts, sender, said="No mailbox is connected.", is_bad=True)
    folder = await _tried(request, parts, sender, mailbox)
    is_bad = isinstance(folder, MailboxError)
    async with parts.store.write() as tx:
        await tx.run("note_mailbox", sender=sender.id, at=micros(parts.now()), problem=str(folder) if is_bad else "")
    said = str(folder) if is_bad else f"It works: there is a folder “{folder}”."
    return await _draw(request, parts, sender, said=said, is_bad=is_bad)


@router.post("/mailbox/remove")
async def disconnect(request: Request, parts: Given, sender: SignedIn) -> Response:
    """No longer connected; what waited to be filed is not."""
    async with parts.store.write() as tx:
        await tx.run("drop_mailbox", sender=sender.id)
        await tx.run("drop_attachments", draft=shelf(sender.id))
    return await _draw(request, parts, sender, said="Disconnected. Its password is no longer kept.")


async def _tried(request: Request, parts: Parts, sender: Sender, mailbox: Mailbox) -> str | MailboxError:
    """The Sent folder, or why there is none. Not often: it would be a way to guess passwords elsewhere."""
    throttle: Throttle = request.app.state.throttle
    who, now = f"mailbox:{sender.id}", parts.now()
    if throttle.is_exhausted(who, now=now):
        return MailboxError("That was often. Try again in a quarter of an hour.")
    throttle.failed(who, now=now)
    try:
        return await find_folder(mailbox)
    except MailboxError as error:
        return error


def _mailbox(typed: Typed, *, password: str, now: Mailbox | None) -> Mailbox | str:
    """The mailbox that was typed, or what is wrong with it. A password is kept for its own server only."""
    host, port = typed_host(typed.host), typed_port(typed.port)
    if host is None:
        return "That is no host. Write its name alone, such as imap.company.com."
    if port is None:
        return "That is no port. Most servers have IMAP at 993."
    if typed.secured not in {way.value for way in WAYS}:
        return "That is no way to protect a connection."
    secured = Secured(typed.secured)
    is_same = now is not None and (now.host, now.port, now.user, now.secured) == (host, port, typed.user, secured)
    kept = now.password if is_same and now is not None and not password else password
    if not typed.user or not kept:
        return "User and password are both needed. The password is asked for again whenever the server changes."
    if re.search(r"[\x00-\x1f\x7f]", typed.user + kept):
        return "User and password hold no control characters."
    return Mailbox(host=host, port=port, secured=secured, user=typed.user, password=kept)


async def _allowed(parts: Parts, sender: Sender, mailbox: Mailbox) -> Mailbox | str:
    """The mailbox as this sender may have it, or why not."""
    if await is_administrator(parts, sender):
        return replace(mailbox, public_only=False)
    if mailbox.port not in IMAP_PORTS:
        return f"Only an owner of the installation may name another port than {' or '.join(map(str, IMAP_PORTS))}."
    return mailbox


async def _state(tx: Transaction, sender: Sender) -> tuple[Mailbox | None, str, str, int | None]:
    row = await tx.one("mailbox_of", sender=sender.id)
    if row is None:
        return None, "", "", None
    return parse_mailbox(row["url"]), row["folder"], row["problem"], row["tried_at"]


async def _draw(
    request: Request, parts: Parts, sender: Sender, *, typed: Typed | None = None, **values: object
) -> Response:
    async with parts.store.read() as tx:
        signature = clean(await preferences.get(tx, sender, SIGNATURE))
        mailbox, folder, problem, tried_at = await _state(tx, sender)
    there = (
        Typed(host=mailbox.host, port=str(mailbox.port), secured=mailbox.secured, user=mailbox.user)
        if mailbox
        else Typed()
    )
    return await draw_page(
        request,
        parts,
        sender,
        "settings_writing.html",
        **values,
        signature={"html": signature, "text": text_of(signature)},
        mailbox=mailbox,
        folder=folder,
        problem=problem,
        tried_at=tried_at,
        typed=typed or there,
        ways=WAYS,
        is_administrator=await is_administrator(parts, sender),
    )

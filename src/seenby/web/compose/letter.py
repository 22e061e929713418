"""The page where a message is written: it saves itself, says what becomes of each recipient, and lets it go."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from seenby.compose.letters import problems
from seenby.compose.markup import clean, is_empty
from seenby.compose.timing import Unclear, moment_of
from seenby.compose.written import Written, read_draft
from seenby.store import Transaction, drafts
from seenby.store.drafts import State
from seenby.store.times import micros
from seenby.web.compose.choices import blank, following, remember
from seenby.web.compose.form import Filled, draft_id, new_id, text_in, with_table, written_of
from seenby.web.compose.lines import around, in_the_way
from seenby.web.compose.shown import Letter, Said
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.problem import NotFound
from seenby.words.limits import ATTACHED_BYTES, ATTACHMENTS, DRAFTS, UNDO_SECONDS
from seenby.words.message import Sender
from seenby.words.policy import Level

router = APIRouter(prefix="/compose")
UNDO: Final = timedelta(seconds=UNDO_SECONDS)
NOT_KEPT: Final = (
    f"Not saved: there are {DRAFTS} drafts already, or this one has been sent or deleted. Copy your text before you "
    "leave this page."
)


@router.get("")
async def compose_page(
    request: Request,
    parts: Given,
    sender: SignedIn,
    *,
    draft: Annotated[str, Query(max_length=40)] = "",
    reply: Annotated[str, Query(max_length=40)] = "",
    template: Annotated[str, Query(max_length=40)] = "",
    to: Annotated[str, Query(max_length=320)] = "",
    said: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """A new message, a draft, a follow-up to a message of the team, or one from a template."""
    async with parts.store.read() as tx:
        if draft:
            row = await drafts.one(tx, sender, draft)
            if row is None or row["state"] == State.DELETED:
                raise NotFound
            if row["state"] in (State.WAITING, State.SENT):
                return RedirectResponse(f"/compose/going/{draft}", status_code=303)
            wrong = (row["problem"],) if row["problem"] else ()
            done = "Taken back. Nothing was sent." if said == "back" else ""
            letter = await _letter(
                tx, parts, sender, draft, read_draft(row["content"]), said=Said(wrong=wrong, done=done)
            )
        else:
            written = await _begun(tx, sender, reply=reply, template=template, to=to)
            letter = await _letter(tx, parts, sender, new_id(), written, is_new=True, reply=reply)
    return await _page(request, parts, sender, letter)


async def _begun(tx: Transaction, sender: Sender, *, reply: str, template: str, to: str) -> Written:
    written = await blank(tx, sender, own=await _own(tx, sender))
    if reply:
        message = await tx.one("message", id=reply, team=sender.team)
        if message is None:
            raise NotFound
        return following(written, message, await tx.all("recipients_of", message=reply))
    if template:
        return await _from_template(tx, sender, written, template)
    return msgspec.structs.replace(written, to=to)


async def _from_template(tx: Transaction, sender: Sender, written: Written, template: str) -> Written:
    """The template's text before what is there (a signature), its subject where there is none."""
    row = await tx.one("template", id=template, team=sender.team, sender=sender.id)
    if row is None:
        raise NotFound
    rest = "" if is_empty(written.html) else written.html
    return msgspec.structs.replace(
        written, subject=written.subject.strip() or row["subject"], html=clean(row["html"] + rest)
    )


async def _own(tx: Transaction, sender: Sender) -> list[str]:
    return [row["address"] for row in await tx.all("addresses_of", sender=sender.id)]


async def _letter(
    tx: Transaction,
    parts: Parts,
    sender: Sender,
    draft: str,
    written: Written,
    **rest: Any,  # noqa: ANN401 - Letter's
) -> Letter:
    return Letter(
        id=draft,
        written=written,
        own=await _own(tx, sender),
        files=await tx.all("attachments_of", draft=draft) if await drafts.one(tx, sender, draft) else [],
        at=await around(tx, sender, written, ceiling=sender.ceiling.within(parts.settings.ceiling)),
        **rest,
    )


async def _page(request: Request, parts: Parts, sender: Sender, letter: Letter) -> Response:
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        templates = await tx.all("templates_of", team=sender.team, sender=sender.id)
        waiting = await tx.one("count_drafts", sender=sender.id)
    return draw(
        request,
        "compose.html",
        frame=frame,
        letter=letter,
        templates=templates,
        drafts=waiting["n"] if waiting else 0,
        failed=(waiting["failed"] or 0) if waiting else 0,
        has=_has(letter),
        limits={"bytes": ATTACHED_BYTES, "files": ATTACHMENTS},
    )


def _has(letter: Letter) -> dict[str, bool]:
    """Which switches can be on at all."""
    ceiling = letter.at.ceiling
    return {"pixels": ceiling.pixels > Level.OFF, "links": ceiling.links > Level.OFF}


async def keep(tx: Transaction, parts: Parts, sender: Sender, form: Filled) -> Written | str:
    """Save what was typed; the sentence that says why not, when it cannot be."""
    draft = draft_id(form)
    row = await drafts.one(tx, sender, draft)
    kept = read_draft(row["content"]) if row else await _kept_before(tx, sender, form)
    written = written_of(form, kept)
    if isinstance(written, str):
        return written
    return written if await drafts.save(tx, sender, draft, written, at=parts.now()) else NOT_KEPT


async def _kept_before(tx: Transaction, sender: Sender, form: Filled) -> Written:
    """What a message begins with that was never saved: whom it follows up is asked of the store, not of the browser."""
    reply = text_in(form, "reply")
    message = await tx.one("message", id=reply, team=sender.team) if reply else None
    written = Written()
    return following(written, message, []) if message else written


@router.post("/save")
async def save(request: Request, parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Keep the draft; with the script, answer with what changed beside the form."""
    async with parts.store.write() as tx:
        kept = await keep(tx, parts, sender, form)
    if "hx-request" not in request.headers and not isinstance(kept, str):
        return RedirectResponse(f"/compose?draft={draft_id(form)}", status_code=303)
    return await _again(request, parts, sender, form, kept, said=Said())


async def _again(
    request: Request, parts: Parts, sender: Sender, form: Filled, kept: Written | str, *, said: Said
) -> Response:
    """What stands beside the form; or the whole page, with everything that was typed, for a browser without script."""
    if isinstance(kept, str):
        said = Said(head="Not saved.", wrong=(kept, *said.wrong), table=said.table)
        typed = written_of(form, Written())
        kept = typed if isinstance(typed, Written) else Written()
    async with parts.store.read() as tx:
        saved = parts.now() if await drafts.one(tx, sender, draft_id(form)) else None
        letter = await _letter(
            tx, parts, sender, draft_id(form), kept, said=said, saved_at=saved, reply=text_in(form, "reply")
        )
        frame = await frame_of(tx, sender)
    if "hx-request" not in request.headers:
        return await _page(request, parts, sender, letter)
    is_redrawn = text_in(form, "shape", most=100_000) != letter.shape
    return draw(request, "compose_beside.html", frame=frame, letter=letter, is_redrawn=is_redrawn, has=_has(letter))


@router.post("/send")
async def let_go(request: Request, parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Let it go: in ten seconds, or at its time. As long as anything is wrong, it stays and says what."""
    now, draft = parts.now(), draft_id(form)
    async with parts.store.write() as tx:
        kept = await keep(tx, parts, sender, form)
        wrong = (kept,) if isinstance(kept, str) else await _wrong(tx, parts, sender, draft, kept)
        at = _when(form, kept, now=now) if isinstance(kept, Written) and not wrong else now
        if isinstance(at, Unclear):
            wrong = (at.why,)
        if isinstance(kept, Written) and not isinstance(at, Unclear) and not wrong:
            if not await tx.run("schedule_draft", id=draft, sender=sender.id, send_at=micros(at)):
                wrong = (NOT_KEPT,)
            else:
                await remember(tx, sender, kept)
    if wrong:
        typed = kept if isinstance(kept, Written) else written_of(form, Written())
        again = typed if isinstance(typed, Written) else Written()
        return await _again(request, parts, sender, form, again, said=Said(wrong=wrong))
    return _gone(request, draft, is_later=text_in(form, "go") == "later")


def _when(form: Filled, written: Written, *, now: datetime) -> datetime | Unclear:
    return moment_of(written.at, written.zone, now=now) if text_in(form, "go") == "later" else now + UNDO


def _gone(request: Request, draft: str, *, is_later: bool) -> Response:
    """With the script, back to the list with a word at its edge; without, or when it goes later, a page of its own."""
    page = f"/compose/going/{draft}"
    if "hx-request" not in request.headers:
        return RedirectResponse(page, status_code=303)
    if is_later:
        return Response(headers={"HX-Redirect": page})
    told = msgspec.json.encode({"seenby-going": draft}).decode()
    return Response(headers={"HX-Redirect": "/", "HX-Trigger": told})


async def _wrong(tx: Transaction, parts: Parts, sender: Sender, draft: str, written: Written) -> tuple[str, ...]:
    """Everything that keeps it from going, as far as it can be known now."""
    files = await tx.all("attachments_of", draft=draft)
    own = await _own(tx, sender)
    at = await around(tx, sender, written, ceiling=sender.ceiling.within(parts.settings.ceiling))
    found = [*problems(written, attached_bytes=sum(file["size"] for file in files)), *in_the_way(written, at)]
    if written.from_ not in own:
        found.append("Choose an address of yours to write as.")
    if "@" in written.name:
        found.append("Your name must not hold an “@”: readers would take it for an address.")
    return tuple(found)


@router.post("/people")
async def paste_table(request: Request, parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Put a pasted table of people and fields in."""
    pasted = text_in(form, "table", most=200_000)
    async with parts.store.write() as tx:
        kept = await keep(tx, parts, sender, form)
        filled = with_table(kept, pasted) if isinstance(kept, Written) else kept
        if isinstance(filled, Written):
            await drafts.save(tx, sender, draft_id(form), filled, at=parts.now())
    if isinstance(filled, str):
        again = kept if isinstance(kept, Written) else Written()
        return await _whole(
            request,
            parts,
            sender,
            form,
            again,
            said=Said(head="The table was not used.", wrong=(filled,), table=pasted),
        )
    return RedirectResponse(f"/compose?draft={draft_id(form)}", status_code=303)


async def _whole(
    request: Request, parts: Parts, sender: Sender, form: Filled, written: Written, *, said: Said
) -> Response:
    async with parts.store.read() as tx:
        letter = await _letter(tx, parts, sender, draft_id(form), written, said=said)
    return await _page(request, parts, sender, letter)


@router.post("/template")
async def use_template(parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Put a template's text into the message."""
    async with parts.store.write() as tx:
        kept = await keep(tx, parts, sender, form)
        if isinstance(kept, Written):
            written = await _from_template(tx, sender, kept, text_in(form, "template"))
            await drafts.save(tx, sender, draft_id(form), written, at=parts.now())
    return RedirectResponse(f"/compose?draft={draft_id(form)}", status_code=303)

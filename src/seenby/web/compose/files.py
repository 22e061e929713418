"""Files that go along: one at a time with the script, which shows how far each is; all at once without it."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile

from seenby.compose.mime import Attached
from seenby.compose.people import one_line
from seenby.store import Transaction, drafts
from seenby.store.drafts import State
from seenby.web.compose.choices import blank
from seenby.web.compose.form import Filled, draft_id, new_id, text_in
from seenby.web.compose.letter import keep
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw
from seenby.words.limits import ATTACHED_BYTES
from seenby.words.message import Sender

router = APIRouter(prefix="/compose/files")
_NAME: int = 150  # characters


@router.post("")
async def add_files(request: Request, parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Put files to a draft; a draft that was never saved is, with all that was typed."""
    draft, sent = draft_id(form), [file for file in form.getlist("file") if isinstance(file, UploadFile)]
    files = [await _attached(file) for file in sent if file.filename]
    async with parts.store.write() as tx:
        wrong = await _kept(tx, parts, sender, form)
        for file in files if not wrong else ():
            if why := await drafts.attach(tx, sender, draft, file, identity=new_id(), at=parts.now()):
                wrong.append(why)
    return await _files(request, parts, sender, draft, wrong=wrong)


async def _kept(tx: Transaction, parts: Parts, sender: Sender, form: FormData) -> list[str]:
    """A file needs a draft to lie in."""
    if "subject" in form:
        kept = await keep(tx, parts, sender, form)
        return [kept] if isinstance(kept, str) else []
    if await drafts.one(tx, sender, draft_id(form)) is None:
        own = [row["address"] for row in await tx.all("addresses_of", sender=sender.id)]
        new = await blank(tx, sender, own=own)
        await drafts.save(tx, sender, draft_id(form), new, at=parts.now())
    return []


async def _attached(file: UploadFile) -> Attached:
    raw = await file.read(ATTACHED_BYTES + 1)
    name = one_line((file.filename or "").replace("\\", "/").rpartition("/")[2])
    return Attached(name=name[-_NAME:] or "file", type=one_line(file.content_type or "")[:120], raw=raw)


@router.post("/remove")
async def remove_file(request: Request, parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Take a file off."""
    draft = draft_id(form)
    async with parts.store.write() as tx:
        row = await drafts.one(tx, sender, draft)
        if row is not None and row["state"] in (State.DRAFT, State.FAILED):  # what waits to go, goes as it is
            if "subject" in form:
                await keep(tx, parts, sender, form)
            await tx.run("drop_attachment", id=text_in(form, "remove"), draft=draft)
    return await _files(request, parts, sender, draft, wrong=[])


async def _files(request: Request, parts: Parts, sender: Sender, draft: str, *, wrong: list[str]) -> Response:
    if "hx-request" not in request.headers and not wrong:
        return RedirectResponse(f"/compose?draft={draft}#files", status_code=303)
    async with parts.store.read() as tx:
        there = await tx.all("attachments_of", draft=draft) if await drafts.one(tx, sender, draft) else []
    name = "compose_files.html" if "hx-request" in request.headers else "compose_files_page.html"
    return draw(request, name, files=there, draft=draft, wrong=wrong)

"""Templates: texts that are written again and again, one's own or the team's; and how each recipient's will read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from seenby.compose.fields import fields_of, values_for
from seenby.compose.letters import Dated, filled, is_apart, letter_of
from seenby.compose.markup import clean, is_empty
from seenby.compose.people import Person, one_line
from seenby.compose.prose import text_of
from seenby.compose.written import Written, addressed
from seenby.store.people import OWNER
from seenby.store.times import micros
from seenby.web.compose.form import Filled, draft_id, html_in, new_id, text_in
from seenby.web.compose.letter import keep
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.look import draw, frame_of
from seenby.web.problem import NotFound
from seenby.words.address import Address
from seenby.words.limits import LABEL_CHARACTERS, TEMPLATES
from seenby.words.message import Sender

router = APIRouter()
_NAME = 2 * LABEL_CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One, as its form shows it."""

    id: str
    name: str = ""
    subject: str = ""
    html: str = ""
    shared: bool = False
    is_new: bool = False
    is_mine: bool = True
    wrong: str = ""

    @property
    def text(self) -> str:
        """For a browser without the script."""
        return text_of(self.html)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields in it."""
        return fields_of(self.subject, self.html)


def _may_change(sender: Sender, row: Mapping[Any, Any]) -> bool:
    return row["sender"] == sender.id or (bool(row["shared"]) and sender.role == OWNER)


@router.get("/templates")
async def templates_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """One's own and the team's."""
    return await _list(request, parts, sender)


async def _list(request: Request, parts: Parts, sender: Sender, *, gone: Mapping[Any, Any] | None = None) -> Response:
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
        rows = await tx.all("templates_of", team=sender.team, sender=sender.id)
    shown = [(row, _may_change(sender, row)) for row in rows]
    return draw(request, "templates.html", frame=frame, templates=shown, gone=gone)


@router.get("/templates/new")
async def new_template(request: Request, parts: Given, sender: SignedIn) -> Response:
    """An empty one."""
    return await _form(request, parts, sender, Template(id=new_id(), is_new=True))


@router.get("/templates/{template}")
async def template_page(template: str, request: Request, parts: Given, sender: SignedIn) -> Response:
    """One of them."""
    row = await _template(parts, sender, template)
    return await _form(request, parts, sender, _of(sender, row))


async def _template(parts: Parts, sender: Sender, template: str) -> Mapping[Any, Any]:
    async with parts.store.read() as tx:
        row = await tx.one("template", id=template, team=sender.team, sender=sender.id)
    if row is None:
        raise NotFound
    return row


def _of(sender: Sender, row: Mapping[Any, Any]) -> Template:
    return Template(
        id=row["id"],
        name=row["name"],
        subject=row["subject"],
        html=clean(row["html"]),
        shared=bool(row["shared"]),
        is_mine=_may_change(sender, row),
    )


async def _form(request: Request, parts: Parts, sender: Sender, template: Template) -> Response:
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
    return draw(request, "template.html", frame=frame, template=template)


@router.post("/templates")
async def save_template(request: Request, parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Keep a new one, or another form of one that is there."""
    identity = draft_id(form)
    async with parts.store.read() as tx:
        there = await tx.one("template", id=identity, team=sender.team, sender=sender.id)
    html = html_in(form, kept=there["html"] if there else "")
    typed = Template(
        id=identity,
        name=one_line(text_in(form, "name"))[:_NAME],
        subject=one_line(text_in(form, "subject")),
        html=html or "",
        shared=bool(form.get("shared")),
        is_new=there is None,
    )
    if wrong := await _keep(parts, sender, typed, html=html):
        again = Template(**{name: getattr(typed, name) for name in typed.__slots__ if name != "wrong"}, wrong=wrong)
        return await _form(request, parts, sender, again)
    return RedirectResponse("/templates", status_code=303)


async def _keep(parts: Parts, sender: Sender, typed: Template, *, html: str | None) -> str:
    """Keep it; why not, in words, or nothing."""
    if not typed.name:
        return "Give it a name, so that it can be found."
    if html is None:
        return "Its text is too long. Shorten it."
    if is_empty(html):
        return "There is no text yet."
    values: dict[str, object] = {
        "id": typed.id,
        "team": sender.team,
        "sender": sender.id,
        "name": typed.name,
        "subject": typed.subject,
        "html": html,
        "shared": int(typed.shared),
        "at": micros(parts.now()),
    }
    async with parts.store.write() as tx:
        if await tx.run("change_template", is_owner=int(sender.role == OWNER), **values):
            return ""
        if await tx.run("add_template", most=TEMPLATES, **values):
            return ""
    return f"Not saved: {TEMPLATES} templates are the most for a team, or this one is a colleague's."


@router.post("/templates/delete")
async def delete_template(request: Request, parts: Given, sender: SignedIn, form: Filled) -> Response:
    """Away; the list offers to bring it back, out of what it is shown with."""
    row = await _template(parts, sender, draft_id(form))
    async with parts.store.write() as tx:
        gone = await tx.run(
            "drop_template", id=row["id"], team=sender.team, sender=sender.id, is_owner=int(sender.role == OWNER)
        )
    return await _list(request, parts, sender, gone=row if gone else None)


@router.post("/compose/keep")
async def keep_as_template(parts: Given, sender: SignedIn, form: Filled) -> Response:
    """What is being written as a template: its draft stays."""
    async with parts.store.write() as tx:
        kept = await keep(tx, parts, sender, form)
    if not isinstance(kept, Written) or is_empty(kept.html):
        return RedirectResponse(f"/compose?draft={draft_id(form)}", status_code=303)
    subject = one_line(kept.subject)
    template = Template(id=new_id(), name=subject[:_NAME] or "Without a subject", subject=subject, html=kept.html)
    if await _keep(parts, sender, template, html=kept.html):
        return RedirectResponse("/templates", status_code=303)
    return RedirectResponse(f"/templates/{template.id}", status_code=303)


# ---------------------------------------------------------------- how it will read


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One recipient's letter. Its HTML was cleaned by the allow-list, so it may stand in our page."""

    to: str
    cc: str
    sender: str
    subject: str
    html: Markup
    text: str
    missing: tuple[str, ...]
    number: int
    of: int
    is_apart: bool


@router.post("/compose/preview")
async def preview(
    request: Request, parts: Given, sender: SignedIn, form: Filled, who: Annotated[int, Query(ge=0, le=999)] = 0
) -> Response:
    """The message as its recipient will read it; with fields, one recipient after the other."""
    async with parts.store.write() as tx:
        kept = await keep(tx, parts, sender, form)
    async with parts.store.read() as tx:
        frame = await frame_of(tx, sender)
    shown = _preview(kept, who, at=parts.now()) if isinstance(kept, Written) else None
    wrong = kept if isinstance(kept, str) else ""
    name = "compose_preview.html" if "hx-request" in request.headers else "compose_preview_page.html"
    return draw(request, name, frame=frame, preview=shown, draft=draft_id(form), wrong=wrong)


def _preview(written: Written, who: int, *, at: datetime) -> Preview:
    everybody, apart = addressed(written).everybody, is_apart(written)
    number = min(who, max(0, len(everybody) - 1))
    person = everybody[number] if everybody else Person(name="", address=Address("somebody", "example.com"))
    whole = letter_of(written, Dated(at=at, draft="preview", host="localhost"))
    letter = filled(whole, written, person) if apart else whole
    missing = values_for(person, fields_of(written.subject, written.html), written.values)[1] if apart else ()
    return Preview(
        to=", ".join(map(_shown, (person,) if apart else letter.to)),
        cc="" if apart else ", ".join(map(_shown, letter.cc)),
        sender=_shown(letter.sender),
        subject=letter.subject,
        html=Markup(clean(letter.html)),  # noqa: S704 - what the allow-list let through
        text=letter.text,
        missing=tuple(one.field for one in missing),
        number=number,
        of=max(1, len(everybody)) if apart else 1,
        is_apart=apart,
    )


def _shown(person: Person) -> str:
    return f"{person.name} <{person.address}>" if person.name else str(person.address)

"""The form of a message that is written: what a browser sends becomes a `Written`, and a draft becomes the form again.

With the script the text comes as HTML from the editor. Without it there is a plain field, and text that nobody has
changed keeps the formatting that it had.
"""

import re
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from seenby.compose.fields import parse_table
from seenby.compose.markup import clean, of_text
from seenby.compose.people import as_typed, one_line, parse_people
from seenby.compose.prose import text_of
from seenby.compose.written import Written
from seenby.web.given import SignedIn
from seenby.words.limits import ATTACHMENTS, FIELD_CHARACTERS, FIELDS, RECIPIENTS, TEXT_CHARACTERS, WRITTEN_BYTES

_DRAFT: Final = re.compile(r"[A-Za-z0-9_-]{8,40}")
_ADDRESSES: Final = 40_000  # characters of one field of addresses
_LINE: Final = 2000
TOO_LONG: Final = f"The text is longer than {TEXT_CHARACTERS:,} characters, so it was not saved. Shorten it."


async def _read(request: Request, _sender: SignedIn) -> AsyncIterator[FormData]:
    """The form, read once it is known who asks: it may be long, and hold files."""
    most = RECIPIENTS * (FIELDS + 1) + 100
    async with request.form(max_files=ATTACHMENTS + 1, max_fields=most, max_part_size=WRITTEN_BYTES) as form:
        if any("\0" in name or (isinstance(value, str) and "\0" in value) for name, value in form.multi_items()):
            raise HTTPException(400)
        yield form


Filled = Annotated[FormData, Depends(_read)]


def new_id() -> str:
    """For a draft, a file or a template."""
    return secrets.token_urlsafe(12)


def text_in(form: FormData, name: str, *, most: int = _LINE) -> str:
    """A text of the form, cut at `most` characters; empty when there is none."""
    value = form.get(name, "")
    return value[:most] if isinstance(value, str) else ""


def of_form(**texts: str) -> FormData:
    """A form with these texts, for pages that read them otherwise."""
    return FormData(texts)


def draft_id(form: FormData) -> str:
    """Which draft it is. Raises HTTPException for what can be none."""
    found = text_in(form, "draft")
    if not _DRAFT.fullmatch(found):
        raise HTTPException(404)
    return found


def html_in(form: FormData, *, kept: str) -> str | None:
    """The text as clean HTML; None when it is too long."""
    html, text = (text_in(form, name, most=4 * TEXT_CHARACTERS) for name in ("html", "text"))
    if not html:
        is_as_before = _words(text) == _words(text_of(kept))
        html = kept if is_as_before else of_text(text)
    return clean(html) if len(html) <= TEXT_CHARACTERS else None


def _words(text: str) -> list[str]:
    return text.split()


def written_of(form: FormData, kept: Written) -> Written | str:
    """What was typed, on top of what is kept; or why it cannot be kept, in words."""
    html = html_in(form, kept=kept.html)
    if html is None:
        return TOO_LONG
    day, clock = text_in(form, "day"), text_in(form, "clock")
    return Written(
        from_=text_in(form, "from"),
        name=one_line(text_in(form, "name")),
        to=text_in(form, "to", most=_ADDRESSES),
        cc=text_in(form, "cc", most=_ADDRESSES),
        bcc=text_in(form, "bcc", most=_ADDRESSES),
        subject=text_in(form, "subject"),
        html=html,
        pixels=bool(form.get("pixels")),
        links=bool(form.get("links")),
        notify=bool(form.get("notify")),
        apart=bool(form.get("apart")),
        values=_values(form) or kept.values,
        answers=kept.answers,
        references=kept.references,
        at=f"{day}T{clock}" if day or clock else "",
        zone=text_in(form, "zone"),
    )


def _values(form: FormData) -> dict[str, dict[str, str]]:
    """The table of fields: who stands in which line, and the cells of it."""
    values: dict[str, dict[str, str]] = {}
    for number in range(RECIPIENTS):
        address = text_in(form, f"whose-{number}", most=320)
        if not address:
            break
        start = f"value-{number}-"
        cells = {name.removeprefix(start): text_in(form, name) for name in form if name.startswith(start)}
        values[address] = {name: one_line(cell)[:FIELD_CHARACTERS] for name, cell in cells.items() if cell.strip()}
    return values


def with_table(written: Written, text: str) -> Written | str:
    """A pasted table put in: its people are written to, and its cells are theirs; or why it cannot be."""
    table = parse_table(text)
    if table.problem:
        return table.problem
    there = parse_people(written.to)
    keys = {person.address.key for person in there.people}
    more = [person for person in table.people if person.address.key not in keys]
    to = as_typed([(person.name, str(person.address)) for person in (*there.people, *more)])
    values = dict(written.values)
    for key, cells in (table.values or {}).items():
        values[key] = {**values.get(key, {}), **cells}
    return msgspec.structs.replace(written, to=", ".join((to, *there.wrong)), values=values)

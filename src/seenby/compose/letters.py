"""What comes of a written message: the letters that go out, or why none does.

With fields in the text, or when asked for, everybody gets a letter of their own; otherwise there is one for all. What
is wrong is said of everything at once, and as long as anything is wrong, nothing is sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from seenby.compose.fields import FIELD, broken_in, fields_of, values_for
from seenby.compose.markup import clean, fill, is_empty, page
from seenby.compose.mime import Attached, Letter
from seenby.compose.people import Person, one_line
from seenby.compose.prose import text_of
from seenby.compose.written import Addressed, Written, addressed
from seenby.words.address import Address, parse_address
from seenby.words.limits import APART_BYTES, FIELDS, RECIPIENTS
from seenby.words.message import Role

MOST_MISSING: Final = 5
NOBODY: Final = Address("nobody", "invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """What a letter gets at the moment it is made: its time, and the names it will be known by."""

    at: datetime
    draft: str
    host: str

    def message_id(self, number: int) -> str:
        """The same for the same draft and place, however often it is made."""
        return f"<{self.draft}.{number}@{self.host}>"


def is_apart(written: Written) -> bool:
    """Whether everybody gets a message of their own."""
    return written.apart or bool(fields_of(written.subject, written.html))


def problems(written: Written, *, attached_bytes: int = 0) -> tuple[str, ...]:
    """Everything that keeps it from being sent, in sentences; nothing when it can be."""
    return tuple(_problems(written, addressed(written), attached_bytes))


def _problems(written: Written, to: Addressed, attached_bytes: int) -> Iterator[str]:
    everybody = to.everybody
    for piece in to.wrong:
        yield f"“{piece[:80]}” is no address. Write it as name@domain."
    if not everybody and not to.wrong:
        yield "Nobody is to get it. Put an address into the field To."
    if len(fields_of(written.subject, written.html)) > FIELDS:
        yield f"The text has more than {FIELDS} fields."
    if len(everybody) > RECIPIENTS:
        yield f"It goes to {len(everybody)} people; {RECIPIENTS} are the most for one message."
    if "\r" in written.subject or "\n" in written.subject:
        yield "The subject holds a line end. It has to be one line."
    if not written.subject.strip():
        yield "The subject is empty."
    if is_empty(written.html):
        yield "There is no text yet."
    yield from (
        f"“{piece}” looks like a field that is broken. Write it anew, all of it in one style, as in {{{{first_name}}}}."
        for piece in broken_in(FIELD.sub("", written.subject), text_of(FIELD.sub("", written.html)))[:3]
    )
    if is_apart(written) and attached_bytes * len(everybody) > APART_BYTES:
        yield (
            f"Its files go out {len(everybody)} times, which is more than {APART_BYTES // 1_048_576} MB altogether. "
            "Take one off, or put it on a page and link to it."
        )
    yield from _missing(written, everybody)


def _missing(written: Written, everybody: Sequence[Person]) -> Iterator[str]:
    wanted = fields_of(written.subject, written.html)
    missing = [one for person in everybody for one in values_for(person, wanted, written.values)[1]]
    yield from map(str, missing[:MOST_MISSING])
    if len(missing) > MOST_MISSING:
        yield f"And {len(missing) - MOST_MISSING} more fields are missing."


def letters(written: Written, dated: Dated, *, files: tuple[Attached, ...]) -> tuple[Letter, ...]:
    """The letters of a message that has no problems."""
    whole = letter_of(written, dated, files=files)
    if not is_apart(written):
        return (whole,)
    return tuple(
        filled(replace(whole, to=(person,), cc=(), bcc=(), message_id=dated.message_id(number)), written, person)
        for number, person in enumerate(addressed(written).everybody)
    )


def letter_of(written: Written, dated: Dated, *, files: tuple[Attached, ...] = ()) -> Letter:
    """One letter to everybody, its fields not yet filled. An address that is none becomes one nobody may write as."""
    to, html = addressed(written), clean(written.html)
    return Letter(
        sender=Person(name=one_line(written.name), address=parse_address(written.from_) or NOBODY),
        to=to.people.get(Role.TO, ()),
        cc=to.people.get(Role.CC, ()),
        bcc=to.people.get(Role.BCC, ()),
        subject=one_line(written.subject),
        text=text_of(html),
        html=page(html),
        at=dated.at,
        message_id=dated.message_id(0),
        boundary=dated.draft,
        answers=written.answers,
        references=written.references,
        attached=files,
    )


def filled(letter: Letter, written: Written, person: Person) -> Letter:
    """A letter with the fields of one person; those nobody filled stay as they are, for a preview."""
    wanted = fields_of(written.subject, written.html)
    found, missing = values_for(person, wanted, written.values)
    values = found | {one.field: f"{{{{{one.field}}}}}" for one in missing}
    html = clean(fill(clean(written.html), FIELD, values))
    subject = FIELD.sub(lambda field: values[field[1].lower()], written.subject)
    return replace(letter, subject=one_line(subject), text=text_of(html), html=page(html))

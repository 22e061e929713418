"""Fields: `{{first_name}}` in a text, replaced by what is said of each recipient. Literally, and nothing else.

There is no template language: no conditions, no loops, no reach into anything. A field nobody filled is an error that
names the field and the person, and nothing is sent.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from seenby.compose.people import Person, one_line
from seenby.words.address import parse_address
from seenby.words.limits import FIELD_CHARACTERS, FIELDS, RECIPIENTS

FIELD: Final = re.compile(r"\{\{[ \t\xa0]*([A-Za-z][A-Za-z0-9_]{0,39})[ \t\xa0]*\}\}")
_BRACES: Final = re.compile(r"\{\{[^{}]{0,30}(?:\}\})?|\}\}")
ADDRESS_COLUMNS: Final = ("email", "address", "e-mail", "mail")
KNOWN: Final = ("email", "name", "first_name", "last_name")  # what the address field itself says of somebody


def fields_of(*texts: str) -> tuple[str, ...]:
    """The fields in these texts, in lower case, each once, as they come."""
    return tuple(dict.fromkeys(found[1].lower() for text in texts for found in FIELD.finditer(text)))


def broken_in(*texts: str) -> tuple[str, ...]:
    """Where two braces stand, in texts whose fields were taken out: one was meant, and the recipient would see it."""
    return tuple(one_line(found[0]) for text in texts for found in _BRACES.finditer(text))


def known_of(person: Person) -> dict[str, str]:
    """What the address field says of somebody, for the fields of `KNOWN`."""
    first, _, last = person.name.partition(" ")
    told = {"email": str(person.address), "name": person.name, "first_name": first, "last_name": last.strip()}
    return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """People and what is said of them, as pasted; `problem` is why it could not be read, or empty."""

    people: tuple[Person, ...] = ()
    values: Mapping[str, Mapping[str, str]] | None = None
    problem: str = ""


def parse_table(text: str) -> Table:
    """A table pasted as CSV, with commas, semicolons or tabs; its first line names the fields, one of them `email`."""
    lines = text.strip().splitlines()
    if not lines:
        return Table(problem="The table is empty.")
    if len(lines) > RECIPIENTS + 1:
        return Table(problem=f"The table has {len(lines) - 1} lines of people; {RECIPIENTS} are the most.")
    mark = max(",;\t", key=lines[0].count)
    try:
        head, *rest = csv.reader(io.StringIO("\n".join(lines)), delimiter=mark, strict=True)
    except (csv.Error, ValueError):
        return Table(problem="The table cannot be read: a quotation mark is missing somewhere.")
    names = [re.sub(r"\W+", "_", one_line(name).lower().replace("e-mail", "email")).strip("_") for name in head]
    column = next((names.index(name) for name in ADDRESS_COLUMNS if name in names), None)
    if column is None:
        return Table(problem="The first line names the columns, and one of them has to be “email”.")
    if len(names) > FIELDS + 1:
        return Table(problem=f"The table has {len(names)} columns; {FIELDS + 1} are the most.")
    return _filled(names, column, [row for row in rest if any(cell.strip() for cell in row)])


def _filled(names: list[str], column: int, rows: list[list[str]]) -> Table:
    people: dict[str, Person] = {}
    values: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, 2):
        address = parse_address(row[column]) if column < len(row) else None
        if address is None:
            return Table(problem=f"Line {number} of the table has no address in the column “{names[column]}”.")
        told = {name: one_line(cell)[:FIELD_CHARACTERS] for name, cell in zip(names, row, strict=False) if name}
        people[address.key] = Person(name=told.get("name", ""), address=address)
        values[address.key] = {name: cell for name, cell in told.items() if cell and name != names[column]}
    return Table(people=tuple(people.values()), values=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A field that nobody filled, and for whom."""

    field: str
    address: str

    def __str__(self) -> str:
        return f"“{self.field}” is missing for {self.address}."


def values_for(
    person: Person, wanted: Iterable[str], told: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, str], tuple[Missing, ...]]:
    """The value of each wanted field for one person, and the fields that have none."""
    own = known_of(person) | {
        name: one_line(value) for name, value in told.get(person.address.key, {}).items() if value
    }
    found = {name: own[name] for name in wanted if own.get(name)}
    missing = tuple(Missing(field=name, address=str(person.address)) for name in wanted if name not in found)
    return found, missing

"""What the form of a message shows: what was typed, whom it goes to, the table of fields, and what is to be said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from seenby.compose.fields import KNOWN, fields_of, known_of
from seenby.compose.letters import is_apart
from seenby.compose.prose import text_of
from seenby.compose.written import Written, addressed
from seenby.web.compose.lines import Around, Kind, Line, lines
from seenby.words.limits import FIELDS

MOST_ROWS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the page tells besides what was typed."""

    head: str = "Not sent."
    wrong: tuple[str, ...] = ()
    done: str = ""
    table: str = ""  # what was pasted and could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One field of one recipient; `known` is what goes in if nothing is typed."""

    name: str
    value: str
    known: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recipient's fields."""

    address: str
    key: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All that the form shows."""

    id: str
    written: Written
    own: Sequence[str]
    files: Sequence[Mapping[Any, Any]]
    at: Around
    is_new: bool = False
    reply: str = ""  # the message it follows up, until it is saved
    saved_at: datetime | None = None
    said: Said = field(default_factory=Said)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What becomes of each recipient."""
        return lines(self.written, self.at)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields in the text."""
        return fields_of(self.written.subject, self.written.html)[:FIELDS]

    @property
    def rows(self) -> list[Row]:
        """The table of fields, a line for each recipient."""
        return list(_rows(self.written, self.fields))

    @property
    def shape(self) -> str:
        """Changes when the table has to be drawn anew."""
        return " ".join((*self.fields, *(row.key for row in self.rows)))

    @property
    def is_apart(self) -> bool:
        """Whether everybody gets a message of their own."""
        return is_apart(self.written)

    @property
    def text(self) -> str:
        """For a browser without the script."""
        return text_of(self.written.html)

    @property
    def tracked(self) -> int:
        """How many recipients' copies carry something."""
        return sum(line.kind is Kind.TRACKED for line in self.lines)


def _rows(written: Written, names: Sequence[str]) -> Iterator[Row]:
    for person in addressed(written).everybody[:MOST_ROWS] if names else ():
        known, told = known_of(person), written.values.get(person.address.key, {})
        yield Row(
            address=str(person.address),
            key=person.address.key,
            cells=tuple(
                Cell(name=name, value=told.get(name, ""), known=known.get(name, "") if name in KNOWN else "")
                for name in names
            ),
        )

"""The people in an address field, as they are typed: `Rita Reader <rita@example.com>, rob@example.com`.

Commas, semicolons and line ends part them. What is no address is given back as it was typed, never dropped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from seenby.words.address import Address, parse_address

_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|<[^<>]*+>|[^",;<>\n]++|["<>]')
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_ESCAPED: Final = re.compile(r"\\(.)")
NAME_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody a message goes to; the name may be empty."""

    name: str
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a field holds: people, each once, and the pieces that are nobody."""

    people: tuple[Person, ...]
    wrong: tuple[str, ...]


def parse_people(text: str) -> Typed:
    """Everybody in a field. Never raises."""
    found: dict[str, Person] = {}
    wrong: list[str] = []
    for piece in _pieces(text):
        person = parse_person(piece)
        if person is None:
            wrong.append(one_line(piece))
        else:
            found.setdefault(person.address.key, person)
    return Typed(people=tuple(found.values()), wrong=tuple(wrong))


def parse_person(text: str) -> Person | None:
    """The one person in a text, or None."""
    text = text.strip()
    name, bracket, rest = text.rpartition("<")
    if not bracket:
        address = parse_address(text)
        return Person(name="", address=address) if address else None
    address = parse_address(f"<{rest}") if rest.endswith(">") else None
    return Person(name=_name(name), address=address) if address else None


def one_line(text: str) -> str:
    """A text for a single line: control characters, line ends and what turns text around become spaces."""
    return " ".join(_UNSAFE.sub(" ", text).split())


def as_typed(people: Iterable[tuple[str, str]]) -> str:
    """Names and addresses as somebody would have typed them."""
    return ", ".join(f"{_quoted(name)} <{address}>" if name else address for name, address in people)


def _quoted(name: str) -> str:
    if not re.search(r'[",;<>\\]', name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = _ESCAPED.sub(r"\1", text[1:-1])
    return one_line(text)[:NAME_CHARACTERS]


def _pieces(text: str) -> Iterable[str]:
    """The text between commas, semicolons and line ends that stand neither in quotes nor in brackets."""
    here: list[str] = []
    place = 0
    for found in _PIECE.finditer(text):
        if re.search(r"[,;\n]", text[place : found.start()]):
            yield from _whole(here)
            here = []
        here.append(found[0])
        place = found.end()
    yield from _whole(here)


def _whole(pieces: list[str]) -> Iterable[str]:
    if whole := "".join(pieces).strip():
        yield whole

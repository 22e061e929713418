"""What somebody has written on the pages and not yet sent, as a draft keeps it: exactly what they typed.

`write_draft` and `read_draft` are how it is kept. Nothing in it is trusted when it is read again: HTML is cleaned and
addresses are parsed by whoever makes a message of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from seenby.compose.people import Person, parse_people
from seenby.words.message import Role


class Written(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message being written. `values` are the fields' by Address.key; `at` and `zone` are when it is to go."""

    from_: str = ""
    name: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    html: str = ""
    pixels: bool = True
    links: bool = True
    notify: bool = True
    apart: bool = False  # a message of their own to everybody
    values: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    answers: str = ""  # the Message-ID it follows up
    references: tuple[str, ...] = ()
    at: str = ""  # 2026-11-24T09:00 in the zone
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """Everybody it goes to, once, by role; and what was typed that is nobody."""

    people: Mapping[Role, tuple[Person, ...]] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()

    @property
    def everybody(self) -> tuple[Person, ...]:
        """In the order of To, Cc, Bcc."""
        return tuple(person for role in Role for person in self.people.get(role, ()))


def addressed(written: Written) -> Addressed:
    """Whom it goes to. Who stands in two fields counts where they stand first."""
    typed = {
        Role.TO: parse_people(written.to),
        Role.CC: parse_people(written.cc),
        Role.BCC: parse_people(written.bcc),
    }
    known: set[str] = set()
    people: dict[Role, tuple[Person, ...]] = {}
    for role, one in typed.items():
        people[role] = tuple(person for person in one.people if person.address.key not in known)
        known |= {person.address.key for person in people[role]}
    return Addressed(people=people, wrong=tuple(piece for one in typed.values() for piece in one.wrong))


def write_draft(written: Written) -> str:
    """As it is kept."""
    return msgspec.json.encode(written).decode()


def read_draft(kept: str) -> Written:
    """What was kept; an empty message if it cannot be read."""
    try:
        return msgspec.json.decode(kept, type=Written)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Written()

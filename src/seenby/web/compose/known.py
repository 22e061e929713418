"""Whom the team has written to before, for an address field that is being filled in."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from seenby.compose.people import as_typed
from seenby.store import lists
from seenby.store.lists import Wanted, words_in
from seenby.web.given import Given, SignedIn

router = APIRouter(prefix="/compose/people")
OFFERED: Final = 6
LOOKED_AT: Final = 60  # messages, newest first
ERASED: Final = ".invalid"  # nobody can be written to there (RFC 2606 2)


@router.get("")
async def known_people(
    parts: Given, sender: SignedIn, words: Annotated[str, Query(max_length=200)] = ""
) -> Sequence[Mapping[str, str]]:
    """People whose name or address has a word that begins so, of the newest mail first; as name, address and typed."""
    asked = words_in(words)
    if not asked:
        return []
    async with parts.store.read() as tx:
        messages = await lists.find(tx, Wanted(team=sender.team, words=" ".join(asked)), limit=LOOKED_AT)
        people = await lists.people_of(tx, messages)
    found: dict[str, Mapping[str, str]] = {}
    for person in (one for message in messages for one in people[message["id"]]):
        if _is_meant(person, asked) and (
            person["address_key"] not in found or not found[person["address_key"]]["name"]
        ):
            typed = as_typed([(person["name"], person["address"])])
            found[person["address_key"]] = {"name": person["name"], "address": person["address"], "typed": typed}
    return list(found.values())[:OFFERED]


def _is_meant(person: Mapping[Any, Any], asked: Sequence[str]) -> bool:
    have = words_in(f"{person['name']} {person['address']}")
    return not person["domain"].endswith(ERASED) and all(any(one.startswith(word) for one in have) for word in asked)

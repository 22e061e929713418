"""Hits that no tracker of ours packed, from whoever else may write to the bus: none holds up the others, anywhere."""

import os
from typing import Any

import msgspec
import pytest

from seenby import flow
from seenby.journal import MemoryJournal, pack_client, pack_hit
from seenby.journal.piece import read_piece, read_places
from seenby.journal.record import unpack_hit
from seenby.store import Store
from seenby.store.times import micros
from seenby.words.policy import Level
from seenby.words.token import Kind, Token, decode_id, encode_id, sign_token
from tests.house import START, Clock, add_sender, make_house, rows, submitted

pytestmark = pytest.mark.anyio
AT = micros(START)
DEEP = b"\x91" * 100_000 + b"\xc0"  # an array in an array in an array
FORGED = encode_id(b"f" * 16)
PLAIN: dict[str, Any] = {"address": "192.0.2.1", "agent": "Mail/1.0", "headers": {"accept": "*/*"}}


def with_one_more(packed: bytes) -> bytes:
    """What was packed, with a field that a later version may add."""
    return bytes([packed[0] + 1]) + packed[1:] + DEEP


def test_what_is_packed_too_deep_is_no_hit_no_piece_and_no_word() -> None:
    assert unpack_hit(with_one_more(pack_hit(b"x" * 16, AT, b"", "GET"))) is None
    assert read_piece(with_one_more(msgspec.msgpack.encode(("s", 0, 1, [])))) is None
    assert read_places(b"\x91\x94\xa1s\x00\x01" + DEEP) == []


@pytest.mark.parametrize(
    ("at", "method", "client"),
    [
        pytest.param(AT, "GET", PLAIN | {"agent": "Mail\0/1.0"}, id="a NUL in the agent"),
        pytest.param(AT, "GET", PLAIN | {"headers": {"accept": "\0"}}, id="a NUL in a header"),
        pytest.param(AT, "GET", PLAIN | {"headers": {"acc\0ept": ""}}, id="a NUL in a header's name"),
        pytest.param(AT, "G\0ET", PLAIN, id="a NUL in the method"),
        pytest.param(AT, "GET", PLAIN | {"address": "192.0.2.1\0"}, id="a NUL in the address"),
        pytest.param(AT, "GET", PLAIN | {"address": "no address"}, id="an address that is none"),
        pytest.param(AT, "GET", PLAIN | {"address": "fe80::1%eth0"}, id="an address with a zone"),
        pytest.param(AT, "x" * 60_000, PLAIN | {"agent": "y" * 60_000}, id="long words"),
        pytest.param(-62_135_596_800_000_000, "GET", PLAIN, id="the first moment of the calendar"),
        pytest.param(253_402_300_799_999_999, "GET", PLAIN, id="the last moment of the calendar"),
        pytest.param(2**63, "GET", PLAIN, id="a moment behind the calendar"),
        pytest.param(0, "GET", PLAIN, id="a clock that was never set"),
    ],
)
@pytest.mark.parametrize("whose", ["theirs", "nobody's", "a stranger's"])
async def test_a_forged_hit_keeps_no_other_from_being_taken_in_and_judged(
    store: Store, at: int, method: str, client: dict[str, Any], whose: str
) -> None:
    house = make_house(store, clock=Clock())
    message = await submitted(house, await add_sender(house))
    (person,) = await rows(store, "recipients_of", message=message)
    recipient = {"theirs": person["id"], "nobody's": None, "a stranger's": encode_id(b"s" * 8)}[whose]

    def token(recipient: str | None) -> bytes:
        made = Token(kind=Kind.PIXEL, level=Level.FULL, message=message, recipient=recipient)
        return decode_id(sign_token(made, house.keys)) or b""

    journal = MemoryJournal()
    journal.append([pack_hit(b"f" * 16, at, token(recipient), method, pack_client(**client))], lambda: None)
    journal.append([pack_hit(os.urandom(16), AT, token(person["id"]), "GET", pack_client(**PLAIN))], lambda: None)
    assert await flow.drain(house, journal) >= 1
    await flow.judge(house, message=message)
    assert AT in {row["at"] for row in await rows(store, "hits_of", message=message) if row["id"] != FORGED}
    assert not await rows(store, "due_judgements", now=2**62, limit=9)

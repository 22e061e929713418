"""What was not sealed by one of us, as what it claims to be, is nothing."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.journal.seal import Seal, Sealed
from seenby.keys import new_keyring
from seenby.words.errors import KeyFileError
from seenby.words.token import Keyring

KEYS = new_keyring()
OURS = Seal(lambda: KEYS)


@given(st.binary(max_size=300), st.sampled_from(Sealed))
def test_what_was_sealed_is_opened_as_it_was(data: bytes, what: Sealed) -> None:
    assert OURS.open(what, OURS.close(what, data)) == data


@given(st.binary(max_size=100), st.sampled_from(Sealed), st.data())
def test_one_byte_changed_is_nothing(data: bytes, what: Sealed, draw: st.DataObject) -> None:
    sealed = bytearray(OURS.close(what, data))
    at = draw.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= draw.draw(st.integers(1, 255))
    assert OURS.open(what, bytes(sealed)) is None


@given(st.binary(max_size=200))
def test_strangers_cannot_make_it_raise(sealed: bytes) -> None:
    assert OURS.open(Sealed.PIECE, sealed) is None


def test_a_piece_is_no_word_of_the_store_and_another_key_is_none() -> None:
    assert OURS.open(Sealed.STORED, OURS.close(Sealed.PIECE, b"x")) is None
    assert OURS.open(Sealed.PIECE, Seal(new_keyring).close(Sealed.PIECE, b"x")) is None


def test_a_key_that_was_made_meanwhile_is_found_and_the_file_is_not_read_for_every_stranger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = new_keyring()
    while second.current in KEYS.keys:
        second = new_keyring()
    both = Keyring(keys={**KEYS.keys, **second.keys}, current=second.current)
    reads: list[Keyring] = []

    def read() -> Keyring:
        reads.append(both if reads else KEYS)
        return reads[-1]

    late = Seal(read)
    sealed = Seal(lambda: second).close(Sealed.PIECE, b"x")
    for _ in range(100):
        assert late.open(Sealed.PIECE, sealed) is None
    assert len(reads) == 1
    later = time.monotonic() + 2
    monkeypatch.setattr("seenby.journal.seal.time.monotonic", lambda: later)
    assert late.open(Sealed.PIECE, sealed) == b"x"
    assert len(reads) == 2


def test_a_key_file_that_cannot_be_read_leaves_the_keys_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([KEYS])

    def read() -> Keyring:
        for keys in answers:
            return keys
        raise KeyFileError("half written")

    ours = Seal(read)
    later = time.monotonic() + 2
    monkeypatch.setattr("seenby.journal.seal.time.monotonic", lambda: later)
    assert ours.open(Sealed.PIECE, Seal(new_keyring).close(Sealed.PIECE, b"x")) is None
    assert ours.open(Sealed.PIECE, OURS.close(Sealed.PIECE, b"y")) == b"y"

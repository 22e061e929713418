"""The mover's book: nothing is deletable that the store has not confirmed, and nothing is left unsent."""

from hypothesis import given
from hypothesis import strategies as st

from seenby.journal.ledger import Ledger
from seenby.journal.piece import Place, pack_piece, pack_places, read_piece, read_places

SEGMENT = "1700000000000000-0123456789abcdef-000001.journal"


def place(start: int, end: int) -> Place:
    return Place(SEGMENT, start, end)


def test_only_what_the_store_confirmed_without_a_gap_is_covered() -> None:
    ledger = Ledger()
    for number, start in enumerate(range(0, 50, 10), start=1):
        ledger.sent(place(start, start + 10), number)
    assert (ledger.waiting, ledger.covered(), dict(ledger.read)) == (5, {}, {SEGMENT: 50})
    ledger.stored(place(10, 20))
    assert ledger.covered() == {}
    ledger.stored(place(0, 10))
    assert (ledger.waiting, ledger.covered()) == (3, {SEGMENT: 20})


def test_what_the_bus_holds_no_more_and_the_store_never_confirmed_is_sent_again() -> None:
    ledger = Ledger()
    for number, start in enumerate(range(0, 50, 10), start=1):
        ledger.sent(place(start, start + 10), number)
    ledger.stored(place(0, 10))
    assert ledger.missing_again(first=3, last=4) == 2
    assert [ledger.next_again(), ledger.next_again(), ledger.next_again()] == [place(10, 20), place(40, 50), None]
    assert ledger.waiting == 2


def test_what_is_confirmed_while_it_waits_to_be_sent_again_is_not_sent() -> None:
    ledger = Ledger()
    ledger.sent(place(0, 10), 1)
    assert ledger.all_again() == 1
    ledger.stored(place(0, 10))
    assert ledger.next_again() is None


def test_word_in_other_parts_than_were_sent_counts_as_well() -> None:
    ledger = Ledger()
    ledger.sent(place(0, 30), 1)
    ledger.sent(place(30, 40), 2)
    ledger.stored(place(0, 10))
    assert ledger.waiting == 2
    ledger.stored(place(10, 35))
    assert (ledger.waiting, ledger.covered()) == (1, {SEGMENT: 35})


def test_word_that_is_quicker_than_the_receipt_leaves_nothing_waiting() -> None:
    ledger = Ledger()
    ledger.stored(place(0, 10))
    ledger.sent(place(0, 10), 1)
    assert (ledger.waiting, ledger.covered()) == (0, {SEGMENT: 10})


def test_a_deleted_segment_leaves_nothing_behind() -> None:
    ledger = Ledger()
    ledger.sent(place(0, 10), 1)
    ledger.stored(place(10, 20))
    ledger.gone(SEGMENT)
    assert (ledger.waiting, ledger.covered(), dict(ledger.read)) == (0, {}, {})


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_whatever_the_order_of_the_words_what_is_covered_was_confirmed(order: list[int], kept: set[int]) -> None:
    ledger = Ledger()
    for number in range(12):
        ledger.sent(place(number * 10, number * 10 + 10), number + 1)
    for number in order:
        if number in kept:
            ledger.stored(place(number * 10, number * 10 + 10))
    covered = ledger.covered().get(SEGMENT, 0)
    assert set(range(covered // 10)) <= kept
    assert covered // 10 not in kept
    assert ledger.waiting == 12 - len(kept)


@given(st.lists(st.binary(max_size=50)), st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_piece_reads_back_whole(payloads: list[bytes], start: int, size: int) -> None:
    piece = read_piece(pack_piece(place(start, start + size), payloads))
    assert piece is not None
    assert (piece.place, piece.payloads) == (place(start, start + size), payloads)
    assert read_places(pack_places([piece.place])) == [piece.place]


@given(st.binary(max_size=200))
def test_what_strangers_put_on_the_bus_is_no_piece_and_no_word(data: bytes) -> None:
    read_piece(data)
    read_places(data)


def test_a_name_that_leads_out_of_the_journal_is_none() -> None:
    for name in ("../../etc/passwd", f"../{SEGMENT}", "", f"{SEGMENT}/x", SEGMENT.replace("1", "\u0661")):
        assert read_piece(pack_piece(Place(name, 0, 10), [b"x"])) is None
        assert read_places(pack_places([Place(name, 0, 10)])) == []

"""What was read at acceptance is handed to sending once, within a bound."""

from seenby.delivery.recent import Recent
from seenby.instrument import analyse


def letter(size: int):
    return analyse(b"Subject: x\r\n\r\n" + b"y" * (size - 14), tracking_url="https://t.test")


def test_an_analysis_is_handed_out_once():
    recent, held = Recent(), letter(100)
    recent.put("a", held)
    assert recent.take("a") is held
    assert recent.take("a") is None


def test_the_oldest_is_forgotten_when_there_is_no_room():
    recent = Recent(most=250)
    for name in "abc":
        recent.put(name, letter(100))
    assert [recent.take(name) is not None for name in "abc"] == [False, True, True]


def test_one_that_is_larger_than_the_room_leaves_it_empty():
    recent = Recent(most=250)
    recent.put("a", letter(100))
    recent.put("b", letter(300))
    assert recent.take("a") is recent.take("b") is None
    recent.put("c", letter(200))
    assert recent.take("c") is not None

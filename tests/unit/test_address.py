"""Addresses: what is one, and which two are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.words.address import MAX_ADDRESS, MAX_LOCAL, parse_address


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("alice@acme.test", "alice@acme.test"),
        (" <Alice@ACME.test> ", "Alice@acme.test"),
        ("a.b+c=d/e@x.test.", "a.b+c=d/e@x.test"),
        ("grüße@öut.test", "grüße@öut.test"),
        ("a@localhost", "a@localhost"),
        ("x" * MAX_LOCAL + "@a.test", "x" * MAX_LOCAL + "@a.test"),
    ],
)
def test_what_is_an_address(text: str, written: str) -> None:
    assert str(parse_address(text)) == written


@pytest.mark.parametrize(
    "text",
    ["", "a", "@a.test", "a@", "a@b@c.test", ".a@a.test", "a.@a.test", "a..b@a.test", "a b@a.test", "a\r@a.test",
     "a\x00@a.test", '"a"@a.test', "a@[127.0.0.1]", "a@-a.test", "a@a..test", "a@a.test\r\nRCPT TO:<b@b.test>",
     "<a@a.test> <b@b.test>", "a,b@a.test", "x" * (MAX_LOCAL + 1) + "@a.test", "a@" + "x" * MAX_ADDRESS],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert parse_address(text) is None


def test_case_makes_no_other_mailbox() -> None:
    one, two = parse_address("Alice@Acme.test"), parse_address("aLICE@aCME.TEST")
    assert one is not None
    assert two is not None
    assert one != two
    assert one.key == two.key == "alice@acme.test"


@given(st.text(max_size=100))
def test_strangers_cannot_make_it_raise_and_what_it_gives_is_read_again(text: str) -> None:
    address = parse_address(text)
    if address is not None:
        assert parse_address(str(address)) == address
        assert not any(letter in str(address) for letter in "\r\n\0 <>,")

"""Everybody may only restrict; asking for more is refused, never silently less."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.consent.policy import decide_policy
from seenby.words.errors import PolicyError
from seenby.words.policy import FULL, Asked, Level, Policy, parse_level, strictest

levels = st.sampled_from(Level)
policies = st.builds(Policy, pixels=levels, links=levels)


@given(st.lists(policies, max_size=5))
def test_the_most_restrictive_of_all_sides_wins_channel_by_channel(ceilings: list[Policy]) -> None:
    decided = decide_policy(ceilings=ceilings, asked=Asked())
    assert decided.pixels == min([Level.FULL, *(each.pixels for each in ceilings)])
    assert decided.links == min([Level.FULL, *(each.links for each in ceilings)])
    assert decided == strictest(reversed(ceilings))


@pytest.mark.parametrize(("ceiling", "asked"), list(product(Level, Level)))
def test_a_message_gets_what_it_asks_for_or_a_refusal(ceiling: Level, asked: Level) -> None:
    ceilings = [Policy(pixels=ceiling)]
    if asked <= ceiling:
        assert decide_policy(ceilings=ceilings, asked=Asked(pixels=asked)) == Policy(pixels=asked)
    else:
        with pytest.raises(PolicyError, match=f"pixel={asked.word}, but no more than {ceiling.word}"):
            decide_policy(ceilings=ceilings, asked=Asked(pixels=asked))


def test_one_channel_says_nothing_of_the_other() -> None:
    assert decide_policy(ceilings=[FULL], asked=Asked(links=Level.OFF)) == Policy(links=Level.OFF)


@pytest.mark.parametrize("text", ["full", " FULL ", "Full"])
def test_a_level_is_read_however_it_is_written(text: str) -> None:
    assert parse_level(text) is Level.FULL


@pytest.mark.parametrize("text", ["", "none", "3", "full full"])
def test_what_is_no_level_is_said_so(text: str) -> None:
    with pytest.raises(PolicyError, match="use off, counted, identified or full"):
        parse_level(text)

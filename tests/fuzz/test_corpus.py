"""What fuzzing found, and what it begins with, over and over: fast, and without atheris."""

import pytest

from tests.fuzz.seeds import CORPUS, seeds
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_once_is_never_found_again(name: str) -> None:
    for data in seeds(name):
        TARGETS[name](data)


def test_every_find_belongs_to_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} <= set(TARGETS)

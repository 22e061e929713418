"""The README shows what `seenby demo` prints; only times and weights differ, by how busy the machine is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def plain(text: str) -> list[str]:
    """The lines without times, weights and spacing."""
    return [
        " ".join(re.sub(r"\b\d+ (?:s|min)\b|[+-]\d+\.\d|\b\d+%", "", line).split())
        for line in text.splitlines()
        if line.strip()
    ]


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints() -> None:
    shown = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("<!-- demo -->")[2].partition("<!-- /demo -->")[0]
    )
    printed = subprocess.run(
        [sys.executable, "-m", "seenby", "demo"], capture_output=True, text=True, check=True
    ).stdout
    assert plain(shown.replace("```", "")) == plain(printed)

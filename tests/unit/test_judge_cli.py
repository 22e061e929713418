"""`seenby judge --again` on a data folder that no Seenby is running on."""

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from seenby.cli import app
from seenby.words.errors import SeenbyError
from tests.unit.test_report_cli import data

__all__ = ["data"]


def test_the_command_says_what_would_change_before_it_writes(data: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["judge", "--again", *arguments, "--data", str(data)])
        assert done.exception is None, done.exception
        return done.stdout

    would = run()
    assert re.search(r"^\d+ hits of 1 message judged again\.", would)
    assert "Nothing is written yet." in would
    assert json.loads(run("--json"))["messages"] == 1
    assert "Written" in run("--yes")
    assert "Every hit is read as it was." in run()


def test_judging_takes_cases_or_history() -> None:
    for arguments in ([], ["--again", "--cases", "x.jsonl"]):
        done = CliRunner().invoke(app, ["judge", *arguments])
        assert isinstance(done.exception, SeenbyError)
        assert "one of the two" in str(done.exception)

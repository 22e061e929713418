"""`seenby report`, read from a data folder that no Seenby is running on."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seenby.cli import app
from seenby.folder import open_folder
from seenby.store import open_store
from seenby.words.errors import SeenbyError
from tests.browser.lively import add_mail, add_people
from tests.unit.test_report_summary import NEWS


@pytest.fixture
def data(tmp_path: Path) -> Path:
    async def fill() -> None:
        store = await open_store(database_url="", data=open_folder(tmp_path / "data").path)
        await add_people(store)
        await add_mail(store, NEWS)
        await store.close()

    asyncio.run(fill())
    return tmp_path / "data"


def test_a_report_is_printed_with_people_first_and_the_rate_last(data: Path) -> None:
    done = CliRunner().invoke(app, ["report", "m-news", "--view", "sendgrid", "--data", str(data)])
    lines = done.stdout.strip().splitlines()
    assert lines[1].startswith("People only")
    assert lines[2].startswith("SendGrid")
    assert lines[-1].startswith("About ")


def test_programs_get_the_same_as_json(data: Path) -> None:
    done = CliRunner().invoke(app, ["report", "<m-news@blue.test>", "--json", "--data", str(data)])
    assert json.loads(done.stdout)["people"]["opens"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"), [(["m-nothing"], "no such message"), (["m-news", "--view", "x"], "no way of counting")]
)
def test_what_is_not_there_is_said(data: Path, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["report", *arguments, "--data", str(data)])
    assert isinstance(done.exception, SeenbyError)
    assert said in str(done.exception)

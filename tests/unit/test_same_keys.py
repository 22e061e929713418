"""Mail is never sent on with other keys than before without a word: its links would be dead."""

import asyncio
from pathlib import Path

import pytest

from seenby.folder import open_folder
from seenby.settings import Settings
from seenby.wiring import Role, run_app
from seenby.words.errors import KeyFileError


def start(data: Path) -> None:
    """Start the worker's process on this folder, and end it."""

    async def run() -> None:
        stop = asyncio.Event()
        await run_app(Settings(data=data), roles={Role.WORKER}, stop=stop, on_ready=lambda _started: stop.set())

    asyncio.run(run())


def test_a_store_whose_keys_are_gone_is_not_gone_on_with(tmp_path):
    start(tmp_path / "data")
    start(tmp_path / "data")
    path = open_folder(tmp_path / "data").keys / "tracking.json"
    backup = path.read_text()
    path.unlink()
    with pytest.raises(KeyFileError, match="Put the backup"):
        start(tmp_path / "data")
    path.write_text(backup)
    start(tmp_path / "data")

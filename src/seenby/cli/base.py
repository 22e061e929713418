"""What all commands share: the command line itself, its folder, and asking the Seenby that runs on it."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx2
import typer
from rich.console import Console

from seenby import maillog
from seenby.folder import Folder
from seenby.settings import Settings, load_settings
from seenby.tracker.trust import Denied
from seenby.words.errors import DataFolderError, SeenbyError

app = typer.Typer(
    help="Seenby tells a sender when a message was opened and its links clicked, by whom, and how it knows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
senders = typer.Typer(help="Who may submit mail and sign in.", no_args_is_help=True)
app.add_typer(senders, name="sender")
signing = typer.Typer(help="Keys that outgoing mail is signed with.", no_args_is_help=True)
app.add_typer(signing, name="dkim")
keys = typer.Typer(help="Keys that pixels and links are signed with.", no_args_is_help=True)
app.add_typer(keys, name="keys")
links = typer.Typer(help="Links that were used for harm.", no_args_is_help=True)
app.add_typer(links, name="link")
lists = typer.Typer(help="Which networks are whose.", no_args_is_help=True)
app.add_typer(lists, name="data")
seeds = typer.Typer(help="Mailboxes that nobody reads, by which mistakes are measured.", no_args_is_help=True)
app.add_typer(seeds, name="seed-mailbox")
out = Console(soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="The data folder, instead of SEENBY_DATA.")]
UnderUp = Annotated[bool, typer.Option("--under-up", hidden=True)]


def give_up(why: str) -> NoReturn:
    """End with a sentence for people, and status 1."""
    sys.stderr.write(f"seenby: {why}\n")
    sys.exit(1)


def settings_of(data: Path | None = None, **given: Any) -> Settings:  # noqa: ANN401 - any setting
    """The settings of this command, and the log as they want it. Raises SettingsError."""
    settings = load_settings(**given, **({"data": data} if data else {}))
    maillog.start_log(level=settings.log_level)
    return settings


def control(folder: Folder, what: str) -> str:
    """The address at which the Seenby that runs on this folder is asked `what`. Raises SeenbyError."""
    control = folder.whereabouts().get("control")
    if not control:
        raise DataFolderError("Seenby is just starting or stopping on this data folder. Try again in a few seconds.")
    return f"{control}/control/{what}"


def control_headers(folder: Folder) -> dict[str, str]:
    """What proves that whoever asks may read the folder."""
    return {"Authorization": f"Bearer {folder.secret('control.key')}"}


async def ask_running(folder: Folder, what: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What the Seenby that runs on this folder answers. Raises SeenbyError."""
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.post(control(folder, what), json=asked, headers=control_headers(folder))
            told = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise DataFolderError(f"The running Seenby did not answer: {error}. Is it starting or stopping?") from None
    if told and "error" in told:
        raise SeenbyError(told["error"])
    return dict(told or {})


async def stream_running(folder: Folder, what: str, asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """What the running Seenby says while it works, a JSON object a line, up to the one that says that it is done."""
    line: dict[str, Any] = {}
    try:
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=httpx2.Timeout(10, read=600)) as client,
            client.stream("POST", control(folder, what), json=asked, headers=control_headers(folder)) as answer,
        ):
            async for text in answer.aiter_lines():
                line = json.loads(text)
                if "error" in line:
                    raise SeenbyError(line["error"])
                yield line
    except (httpx2.HTTPError, ValueError) as error:
        raise DataFolderError(f"The running Seenby did not answer to the end: {error}. Is it stopping?") from None
    if not line.get("done"):
        raise DataFolderError("The running Seenby broke off. What was written stays; begin again to do the rest.")


def running_key(folder: Folder) -> int | None:
    """The key that a Seenby running on this folder signs with, which it read at its start."""
    is_running = folder.is_held("up") or folder.is_held("store")
    key = folder.whereabouts().get("key", "") if is_running else ""
    return int(key) if key.isdigit() else None


def name_of(meant: Denied) -> str:
    """What is meant, as one would type it."""
    return meant.lines()[0].partition(" ")[2]

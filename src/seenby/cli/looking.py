"""Looking at things: settings, limits, what is wrong, a token, a message, whose network; and saying who answered."""

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from seenby import networkdata, workbench
from seenby.cli.base import (
    AsJson,
    DataFolder,
    app,
    ask_running,
    lists,
    out,
    settings_of,
)
from seenby.doctor import examine
from seenby.folder import find_folder, open_folder
from seenby.report.summary import report_of
from seenby.report.views import PEOPLE, VIEWS
from seenby.settings import Settings, load_settings, settings_file
from seenby.store import answers
from seenby.wiring import now, opened_store
from seenby.words.errors import DataFolderError, SeenbyError
from seenby.words.limits import LIMITS


@app.command("settings")
def show_settings(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print every setting with its value, default, unit and meaning."""
    rows = workbench.settings_table(settings_of(data))
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        unit = f" ({row['unit']})" if row["unit"] else ""
        out.print(f"[bold]{row['name']}[/bold]  {row['environment']}{unit}", highlight=False)
        out.print(f"  {row['sentence']}", highlight=False)
        out.print(f"  value: {row['value'] or '-'}   default: {row['default'] or '-'}\n", highlight=False, markup=False)
    out.print(f"From the environment, then from {settings_file()} (TOML), then the defaults.", highlight=False)


@app.command()
def limits(as_json: AsJson = False) -> None:
    """Print every limit and what happens beyond it."""
    if as_json:
        print(json.dumps([asdict(limit) for limit in LIMITS]))
        return
    table = Table("limit", "most", "beyond it", box=None)
    for limit in LIMITS:
        table.add_row(limit.name, f"{limit.value:,} {limit.unit}".strip(), limit.beyond)
    out.print(table)


@app.command()
def doctor(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Say what is wrong here and what to do about it; status 1 when something is."""
    findings = asyncio.run(examine(settings_of(data)))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            out.print(f"{finding.mark:8}{finding.what}", highlight=False, markup=False)
            if finding.cure:
                out.print(f"        → {finding.cure}", highlight=False, markup=False)
    if any(finding.mark == "wrong" for finding in findings):
        sys.exit(1)


@app.command()
def explain(token: str, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print what a pixel or link URL (or its token) carries."""
    told = workbench.explain_token(token, settings=load_settings(**({"data": data} if data else {})))
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:16} {'-' if value is None else value}")


@app.command()
def report(
    message: Annotated[str, typer.Argument(help="A message: the id in its page's address, or its Message-ID.")],
    data: DataFolder = None,
    view: Annotated[str, typer.Option(help="Count as: " + ", ".join(VIEWS) + ".")] = PEOPLE.name,
    as_json: AsJson = False,
) -> None:
    """Print a message's figures: people only, another way of counting beside it, and the honest open rate."""
    workbench.check_view(view)
    told = asyncio.run(_report(settings_of(data), message, view))
    print(json.dumps(told) if as_json else workbench.report_text(told))


async def _report(settings: Settings, message: str, view: str) -> dict[str, Any]:
    """Read it here, or have the Seenby that is running on this folder read it."""
    folder = find_folder(settings.data)
    try:
        async with opened_store(settings, folder=folder) as store, store.read() as tx:
            told = await report_of(tx, message, view=view)
    except DataFolderError:
        told = await ask_running(folder, "report", {"message": message, "view": view})
    if not told:
        raise SeenbyError("There is no such message: give the id in its page's address, or its Message-ID with <>.")
    return told


@app.command()
def reply(
    message: Annotated[str, typer.Argument(help="A message: the id in its page's address, or its Message-ID.")],
    address: Annotated[str, typer.Argument(help="Which of its recipients has answered.")],
    data: DataFolder = None,
    at: Annotated[str, typer.Option(help="When, if that is known: 2026-11-22T12:30Z.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say that a recipient has answered a message, for programs that read the mailbox."""
    told = asyncio.run(_reply(settings_of(data), message, address, workbench.read_time(at) if at else None))
    words = "Written down." if told["is_new"] else "That was known already; the time that was known stays."
    print(json.dumps(told) if as_json else words)


async def _reply(settings: Settings, message: str, address: str, at: datetime | None) -> dict[str, Any]:
    """Do it here, or have the Seenby that is running on this folder do it."""
    folder = find_folder(settings.data)
    try:
        async with opened_store(settings, folder=folder) as store, store.write() as tx:
            is_new = await answers.tell_answer(tx, message, address, at=at, now=now())
    except DataFolderError:
        asked = {"message": message, "address": address, "at": at.isoformat() if at else None}
        return await ask_running(folder, "reply", asked)
    return {"message": message, "address": address, "is_new": is_new}


@lists.command("update")
def data_update(
    source: Annotated[str, typer.Argument(help="A file, a folder, an npm archive, or an installed Python package.")],
    data: DataFolder = None,
) -> None:
    """Take in a newer table of networks (from tools/lists.py), or countries (CSV: first, last, country)."""
    print(networkdata.update(open_folder(settings_of(data).data), source))


@lists.command("about")
def data_about(data: DataFolder = None) -> None:
    """Print how long the lists are and where they are from."""
    print("\n".join(networkdata.about(open_folder(settings_of(data).data))))


@lists.command("look")
def data_look(address: str, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print what the lists know of an ADDRESS: kind of network, owner, country."""
    told = asdict(networkdata.look(open_folder(settings_of(data).data), address))
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:16} {value or '-'}")

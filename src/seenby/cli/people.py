"""Who may send and sign in; made-up mail, and mailboxes that nobody reads."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from seenby import seed
from seenby.accounts import Accounts
from seenby.cli.base import (
    AsJson,
    DataFolder,
    app,
    ask_running,
    seeds,
    senders,
    settings_of,
)
from seenby.folder import find_folder, open_folder
from seenby.report.accuracy import accuracy_text, change_seeds, first_teams
from seenby.settings import Settings
from seenby.store.people import sender_of
from seenby.wiring import mint, now, opened_store, shown_url
from seenby.words.errors import DataFolderError


@senders.command("add")
def sender_add(
    address: str,
    data: DataFolder = None,
    next_hop: Annotated[str, typer.Option(help="The SMTP server for this sender's mail.")] = "",
    new_password: Annotated[bool, typer.Option("--new-password", help="Another password for a sender.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let ADDRESS submit mail and sign in; prints the SMTP password, which is shown only now."""
    asked = {"address": address, "next_hop": next_hop, "new_password": new_password}
    told = asyncio.run(_account(settings_of(data), "sender", asked))
    if as_json:
        print(json.dumps(told))
    else:
        print(f"SMTP user      {told['user']}\nSMTP password  {told['password']}\n               (shown only now)")


@app.command("sign-in")
def sign_in(address: str, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print a link that signs ADDRESS in, once and within the hour."""
    told = asyncio.run(_account(settings_of(data), "sign-in", {"address": address}))
    print(json.dumps(told) if as_json else told["link"])


async def _account(settings: Settings, what: str, asked: dict[str, Any]) -> dict[str, str]:
    """Do it here, or have the Seenby that is running on this folder do it."""
    folder = open_folder(settings.data) if what == "sender" else find_folder(settings.data)
    try:
        async with opened_store(settings, folder=folder) as store:
            url = settings.app_url or folder.whereabouts().get("app_url") or shown_url(settings.app_listen)
            accounts = Accounts(store=store, app_url=url, now=now, mint=mint)
            if what == "sender":
                return await accounts.add_sender(**asked)
            return await accounts.sign_in_link(**asked)
    except DataFolderError:
        told = await ask_running(folder, what, asked)
        return {str(name): str(value) for name, value in told.items()}


@app.command("seed")
def seed_mail(
    messages: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many messages.")] = 300,
    hits_each: Annotated[float, typer.Option(min=0, max=1000, help="Hits of one message, on average.")] = 4.0,
    data: DataFolder = None,
    take_out: Annotated[bool, typer.Option("--remove", help="Take all made-up mail out again.")] = False,
) -> None:
    """Fill the store with made-up mail, to look around or to see how it does with very much; stop Seenby first."""
    settings = settings_of(data)
    made = asyncio.run(_seed(settings, messages=messages, hits_each=hits_each, take_out=take_out))
    print(
        f"{made:,} made-up messages {'are out again' if take_out else 'are in: `seenby seed --remove` takes them out'}."
    )


async def _seed(settings: Settings, *, messages: int, hits_each: float, take_out: bool) -> int:
    done, console = 0, Console(stderr=True)
    async with opened_store(settings, folder=find_folder(settings.data)) as store:
        async with store.read() as tx:
            rows = await tx.all("everybody_who_sends")
        senders = [sender_of(row) for row in rows]
        work = (
            seed.remove(store)
            if take_out
            else seed.seed(store, senders=senders, messages=messages, hits_each=hits_each, now=now())
        )
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("Taking out" if take_out else "Making mail", total=None if take_out else messages)
            async for done in work:
                progress.update(task, completed=done)
    return done


@seeds.command("add")
def seed_add(
    address: Annotated[str, typer.Argument(help="A mailbox of your own that nobody ever reads.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take every fetch from copies to ADDRESS, from now on, for a machine's; rates leave it out."""
    _print_seeds(asyncio.run(_seeds(settings_of(data), "add", address)), as_json=as_json)


@seeds.command("remove")
def seed_remove(address: str, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Make ADDRESS a recipient like any other again."""
    _print_seeds(asyncio.run(_seeds(settings_of(data), "remove", address)), as_json=as_json)


@seeds.command("list")
def seed_list(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print the mailboxes that nobody reads."""
    _print_seeds(asyncio.run(_seeds(settings_of(data), "list", "")), as_json=as_json)


def _print_seeds(told: Mapping[str, Any], *, as_json: bool) -> None:
    lines = [f"{one['address']}  since {one['since']}" for one in told["seeds"]]
    print(json.dumps(told) if as_json else "\n".join(lines) or "There are no seed mailboxes.")


async def _seeds(settings: Settings, what: str, address: str) -> dict[str, Any]:
    """Do it here, or have the Seenby that is running on this folder do it."""
    folder = find_folder(settings.data)
    try:
        async with opened_store(settings, folder=folder) as store, store.write() as tx:
            return await change_seeds(tx, what, address, at=now())
    except DataFolderError:
        return await ask_running(folder, "seed-mailbox", {"what": what, "address": address})


@app.command()
def accuracy(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print how often the judge is wrong on your own mail, as far as that is known."""
    told = asyncio.run(_accuracy(settings_of(data)))
    print(json.dumps(told) if as_json else accuracy_text(told))


async def _accuracy(settings: Settings) -> dict[str, Any]:
    """Read it here, or have the Seenby that is running on this folder read it."""
    folder = find_folder(settings.data)
    try:
        async with opened_store(settings, folder=folder) as store, store.read() as tx:
            return await first_teams(tx)
    except DataFolderError:
        return await ask_running(folder, "accuracy", {})

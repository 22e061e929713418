"""Starting it: all of it, or one role of it; the demo and the benches."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from seenby import __version__, maillog
from seenby.bench import bench_text, run_bench
from seenby.cli.base import (
    AsJson,
    DataFolder,
    UnderUp,
    app,
    out,
    settings_of,
)
from seenby.demo import run_demo
from seenby.settings import Settings, unknown_variables
from seenby.supervise import supervise, supervise_trackers
from seenby.under_up import tell_ready, when_alone
from seenby.wiring import Role, Started, run_app, tracking_url
from seenby.words.errors import SeenbyError


@app.command()
def up(
    data: DataFolder = None,
    owner: Annotated[str, typer.Option(help="The first account's address, at the first start.")] = "",
) -> None:
    """Run everything on this machine: gateway, tracker, worker and pages. Ctrl-C stops it."""
    settings = settings_of(data, **({"owner": owner} if owner else {}))
    for name in unknown_variables():
        sys.stderr.write(f"seenby: {name} is no setting of Seenby and changes nothing; `seenby settings` lists them.\n")
    asyncio.run(
        supervise(settings, given={"SEENBY_DATA": str(settings.data), "SEENBY_OWNER": settings.owner}, on_ready=_greet)
    )


def _typed() -> str:
    """What starts this program from here: after `make run` it is not on the PATH."""
    return sys.argv[0] if Path(sys.argv[0]).name == "seenby" else "seenby"


def _greet(told: Mapping[str, str]) -> None:
    lines = [
        f"Seenby {__version__} is running. Ctrl-C stops it.",
        "",
        f"  Pages       {told['app_url']}",
        f"  Tracking    {told['tracking_url']}",
        f"  SMTP        {told['smtp']}",
        "",
        "  Sign in (this link works once, within the hour):",
        f"  {told['sign_in']}",
        "",
        f"  SMTP user      {told['owner']}",
    ]
    if told["password"]:
        lines += [f"  SMTP password  {told['password']}", "                 (shown only now)"]
    else:
        lines += [
            f"  SMTP password  as shown at the first start; new: {_typed()} sender add {told['owner']} --new-password"
        ]
    lines += ["", "  To send from your own address: " + _typed() + " sender add you@example.com", ""]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


@app.command()
def gateway(data: DataFolder = None) -> None:
    """Run the SMTP gateway alone (with PostgreSQL)."""
    _run_roles(settings_of(data), {Role.GATEWAY}, under_up=False)


@app.command()
def worker(data: DataFolder = None) -> None:
    """Run the worker alone (with PostgreSQL): sends, takes hits in, judges."""
    _run_roles(settings_of(data), {Role.WORKER}, under_up=False)


@app.command()
def web(data: DataFolder = None) -> None:
    """Run the pages alone (with PostgreSQL)."""
    _run_roles(settings_of(data), {Role.WEB}, under_up=False)


@app.command(hidden=True)
def serve(data: DataFolder = None, under_up: UnderUp = False) -> None:
    """Run gateway, worker and pages in one process, as `up` does."""
    _run_roles(settings_of(data), set(Role), under_up=under_up)


def _run_roles(settings: Settings, roles: set[Role], *, under_up: bool) -> None:
    def ready(started: Started) -> None:
        if under_up:
            tell_ready(**asdict(started), tracking_url=tracking_url(settings))
        else:
            maillog.process("ready", roles=" ".join(sorted(role.value for role in roles)))

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if under_up:
            when_alone(lambda: loop.call_soon_threadsafe(stop.set))
        await run_app(settings, roles=roles, stop=stop, on_ready=ready)

    try:
        asyncio.run(run())
    except SeenbyError as error:
        if not under_up:
            raise
        tell_ready(error=error)


@app.command()
def tracker(
    data: DataFolder = None,
    redirect_only: Annotated[
        bool, typer.Option("--redirect-only", help="Serve links from the keys alone; record nothing.")
    ] = False,
    key_file: Annotated[Path | None, typer.Option(help="The tracking keys, instead of the data folder's.")] = None,
    denied: Annotated[
        Path | None, typer.Option(help="The list of switched-off links, instead of the data folder's.")
    ] = None,
) -> None:
    """Run the tracker alone: pixels and links."""
    arguments = ["--data", str(data)] if data else []
    arguments += ["--redirect-only"] if redirect_only else []
    arguments += ["--key-file", str(key_file)] if key_file else []
    arguments += ["--denied", str(denied)] if denied else []
    settings = settings_of(data)
    if settings.tracker_processes > 1:
        asyncio.run(supervise_trackers(settings, arguments))
    else:  # our own program, without all that this one has loaded
        os.execv(sys.executable, [sys.executable, "-m", "seenby.tracker", *arguments])  # noqa: S606


@app.command()
def demo() -> None:
    """Run the whole story in a temporary folder and print the timeline: send, fetch, open, click."""
    run_demo(out)


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help="instrument, tracker, gateway, live or pages.")] = "instrument",
    rounds: Annotated[int, typer.Option(help="How often each is measured.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Measure speed here; figures are worth comparing within one run only."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        figures = run_bench(
            what, rounds=rounds, tell=lambda doing, share: progress.update(task, description=doing, completed=share)
        )
    print(json.dumps(figures) if as_json else bench_text(figures))


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)

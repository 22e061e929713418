"""The parts without the whole: a message instrumented, hits judged, history judged again."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from seenby import networkdata, workbench
from seenby.cli.base import (
    AsJson,
    DataFolder,
    app,
    settings_of,
    stream_running,
)
from seenby.folder import Folder, find_folder
from seenby.report.again import Again, judge_again
from seenby.settings import Settings
from seenby.wiring import mint, now, opened_store
from seenby.words.errors import DataFolderError, SeenbyError


@app.command()
def instrument(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: Annotated[str, typer.Argument(help="A message (RFC 5322), or - for standard input.")],
    recipient: Annotated[list[str], typer.Option(help="Who gets a copy; may be given several times.")],
    sender: Annotated[str, typer.Option("--from", help="The sender: colleagues' copies stay untouched.")] = "",
    pixels: Annotated[str, typer.Option(help="off, counted, identified or full.")] = "full",
    links: Annotated[str, typer.Option(help="off, counted, identified or full.")] = "full",
    tracking_url: Annotated[str, typer.Option(help="The address put into the message.")] = "http://127.0.0.1:8026",
    key_file: Annotated[Path | None, typer.Option(help="Tracking keys; a throw-away key without.")] = None,
    text_mode: Annotated[
        str, typer.Option(help="Parts whose links are wrapped: none, html_and_text, html_only or text_only.")
    ] = "html_and_text",
    never_host: Annotated[
        list[str] | None, typer.Option(help="A host whose links stay, with all below it; may be given several times.")
    ] = None,
    keep_visible_urls: Annotated[
        bool, typer.Option("--keep-visible-urls", help="Leave links whose text is an address of another host.")
    ] = False,
    keep_noscript: Annotated[bool, typer.Option("--keep-noscript", help="Leave links inside <noscript>.")] = False,
    honeypot: Annotated[
        bool, typer.Option("--honeypot", help="Add a link that nobody sees to formatted text.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Instrument one message for some recipients, without any server."""
    raw = sys.stdin.buffer.read() if file == "-" else workbench.read_file(file)
    copies = workbench.instrument_message(
        raw,
        recipients=recipient,
        sender=sender,
        pixels=pixels,
        links=links,
        tracking_url=tracking_url,
        key_file=key_file,
        mint=mint,
        wishes=workbench.wishes_of(
            text_mode=text_mode,
            never_hosts=never_host or (),
            keep_visible_urls=keep_visible_urls,
            noscript=not keep_noscript,
            honeypot=honeypot,
        ),
    )
    if as_json:
        print(json.dumps({"copies": [workbench.copy_json(copy) for copy in copies]}))
        return
    for copy in copies:
        print(f"{copy.recipient}: {copy.untouched or f'{1 if copy.pixel else 0} pixel, {len(copy.links)} links'}")
        for link in copy.links:
            print(f"  {link.target}\n    {link.url}")


@app.command()
def judge(
    cases: Annotated[
        Path | None, typer.Option(help="Judge these cases, one JSON object a line; prints a prediction a line.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Judge all history under the present rules.")] = False,
    sure: Annotated[bool, typer.Option("--yes", help="Write what changed, without asking.")] = False,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Judge the hits of cases, or all history again: says what would change, asks, and writes it."""
    if (cases is None) is not again:
        raise SeenbyError("Give --cases FILE to judge cases, or --again to judge all history; one of the two.")
    if cases is not None:
        for prediction in workbench.judge_cases(cases):
            print(json.dumps(prediction))
        return
    settings = settings_of(data)
    if not sure:
        would = asyncio.run(_judge_again(settings, apply=False))
        print(json.dumps(would) if as_json else workbench.again_text(would, is_written=False))
        if as_json or not would["labels"] or not sys.stdin.isatty():
            return
        typer.confirm("Write it? Each hit keeps what was believed before in its history", abort=True)
    did = asyncio.run(_judge_again(settings, apply=True))
    print(json.dumps(did) if as_json else workbench.again_text(did, is_written=True))


async def _judge_again(settings: Settings, *, apply: bool) -> dict[str, Any]:
    """Do it here, or have the Seenby that is running on this folder do it; with a bar for those who wait."""
    folder, told = find_folder(settings.data), dict[str, Any]()
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Writing" if apply else "Judging again", total=None)
        async for told in _again_lines(settings, folder, apply=apply):
            progress.update(task, completed=told["messages"], total=told["of"] or None)
    return told


async def _again_lines(settings: Settings, folder: Folder, *, apply: bool) -> AsyncIterator[dict[str, Any]]:
    try:
        async with opened_store(settings, folder=folder) as store:
            networkdata.load_lists(folder)
            async for so_far in judge_again(store, Again(now=now(), window=settings.repeat_window, apply=apply)):
                yield so_far.as_json()
    except DataFolderError:
        async for line in stream_running(folder, "judge-again", {"apply": apply}):
            yield line

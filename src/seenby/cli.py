"""Every command, thin: read the arguments, call what does the work, say what happened."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx2
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from seenby import __version__, maillog, networkdata, seed, workbench
from seenby.accounts import Accounts
from seenby.bench import bench_text, run_bench
from seenby.demo import run_demo
from seenby.doctor import examine
from seenby.folder import Folder, find_folder, open_folder
from seenby.keys import key_states, revoke_key, rotate_key
from seenby.report.accuracy import accuracy_text, change_seeds, first_teams
from seenby.report.again import Again, judge_again
from seenby.report.summary import report_of
from seenby.report.views import PEOPLE, VIEWS
from seenby.settings import Settings, load_settings, settings_file, unknown_variables
from seenby.store import answers
from seenby.store.people import sender_of
from seenby.supervise import supervise, supervise_trackers
from seenby.tracker.trust import Denied, change_denied, what_is_meant
from seenby.under_up import tell_ready, when_alone
from seenby.wiring import Role, Started, mint, now, opened_store, run_app, shown_url, tracking_url
from seenby.words.errors import DataFolderError, SeenbyError
from seenby.words.limits import LIMITS

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


def main() -> None:
    """Run a command; what people can mend is one sentence on standard error and status 1."""
    try:
        app()
    except SeenbyError as error:
        _give_up(str(error))
    except BrokenPipeError:
        sys.exit(1)


def _give_up(why: str) -> NoReturn:
    sys.stderr.write(f"seenby: {why}\n")
    sys.exit(1)


def _settings(data: Path | None = None, **given: Any) -> Settings:  # noqa: ANN401 - any setting
    settings = load_settings(**given, **({"data": data} if data else {}))
    maillog.start_log(level=settings.log_level)
    return settings


# ---------------------------------------------------------------- running


@app.command()
def up(
    data: DataFolder = None,
    owner: Annotated[str, typer.Option(help="The first account's address, at the first start.")] = "",
) -> None:
    """Run everything on this machine: gateway, tracker, worker and pages. Ctrl-C stops it."""
    settings = _settings(data, **({"owner": owner} if owner else {}))
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
    _run_roles(_settings(data), {Role.GATEWAY}, under_up=False)


@app.command()
def worker(data: DataFolder = None) -> None:
    """Run the worker alone (with PostgreSQL): sends, takes hits in, judges."""
    _run_roles(_settings(data), {Role.WORKER}, under_up=False)


@app.command()
def web(data: DataFolder = None) -> None:
    """Run the pages alone (with PostgreSQL)."""
    _run_roles(_settings(data), {Role.WEB}, under_up=False)


@app.command(hidden=True)
def serve(data: DataFolder = None, under_up: UnderUp = False) -> None:
    """Run gateway, worker and pages in one process, as `up` does."""
    _run_roles(_settings(data), set(Role), under_up=under_up)


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
    settings = _settings(data)
    if settings.tracker_processes > 1:
        asyncio.run(supervise_trackers(settings, arguments))
    else:  # our own program, without all that this one has loaded
        os.execv(sys.executable, [sys.executable, "-m", "seenby.tracker", *arguments])  # noqa: S606


@app.command()
def demo() -> None:
    """Run the whole story in a temporary folder and print the timeline: send, fetch, open, click."""
    run_demo(out)


@app.command("seed")
def seed_mail(
    messages: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many messages.")] = 300,
    hits_each: Annotated[float, typer.Option(min=0, max=1000, help="Hits of one message, on average.")] = 4.0,
    data: DataFolder = None,
    take_out: Annotated[bool, typer.Option("--remove", help="Take all made-up mail out again.")] = False,
) -> None:
    """Fill the store with made-up mail, to look around or to see how it does with very much; stop Seenby first."""
    settings = _settings(data)
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


# ---------------------------------------------------------------- accounts


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
    told = asyncio.run(_account(_settings(data), "sender", asked))
    if as_json:
        print(json.dumps(told))
    else:
        print(f"SMTP user      {told['user']}\nSMTP password  {told['password']}\n               (shown only now)")


@app.command("sign-in")
def sign_in(address: str, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print a link that signs ADDRESS in, once and within the hour."""
    told = asyncio.run(_account(_settings(data), "sign-in", {"address": address}))
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
        told = await _ask_running(folder, what, asked)
        return {str(name): str(value) for name, value in told.items()}


def _control(folder: Folder, what: str) -> str:
    control = folder.whereabouts().get("control")
    if not control:
        raise DataFolderError("Seenby is just starting or stopping on this data folder. Try again in a few seconds.")
    return f"{control}/control/{what}"


def _control_headers(folder: Folder) -> dict[str, str]:
    return {"Authorization": f"Bearer {folder.secret('control.key')}"}


async def _ask_running(folder: Folder, what: str, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.post(_control(folder, what), json=asked, headers=_control_headers(folder))
            told = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise DataFolderError(f"The running Seenby did not answer: {error}. Is it starting or stopping?") from None
    if told and "error" in told:
        raise SeenbyError(told["error"])
    return dict(told or {})


async def _stream_running(folder: Folder, what: str, asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """What the running Seenby says while it works, a JSON object a line, up to the one that says that it is done."""
    line: dict[str, Any] = {}
    try:
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=httpx2.Timeout(10, read=600)) as client,
            client.stream("POST", _control(folder, what), json=asked, headers=_control_headers(folder)) as answer,
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


# ---------------------------------------------------------------- keys of tokens, and links used for harm


def _running_key(folder: Folder) -> int | None:
    """The key that a Seenby running on this folder signs with, which it read at its start."""
    is_running = folder.is_held("up") or folder.is_held("store")
    key = folder.whereabouts().get("key", "") if is_running else ""
    return int(key) if key.isdigit() else None


@keys.command("list")
def keys_list(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print the ids of the keys that tokens are signed with."""
    folder = find_folder(_settings(data).data)
    states, running = key_states(folder.tracking_keys), _running_key(folder)
    if as_json:
        print(json.dumps(asdict(states) | {"running": running}))
        return
    is_waiting = running is not None and running != states.current
    for key_id in states.believed:
        said = "believed"
        if key_id == states.current:
            said = "signs new mail from the next start" if is_waiting else "signs new mail"
        elif key_id == running:
            said = "signs new mail until Seenby is restarted"
        print(f"{key_id:>6}  {said}")
    for key_id in states.revoked:
        print(f"{key_id:>6}  revoked: links signed with it are dead")


@keys.command("rotate")
def keys_rotate(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Make a new key that new mail is signed with; links in old mail go on working."""
    path = find_folder(_settings(data).data).tracking_keys
    key_id = rotate_key(path)
    if as_json:
        print(json.dumps({"current": key_id}))
        return
    print(
        f"Key {key_id} is made. Trackers that read {path} believe it within a second; new mail is signed with it from\n"
        "Seenby's next start. Copy the file to trackers elsewhere before that, and into your backup."
    )


@keys.command("revoke")
def keys_revoke(
    key_id: int,
    data: DataFolder = None,
    sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Believe key KEY_ID no more: every link signed with it is dead for its readers."""
    folder = find_folder(_settings(data).data)
    if _running_key(folder) == key_id:
        raise SeenbyError(
            f"The Seenby that is running still signs new mail with key {key_id}. Rotate, restart it, then revoke."
        )
    if not sure:
        typer.confirm(f"Every link in mail signed with key {key_id} will lead nowhere. Go on?", abort=True)
    revoke_key(folder.tracking_keys, key_id)
    print(f'Key {key_id} is revoked. To undo it, take it out of "revoked" in {folder.tracking_keys}.')


@links.command("deny")
def link_deny(
    what: Annotated[
        str, typer.Argument(help="A pixel's or link's URL (its whole message), a message's id, or a host.")
    ],
    data: DataFolder = None,
) -> None:
    """Switch off links that were used for harm: their readers see a page that says so."""
    meant = what_is_meant(what)
    change_denied(find_folder(_settings(data).data).denied, add=meant)
    print(f"Switched off within a second: {', '.join(meant.lines())}. To undo it: seenby link allow {_name(meant)}")


@links.command("allow")
def link_allow(what: str, data: DataFolder = None) -> None:
    """Switch links on again that `deny` switched off."""
    meant, path = what_is_meant(what), find_folder(_settings(data).data).denied
    if not set(meant.lines()) & set(change_denied(path).lines()):
        raise SeenbyError(f"{_name(meant)} was not switched off. `seenby link denied` prints what is.")
    change_denied(path, drop=meant)
    print(f"No longer switched off: {', '.join(meant.lines())}.")


def _name(meant: Denied) -> str:
    """What is meant, as one would type it."""
    return meant.lines()[0].partition(" ")[2]


@links.command("denied")
def link_denied(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print what is switched off."""
    lines = change_denied(find_folder(_settings(data).data).denied).lines()
    print(json.dumps(lines) if as_json else "\n".join(lines) or "Nothing is switched off.")


# ---------------------------------------------------------------- whose networks


@lists.command("update")
def data_update(
    source: Annotated[str, typer.Argument(help="A file, a folder, an npm archive, or an installed Python package.")],
    data: DataFolder = None,
) -> None:
    """Take in a newer table of networks (from tools/lists.py), or countries (CSV: first, last, country)."""
    print(networkdata.update(open_folder(_settings(data).data), source))


@lists.command("about")
def data_about(data: DataFolder = None) -> None:
    """Print how long the lists are and where they are from."""
    print("\n".join(networkdata.about(open_folder(_settings(data).data))))


@lists.command("look")
def data_look(address: str, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print what the lists know of an ADDRESS: kind of network, owner, country."""
    told = asdict(networkdata.look(open_folder(_settings(data).data), address))
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:16} {value or '-'}")


# ---------------------------------------------------------------- signing


@signing.command("create")
def dkim_create(
    domain: str,
    data: DataFolder = None,
    selector: Annotated[str, typer.Option(help="The record's name; empty: seenby, or seenby-ed for ed25519.")] = "",
    key_type: Annotated[str, typer.Option("--type", help="rsa (2048 bits) or ed25519.")] = "rsa",
    as_json: AsJson = False,
) -> None:
    """Make a DKIM key for DOMAIN and print the DNS record to publish."""
    told = workbench.dkim_create(_settings(data), domain=domain, selector=selector, key_type=key_type)
    if as_json:
        print(json.dumps(told))
        return
    print(
        f"Key file  {told['file']}  (for the owner's eyes only; back it up)\n\n"
        f"Publish this TXT record:\n\n  name   {told['name']}\n  value  {told['value']}\n\n"
        f"As a line of a zone file:\n\n  {told['zone']}\n\n"
        f"Then: seenby dkim check {told['domain']}\n"
        "Keys in this folder need no setting: restart Seenby, and mail from the domain and below it is signed.\n"
        "To use the key elsewhere, set there:\n\n"
        f'  dkim_domain = "{told["domain"]}"\n  dkim_selector = "{told["selector"]}"\n  dkim_key = "{told["file"]}"'
    )


@signing.command("check")
def dkim_check(
    domain: str,
    data: DataFolder = None,
    server: Annotated[str, typer.Option(help="The DNS server to ask, host:port, instead of the system's.")] = "",
    as_json: AsJson = False,
) -> None:
    """Look up the DNS records of DOMAIN's keys; status 1 when something is wrong."""
    found = workbench.dkim_check(_settings(data), domain=domain, server=server)
    if as_json:
        print(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            print(f"{one.name}: {one.what}")
            if one.cure:
                print(f"  → {one.cure}")
    if any(one.cure for one in found):
        sys.exit(1)


# ---------------------------------------------------------------- looking


@app.command("settings")
def show_settings(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print every setting with its value, default, unit and meaning."""
    rows = workbench.settings_table(_settings(data))
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
    findings = asyncio.run(examine(_settings(data)))
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
    told = asyncio.run(_report(_settings(data), message, view))
    print(json.dumps(told) if as_json else workbench.report_text(told))


async def _report(settings: Settings, message: str, view: str) -> dict[str, Any]:
    """Read it here, or have the Seenby that is running on this folder read it."""
    folder = find_folder(settings.data)
    try:
        async with opened_store(settings, folder=folder) as store, store.read() as tx:
            told = await report_of(tx, message, view=view)
    except DataFolderError:
        told = await _ask_running(folder, "report", {"message": message, "view": view})
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
    told = asyncio.run(_reply(_settings(data), message, address, workbench.read_time(at) if at else None))
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
        return await _ask_running(folder, "reply", asked)
    return {"message": message, "address": address, "is_new": is_new}


@app.command()
def accuracy(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print how often the judge is wrong on your own mail, as far as that is known."""
    told = asyncio.run(_accuracy(_settings(data)))
    print(json.dumps(told) if as_json else accuracy_text(told))


async def _accuracy(settings: Settings) -> dict[str, Any]:
    """Read it here, or have the Seenby that is running on this folder read it."""
    folder = find_folder(settings.data)
    try:
        async with opened_store(settings, folder=folder) as store, store.read() as tx:
            return await first_teams(tx)
    except DataFolderError:
        return await _ask_running(folder, "accuracy", {})


@seeds.command("add")
def seed_add(
    address: Annotated[str, typer.Argument(help="A mailbox of your own that nobody ever reads.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take every fetch from copies to ADDRESS, from now on, for a machine's; rates leave it out."""
    _print_seeds(asyncio.run(_seeds(_settings(data), "add", address)), as_json=as_json)


@seeds.command("remove")
def seed_remove(address: str, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Make ADDRESS a recipient like any other again."""
    _print_seeds(asyncio.run(_seeds(_settings(data), "remove", address)), as_json=as_json)


@seeds.command("list")
def seed_list(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print the mailboxes that nobody reads."""
    _print_seeds(asyncio.run(_seeds(_settings(data), "list", "")), as_json=as_json)


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
        return await _ask_running(folder, "seed-mailbox", {"what": what, "address": address})


# ---------------------------------------------------------------- by hand


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
    settings = _settings(data)
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
        async for line in _stream_running(folder, "judge-again", {"apply": apply}):
            yield line


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help="instrument, tracker, gateway or live.")] = "instrument",
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

"""Keys of links and of mail, and links that were used for harm."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from seenby import workbench
from seenby.cli.base import (
    AsJson,
    DataFolder,
    keys,
    links,
    name_of,
    running_key,
    settings_of,
    signing,
)
from seenby.folder import find_folder
from seenby.keys import key_states, revoke_key, rotate_key
from seenby.tracker.trust import change_denied, what_is_meant
from seenby.words.errors import SeenbyError


@keys.command("list")
def keys_list(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print the ids of the keys that tokens are signed with."""
    folder = find_folder(settings_of(data).data)
    states, running = key_states(folder.tracking_keys), running_key(folder)
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
    path = find_folder(settings_of(data).data).tracking_keys
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
    folder = find_folder(settings_of(data).data)
    if running_key(folder) == key_id:
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
    change_denied(find_folder(settings_of(data).data).denied, add=meant)
    print(f"Switched off within a second: {', '.join(meant.lines())}. To undo it: seenby link allow {name_of(meant)}")


@links.command("allow")
def link_allow(what: str, data: DataFolder = None) -> None:
    """Switch links on again that `deny` switched off."""
    meant, path = what_is_meant(what), find_folder(settings_of(data).data).denied
    if not set(meant.lines()) & set(change_denied(path).lines()):
        raise SeenbyError(f"{name_of(meant)} was not switched off. `seenby link denied` prints what is.")
    change_denied(path, drop=meant)
    print(f"No longer switched off: {', '.join(meant.lines())}.")


@links.command("denied")
def link_denied(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print what is switched off."""
    lines = change_denied(find_folder(settings_of(data).data).denied).lines()
    print(json.dumps(lines) if as_json else "\n".join(lines) or "Nothing is switched off.")


@signing.command("create")
def dkim_create(
    domain: str,
    data: DataFolder = None,
    selector: Annotated[str, typer.Option(help="The record's name; empty: seenby, or seenby-ed for ed25519.")] = "",
    key_type: Annotated[str, typer.Option("--type", help="rsa (2048 bits) or ed25519.")] = "rsa",
    as_json: AsJson = False,
) -> None:
    """Make a DKIM key for DOMAIN and print the DNS record to publish."""
    told = workbench.dkim_create(settings_of(data), domain=domain, selector=selector, key_type=key_type)
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
    found = workbench.dkim_check(settings_of(data), domain=domain, server=server)
    if as_json:
        print(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            print(f"{one.name}: {one.what}")
            if one.cure:
                print(f"  → {one.cure}")
    if any(one.cure for one in found):
        sys.exit(1)

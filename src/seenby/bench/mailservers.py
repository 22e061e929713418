"""The mail servers that are measured: an app of ours as `seenby up` runs it, and Debian's Postfix beside it.

Both relay to the same place, on the same core, each from a new temporary folder.
"""

import asyncio
import contextlib
import grp
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seenby.accounts import Accounts
from seenby.bench.figures import BenchError
from seenby.bench.servers import Server, free_port, last_words, running
from seenby.folder import open_folder
from seenby.store import open_store
from seenby.wiring import mint, now

SENDER: Final = "alice@seenby.test"
_START: Final = 20.0
_SBIN: Final = "/usr/sbin:/usr/lib/postfix/sbin:/sbin"
# What a relay needs and nothing else: no local delivery, no chroot, no DNS, every queue file synced, as by default.
_MAIN: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.seenby.test
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtp_host_lookup = native
smtp_dns_support_level = disabled
alias_maps =
local_recipient_maps =
biff = no
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_client_connection_rate_limit = 0
smtpd_recipient_restrictions = permit_mynetworks, reject
"""
_MASTER: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """One that takes mail at `port`; `server` is None where its processes are not ours to count."""

    port: int
    user: str
    password: str
    server: Server | None


@contextlib.contextmanager
def seenby(folder: Path, *, sink: int, cores: Collection[int]) -> Iterator[MailServer]:
    """Gateway, worker and pages in one process over SQLite, which hands everything to the port `sink`."""
    password = asyncio.run(_sender(folder))
    settings = {f"SEENBY_{name}_LISTEN": "127.0.0.1:0" for name in ("SMTP", "APP", "PREVIEW")}
    settings |= {
        "SEENBY_DATA": str(folder),
        "SEENBY_OWNER": SENDER,
        "SEENBY_TRACKING_URL": "http://t.seenby.test",
        "SEENBY_NEXT_HOP": f"smtp://127.0.0.1:{sink}?tls=none",
    }
    command = [sys.executable, "-m", "seenby", "serve", "--under-up"]
    with running(command, cores=cores, folder=folder, settings=settings) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        told = json.loads(line) if line else {"error": f"The gateway ended at once{last_words(folder)}."}
        if "error" in told:
            raise BenchError(told["error"])
        port = int(told["smtp"].rpartition(":")[2])
        yield MailServer(port=port, user=SENDER, password=password, server=Server(port, process.pid))


async def _sender(data: Path) -> str:
    folder = open_folder(data)
    store = await open_store(database_url="", data=folder.path)
    try:
        accounts = Accounts(store=store, app_url="http://app.seenby.test", now=now, mint=mint)
        return (await accounts.add_sender(SENDER))["password"]
    finally:
        await store.close()


def why_no_postfix() -> str:
    """Why there is no Postfix to measure beside; empty when there is one."""
    if _postfix() is None:
        return "not installed"
    try:
        pwd.getpwnam("postfix")
        grp.getgrnam("postdrop")
    except KeyError:
        return "its users are missing"
    return "" if os.geteuid() == 0 else "it starts as root only"


def _postfix() -> str | None:
    return shutil.which("postfix") or shutil.which("postfix", path=_SBIN)


@contextlib.contextmanager
def postfix(folder: Path, *, sink: int, cores: Collection[int]) -> Iterator[MailServer]:
    """A Postfix of its own configuration and queue, which asks for no password; the system's is left alone."""
    program, port = _postfix(), free_port()
    assert program is not None
    folder.chmod(0o755)
    for name in ("queue", "data"):
        (folder / name).mkdir()
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
    (folder / "main.cf").write_text(_MAIN.format(folder=folder, sink=sink), encoding="ascii")
    (folder / "master.cf").write_text(_MASTER.format(port=port), encoding="ascii")
    with running([program, "-c", str(folder), "start-fg"], cores=cores, folder=folder):
        _wait_for(port, folder)
        try:
            yield MailServer(port=port, user="", password="", server=None)
        finally:
            subprocess.run([program, "-c", str(folder), "stop"], capture_output=True, check=False)  # noqa: S603


def _wait_for(port: int, folder: Path) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise BenchError(f"Postfix did not start{last_words(folder)}.")

"""A real Postfix as the next hop: it takes the copies, is refused further on, and brings its own bounces to us."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.house import ALICE, MAIL, RITA, ROB
from tests.world import seenby, sink, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        shutil.which("postfix") is None or os.geteuid() != 0, reason="only where Postfix is, and who may start it"
    ),
]
DOMAIN = "bounces.acme.test"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def postfix(port: int, *, transport: dict[str, int]) -> Iterator[Path]:
    """A Postfix of our own on 127.0.0.1, with its own folders; mail for a domain goes to that port of this machine."""
    folder = Path(tempfile.mkdtemp(prefix="seenby-postfix-", dir="/tmp"))
    folder.chmod(0o755)
    config = folder / "etc"
    for name in (config, folder / "queue", folder / "data"):
        name.mkdir()
    shutil.chown(folder / "data", "postfix", "postfix")
    main = {
        "compatibility_level": "3.6",
        "queue_directory": folder / "queue",
        "data_directory": folder / "data",
        "command_directory": "/usr/sbin",
        "daemon_directory": "/usr/lib/postfix/sbin",
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "myhostname": "mail.acme.test",
        "mydestination": "",
        "mynetworks": "127.0.0.0/8",
        "alias_maps": "",
        "alias_database": "",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "transport_maps": f"texthash:{config}/transport",
        "disable_dns_lookups": "yes",
        "smtp_host_lookup": "native",
        "maillog_file": folder / "mail.log",
        "maillog_file_prefixes": folder,
    }
    services = [f"127.0.0.1:{port} inet n - n - - smtpd"] + [
        f"{name} {kind} {private} - n {wakeup} {most} {command}"
        for name, kind, private, wakeup, most, command in [
            ("postlog", "unix-dgram", "n", "-", "1", "postlogd"),
            ("pickup", "unix", "n", "60", "1", "pickup"),
            ("cleanup", "unix", "n", "-", "0", "cleanup"),
            ("qmgr", "unix", "n", "300", "1", "qmgr"),
            ("rewrite", "unix", "-", "-", "-", "trivial-rewrite"),
            ("bounce", "unix", "-", "-", "0", "bounce"),
            ("defer", "unix", "-", "-", "0", "bounce"),
            ("trace", "unix", "-", "-", "0", "bounce"),
            ("verify", "unix", "-", "-", "1", "verify"),
            ("flush", "unix", "n", "1000?", "0", "flush"),
            ("proxymap", "unix", "-", "-", "-", "proxymap"),
            ("smtp", "unix", "-", "-", "-", "smtp"),
            ("relay", "unix", "-", "-", "-", "smtp"),
            ("error", "unix", "-", "-", "-", "error"),
            ("retry", "unix", "-", "-", "-", "error"),
            ("discard", "unix", "-", "-", "-", "discard"),
            ("anvil", "unix", "-", "-", "1", "anvil"),
            ("scache", "unix", "-", "-", "1", "scache"),
        ]
    ]
    (config / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
    (config / "master.cf").write_text("\n".join(services) + "\n")
    (config / "transport").write_text("".join(f"{name} smtp:[127.0.0.1]:{to}\n" for name, to in transport.items()))
    subprocess.run(["postfix", "-c", str(config), "start"], check=True, capture_output=True, timeout=60)
    try:
        yield folder / "mail.log"
    finally:
        subprocess.run(["postfix", "-c", str(config), "stop"], check=False, capture_output=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def test_postfix_is_refused_further_on_and_its_bounce_finds_the_message(tmp_path: Path) -> None:
    port = free_port()
    with sink() as world:
        world.answers[RITA] = "550 5.1.1 <rita@out.test>: no such mailbox"
        hop = f"smtp://127.0.0.1:{port}?tls=none"
        with seenby(tmp_path / "data", NEXT_HOP=hop, RETURN_PATH=DOMAIN) as running:
            transport = {"out.test": world.port, "acme.test": world.port, DOMAIN: running.smtp[1]}
            with postfix(port, transport=transport) as log:
                added = running.command("sender", "add", ALICE)
                running.submit(MAIL, user=ALICE, password=added["password"], to=[RITA, ROB])
                with httpx2.Client(trust_env=False, follow_redirects=True) as browser:
                    browser.get(running.command("sign-in", ALICE)["link"])
                    wait_for(
                        lambda: "Bounced" in browser.get(running.app_url).text,
                        seconds=60,
                        why=log.read_text() if log.exists() else "Postfix never came up",
                    )
                    message = browser.get(running.app_url).text.partition('href="/messages/')[2].partition('"')[0]
                    page = browser.get(f"{running.app_url}/messages/{message}").text
                assert "Came back undelivered from" in page
                assert "550 5.1.1 &lt;rita@out.test&gt;: no such mailbox" in page
                wait_for(lambda: world.to(ALICE), seconds=60)
            assert [to for _from, to, _copy in world.got if to != ROB] == [ALICE]
            assert b"Undelivered Mail Returned to Sender" in world.to(ALICE)[0]
            assert world.got[-1][0] in ("", "<>")
            running.stop()

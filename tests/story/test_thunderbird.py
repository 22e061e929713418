"""A real mail program reads what was delivered: Thunderbird, with remote images allowed and as it comes."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.conftest import require
from tests.world import seenby, sink, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.thunderbird, pytest.mark.timeout(240), pytest.mark.xdist_group("kill")]
ALICE, RITA, ROB = "alice@acme.test", "rita@outside.test", "rob@outside.test"
QUIET = {
    "mail.spotlight.firstRunDone": "true",
    "mail.provider.suppress_dialog_on_startup": "true",
    "mail.shell.checkDefaultClient": "false",
    "mailnews.start_page.enabled": "false",
    "mailnews.start_page_override.mstone": '"ignore"',
    "datareporting.policy.dataSubmissionPolicyBypassNotification": "true",
    "app.donation.eoy.version.viewed": "999",
    "app.update.auto": "false",
    "app.normandy.enabled": "false",
    "extensions.update.enabled": "false",
    "network.captive-portal-service.enabled": "false",
    "network.connectivity-service.enabled": "false",
    "mail.accountmanager.accounts": '"account1"',
    "mail.accountmanager.localfoldersserver": '"server1"',
    "mail.accountmanager.defaultaccount": '"account1"',
    "mail.account.account1.server": '"server1"',
    "mail.server.server1.hostname": '"Local Folders"',
    "mail.server.server1.name": '"Local Folders"',
    "mail.server.server1.type": '"none"',
    "mail.server.server1.userName": '"nobody"',
}
IMAGES = {"mailnews.message_display.disable_remote_image": "false"}


@contextmanager
def thunderbird(message: Path, folder: Path, **chosen: str) -> Iterator[None]:
    """Thunderbird with a fresh profile, showing one message."""
    profile, home = folder / f"profile-{message.stem}", folder / "home"
    profile.mkdir()
    home.mkdir(exist_ok=True)
    lines = [f'user_pref("{name}", {value});\n' for name, value in (QUIET | chosen).items()]
    (profile / "user.js").write_text("".join(lines))
    process = subprocess.Popen(
        ["thunderbird", "--headless", "--no-remote", "--profile", str(profile), str(message)],
        env={**os.environ, "HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def marks(page: str) -> dict[tuple[str, str], str]:
    """State by recipient and channel, as the page shows them."""
    found: dict[tuple[str, str], str] = {}
    for person in re.finditer(r'<li[^>]*data-recipient="([^"]+)">(.*?)</li>', page, re.DOTALL):
        for channel, state in re.findall(r'data-channel="(\w+)" data-state="(\w+)"', person[2]):
            found[person[1], channel] = state
    return found


def test_thunderbird_opens_a_delivered_message(tmp_path: Path) -> None:
    require(shutil.which("thunderbird"), "thunderbird")
    with sink() as server, seenby(tmp_path / "data", NEXT_HOP=f"smtp://127.0.0.1:{server.port}?tls=none") as running:
        password = running.command("sender", "add", ALICE)["password"]
        message = (
            f"From: {ALICE}\r\nTo: {RITA}, {ROB}\r\nSubject: For Thunderbird\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>Hello</p></body></html>\r\n"
        ).encode()
        running.submit(message, user=ALICE, password=password, to=[RITA, ROB])
        wait_for(lambda: len(server.got) == 2)
        files = {}
        for address in (RITA, ROB):
            files[address] = tmp_path / f"{address.partition('@')[0]}.eml"
            files[address].write_bytes(server.to(address)[0])
        with httpx2.Client(trust_env=False, follow_redirects=True) as client:
            page = client.get(running.command("sign-in", ALICE)["link"]).text
            assert marks(page)[RITA, "open"] == "no_sign"

            def now() -> dict[tuple[str, str], str]:
                return marks(client.get(running.app_url).text)

            began = time.monotonic()
            with thunderbird(files[RITA], tmp_path, **IMAGES):
                wait_for(lambda: now()[RITA, "open"] == "seen", seconds=90, why="Thunderbird's fetch is shown")
            took = time.monotonic() - began
            with thunderbird(files[ROB], tmp_path):
                time.sleep(2 * took + 3)  # as long again as it needed to show the other copy, and more
            assert now()[ROB, "open"] == "no_sign"
            link = re.search(r'href="(/messages/[^"]+)"', client.get(running.app_url).text)
            assert link
            told = client.get(running.app_url + link[1]).text
    assert "Opened in Thunderbird" in told
    assert re.search(r"Thunderbird/\d+\.\d+", told), "the agent as it was sent"
    assert "No sign" in told
    assert "not opened" not in told.lower()

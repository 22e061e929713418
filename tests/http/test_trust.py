"""Keys and switched-off links are files that a running tracker reads again when they change."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from seenby.folder import Folder, open_folder
from seenby.journal import FileReader
from seenby.tracker.trust import Denied, DenyListError, TrustFiles, read_denied, what_is_meant
from seenby.words.policy import Level
from seenby.words.token import PATHS, Keyring, Kind, Token, encode_id, sign_token
from tests.world import environment

MESSAGE = encode_id(b"m" * 12)
OTHER = encode_id(b"o" * 12)


def link(
    keys: Keyring, *, message: str = MESSAGE, target: str = "https://shop.test/a", key_id: int | None = None
) -> str:
    token = Token(
        kind=Kind.LINK, level=Level.FULL, message=message, recipient=encode_id(b"r" * 8), link=1, target=target
    )
    return PATHS[Kind.LINK] + sign_token(token, keys, key_id=key_id)


def pixel(keys: Keyring, *, message: str = MESSAGE) -> str:
    token = Token(kind=Kind.PIXEL, level=Level.FULL, message=message, recipient=encode_id(b"r" * 8))
    return PATHS[Kind.PIXEL] + sign_token(token, keys)


class Running:
    def __init__(self, folder: Folder, port: int) -> None:
        self.folder, self.port = folder, port

    def get(self, path: str) -> tuple[int, str | None]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("Location")
        finally:
            connection.close()

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "seenby", *arguments, "--data", str(self.folder.path)],
            capture_output=True, text=True, timeout=60, check=False, env=environment(self.folder.path),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def becomes(self, path: str, status: int) -> None:
        until = time.monotonic() + 20
        while (got := self.get(path)[0]) != status:
            assert time.monotonic() < until, f"still {got}, not {status}"
            time.sleep(0.05)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """`python -m seenby.tracker` on a fresh data folder."""
    folder = open_folder(tmp_path / "data")
    folder.keyring()
    process = subprocess.Popen(
        [sys.executable, "-m", "seenby.tracker", "--under-up"],
        env=environment(folder.path), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Running(folder, int(json.loads(process.stdout.readline())["port"]))
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.slow
def test_a_message_reported_for_harm_is_switched_off_and_on_again(running: Running) -> None:
    keys = running.folder.keyring()
    bad, good = link(keys), link(keys, message=OTHER)
    assert running.get(bad) == (302, "https://shop.test/a")
    running.command("link", "deny", f"https://links.test{bad}")
    running.becomes(bad, 410)
    assert running.get(bad) == (410, None)
    assert running.get(good)[0] == 302
    assert running.get(pixel(keys))[0] == 200, "the reader of a pixel is served all the same"
    assert f"message {MESSAGE}" in running.command("link", "denied")
    before = len(FileReader(running.folder.journal).take({}, limit=100).hits)
    running.get(bad)
    running.get(pixel(keys))
    assert len(FileReader(running.folder.journal).take({}, limit=100).hits) == before, "and nothing of it is kept"
    running.command("link", "allow", MESSAGE)
    running.becomes(bad, 302)


@pytest.mark.slow
def test_a_host_is_switched_off_with_all_below_it(running: Running) -> None:
    keys = running.folder.keyring()
    running.command("link", "deny", "Shop.test")
    below = link(keys, target="https://user@www.SHOP.test:8443/b")
    running.becomes(below, 410)
    assert running.get(link(keys, target="https://othershop.test/"))[0] == 302


@pytest.mark.slow
def test_a_rotated_key_signs_an_old_one_is_believed_and_a_revoked_one_is_not(running: Running) -> None:
    old = running.folder.keyring()
    link_of_old = link(old)
    running.command("keys", "rotate")
    new = running.folder.keyring()
    assert new.current != old.current
    running.becomes(link(new), 302)
    assert running.get(link_of_old)[0] == 302
    running.command("keys", "revoke", str(old.current), "--yes")
    running.becomes(link_of_old, 404)
    assert running.get(link(new))[0] == 302
    assert f"{old.current}  revoked" in running.command("keys", "list")


@pytest.mark.slow
def test_the_key_that_a_running_seenby_signs_with_is_not_revoked(running: Running) -> None:
    old = running.folder.keyring().current
    with running.folder.held("up"):
        running.folder.tell_running(key=str(old))
        running.command("keys", "rotate")
        assert f"{old}  signs new mail until Seenby is restarted" in running.command("keys", "list")
        with pytest.raises(AssertionError, match="still signs new mail"):
            running.command("keys", "revoke", str(old), "--yes")
    running.command("keys", "revoke", str(old), "--yes")


@pytest.mark.slow
def test_what_was_not_switched_off_is_not_switched_on(running: Running) -> None:
    with pytest.raises(AssertionError, match="was not switched off"):
        running.command("link", "allow", "never.test")
    with pytest.raises(AssertionError, match="'foo bar' is no address of ours"):
        running.command("link", "deny", "foo bar")


@pytest.mark.slow
def test_a_spoilt_file_changes_nothing(running: Running) -> None:
    keys = running.folder.keyring()
    good = link(keys)
    whole = running.folder.tracking_keys.read_text()
    running.folder.tracking_keys.write_text("{")
    running.folder.denied.write_text("shop.test\n")
    time.sleep(1.2)
    assert running.get(good)[0] == 302
    running.folder.tracking_keys.write_text(whole)
    running.folder.denied.write_text("host shop.test\n")
    running.becomes(good, 410)


def test_files_tell_news_once(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "data")
    folder.keyring()
    files = TrustFiles(keys=folder.tracking_keys, denied=folder.denied)
    assert files.news() is None
    folder.denied.write_text(f"message {MESSAGE}  # phishing\n\n# nothing\n")
    news = files.news()
    assert news is not None
    assert news.denied == Denied(frozenset({b"m" * 12}))
    assert files.news() is None


@pytest.mark.parametrize(
    "line", ["shop.test", "host", "host a b", "message short", "host sh/op", "target x", "host \x00"]
)
def test_a_line_that_says_nothing_is_named(line: str) -> None:
    with pytest.raises(DenyListError, match="Line 2"):
        read_denied(["# first", line])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("shop.test", ["host shop.test"]),
        (MESSAGE, [f"message {MESSAGE}"]),
        ("Shop.Test.", ["host shop.test"]),
        (f"https://links.test{link(Keyring(keys={1: b'k' * 32}, current=1))}?x=1", [f"message {MESSAGE}"]),
    ],
)
def test_people_name_what_they_have(text: str, lines: list[str]) -> None:
    assert what_is_meant(text).lines() == lines


@pytest.mark.parametrize("text", ["https://links.test/c/AAAA", "a b", "", "https://shop.test/"])
def test_what_means_nothing_is_said(text: str) -> None:
    with pytest.raises(DenyListError):
        what_is_meant(text)

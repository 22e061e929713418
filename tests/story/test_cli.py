"""The command line as people and programs use it: help everywhere, one sentence for what can be mended, status 1."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer
from typer.testing import CliRunner

from seenby import cli
from seenby.folder import open_folder
from seenby.words.errors import SeenbyError
from seenby.words.limits import LIMITS
from tests.house import ALICE, MAIL, RITA, ROB
from tests.world import environment, seenby

COMMANDS = {
    *"up gateway tracker worker web demo doctor limits".split(),  # noqa: SIM905
    *"settings sender sign-in instrument judge explain bench".split(),  # noqa: SIM905
}


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SEENBY_") and name != "SEENBY_REQUIRE_ALL"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, stdin: bytes = b"") -> str:
    """What a command prints in this process; SeenbyError as `main` would turn into a sentence."""
    done = CliRunner().invoke(cli.app, arguments, input=stdin, catch_exceptions=True)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*arguments: str, stdin: bytes = b"") -> Any:
    return json.loads(run(*arguments, "--json", stdin=stdin))


def test_every_command_is_there_and_has_help() -> None:
    group = typer.main.get_command(cli.app)
    commands: dict[str, Any] = getattr(group, "commands")  # noqa: B009 - typer brings its own kind of click
    assert set(commands) >= COMMANDS
    for name, command in commands.items():
        assert command.help, name
        assert command.help.splitlines()[0] in " ".join(run(name, "--help").split()), name
    assert "--new-password" in run("sender", "add", "--help")


def test_limits_for_programs() -> None:
    limits = told("limits")
    assert [set(limit) for limit in limits] == [{"name", "value", "unit", "beyond"}] * len(LIMITS)
    assert [limit["value"] for limit in limits] == [limit.value for limit in LIMITS]
    assert "message size" in run("limits")


def test_settings_are_printed_without_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEENBY_NEXT_HOP", "smtp://me:hunter2@h.test")
    monkeypatch.setenv("SEENBY_DATABASE_URL", "postgresql://me:hunter2@h.test/x")
    assert "hunter2" not in run("settings") + json.dumps(told("settings"))
    (hop,) = [row for row in told("settings") if row["name"] == "next_hop"]
    assert hop["value"] == "smtp://me:***@h.test"


def test_instrument_reads_a_file_and_standard_input_alike(tmp_path: Path) -> None:
    file = tmp_path / "m.eml"
    file.write_bytes(MAIL)
    for source, stdin in ((str(file), b""), ("-", MAIL)):
        copies = told("instrument", source, "--recipient", RITA, "--recipient", ROB, "--from", ALICE, stdin=stdin)[
            "copies"
        ]
        assert [copy["recipient"] for copy in copies] == [RITA, ROB]
        assert copies[0]["pixel"] != copies[1]["pixel"]
        assert copies[0]["links"][0]["url"].encode() in base64.b64decode(copies[0]["message_base64"])
    assert not (tmp_path / "seenby-data").exists()
    assert "1 pixel, 1 links" in run("instrument", str(file), "--recipient", RITA)


def test_judge_and_explain_for_programs(tmp_path: Path) -> None:
    (copy,) = told("instrument", "-", "--recipient", RITA, stdin=MAIL)["copies"]
    assert told("explain", copy["links"][0]["url"])["target"] == "https://x.test/"
    assert "https://x.test/" in run("explain", copy["links"][0]["url"])
    (tmp_path / "none.jsonl").write_text("\n\n")
    assert run("judge", "--cases", str(tmp_path / "none.jsonl")) == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["instrument", "/nonexistent", "--recipient", RITA],
            "/nonexistent cannot be read: No such file or directory.",
        ),
        (["instrument", "/", "--recipient", RITA], "/ cannot be read: Is a directory."),
        (["instrument", "-", "--recipient", "nobody"], "'nobody' is no address"),
        (["judge", "--cases", "/nonexistent"], "/nonexistent cannot be read"),
        (["explain", "rubbish"], "no token of Seenby"),
        (["sender", "add", "nobody"], "'nobody' is no address"),
        (["sign-in", "nobody@acme.test"], "There is no data folder at"),
        (["sender", "add", ALICE, "--next-hop", "h.test"], "The next hop"),
        (["sender", "add", ALICE, "--data", "/dev/null"], "The data folder /dev/null cannot be made"),
        (["up", "--owner", "nobody"], "owner (SEENBY_OWNER): write it as name@domain."),
    ],
)
def test_what_can_be_mended_is_one_sentence_and_status_1(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["seenby", *arguments])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MAIL)))
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr()
    assert left.value.code == 1
    assert said.err.startswith("seenby: ")
    assert words in said.err
    assert said.out == ""


def test_a_sender_is_made_before_anything_runs_and_their_link_leads_to_the_pages(tmp_path: Path) -> None:
    added = told("sender", "add", ALICE)
    assert (added["user"], added["address"]) == (ALICE, ALICE)
    assert len(added["password"]) >= 22
    with pytest.raises(SeenbyError, match="--new-password"):
        run("sender", "add", ALICE)
    assert told("sender", "add", ALICE, "--new-password")["password"] != added["password"]
    assert told("sign-in", ALICE)["link"].startswith("http://127.0.0.1:8025/sign-in/")
    assert (tmp_path / "seenby-data").stat().st_mode & 0o777 == 0o700


def findings(status: int) -> dict[str, str]:
    done = CliRunner().invoke(cli.app, ["doctor", "--json"])
    assert done.exit_code == status, done.output
    return {finding["what"]: finding["cure"] for finding in json.loads(done.stdout) if finding["mark"] == "wrong"}


def test_doctor_finds_nothing_wrong_with_a_fresh_folder_or_one_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SMTP", "APP", "TRACKER"):
        monkeypatch.setenv(f"SEENBY_{name}_LISTEN", "127.0.0.1:0")
    assert findings(0) == {}
    assert not (tmp_path / "seenby-data").exists(), "looking makes nothing"
    open_folder(tmp_path / "seenby-data")
    assert findings(0) == {}
    (tmp_path / "seenby-data" / "running.json").write_text('{"control": "http://127.0.0.1:1"}')
    assert findings(0) == {}
    assert CliRunner().invoke(cli.app, ["doctor"]).exit_code == 0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NEXT_HOP", "smtp://127.0.0.1:1?tls=none", "The next hop 127.0.0.1:1 does not answer."),
        ("NEXT_HOP", "h.test", "The next hop cannot be read."),
        ("DKIM_KEY", "/nonexistent", "The DKIM key cannot be used."),
        ("DKIM_DOMAIN", "acme.test", "The DKIM key cannot be used."),
        ("TLS_CERTIFICATE", "/nonexistent", "The TLS certificate cannot be used."),
        ("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x", "The store (PostgreSQL) cannot be opened."),
        ("SMTP_LISTEN", "192.0.2.1:2525", "smtp_listen 192.0.2.1:2525 cannot be used"),
    ],
)
def test_doctor_says_what_is_wrong_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    for port in ("SMTP", "APP", "TRACKER"):
        monkeypatch.setenv(f"SEENBY_{port}_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv(f"SEENBY_{name}", value)
    ((what, cure),) = findings(1).items()
    assert what.startswith(words)
    assert cure
    assert "hunter2" not in what + cure


@pytest.mark.slow
def test_accounts_before_while_and_after_it_runs_and_one_running_per_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    owner = "owner@seenby.test"
    before = command(data, "sender", "add", owner)
    with seenby(data) as running:
        assert "as shown at the first start" in running.greeting
        running.submit(MAIL.replace(ALICE.encode(), owner.encode()), user=owner, password=before["password"], to=[RITA])
        while_it_runs = running.command("sender", "add", ALICE)
        running.submit(MAIL, user=ALICE, password=while_it_runs["password"], to=[RITA])
        link = running.command("sign-in", ALICE)["link"]
        assert link.startswith(running.app_url)
        with httpx2.Client(trust_env=False, follow_redirects=True) as first, httpx2.Client(trust_env=False) as second:
            first.get(link)
            assert "Our offer" in first.get(running.app_url).text
            assert "Our offer" not in second.get(link, follow_redirects=True).text
        refused = subprocess.run(
            [sys.executable, "-m", "seenby", "sender", "add", ALICE],
            env=running.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (refused.returncode, refused.stderr.startswith(f"seenby: {ALICE} is a sender already.")) == (1, True)
        again = subprocess.run(
            [sys.executable, "-m", "seenby", "up"],
            env=running.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert again.returncode == 1
        assert f"seenby: Seenby is already running on {data} (process {running.process.pid})." in again.stderr
        assert "SEENBY_DATA" in again.stderr
        assert again.stdout == ""
        assert {finding["mark"] for finding in running.command("doctor")} <= {"good", "note"}
        running.stop(signal.SIGINT)
        assert running.process.returncode == 0
    assert not (data / "running.json").exists()
    assert command(data, "sender", "add", "after@acme.test")["user"] == "after@acme.test"


def command(data: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "seenby", *arguments, "--json"],
        env=environment(data), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)

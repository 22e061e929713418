"""What library users are promised: the page's program runs as printed, and the public names are there and told."""

import os
import re
import subprocess
import sys
from pathlib import Path

import seenby.instrument
from seenby.keys import keyring_text, new_keyring, write_secret

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "use-the-library.md"
MAIL = (
    b"DKIM-Signature: v=1; d=company.com; b=AAAA\r\nFrom: a@company.com\r\nBcc: secret@example.net\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    b'<a href="https://example.org/">x</a><a href="https://app.company.com/">y</a>\r\n'
)


def test_the_program_on_the_page_runs_as_it_is_printed(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    (tmp_path / "seenby-data" / "keys").mkdir(parents=True)
    write_secret(tmp_path / "seenby-data" / "keys" / "tracking.json", keyring_text(new_keyring()))
    (tmp_path / "message.eml").write_bytes(MAIL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", found[1]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    note, rita, rob = done.stdout.splitlines()
    assert "keeps out of tracking" in note
    assert rita.split()[-1] == rob.split()[-1] == "1"
    assert rita.split()[1] == rob.split()[1]
    assert rita.split()[2] != rob.split()[2]


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    assert sorted(set(seenby.instrument.__all__)) == sorted(seenby.instrument.__all__)
    for name in seenby.instrument.__all__:
        assert getattr(seenby.instrument, name).__doc__, name


def test_importing_seenby_loads_nothing_of_the_library() -> None:
    code = "import sys, seenby; sys.exit(any(name.startswith('seenby.') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ)).returncode == 0

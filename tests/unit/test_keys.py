"""Key files: made once, whole or not at all, never overwritten, read by nobody else."""

import json
import threading
from pathlib import Path

import pytest

from seenby.keys import keyring_text, load_keyring, new_keyring, read_secret, write_secret
from seenby.words.errors import KeyFileError


def test_a_secret_is_for_its_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_secret(path, "first")
    write_secret(path, "second")
    assert read_secret(path) == "first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_who_make_a_secret_at_once_one_wins_and_all_read_the_same(tmp_path: Path) -> None:
    path, together, read = tmp_path / "s", threading.Barrier(8), []

    def make(number: int) -> None:
        together.wait()
        write_secret(path, str(number) * 1000)
        read.append(read_secret(path))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(read)) == 1
    assert len(read[0]) == 1000
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_that_others_could_have_read_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_secret(path, "x")
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match=f"Run: chmod 600 {path}"):
        read_secret(path)


def test_keys_come_back_as_they_were(tmp_path: Path) -> None:
    keys, path = new_keyring(), tmp_path / "k"
    write_secret(path, keyring_text(keys))
    assert load_keyring(path) == keys


def test_a_revoked_key_is_left_out(tmp_path: Path) -> None:
    old, new, path = new_keyring(), new_keyring(), tmp_path / "k"
    told = json.loads(keyring_text(new))
    told["keys"] |= json.loads(keyring_text(old))["keys"]
    told["revoked"] = [old.current]
    write_secret(path, json.dumps(told))
    assert set(load_keyring(path).keys) == {new.current}


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"keys": []}', '{"keys": {"a": "b"}, "current": 1}', '{"keys": {"1": 5}, "current": 1}',
     '{"keys": {"1": "short"}, "current": 1}', '{"keys": {}, "current": 1, "revoked": 5}', "\ud800"],
)  # fmt: skip
def test_a_file_that_holds_no_keys_is_said_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "k"
    path.touch(0o600)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(KeyFileError):
        load_keyring(path)


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        load_keyring(tmp_path / "none")

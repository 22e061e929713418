"""Key files: made once, whole or not at all, never overwritten, read by nobody else."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from seenby.keys import keyring_text, load_keyring, new_keyring, read_secret, revoke_key, rotate_key, write_secret
from seenby.tracker.trust import Denied, change_denied
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
     '{"keys": {"1": "short"}, "current": 1}', '{"keys": {}, "current": Infinity}', "[" * 100_000,
     '{"keys": {"65536": "' + "A" * 43 + '"}, "current": 65536}', '{"keys": {}, "current": 1, "revoked": 5}', "\ud800"],
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


def all_at_once(what: Callable[[int], object], many: int) -> None:
    threads = [threading.Thread(target=what, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_keys_that_are_made_and_revoked_at_the_same_moment_are_all_there(tmp_path: Path) -> None:
    path, made = tmp_path / "k", list[int]()
    first = new_keyring()
    write_secret(path, keyring_text(first))
    rotate_key(path)

    def change(number: int) -> None:
        if number == 3:
            revoke_key(path, first.current)
        else:
            made.append(rotate_key(path))

    all_at_once(change, 8)
    assert set(load_keyring(path).keys) >= set(made)
    assert first.current not in load_keyring(path).keys
    assert path.stat().st_mode & 0o777 == 0o600


def test_links_that_are_switched_off_at_the_same_moment_are_all_off(tmp_path: Path) -> None:
    path = tmp_path / "denied.txt"
    all_at_once(lambda number: change_denied(path, add=Denied(hosts=frozenset([f"h{number}.test"]))), 12)
    assert change_denied(path).hosts == {f"h{number}.test" for number in range(12)}


def test_a_key_file_that_is_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, path = tmp_path / "elsewhere" / "k", tmp_path / "k"
    write_secret(real, keyring_text(new_keyring()))
    path.symlink_to(real)
    made = rotate_key(path)
    assert path.is_symlink()
    assert load_keyring(real).current == made

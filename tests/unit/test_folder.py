"""The data folder: for its owner only, held by one at a time."""

import os
from pathlib import Path

import pytest

from seenby.folder import open_folder
from seenby.words.errors import DataFolderError, KeyFileError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_is_made_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = open_folder(tmp_path / "a" / "data")
        folder.keyring()
        folder.secret("pages.key")
    finally:
        os.umask(before)
    assert [mode(path) for path in (folder.path, folder.keys, folder.journal)] == [0o700] * 3
    assert {mode(path) for path in folder.keys.iterdir()} == {0o600}


@pytest.mark.parametrize("rights", [0o750, 0o705, 0o701, 0o777])
def test_one_that_others_can_look_into_is_refused_with_the_cure(tmp_path: Path, rights: int) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(rights)
    with pytest.raises(DataFolderError, match=f"Run: chmod 700 {path}"):
        open_folder(path)


def test_a_file_in_its_place_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("")
    with pytest.raises(DataFolderError, match="cannot be made"):
        open_folder(path)


def test_keys_and_secrets_stay_what_they_are(tmp_path: Path) -> None:
    first, again = open_folder(tmp_path / "data"), open_folder(tmp_path / "data")
    assert first.keyring() == again.keyring()
    assert first.secret("x") == again.secret("x") != first.secret("y")
    (first.keys / "x").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        again.secret("x")


def test_who_comes_second_is_told_who_holds_it(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "data")
    assert not folder.is_held("up")
    with folder.held("up"):
        assert folder.is_held("up")
        assert not folder.is_held("store")
        with (
            pytest.raises(DataFolderError, match=f"already running on .*process {os.getpid()}.*SEENBY_DATA"),
            folder.held("up"),
        ):
            pass
    with folder.held("up"):
        pass


def test_word_of_a_running_one_is_read_and_rubbish_is_none(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "data")
    assert folder.whereabouts() == {}
    folder.tell_running(control="http://127.0.0.1:1")
    assert folder.whereabouts() == {"control": "http://127.0.0.1:1"}
    for rubbish in ("", "[]", "{", "null"):
        folder.running.write_text(rubbish)
        assert folder.whereabouts() == {}

"""The data folder: who may look into it, who holds it, and where each thing in it lies."""

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seenby.keys import keyring_text, load_keyring, new_keyring, read_secret, write_secret
from seenby.words.errors import DataFolderError, KeyFileError
from seenby.words.token import Keyring, decode_id, encode_id

SECRET_BYTES: Final = 32
_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class Folder:
    """One data folder; `open_folder` makes it."""

    path: Path

    @property
    def keys(self) -> Path:
        """Secrets, each in a file of its own, 0600."""
        return self.path / "keys"

    @property
    def dkim(self) -> Path:
        """Keys that mail is signed with, `<domain>.<selector>.pem`."""
        return self.keys / "dkim"

    @property
    def tracking_keys(self) -> Path:
        """What tokens are signed with."""
        return self.keys / "tracking.json"

    @property
    def denied(self) -> Path:
        """Links that are switched off for abuse; need not be there."""
        return self.path / "denied.txt"

    @property
    def journal(self) -> Path:
        """Hits on their way into the store."""
        return self.path / "journal"

    @property
    def running(self) -> Path:
        """Where the running Seenby can be reached: JSON, there only while one runs."""
        return self.path / "running.json"

    def keyring(self) -> Keyring:
        """The tracking keys, made at the first call. Raises KeyFileError."""
        path = self.tracking_keys
        if not path.exists():
            write_secret(path, keyring_text(new_keyring()))
        return load_keyring(path)

    def secret(self, name: str) -> str:
        """A secret of this installation, made at the first call; 256 random bits as base64url. Raises KeyFileError."""
        path = self.keys / name
        write_secret(path, encode_id(os.urandom(SECRET_BYTES)))
        text = read_secret(path).strip()
        if len(decode_id(text) or b"") < SECRET_BYTES:  # cut short by a crash, or emptied: anybody could guess it
            raise KeyFileError(f"{path} does not hold a secret. Remove it; a new one is made at the next start.")
        return text

    @contextlib.contextmanager
    def held(self, name: str, *, wait: float = 0.0) -> Iterator[None]:
        """Hold this folder under a lock's `name`, waiting up to `wait` seconds. Raises DataFolderError.

        The lock goes with the process, however it ends.
        """
        path = self.path / f"{name}.lock"
        with path.open("a+", encoding="ascii") as file:
            _take(file.fileno(), file_path=path, folder=self.path, until=time.monotonic() + wait)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def is_held(self, name: str) -> bool:
        """Whether some process holds this folder under a lock's `name` right now."""
        try:
            with self.held(name):
                return False
        except DataFolderError:
            return True

    def tell_running(self, **addresses: str) -> None:
        """Leave word where we can be reached."""
        draft = self.running.with_suffix(".new")
        draft.write_text(json.dumps(addresses), encoding="utf-8")
        draft.replace(self.running)

    def whereabouts(self) -> dict[str, str]:
        """What a running Seenby left word of; empty when none did."""
        try:
            told = json.loads(self.running.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else {}


def _take(file: int, *, file_path: Path, folder: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                holder = file_path.read_text(encoding="ascii").strip()
                raise DataFolderError(
                    f"Seenby is already running on {folder} (process {holder or 'unknown'}). "
                    "Stop that one first, or set SEENBY_DATA to another folder."
                ) from None
            time.sleep(0.05)
        else:
            return


def find_folder(path: Path) -> Folder:
    """The data folder that is there already. Raises DataFolderError: a question is no reason to make an empty one."""
    if not path.is_dir():
        raise DataFolderError(
            f"There is no data folder at {path.absolute()}. Run this where Seenby runs, or set SEENBY_DATA; "
            "`seenby up` makes a new one."
        )
    return open_folder(path)


def open_folder(path: Path) -> Folder:
    """The data folder, made with mode 0700 if it is not there. Raises DataFolderError when others may look into it."""
    folder = Folder(path.absolute())
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for inner in (folder.keys, folder.journal):
            inner.mkdir(mode=0o700, exist_ok=True)
        mode = stat.S_IMODE(folder.path.stat().st_mode)
    except OSError as error:
        raise DataFolderError(f"The data folder {path} cannot be made: {error}. Check SEENBY_DATA.") from None
    if mode & _OTHERS:
        raise DataFolderError(f"Others can look into the data folder {path}. Run: chmod 700 {path}")
    return folder

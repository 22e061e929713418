"""The tracking keys on disk: made once, kept for ever, readable by nobody else.

Losing them kills every link that was ever sent, so a file that exists is never overwritten;
rotating adds a key and leaves the old ones, revoking marks one.
"""

import contextlib
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seenby.words.errors import KeyFileError
from seenby.words.token import Keyring, decode_id, encode_id

KEY_BYTES = 32
_KEY_IDS = range(0x10000)  # a token has two bytes for it


def write_secret(path: Path, text: str) -> None:
    """Make `path` with mode 0600 and `text` in it, on disk before this returns; an existing file stays as it is.

    The file appears whole or not at all: another process may be looking, and this one may be killed.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)


def replace_secret(path: Path, text: str) -> None:
    """Put `text` in the place of what `path` holds, on disk before this returns; a reader sees the old or the new."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_secret(draft, text)
    draft.replace(path)
    _sync(path.parent)


@contextlib.contextmanager
def changing(path: Path) -> Iterator[Path]:
    """From reading `path` to replacing it, alone: what another writes meanwhile would be gone.

    Gives the file itself when `path` is a symbolic link, which would else be replaced and not what it leads to.
    """
    real = path.resolve()
    folder = os.open(real.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield real
    finally:
        os.close(folder)


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def read_secret(path: Path) -> str:
    """What `write_secret` wrote. Raises KeyFileError when others could have read it too."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"The key file {path} cannot be read: {error}.") from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"Others can read the key file {path}. Run: chmod 600 {path}")
    return text


def new_keyring() -> Keyring:
    """One fresh key under a random id."""
    key_id = secrets.randbelow(65535) + 1
    return Keyring(keys={key_id: secrets.token_bytes(KEY_BYTES)}, current=key_id)


def keyring_text(keys: Keyring) -> str:
    """The key file's text: JSON with the current id and every key."""
    return json.dumps(
        {"current": keys.current, "keys": {str(key_id): encode_id(key) for key_id, key in keys.keys.items()}}, indent=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStates:
    """Ids of keys: the one that signs, all that are believed, and those whose tokens are dead."""

    current: int
    believed: tuple[int, ...]
    revoked: tuple[int, ...]


def key_states(path: Path) -> KeyStates:
    """What the file holds, without the keys themselves. Raises KeyFileError."""
    told = load_keyring(path)
    revoked = tuple(sorted(int(key_id) for key_id in json.loads(read_secret(path)).get("revoked", [])))
    return KeyStates(current=told.current, believed=tuple(sorted(told.keys)), revoked=revoked)


def rotate_key(path: Path) -> int:
    """Add a fresh key and sign with it from now on; all others go on being believed. Its id. Raises KeyFileError."""
    with changing(path) as real:
        known = known_key_ids(real)
        fresh = new_keyring()
        while fresh.current in known:
            fresh = new_keyring()
        said = json.loads(read_secret(real))
        said["keys"][str(fresh.current)] = encode_id(fresh.keys[fresh.current])
        said["current"] = fresh.current
        replace_secret(real, json.dumps(said, indent=1))
    return fresh.current


def revoke_key(path: Path, key_id: int) -> None:
    """Believe nothing that this key signed any more. Raises KeyFileError when it signs, or is not there."""
    with changing(path) as real:
        states = key_states(real)
        if key_id == states.current:
            raise KeyFileError(
                f"Key {key_id} signs new mail. Run `seenby keys rotate` first and restart, then revoke it."
            )
        if key_id not in states.believed:
            raise KeyFileError(f"There is no key {key_id} to revoke; `seenby keys list` shows them.")
        said = json.loads(read_secret(real))
        said["revoked"] = sorted({*states.revoked, key_id})
        replace_secret(real, json.dumps(said, indent=1))


def known_key_ids(path: Path) -> frozenset[int]:
    """Every key that the file names, revoked ones too. Raises KeyFileError."""
    states = key_states(path)
    return frozenset(states.believed + states.revoked)


def load_keyring(path: Path) -> Keyring:
    """The keys in `path`, revoked ones left out. Raises KeyFileError."""
    try:
        told = json.loads(read_secret(path))
        revoked = {int(key_id) for key_id in told.get("revoked", [])}
        keys = {int(key_id): decode_id(key) or b"" for key_id, key in told["keys"].items()}
        current = int(told["current"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise KeyFileError(f"{path} is not a key file of Seenby. Put its backup back: links depend on it.") from None
    good = {
        key_id: key
        for key_id, key in keys.items()
        if len(key) == KEY_BYTES and key_id in _KEY_IDS and key_id not in revoked
    }
    if current not in good:
        raise KeyFileError(f"{path} names key {current} as current but does not hold it. Put its backup back.")
    return Keyring(keys=good, current=current)

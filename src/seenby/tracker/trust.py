"""Whose signatures are believed, and what is switched off for abuse; both from files that are read again on change.

The list of what is switched off is a text file, a line each: `message <id>` or `host <name>`; `#` begins a comment.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seenby import maillog
from seenby.keys import changing, load_keyring, replace_secret
from seenby.words.errors import KeyFileError, SeenbyError
from seenby.words.token import MESSAGE_BYTES, Keyring, decode_id, encode_id, read_token
from seenby.words.url import host_of, is_within

_HOST: Final = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
_Stamp = tuple[int, int, int] | None


class DenyListError(SeenbyError):
    """The list of what is switched off cannot be read."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Messages (their 12 bytes) whose links are switched off, and hosts that no link leads to, with all below them."""

    messages: frozenset[bytes] = frozenset()
    hosts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything is switched off."""
        return bool(self.messages or self.hosts)

    def forbids(self, message: bytes, target: bytes) -> bool:
        """Whether a link of `message` to `target` is switched off."""
        return message in self.messages or is_within(host_of(target.decode("ascii", "replace")), self.hosts)

    def lines(self) -> list[str]:
        """As the file has it."""
        hosts = [f"host {host}" for host in self.hosts]
        return sorted(hosts + [f"message {encode_id(message)}" for message in self.messages])


NOTHING: Final = Denied()


@dataclass(frozen=True, slots=True)
class Trust:
    """What one reading of the files said."""

    keys: Keyring
    denied: Denied = NOTHING


def read_denied(lines: Iterable[str]) -> Denied:
    """What the lines of a file say. Raises DenyListError with the line that says nothing."""
    messages, hosts = set(), set()
    for number, line in enumerate(lines, 1):
        said = line.partition("#")[0].split()
        if not said:
            continue
        kind, value = said if len(said) == 2 else ("", "")
        if kind == "message" and len(message := decode_id(value) or b"") == MESSAGE_BYTES:
            messages.add(message)
        elif kind == "host" and _HOST.fullmatch(value.lower()):
            hosts.add(value.lower().rstrip("."))
        else:
            raise DenyListError(f'Line {number} of what is switched off is neither "message ID" nor "host NAME".')
    return Denied(frozenset(messages), frozenset(hosts))


def what_is_meant(text: str) -> Denied:
    """The message behind a tracking URL, a message's id, or a host. Raises DenyListError."""
    text = text.strip()
    token = text.partition("?")[0].rpartition("/")[2]
    if "/" in text:
        read = read_token(decode_id(token) or b"")
        if read is None:
            raise DenyListError("That is no address of a pixel or link of ours: name one, a message's id, or a host.")
        return read_denied([f"message {read.message}"])
    try:
        return read_denied([f"message {text}"])
    except DenyListError:
        pass
    try:
        return read_denied([f"host {text}"])
    except DenyListError:
        raise DenyListError(f"'{text[:80]}' is no address of ours, no message's id and no host.") from None


def change_denied(path: Path, *, add: Denied = NOTHING, drop: Denied = NOTHING) -> Denied:
    """What is switched off from now on; the file appears whole. Raises DenyListError and OSError."""
    with changing(path) as real:
        try:
            old = read_denied(real.read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            old = NOTHING
        new = Denied((old.messages | add.messages) - drop.messages, (old.hosts | add.hosts) - drop.hosts)
        if new != old:
            replace_secret(real, "\n".join(["# Links that are switched off: see `seenby link`", *new.lines(), ""]))
    return new


class TrustFiles:
    """The two files. `denied` need not be there."""

    def __init__(self, *, keys: Path, denied: Path | None) -> None:
        self._keys = keys
        self._denied = denied
        self._stamps = self._look()
        self.trust = self._read()

    def news(self) -> Trust | None:
        """What the files say now, if they changed. A file that makes no sense changes nothing, and the log says so."""
        stamps = self._look()
        if stamps == self._stamps:
            return None
        self._stamps = stamps
        try:
            self.trust = self._read()
        except SeenbyError as error:
            maillog.failed("keys", error)
            return None
        maillog.process("keys_read", keys=len(self.trust.keys.keys), denied=len(self.trust.denied.lines()))
        return self.trust

    def _look(self) -> tuple[_Stamp, _Stamp]:
        return _stamp(self._keys), _stamp(self._denied)

    def _read(self) -> Trust:
        """Raises KeyFileError and DenyListError."""
        keys = load_keyring(self._keys)
        try:
            lines = self._denied.read_text(encoding="utf-8").splitlines() if self._denied else []
        except FileNotFoundError:
            lines = []
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"{self._denied} cannot be read: {error}.") from None
        return Trust(keys, read_denied(lines))


def _stamp(path: Path | None) -> _Stamp:
    """What changes when a file is written or replaced."""
    try:
        told = path.stat() if path else None
    except OSError:
        return None
    return (told.st_mtime_ns, told.st_size, told.st_ino) if told else None

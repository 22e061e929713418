"""A sender's own mailbox, over IMAP (RFC 9051): finding its Sent folder, and putting a message there.

Only messages as they were written go there, never a tracked copy: whoever looks at their own Sent folder must not look
like a reader. The server is one that a sender named, so nothing it says is trusted: it may be slow, endless or wrong,
and none of that costs more than a bounded wait and a bounded answer. What it says is never shown, only what it means.
"""

import asyncio
import imaplib
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, TypeVar
from urllib.parse import quote, unquote, urlsplit

from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError

from seenby.delivery.reach import NotPublic, public_addresses, resolve
from seenby.words.limits import IMAP_SECONDS

_STEP: Final = 15  # seconds for one step of the dialog
_ANSWERS: Final = 4_194_304  # bytes of everything a server says; a long list of folders is far smaller
_THREADS: Final = ThreadPoolExecutor(4, thread_name_prefix="imap")  # slow servers keep only each other waiting
_NAMES: Final = ("sent", "sent items", "sent messages", "sent mail", "gesendet", "envoyés", "inviati", "enviados")
_PORTS: Final = {"imaps": 993, "imap": 143}
_ATTEMPTS: Final = 16
_LONGEST: Final = timedelta(hours=6)
_Found = TypeVar("_Found")


class Secured(StrEnum):
    """How the connection is protected."""

    TLS = "imaps"
    STARTTLS = "imap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Where it is, and how to get in."""

    host: str
    port: int
    secured: Secured
    user: str
    password: str = field(repr=False)
    public_only: bool = True  # named by somebody who does not run this installation: see `reach`

    def url(self) -> str:
        """As it is kept."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        reach = "public" if self.public_only else "any"
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"{self.secured.value}://{user}:{password}@{host}:{self.port}?reach={reach}"


class MailboxError(Exception):
    """It did not work, and why, in words that name nothing the server said."""


def parse_mailbox(url: str) -> Mailbox | None:
    """What is kept of a mailbox; None if it cannot be read."""
    try:
        parts = urlsplit(url)
        secured, port = Secured(parts.scheme), parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.username is None:
        return None
    return Mailbox(
        host=parts.hostname,
        port=port,
        secured=secured,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        public_only=parts.query != "reach=any",
    )


def next_filing(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts; None: stop trying, after about two days."""
    return min(timedelta(minutes=2**attempts), _LONGEST) if attempts < _ATTEMPTS else None


async def find_folder(mailbox: Mailbox) -> str:
    """The name of the Sent folder, found by signing in. Raises MailboxError."""
    return await _with(mailbox, _sent_folder)


async def put(mailbox: Mailbox, raw: bytes, *, folder: str, at: datetime) -> None:
    """Put a message into a folder, as read. Raises MailboxError."""

    def append(box: BaseMailBox) -> None:
        box.append(raw, folder, dt=at, flag_set=["\\Seen"])

    await _with(mailbox, append)


async def _with(mailbox: Mailbox, work: Callable[[BaseMailBox], _Found]) -> _Found:
    """Sign in and work, in a thread of its own, for a bounded time."""
    opened: list[socket.socket] = []

    def whole(addresses: Sequence[str]) -> _Found:
        box = _Box(mailbox, addresses, opened)
        try:
            box.enter()
            found = work(box)
            with suppress(Exception):
                box.logout()
            return found
        finally:
            with suppress(Exception):
                box.client.shutdown()

    try:
        async with asyncio.timeout(IMAP_SECONDS):
            addresses = await _addresses(mailbox)
            return await asyncio.get_running_loop().run_in_executor(_THREADS, whole, addresses)
    except TimeoutError:
        raise MailboxError(f"{mailbox.host} did not answer in time.") from None
    except MailboxError:
        raise
    except NotPublic:
        raise MailboxError(
            "This host is not on the public internet; only an owner of the installation may name it."
        ) from None
    except ssl.SSLError:
        raise MailboxError(f"{mailbox.host} shows no certificate that can be trusted for this name.") from None
    except UnicodeEncodeError:
        raise MailboxError(f"{mailbox.host} takes a user name and a password of plain letters only.") from None
    except (OSError, UnicodeError):
        raise MailboxError(f"{mailbox.host} cannot be reached at port {mailbox.port}.") from None
    except (imaplib.IMAP4.error, ImapToolsError):
        raise MailboxError(f"{mailbox.host} did not take it.") from None
    except Exception as error:
        raise MailboxError(f"{mailbox.host} does not answer as an IMAP server does.") from error
    finally:
        for one in opened:  # a thread that still waits ends with this
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


async def _addresses(mailbox: Mailbox) -> Sequence[str]:
    return await (public_addresses if mailbox.public_only else resolve)(mailbox.host, mailbox.port)


class _Bounded(imaplib.IMAP4):
    """A dialog with one address that was looked at, in which nothing that is said grows without end."""

    pinned: Sequence[str] = ()
    opened: list[socket.socket]
    heard = 0

    def _create_socket(self, timeout: float | None) -> socket.socket:
        refusal: OSError = OSError("no address")
        for address in self.pinned:
            try:
                found = socket.create_connection((address, self.port), timeout)
            except OSError as error:
                refusal = error
            else:
                self.opened.append(found)
                return found
        raise refusal

    def read(self, size: int) -> bytes:
        """A literal, unless it is too much."""
        self._hear(size)
        return super().read(size)

    def readline(self) -> bytes:
        """A line, unless it is too much."""
        line = super().readline()  # imap-tools lets one have 20 MB
        self._hear(len(line))
        return line

    def _hear(self, size: int) -> None:
        self.heard += size
        if self.heard > _ANSWERS:
            raise self.abort("too much")


class _BoundedTls(_Bounded):
    """The same, under TLS from its first byte."""

    context: ssl.SSLContext

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = super()._create_socket(timeout)
        found = self.context.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.opened.append(found)
        try:
            found.do_handshake()
        except BaseException:
            found.close()
            raise
        return found


class _Box(BaseMailBox):
    """imap-tools over a connection of ours."""

    def __init__(self, mailbox: Mailbox, addresses: Sequence[str], opened: list[socket.socket]) -> None:
        self._mailbox = mailbox
        self._addresses = addresses
        self._opened = opened
        self._context = ssl.create_default_context()
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        is_tls = self._mailbox.secured is Secured.TLS
        own = {"pinned": self._addresses, "opened": self._opened, "context": self._context}
        kind = type("_One", (_BoundedTls if is_tls else _Bounded,), own)  # it connects while it is made
        client: imaplib.IMAP4 = kind(self._mailbox.host, self._mailbox.port, _STEP)
        try:
            if not is_tls:
                self._encrypt(client)
        except BaseException:
            client.shutdown()
            raise
        return client

    def _encrypt(self, client: imaplib.IMAP4) -> None:
        if "STARTTLS" in client.capabilities:
            client.starttls(self._context)
        elif not all(map(_is_here, self._addresses)):
            raise MailboxError(f"{self._mailbox.host} offers no TLS, and a password is sent over nothing else.")

    def enter(self) -> None:
        """Sign in. Raises MailboxError when the server refuses."""
        try:
            if "AUTH=PLAIN" in self.client.capabilities:  # LOGIN can say ASCII only (RFC 9051 6.2.3)
                self.login_utf8(self._mailbox.user, self._mailbox.password, initial_folder=None)
            else:
                self.login(self._mailbox.user, self._mailbox.password, initial_folder=None)
        except (imaplib.IMAP4.abort, OSError):
            raise
        except (imaplib.IMAP4.error, ImapToolsError):
            raise MailboxError(f"{self._mailbox.host} refused the user name or the password.") from None


def _is_here(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


def _sent_folder(box: BaseMailBox) -> str:
    """The folder that the server says is for sent mail (RFC 6154), else the one that is called so."""
    folders = box.folder.list()
    for one in folders:
        if "\\sent" in {flag.lower() for flag in one.flags}:
            return one.name
    called = {one.name.rpartition(one.delim)[2].lower() if one.delim else one.name.lower(): one.name for one in folders}
    found = next((called[name] for name in _NAMES if name in called), None)
    if found is None:
        raise MailboxError("There is no folder for sent mail. Make one that is called Sent, and try again.")
    return found

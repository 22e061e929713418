"""One SMTP dialog: aiosmtpd's, with the strictness that a submission server owes the rest of the world.

aiosmtpd hands bare CR, bare LF and NUL on; we refuse them anywhere, because two servers that
disagree about where a line ends disagree about where a message ends (SMTP smuggling). Nothing of
the bytes that held one reaches the dialog.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from seenby.words.limits import (
    AUTH_FAILURES,
    LINE_BYTES,
    MESSAGE_BYTES,
    REFUSED_STRANGERS,
    REPORT_BYTES,
    SMTP_COMMAND_BYTES,
)
from seenby.words.message import Sender

CheckPassword = Callable[[str, str, str], Awaitable[Sender | None]]  # user, password, peer

_LINGER: Final = 5.0  # seconds in which a refused client may finish talking, so that it can read our answer
_END: Final = b"\r\n.\r\n"
_CHUNK: Final = 1 << 20  # more than the reader ever holds
_REPLY: Final = re.compile(r"(\d{3})[ -](?!\d\.\d+\.\d+ )")
# What aiosmtpd answers without an enhanced code (RFC 3463, RFC 5248), by its reply code.
_ENHANCED: Final = {
    "421": "4.4.2",
    "450": "4.2.0",
    "451": "4.3.0",
    "452": "4.3.1",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "530": "5.7.0",
    "535": "5.7.8",
    "538": "5.7.11",
    "550": "5.0.0",
    "552": "5.3.4",
    "553": "5.1.3",
    "554": "5.6.0",
    "555": "5.5.4",
}

logging.getLogger("mail.log").addHandler(logging.NullHandler())  # aiosmtpd logs addresses and commands
logging.getLogger("mail.log").propagate = False


def _has_what_is_no_line_end(data: bytes) -> bool:
    """Whether NUL, a CR without LF, or an LF without CR is in `data`: counting is ten times as fast as searching."""
    pairs = data.count(b"\r\n")
    return b"\0" in data or data.count(b"\r") != pairs or data.count(b"\n") != pairs


def is_loopback(peer: Any) -> bool:  # noqa: ANN401 - whatever the transport calls its peer
    """Whether a client sits on this machine."""
    try:
        return ip_address(peer[0].partition("%")[0]).is_loopback
    except (ValueError, TypeError, IndexError, AttributeError):
        return False


class Letter(Envelope):
    """What was said in one transaction. `returned_to`: it is for this recipient's return address and nobody else."""

    returned_to: str | None = None

    @property
    def most(self) -> int:
        """How many bytes may come."""
        return MESSAGE_BYTES if self.returned_to is None else REPORT_BYTES


class Dialog(SMTP):
    """One client's connection. `takes_returns`: strangers may bring mail for return addresses; the door says which."""

    command_size_limit = SMTP_COMMAND_BYTES
    line_length_limit = max(LINE_BYTES + 3, SMTP_COMMAND_BYTES)

    def __init__(  # aiosmtpd takes a good many options
        self,
        handler: object,
        *,
        check: CheckPassword,
        open_dialogs: "set[Dialog]",
        takes_returns: bool,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(handler, authenticator=_unchecked, auth_required=True, auth_require_tls=True, **options)
        self._check = check
        self._open_dialogs = open_dialogs
        self._carried = b""
        self._in_data = False
        self._spoiled = False
        self._failures = 0
        self._takes_returns = takes_returns
        self.strangers = 0  # recipients that only somebody signed in could have had

    def _create_envelope(self) -> Letter:
        return Letter()

    async def check_auth_needed(self, caller_method: str) -> bool:
        """Refuse who has not signed in; where strangers may bring mail back, only RCPT can tell, and DATA knows."""
        may_be_returned = caller_method in ("MAIL", "RCPT") or (
            caller_method == "DATA" and isinstance(self.envelope, Letter) and self.envelope.returned_to is not None
        )
        if self._takes_returns and may_be_returned:
            return False
        return await super().check_auth_needed(caller_method)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """RCPT; a stranger who tries one address after the other is shown the door."""
        await super().smtp_RCPT(arg)
        if self.strangers >= REFUSED_STRANGERS:
            await self.push("421 4.7.0 Too many recipients that you may not send to")
            self.hang_up()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came; on this machine nobody listens in, so AUTH is offered there without TLS too."""
        self._carried = b""
        self._auth_require_tls = not is_loopback(transport.get_extra_info("peername"))
        self._open_dialogs.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        self._open_dialogs.discard(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client, checked before the dialog sees them."""
        if self._spoiled:
            return
        chunk = self._carried + data
        self._carried = b"\r" if chunk.endswith(b"\r") else b""
        whole = chunk[:-1] if self._carried else chunk
        if _has_what_is_no_line_end(whole):
            self._refuse_bytes()
        elif whole:
            super().data_received(whole)

    def _refuse_bytes(self) -> None:
        self._spoiled = True
        code = "554 5.6.0" if self._in_data else "500 5.5.2"
        self._writer.write(f"{code} Bare CR, bare LF or NUL; nothing of this was accepted\r\n".encode())
        self.loop.call_later(_LINGER, self.hang_up)

    def hang_up(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()

    async def push(self, status: str | bytes) -> None:
        """Send a reply; every no carries an enhanced status code."""
        text = status.decode() if isinstance(status, bytes) else status
        plain = _REPLY.match(text)
        if plain and plain[1] in _ENHANCED:
            text = f"{text[:4]}{_ENHANCED[plain[1]]} {text[4:]}"
        await super().push(text)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """DATA. aiosmtpd would keep each line as an object of its own: gigabytes for a message of empty lines."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        assert self.envelope is not None
        if arg or not self.envelope.rcpt_tos:
            await self.push("501 Syntax: DATA" if arg else "503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        self._in_data = True
        try:
            content = await self._message()
            if content is None:
                status = "552 Error: Too much mail data"
            else:
                self.envelope.content = content
                status = await self._call_handler_hook("DATA")
        finally:
            self._in_data = False
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)

    async def _message(self) -> bytes | None:
        """What comes until the lone dot, its transparency undone (RFC 5321 4.5.2); None when that was too much."""
        kept = bytearray(b"\r\n")  # so that a dot in the first line is at the start of a line like any other
        is_too_large = False
        assert isinstance(self.envelope, Letter)
        most = self.envelope.most
        while True:
            looked_at = max(0, len(kept) - len(_END) + 1)
            kept += await self._some_bytes()
            end = kept.find(_END, looked_at)
            is_too_large = is_too_large or (end if end >= 0 else len(kept) - 4) > most
            if end >= 0:
                break
            if is_too_large:
                del kept[: -len(_END)]
        if rest := kept[end + len(_END) :]:
            self._reader.feed_data(rest)  # the next command: the reader is empty, as we took all it had
        return None if is_too_large else bytes(kept[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]

    async def _some_bytes(self) -> bytes:
        """All that has come, at least one byte."""
        some: bytes = await self._reader.read(_CHUNK)
        if not some:
            raise asyncio.CancelledError  # the client is gone
        self._reset_timeout()  # the limit is on silence, not on how long a slow line takes
        return some

    def _timeout_cb(self) -> None:
        self._writer.write(b"421 4.4.2 Nothing came for too long\r\n")
        super()._timeout_cb()  # type: ignore[no-untyped-call]  # aiosmtpd leaves it bare

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """AUTH; a mechanism's name is not case-sensitive (RFC 4954 4)."""
        mechanism, space, rest = (arg or "").partition(" ")
        await super().smtp_AUTH(mechanism.upper() + space + rest)
        if self._failures >= AUTH_FAILURES:
            await self.push("421 4.7.0 Too many failed attempts to sign in")
            self.hang_up()

    async def auth_PLAIN(self, server: object, args: list[str]) -> AuthResult:  # noqa: N802
        """AUTH PLAIN (RFC 4616)."""
        return await self._checked(await super().auth_PLAIN(server, args))

    async def auth_LOGIN(self, server: object, args: list[str]) -> AuthResult:  # noqa: N802
        """AUTH LOGIN, which old mail programs still speak."""
        return await self._checked(await super().auth_LOGIN(server, args))

    async def _checked(self, said: AuthResult) -> AuthResult:
        if not said.success or not isinstance(said.auth_data, LoginPassword):
            return said
        user = said.auth_data.login.decode("utf-8", "replace")
        password = said.auth_data.password.decode("utf-8", "replace")
        sender = await self._check(user, password, self._writer.get_extra_info("peername")[0])
        if sender is None:
            self._failures += 1
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=sender)


def _unchecked(
    _server: object, _session: object, _envelope: object, _mechanism: str, said: LoginPassword
) -> AuthResult:
    """Aiosmtpd asks synchronously; we take what was said and look it up afterwards, in `_checked`."""
    return AuthResult(success=True, auth_data=said)

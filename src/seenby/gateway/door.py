"""The open door: takes what a dialog brings to flow.accept, and answers 250 only when it is on disk.

Somebody who has signed in may send to anybody. A stranger may bring mail for a return address that we
signed, one at a time, which goes to flow.take_back; nothing else of a stranger's is ever taken.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from aiosmtpd.smtp import Session
from sqlalchemy.exc import SQLAlchemyError

from seenby import flow, maillog
from seenby.gateway.dialog import Dialog, Letter
from seenby.steps.house import House
from seenby.store import people, unsubscribed
from seenby.store.times import micros
from seenby.throttle import Throttle
from seenby.words.address import Address, parse_address
from seenby.words.limits import (
    LINE_BYTES,
    MESSAGE_BYTES,
    RECIPIENTS,
    REPORT_BYTES,
    SMTP_DIALOGS,
    SMTP_SECONDS,
)
from seenby.words.message import Accepted, Intake, Refused, Returned, Sender, Submission
from seenby.words.return_path import parse_return_path

_NOBODY: Final = "<>"  # the empty return path (RFC 5321 4.5.5), as aiosmtpd hands it on
_SIGN_IN: Final = "530 5.7.0 Authentication required"
_ALONE: Final = "452 4.5.3 A return address is the only recipient of its mail; send to the others separately"
_EXTENSIONS: Final = ("PIPELINING", "ENHANCEDSTATUSCODES")  # RFC 2920, RFC 2034
_UNSUBSCRIBED: Final = (
    "They unsubscribed from your team's mail; take them off your list. "
    "If they asked to be written to again, choose Write again on Seenby's page Who unsubscribed"
)


@dataclass(slots=True, kw_only=True)
class _Door:
    """aiosmtpd's handler: one method a moment of the dialog."""

    house: House
    throttle: Throttle = field(default_factory=Throttle)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name and arguments
        self, _server: Dialog, session: Session, _envelope: Letter, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], *(f"250-{name}" for name in _EXTENSIONS), *responses[1:]]

    async def handle_MAIL(  # noqa: N802
        self, _server: Dialog, _session: Session, envelope: Letter, address: str, options: list[str]
    ) -> str:
        if parse_address(address) is None and not (self.house.return_path and address == _NOBODY):
            return "553 5.1.7 That is no sender address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Dialog, session: Session, envelope: Letter, address: str, options: list[str]
    ) -> str:
        returned_to = parse_return_path(address, self.house.keys, domain=self.house.return_path)
        if returned_to is not None:
            no = _no_return(envelope)
        elif isinstance(session.auth_data, Sender):
            no = await self._no_to(address, sender=session.auth_data, envelope=envelope)
        else:
            server.strangers += 1
            no = _SIGN_IN
        if no:
            return no
        envelope.returned_to = returned_to
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def _no_to(self, address: str, *, sender: Sender, envelope: Letter) -> str | None:
        """Why somebody who has signed in cannot send to this address; None when they can."""
        if envelope.returned_to is not None:
            return _ALONE
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return f"452 4.5.3 At most {RECIPIENTS} recipients in one message; send the rest in another"
        if envelope.mail_from == _NOBODY:
            return "553 5.1.7 That is no sender address"
        parsed = parse_address(address)
        if parsed is None:
            return "553 5.1.3 That is no address we can send to"
        return await self._unwanted(sender, parsed)

    async def _unwanted(self, sender: Sender, address: Address) -> str | None:
        """The answer for somebody who unsubscribed from the team's mail; None for everybody else."""
        try:
            async with self.house.store.read() as tx:
                if not await unsubscribed.refuses(tx, team=sender.team, address=address.key):
                    return None
        except (SQLAlchemyError, OSError) as error:
            maillog.failed("rcpt", error)
            return "451 4.3.0 Something went wrong here; try again later"
        return _no(Refused(code=550, status="5.7.1", why=_UNSUBSCRIBED))

    async def handle_DATA(self, _server: Dialog, session: Session, envelope: Letter) -> str:  # noqa: N802
        raw, sender = envelope.content, session.auth_data
        if not isinstance(raw, bytes) or not (envelope.returned_to or isinstance(sender, Sender)):
            return _SIGN_IN
        if _has_long_line(raw):
            return _no(Refused(code=500, status="5.6.0", why=f"A line is longer than {LINE_BYTES} bytes"))
        if envelope.returned_to is not None:
            came = Returned(recipient=envelope.returned_to, raw=raw, at=self.house.now())
            return await _answer("take_back", flow.take_back(self.house, came))
        from_, to = parse_address(envelope.mail_from or ""), _addresses(envelope.rcpt_tos)
        if from_ is None:
            return "553 5.1.7 That is no sender address"
        submission = Submission(sender=sender, envelope_from=from_, recipients=to, raw=raw, at=self.house.now())
        return await _answer("accept", flow.accept(self.house, submission))

    async def check(self, user: str, password: str, peer: str) -> Sender | None:
        """The sender with this user and password, or None; where they submit from is a place of theirs."""
        now = self.house.now()
        if self.throttle.is_exhausted(peer, now=now):
            return None
        async with self.house.store.read() as tx:
            sender = await people.sender_with_password(tx, address=user, password=password)
        if sender is None:
            self.throttle.failed(peer, now=now)
            return None
        if ip_address(peer.partition("%")[0]).is_global:
            async with self.house.store.write() as tx:
                await tx.run("put_place", team=sender.team, address=peer, at=micros(now))
        return sender


def _no_return(envelope: Letter) -> str | None:
    """Why a return address of ours cannot be had in this transaction: it comes alone, and its mail is small."""
    if envelope.rcpt_tos:
        return _ALONE
    return "552 5.3.4 That is too much for a return address" if _announced(envelope) > REPORT_BYTES else None


def _announced(envelope: Letter) -> int:
    """How large the client says that the message is (RFC 1870); 0 when it does not say."""
    sizes = [option.partition("=")[2] for option in envelope.mail_options if option.upper().startswith("SIZE=")]
    return max((int(size) for size in sizes if size.isascii() and size.isdigit()), default=0)


async def _answer(what: str, step: Awaitable[Intake]) -> str:
    """What a step of the story comes to, in SMTP: only what is on disk is a yes."""
    try:
        intake = await step
    except (SQLAlchemyError, OSError) as error:
        maillog.failed(what, error)
        return "452 4.3.1 The message could not be written to disk; nothing was kept, try again later"
    except Exception as error:  # noqa: BLE001 - a slip of ours must cost one message a delay, not its loss
        maillog.failed(what, error)
        return "451 4.3.0 Something went wrong here; nothing was kept, try again later"
    match intake:
        case Accepted():
            return "250 2.0.0 Accepted; it is on disk"
        case Refused():
            return _no(intake)


def _has_long_line(raw: bytes) -> bool:
    """Whether a line is longer than LINE_BYTES: looks for a line end in every reach, however many lines there are."""
    start, reach = 0, LINE_BYTES + 2
    while len(raw) - start > LINE_BYTES:
        end = raw.rfind(b"\r\n", start, start + reach)
        if end < 0:
            return True
        start = end + 2
    return False


def _no(refused: Refused) -> str:
    maillog.refused(code=refused.code, status=refused.status)
    return f"{refused.code} {refused.status} {refused.why}"


def _addresses(texts: Sequence[str]) -> tuple[Address, ...]:
    return tuple(address for text in texts if (address := parse_address(text)) is not None)


class _Full(asyncio.Protocol):
    """Turns a client away for now: each dialog holds a file, and the pages share this process."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so, and close."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"421 4.7.0 Too many connections; try again later\r\n")
        transport.close()


@dataclass(slots=True, kw_only=True)
class Gateway:
    """An open door; `port` is the one it got."""

    port: int
    _server: asyncio.Server
    _dialogs: set[Dialog]

    async def close(self) -> None:
        """Let nobody in any more, and say goodbye to those inside: what they were not answered for is not ours yet."""
        self._server.close()
        for dialog in list(self._dialogs):
            dialog.hang_up()
        with contextlib.suppress(TimeoutError):  # from Python 3.12 on it waits for clients that do not read
            await asyncio.wait_for(self._server.wait_closed(), 1)


async def open_gateway(*, house: House, listen: tuple[str, int], tls: ssl.SSLContext) -> Gateway:
    """Listen for submissions."""
    door = _Door(house=house)
    dialogs: set[Dialog] = set()
    loop = asyncio.get_running_loop()

    def new_dialog() -> asyncio.BaseProtocol:
        if len(dialogs) >= SMTP_DIALOGS:
            return _Full()
        return Dialog(
            door,
            check=door.check,
            open_dialogs=dialogs,
            takes_returns=bool(house.return_path),
            data_size_limit=MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            hostname=house.host,
            ident="Seenby",
            tls_context=tls,
            timeout=SMTP_SECONDS,
            loop=loop,
        )

    server = await loop.create_server(new_dialog, *listen)
    return Gateway(port=server.sockets[0].getsockname()[1], _server=server, _dialogs=dialogs)

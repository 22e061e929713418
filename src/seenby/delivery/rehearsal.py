"""Trying a next hop without sending anything: every step up to the recipient, then back (RSET), with what was said.

Nothing is ever handed over: there is no DATA. Each step has its own few seconds, and what a server says comes back as
one line of text.
"""

import contextlib
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import aiosmtplib

from seenby.delivery.hop import NextHop, Tls
from seenby.delivery.reach import NotPublic, open_public
from seenby.delivery.smtp import cut, why_not

STEP_SECONDS: Final = 8.0
_FAULTS: Final = (aiosmtplib.SMTPException, OSError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was tried, whether it went well, what the server said, and what to do if it did not."""

    what: str
    is_good: bool
    said: str
    cure: str = ""


async def rehearse(hop: NextHop, *, hello: str, sender: str, recipient: str) -> list[Step]:
    """The steps in their order, up to the first that fails."""
    return await _Rehearsal(hop, hello=hello).run(sender=sender, recipient=recipient)


class _Rehearsal:
    def __init__(self, hop: NextHop, *, hello: str) -> None:
        self.hop = hop
        self.steps: list[Step] = []
        self.client = aiosmtplib.SMTP(
            hostname=hop.host,
            port=None if hop.public_only else hop.port,
            use_tls=hop.tls is Tls.IMPLICIT,
            start_tls=False,
            validate_certs=hop.verify,
            local_hostname=hello,
            timeout=STEP_SECONDS,
        )

    async def run(self, *, sender: str, recipient: str) -> list[Step]:
        opened: socket.socket | None = None
        try:
            if self.hop.public_only:
                opened = await open_public(self.hop.host, self.hop.port, seconds=STEP_SECONDS)
            await self._steps(opened, sender=sender, recipient=recipient)
        except _FAULTS as error:
            self._note(f"Connect to {self.hop}", error, cure=_UNREACHABLE)
        finally:
            self.client.close()
            if opened is not None:
                opened.close()
        return self.steps

    async def _steps(self, opened: socket.socket | None, *, sender: str, recipient: str) -> None:
        connecting = self.client.connect(sock=opened) if opened is not None else self.client.connect()
        where = f"Connect to {self.hop}" + (", encrypted from the start" if self.hop.tls is Tls.IMPLICIT else "")
        if not await self._try(where, connecting, cure=_UNREACHABLE):
            return
        if not await self._try("Say hello (EHLO)", self.client.ehlo(), cure="Is this an SMTP server?"):
            return
        if not await self._encrypted() or not await self._signed_in():
            return
        if not await self._try(f"Send as {sender} (MAIL FROM)", self.client.mail(sender), cure=_NOT_AS):
            return
        if await self._try(f"Write to {recipient} (RCPT TO)", self.client.rcpt(recipient), cure=_NOT_TO):
            await self._try("Take it back: nothing is sent (RSET)", self.client.rset(), cure="")
            with contextlib.suppress(*_FAULTS):  # how it says goodbye is its own affair
                await self.client.quit()

    async def _encrypted(self) -> bool:
        if self.hop.tls is not Tls.STARTTLS:
            return True
        return await self._try("Encrypt the connection (STARTTLS)", self.client.starttls(), cure=_NO_TLS)

    async def _signed_in(self) -> bool:
        if not self.hop.user:
            return True
        signing_in = self.client.login(self.hop.user, self.hop.password)
        return await self._try(f"Sign in as {self.hop.user} (AUTH)", signing_in, cure=_NO_AUTH)

    async def _try(self, what: str, doing: Awaitable[object], *, cure: str) -> bool:
        try:
            said = await doing
        except _FAULTS as error:
            self._note(what, error, cure=cure)
            return False
        code, words = getattr(said, "code", ""), getattr(said, "message", "")
        self.steps.append(Step(what=what, is_good=True, said=self._plain(f"{code} {words}")))
        return True

    def _note(self, what: str, error: BaseException, *, cure: str) -> None:
        if isinstance(error, NotPublic):
            cure = "Name the server that providers and companies offer on the internet, or ask an owner to set it."
        elif isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError):
            error = TimeoutError(f"no answer within {STEP_SECONDS:.0f} seconds")
        self.steps.append(Step(what=what, is_good=False, said=self._plain(why_not(error)), cure=cure))

    def _plain(self, said: str) -> str:
        """A stranger's words, in which our password shall not stand, whatever the server quotes."""
        return cut(said.replace(self.hop.password, "•••") if self.hop.password else said)


_UNREACHABLE: Final = "Check host and port, and whether this machine may connect there (firewalls often close port 25)."
_NO_TLS: Final = "Choose “encrypted from the start” with port 465 if the server wants that, or mend its certificate."
_NO_AUTH: Final = "Check user and password. Many providers want an app password made on their account page."
_NOT_AS: Final = "The server does not let this user send from this address. Use an address that belongs to the user."
_NOT_TO: Final = "The server takes no mail for others from us. It usually wants a user and a password for that."

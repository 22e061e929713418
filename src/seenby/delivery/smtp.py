"""One connection to a next hop. What it says becomes an outcome; nothing here raises for what a server does."""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

import aiosmtplib

from seenby.delivery.hop import NextHop, Tls
from seenby.delivery.reach import open_public
from seenby.instrument import scan_headers

TIMEOUT: Final = (
    60.0  # seconds for each step; RFC 5321 4.5.3.2 allows longer, but others wait behind a server that hangs
)
_MAX_REPLY: Final = 500  # characters of a server's reply that are kept


class Outcome(StrEnum):
    """What one attempt came to."""

    TAKEN = "taken"  # the next hop took responsibility
    LATER = "later"  # 4xx: try again
    NEVER = "never"  # 5xx: refused for good
    BROKEN = "broken"  # the connection failed; nothing is known of the message
    UNWANTED = "unwanted"  # not tried: the recipient had unsubscribed


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An outcome, with the server's words or ours."""

    outcome: Outcome
    reply: str


class SmtpSession:
    """A connection used for several copies, one after another; opened at the first.

    A server that could not be reached is not asked again for the next copy: each would wait as long as the first.
    """

    def __init__(self, hop: NextHop, *, hello: str) -> None:
        self.hop = hop
        self._unreachable: Answer | None = None
        self._client = aiosmtplib.SMTP(
            hostname=hop.host,
            port=None if hop.public_only else hop.port,  # it is given a connection then
            use_tls=hop.tls is Tls.IMPLICIT,
            start_tls=hop.tls is Tls.STARTTLS,
            validate_certs=hop.verify,
            username=hop.user or None,
            password=hop.password or None,
            local_hostname=hello,
            timeout=TIMEOUT,
        )

    @property
    def is_unreachable(self) -> bool:
        """Whether no connection could be made."""
        return self._unreachable is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    async def goodbye(self) -> None:
        """QUIT, as far as the server still listens."""
        if self._client.is_connected:
            try:
                await self._client.quit()
            except (aiosmtplib.SMTPException, OSError, ValueError):
                self._client.close()

    async def send(self, *, envelope_from: str, recipient: str, message: bytes) -> Answer:
        """Hand over one copy. The whole transaction; the connection stays open for the next."""
        if not self._client.is_connected and self._unreachable is None:
            self._unreachable = await self._connect()
        if self._unreachable is not None:
            return self._unreachable
        try:
            return await self._transaction(envelope_from, recipient, message)
        except aiosmtplib.SMTPResponseException as error:
            return await self._refused(error)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._client.close()
            return Answer(outcome=Outcome.BROKEN, reply=cut(f"The connection to {self.hop} broke: {_words(error)}"))

    async def _connect(self) -> Answer | None:
        """None when we are connected and signed in."""
        try:
            await self._open()
            if self._client.is_ehlo_or_helo_needed:  # only its EHLO tells what the server can do
                await self._greet()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._client.close()
            return Answer(outcome=Outcome.BROKEN, reply=cut(f"No connection to {self.hop}: {why_not(error)}"))
        return None

    async def _open(self) -> None:
        if not self.hop.public_only:
            await self._client.connect()
            return
        opened = await open_public(self.hop.host, self.hop.port, seconds=TIMEOUT)
        try:
            await self._client.connect(sock=opened)
        except BaseException:
            opened.close()
            raise

    async def _greet(self) -> None:
        try:
            await self._client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await self._client.helo()  # RFC 5321 3.2: a server from before extensions

    async def _transaction(self, envelope_from: str, recipient: str, message: bytes) -> Answer:
        options, encoding = [], "ascii"
        if not message.isascii() and self._client.supports_extension("8bitmime"):
            options.append("BODY=8BITMIME")  # RFC 6152
        if not (envelope_from + recipient).isascii():
            if not self._client.supports_extension("smtputf8"):
                return Answer(outcome=Outcome.NEVER, reply=f"550 5.6.7 {self.hop} takes no internationalised addresses")
            options.append("SMTPUTF8")  # RFC 6531
            encoding = "utf-8"
        elif self._client.supports_extension("smtputf8") and not message[: scan_headers(message).end].isascii():
            options.append("SMTPUTF8")  # its header fields are in UTF-8 as well (RFC 6532)
        await self._client.mail(envelope_from, options=options, encoding=encoding)
        await self._client.rcpt(recipient, encoding=encoding)
        taken = await self._client.data(message)
        return Answer(outcome=Outcome.TAKEN, reply=cut(f"{taken.code} {taken.message}"))

    async def _refused(self, error: aiosmtplib.SMTPResponseException) -> Answer:
        """What the server said no to; the connection is made ready for the next copy."""
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError, ValueError):
            self._client.close()
        return _answer(error.code, error.message)


def _answer(code: int, words: str) -> Answer:
    # Only the first digit decides (RFC 5321 4.2.1); a code outside 4xx and 5xx here is a server's slip: try again.
    return Answer(outcome=Outcome.NEVER if 500 <= code < 600 else Outcome.LATER, reply=cut(f"{code} {words}"))


def why_not(error: BaseException) -> str:
    """Why a server could not be used, in words."""
    certificate = error if isinstance(error, ssl.SSLCertVerificationError) else error.__cause__
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return (
            f"its TLS certificate is not trusted ({certificate.verify_message}). Give that server a certificate for "
            "its name, or, where nobody can stand in between, add verify=no to the next hop"
        )
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"it does not accept our user and password ({error.code} {error.message})"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return _words(error)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def cut(text: str) -> str:
    """A stranger's words as one line that any store takes and any screen shows."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text.encode("utf-8", "replace").decode())
    return " ".join(clean.split())[:_MAX_REPLY]

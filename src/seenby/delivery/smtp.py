"""One connection to a next hop. What it says becomes an outcome; nothing here raises for what a server does."""

from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

import aiosmtplib

from seenby.delivery.hop import NextHop, Tls

TIMEOUT: Final = 60.0  # seconds for each step; RFC 5321 4.5.3.2 allows longer, but a claim must outlast a message
_MAX_REPLY: Final = 500  # characters of a server's reply that are kept


class Outcome(StrEnum):
    """What one attempt came to."""

    TAKEN = "taken"  # the next hop took responsibility
    LATER = "later"  # 4xx: try again
    NEVER = "never"  # 5xx: refused for good
    BROKEN = "broken"  # the connection failed; nothing is known of the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An outcome, with the server's words or ours."""

    outcome: Outcome
    reply: str


class SmtpSession:
    """A connection used for several copies, one after another; opened at the first."""

    def __init__(self, hop: NextHop, *, hello: str) -> None:
        self.hop = hop
        self._client = aiosmtplib.SMTP(
            hostname=hop.host,
            port=hop.port,
            use_tls=hop.tls is Tls.IMPLICIT,
            start_tls=hop.tls is Tls.STARTTLS,
            username=hop.user or None,
            password=hop.password or None,
            local_hostname=hello,
            timeout=TIMEOUT,
        )

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
            except (aiosmtplib.SMTPException, OSError):
                self._client.close()

    async def send(self, *, envelope_from: str, recipient: str, message: bytes) -> Answer:
        """Hand over one copy. The whole transaction; the connection stays open for the next."""
        try:
            if not self._client.is_connected:
                await self._client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            return Answer(outcome=Outcome.BROKEN, reply=f"No connection to {self.hop}: {_words(error)}")
        try:
            return await self._transaction(envelope_from, recipient, message)
        except aiosmtplib.SMTPResponseException as error:
            return await self._refused(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._client.close()
            return Answer(outcome=Outcome.BROKEN, reply=f"The connection to {self.hop} broke: {_words(error)}")

    async def _transaction(self, envelope_from: str, recipient: str, message: bytes) -> Answer:
        options, encoding = [], "ascii"
        if not message.isascii() and self._client.supports_extension("8bitmime"):
            options.append("BODY=8BITMIME")  # RFC 6152
        if not (envelope_from + recipient).isascii():
            if not self._client.supports_extension("smtputf8"):
                return Answer(outcome=Outcome.NEVER, reply=f"550 5.6.7 {self.hop} takes no internationalised addresses")
            options.append("SMTPUTF8")  # RFC 6531
            encoding = "utf-8"
        await self._client.mail(envelope_from, options=options, encoding=encoding)
        await self._client.rcpt(recipient, encoding=encoding)
        taken = await self._client.data(message)
        return Answer(outcome=Outcome.TAKEN, reply=_cut(f"{taken.code} {taken.message}"))

    async def _refused(self, error: aiosmtplib.SMTPResponseException) -> Answer:
        """What the server said no to; the connection is made ready for the next copy."""
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            self._client.close()
        return _answer(error.code, error.message)


def _answer(code: int, words: str) -> Answer:
    # Only the first digit decides (RFC 5321 4.2.1); a code outside 4xx and 5xx here is a server's slip: try again.
    return Answer(outcome=Outcome.NEVER if 500 <= code < 600 else Outcome.LATER, reply=_cut(f"{code} {words}"))


def _words(error: BaseException) -> str:
    return _cut(str(error) or type(error).__name__)


def _cut(text: str) -> str:
    return " ".join(text.split())[:_MAX_REPLY]

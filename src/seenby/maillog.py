"""The log, one method for each thing that happens to mail. Never an address, a token or a word of a message.

A message is named by the first letters of its id, enough to follow one and too few to forge a token.
"""

import logging
import sys
from typing import Final

import structlog

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_log = structlog.get_logger("seenby")


def start_log(*, level: str) -> None:
    """One line an event, on standard error, at `level` and above."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], drop_missing=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever it is at that moment
    )


def _short(message: str) -> str:
    return message[:6]


def accepted(message: str, *, recipients: int, links: int, untouched: str | None) -> None:
    """A message is on disk; 250 may leave."""
    _log.info("accepted", message=_short(message), recipients=recipients, links=links, untouched=untouched)


def refused(*, code: int, status: str) -> None:
    """A submission got a no."""
    _log.info("refused", code=code, status=status)


def settled(message: str, *, state: str, attempts: int) -> None:
    """One copy was sent, deferred, bounced or given up."""
    _log.info("settled", message=_short(message), state=state, attempts=attempts)


def returned(message: str, *, kind: str) -> None:
    """Mail came to a return address, and what it says is on disk."""
    _log.info("returned", message=_short(message), kind=kind)


def unsigned(message: str, error: BaseException) -> None:
    """A copy leaves without the DKIM signature that it was to have."""
    _log.warning("unsigned", message=_short(message), error=type(error).__name__)


def unsubscribed(message: str) -> None:
    """A recipient of this message wants no more mail from its team."""
    _log.info("unsubscribed", message=_short(message))


def unreadable_wishes(message: str) -> None:
    """What was kept of a sender's wishes is damaged or another version's; the message is sent without."""
    _log.warning("unreadable_wishes", message=_short(message))


def drained(*, hits: int, unknown: int) -> None:
    """A batch of hits is in the store; `unknown` of them speak of messages that are not."""
    _log.debug("drained", hits=hits, unknown=unknown)


def torn(report: str) -> None:
    """The journal had a torn or damaged record."""
    _log.warning("journal_torn", report=report)


def failed(what: str, error: BaseException) -> None:
    """Something of ours broke; the kind of the error is told, its text may hold an address."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename.rpartition('seenby')[2]}:{frame.tb_lineno}" if frame else ""
    _log.error("failed", what=what, error=type(error).__name__, where=where)


def process(event: str, **values: object) -> None:
    """A process started, is ready, or ended."""
    _log.info(event, **values)

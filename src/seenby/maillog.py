"""The log and the counts, one function for each thing that happens to mail.

Never an address, a token or a word of a message, neither in a line nor in a count's label. A message is named by the
first letters of its id, enough to follow one and too few to forge a token. `metrics` hands the counts out.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_log = structlog.get_logger("seenby")

_MESSAGES: Final = Counter("seenby_messages_accepted", "Messages taken from mail programs.")
_REFUSALS: Final = Counter("seenby_messages_refused", "Messages and recipients refused, by SMTP code.", ["code"])
_COPIES: Final = Counter("seenby_copies", "What came of attempts to hand copies on.", ["state"])
_WAITING: Final = Gauge("seenby_copies_waiting", "Copies that have no fate yet.")
_TAKEN: Final = Counter("seenby_hits_taken_in", "Hits taken from the journal into the store.")
_UNKNOWN: Final = Counter("seenby_hits_unknown", "Hits on messages that the store does not know.")
_LAG: Final = Gauge("seenby_journal_lag_seconds", "Age of the newest hit of the last batch when it was taken in.")
_MOVED: Final = Counter("seenby_hits_moved", "Hits that NATS took from this tracker, those sent again included.")
_ON_BUS: Final = Gauge(
    "seenby_pieces_on_the_bus", "Pieces of the journal that NATS took and the store has not confirmed."
)
_TORN: Final = Counter("seenby_journal_torn", "Torn or damaged places found in the journal.")
_FAULTS: Final = Counter("seenby_faults", "Steps that failed and are tried again.", ["what"])
_COMMITS: Final = Histogram(
    "seenby_journal_commit_seconds",
    "Time to put a batch of hits on disk.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

_SHOWN: Final = Histogram(
    "seenby_live_seconds",
    "Time from a fetch to telling open pages of it.",
    buckets=(0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0),
)


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
    _MESSAGES.inc()
    _log.info("accepted", message=_short(message), recipients=recipients, links=links, untouched=untouched)


def refused(*, code: int, status: str) -> None:
    """A submission got a no."""
    _REFUSALS.labels(str(code)).inc()
    _log.info("refused", code=code, status=status)


def settled(message: str, *, state: str, attempts: int) -> None:
    """One copy was sent, deferred, bounced or given up."""
    _COPIES.labels(state).inc()
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


def waiting(copies: int) -> None:
    """So many copies have no fate yet."""
    _WAITING.set(copies)


def drained(*, hits: int, unknown: int, lag: float) -> None:
    """Hits are in the store, and `unknown` more spoke of messages that are not; the last was `lag` seconds old."""
    _TAKEN.inc(hits)
    _UNKNOWN.inc(unknown)
    _LAG.set(lag)
    _log.debug("drained", hits=hits, unknown=unknown)


def moved(hits: int) -> None:
    """The bus took so many hits."""
    _MOVED.inc(hits)


def on_the_bus(pieces: int) -> None:
    """So many pieces are on the bus, and the store has not confirmed them."""
    _ON_BUS.set(pieces)


def torn(report: str) -> None:
    """The journal had a torn or damaged record."""
    _TORN.inc()
    _log.warning("journal_torn", report=report)


def committed(seconds: float) -> None:
    """A batch of hits was put on disk, which took so long."""
    _COMMITS.observe(seconds)


def shown(seconds: float) -> None:
    """Open pages were told of a fetch, which took so long."""
    _SHOWN.observe(max(0.0, seconds))


def faults() -> Mapping[str, int]:
    """How often each step has failed in this process since it started."""
    return {
        sample.labels["what"]: int(sample.value)
        for metric in _FAULTS.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.value
    }


def failed(what: str, error: BaseException) -> None:
    """Something of ours broke; the kind of the error is told, its text may hold an address."""
    _FAULTS.labels(what).inc()
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename.rpartition('seenby')[2]}:{frame.tb_lineno}" if frame else ""
    _log.error("failed", what=what, error=type(error).__name__, where=where)


def process(event: str, **values: object) -> None:
    """A process started, is ready, or ended."""
    _log.info(event, **values)


def no_metrics(listen: str, error: OSError) -> None:
    """The port for numbers cannot be had; everything else goes on."""
    _log.warning("no_metrics", listen=listen, why=error.strerror)

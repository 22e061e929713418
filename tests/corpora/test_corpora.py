"""Mail and HTML that nobody wrote for us: all of it is relayed as promised, or refused in so many words."""

import asyncio
import email
import re
import smtplib
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from pathlib import Path

import pytest

from seenby import flow
from seenby.delivery.hop import parse_next_hop
from seenby.instrument import scan_headers, untouched_copy
from tests.conftest import require
from tests.corpora.sources import ARCHIVES, of_archives, of_cpython, pages
from tests.fuzz import targets
from tests.smtp.test_gateway import ALICE, RITA, Door
from tests.world import Sink, sink

pytestmark = pytest.mark.slow
_AUTHORS = ("from", "sender", "resent-from", "resent-sender")
_TRACE = re.compile(rb"\A(?:(?:Received|Message-ID|Date): [^\n]*\n)*")
SOURCES = {"CPython's tests": of_cpython, "archives": of_archives}


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Sink]]:
    """A gateway, and the server that its mail goes to."""
    with sink() as server:
        door = Door(Path(tmp_path_factory.mktemp("corpora")))
        door.start()
        assert door.house is not None
        door.house = replace(door.house, next_hop=parse_next_hop(f"smtp://127.0.0.1:{server.port}?tls=none"))
        yield door, server
        door.close()


def by_alice(raw: bytes) -> bytes:
    """The same message with Alice as its author and lines as SMTP wants them: else every one would be refused."""
    raw = re.sub(rb"\AFrom [^\n]*\n", b"", re.sub(rb"(?<!\r)\n", b"\r\n", raw))
    headers = scan_headers(raw)
    here, kept = 0, [b"From: Alice <" + ALICE.encode() + b">\r\n"]
    for field in headers.fields:
        if field.name in _AUTHORS:
            kept.append(raw[here : field.start])
            here = field.end
    return b"".join((*kept, raw[here:]))


def submit(door: Door, raw: bytes) -> int:
    """The code that the gateway answered with."""
    with door.client() as client:
        try:
            client.sendmail(ALICE, [RITA, ALICE], raw)
        except smtplib.SMTPDataError as error:
            return error.smtp_code
    return 250


def sent(door: Door) -> None:
    assert door.house is not None
    while asyncio.run_coroutine_threadsafe(flow.send(door.house, hop=""), door.loop).result(30).copies:
        pass


@pytest.mark.parametrize("source", SOURCES)
def test_every_message_is_relayed_with_its_other_parts_as_they_were_or_refused(way, source: str) -> None:
    messages = SOURCES[source]()
    require(messages, f"the mail of {source}")
    door, server = way
    relayed = 0
    for name, written in messages.items():
        raw = by_alice(written)
        server.got.clear()
        code = submit(door, raw)
        sent(door)
        assert code == 250 or 500 <= code < 600, name
        if code == 250:
            relayed += 1
            (own,), (hers,) = server.to(ALICE), server.to(RITA)
            whole = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
            assert own.endswith(_TRACE.sub(b"", untouched_copy(whole), count=1)), name
            assert others(hers) == others(own), name
            targets.message(whole)
    assert relayed > len(messages) / 2


def others(raw: bytes) -> list[tuple[str, object]]:
    """Type and bytes of every part that is not the author's words."""
    parsed: Message = email.message_from_bytes(raw)
    leaves = [part for part in parsed.walk() if not part.is_multipart()]
    return [
        (part.get_content_type(), part.get_payload())
        for part in leaves
        if part.get_content_type() not in ("text/html", "text/plain") or part.get_filename()
    ]


def test_every_page_keeps_its_tree() -> None:
    found = pages()
    require(found, f"html5lib's own tests in {ARCHIVES}")
    assert len(found) > 1000
    for page in found:
        targets.html(page.encode("utf-8", "ignore"))
        targets.markup(page.encode("utf-8", "ignore"))


def test_no_report_of_a_server_makes_us_raise() -> None:
    messages = of_archives()
    require(messages, "the mail of archives")
    for raw in messages.values():
        targets.report(raw)

"""`python -m tests.unit.monsters`: messages built to tire us, each within a bound of time and memory of its own.

Prints a line of JSON for each: what became of it. A process, because only the kernel can hold somebody to a bound.
"""

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from seenby.inbound.report import read_report
from seenby.instrument import Analysis, analyse, stamp
from seenby.words.policy import FULL
from seenby.words.token import Keyring, encode_id

MIB: Final = 2**20
MOST_MEMORY: Final = 100 * MIB  # above what the process has when the message is there
MOST_SECONDS: Final = 20  # of the processor; none takes two, and a quadratic step takes minutes
_TRACKING: Final = "https://t.example.com"
_HEAD: Final = b"From: a@example.com\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n"
_HTML: Final = _HEAD % (b"html", b"8bit")
_MIXED: Final = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
_NESTED: Final = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"

MONSTERS: Final[Mapping[str, Callable[[], bytes]]] = {
    "200,000 parts": lambda: _MIXED + b"--b\r\n\r\nhttps://example.org/\r\n" * 200_000 + b"--b--\r\n",
    "200,000 empty parts": lambda: _MIXED + b"--b\r\n" * 200_000,
    "10,000 levels": lambda: b"".join(_NESTED % (n, n) for n in range(10_000)) + b"\r\nx\r\n",
    "10 MB on one line": lambda: _HTML + b"x" * 10_000_000,
    "5 MB of page on one line": lambda: _HTML + b"x" * 5_000_000 + b"<a href='https://example.org/'>x</a>",
    "50,000 links": lambda: _HTML + b'<a href="https://example.org/">x</a>\r\n' * 50_000,
    "50,000 links on one line": lambda: _HTML + b'<a href="https://example.org/">x</a>' * 50_000,
    "50,000 links in text": lambda: _HEAD % (b"plain", b"8bit") + b"https://example.org/\r\n" * 50_000,
    "100,000 headers": lambda: b"X-Header: y\r\n" * 100_000 + _HTML + b"x",
    "100,000 lines of one header": lambda: b"Subject: y\r\n" + b" y\r\n" * 100_000 + _HTML + b"x",
    "1 MB of <": lambda: _HTML + b"<" * 1_000_000,
    "1 MB of &": lambda: _HTML + b"<a href='https://e.org/" + b"&" * 1_000_000 + b"'>x</a>",
    "100,000 quotes never closed": lambda: _HTML + b'<a href="https://e.org/ ' * 100_001,
    "100,000 attributes never closed": lambda: _HTML + b"<a x='" * 100_001,
    "100,000 scripts in scripts": lambda: _HTML + b"<script><!--<script>" * 100_000,
    "100,000 conditions": lambda: _HTML + b"<!--[if mso]>" * 100_000,
    "100,000 encoded words": lambda: b"Subject: " + b"=?utf-8?q?=41?= " * 100_000 + b"\r\n" + _HTML + b"x",
    "encoded words never closed": lambda: b"To: " + b"=?utf-8?b?" * 20_000 + b"\r\n" + _HTML + b"x",
    "100,000 mailboxes": lambda: b"To: " + b'"\\"(" <a@b>, (' * 15_000 + b"\r\n" + _HTML + b"x",
    "20,000 pieces of a parameter": lambda: (
        b"Content-Type: text/html; " + b"".join(b"name*%d*=x;\r\n " % n for n in range(15_000)) + b"\r\n\r\nx"
    ),
    "comments in a type": lambda: b"Content-Type: text/html " + b";(" * 100_000 + b"\r\n\r\nx",
    "DKIM tags": lambda: b"DKIM-Signature: " + b"d=x;" * 60_000 + b"\r\n" + _HTML + b"x",
    "5 MB of escapes": lambda: _HEAD % (b"html", b"quoted-printable") + b"=41" * 1_700_000,
    "5 MB of soft breaks": lambda: _HEAD % (b"html", b"quoted-printable") + b"=\r\n" * 1_700_000 + b"<p>x",
    "5 MB of base64": lambda: _HEAD % (b"html", b"base64") + b"PGE+\r\n" * 870_000,
    "200,000 groups of a report": lambda: (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 200_000 + b"--b--\r\n"
    ),
}


def _taken(raw: bytes) -> None:
    analysis: Analysis = analyse(raw, tracking_url=_TRACKING)
    for name in ("subject", "from", "to"):
        analysis.headers.first(name)
        analysis.headers.addresses(name)
        analysis.headers.authors(name)
    keys = Keyring(keys={7: b"k" * 32}, current=7)
    message, recipient = encode_id(b"m" * 12), encode_id(b"r" * 8)
    copy = stamp(analysis, message=message, recipient=recipient, policy=FULL, keys=keys, tracking_url=_TRACKING)
    assert len(copy.message) < 4 * len(raw)
    read_report(raw)


def _bounded(raw: bytes) -> str:
    """What became of one: `ok` with its figures, or how it went over its bounds."""
    gc.collect()
    size = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    began = time.process_time()
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(began) + MOST_SECONDS, resource.RLIM_INFINITY))
    try:
        _taken(raw)
    except MemoryError:
        return "more than 100 MiB"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return f"ok {time.process_time() - began:.2f} s"


if __name__ == "__main__":
    for name, build in MONSTERS.items():
        sys.stderr.write(f"{name}\n")
        print(json.dumps([name, _bounded(build())]), flush=True)

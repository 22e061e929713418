"""A message in, one instrumented copy per recipient out. Pure: bytes in, bytes out, no clock, no network, no chance.

`analyse` reads a message once; `stamp` joins a recipient's copy. Whatever is wrong with a message, it
is never harmed: in doubt it goes out as it came, and the reason is told.
"""

from seenby.instrument.analysis import Analysis, Link, analyse
from seenby.instrument.copies import Copy, CopyLink, stamp, untouched_copy
from seenby.instrument.headers import Field, Headers, parse_asked, scan_headers
from seenby.instrument.reasons import Left, Note, Untouched
from seenby.instrument.wishes import NO_WISHES, TextMode, Wishes, parse_host

__all__ = [
    "NO_WISHES",
    "Analysis",
    "Copy",
    "CopyLink",
    "Field",
    "Headers",
    "Left",
    "Link",
    "Note",
    "TextMode",
    "Untouched",
    "Wishes",
    "analyse",
    "parse_asked",
    "parse_host",
    "scan_headers",
    "stamp",
    "untouched_copy",
]

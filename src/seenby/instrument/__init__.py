"""A message in, one instrumented copy per recipient out. Pure: bytes in, bytes out, no clock, no network, no chance.

`analyse` reads a message once; `stamp` joins a recipient's copy. Whatever is wrong with a message, it
is never harmed: in doubt it goes out as it came, and the reason is told.

The names in `__all__` are for everybody, also for programs that send by their own means; what else is
in here may change. docs/howto/use-the-library.md shows them at work.
"""

from seenby.instrument.analysis import Analysis, Link, analyse
from seenby.instrument.copies import Copy, CopyLink, stamp, untouched_copy
from seenby.instrument.headers import Field, Headers, parse_asked, scan_headers
from seenby.instrument.reasons import Left, Note, Untouched
from seenby.instrument.wishes import NO_WISHES, TextMode, Wishes, parse_host
from seenby.words.policy import FULL, OFF, Level, Policy
from seenby.words.token import Keyring, encode_id

__all__ = [
    "FULL",
    "NO_WISHES",
    "OFF",
    "Analysis",
    "Copy",
    "CopyLink",
    "Field",
    "Headers",
    "Keyring",
    "Left",
    "Level",
    "Link",
    "Note",
    "Policy",
    "TextMode",
    "Untouched",
    "Wishes",
    "analyse",
    "encode_id",
    "parse_asked",
    "parse_host",
    "scan_headers",
    "stamp",
    "untouched_copy",
]

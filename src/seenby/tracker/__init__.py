"""The tracker: the reader's client comes back for a pixel or a link.

It checks a signature, journals the hit, answers. It asks no database and no judge, so that links work
when everything else is off; `run_tracker` without a journal needs nothing but the keys.
"""

from seenby.tracker.server import Options, run_tracker, serve
from seenby.words.client import Network

__all__ = ["Network", "Options", "run_tracker", "serve"]

"""`python -m seenby.tracker`: the tracker's process, which loads nothing of the app.

It is small and starts at once, because readers wait for it; `seenby tracker` turns into it.
"""

import argparse
import sys
import threading
from pathlib import Path

from seenby import maillog
from seenby.folder import open_folder
from seenby.journal import FileJournal
from seenby.journal.mover import moving
from seenby.keys import load_keyring
from seenby.settings import Settings, load_settings, split_listen
from seenby.tracker.server import run_tracker
from seenby.under_up import tell_ready, when_alone
from seenby.words.errors import SeenbyError, SettingsError


def main() -> None:
    """Run until told to stop."""
    options = argparse.ArgumentParser(prog="seenby tracker", description="Run the tracker alone: pixels and links.")
    options.add_argument("--data", type=Path, help="the data folder, instead of SEENBY_DATA")
    options.add_argument("--redirect-only", action="store_true", help="serve links from the keys alone; record nothing")
    options.add_argument("--key-file", type=Path, help="the tracking keys, instead of the data folder's")
    options.add_argument("--under-up", action="store_true", help=argparse.SUPPRESS)
    asked = options.parse_args()
    try:
        settings = load_settings(**({"data": asked.data} if asked.data else {}))
        maillog.start_log(level=settings.log_level)
        with moving(settings, is_wanted=not asked.redirect_only):
            _run(settings, key_file=asked.key_file, redirect_only=asked.redirect_only, under_up=asked.under_up)
    except SeenbyError as error:
        if asked.under_up:
            tell_ready(error=error)
        sys.stderr.write(f"seenby: {error}\n")
        sys.exit(1)


def _run(settings: Settings, *, key_file: Path | None, redirect_only: bool, under_up: bool) -> None:
    stop = threading.Event()
    # With keys of its own and nothing to record, it needs no data folder at all.
    folder = None if redirect_only and key_file else open_folder(settings.data)
    keys = load_keyring(key_file) if key_file else open_folder(settings.data).keyring()
    journal = None if redirect_only or folder is None else FileJournal(folder.journal)

    def ready(port: int) -> None:
        maillog.process("tracker_ready", port=port)
        if under_up:
            tell_ready(port=port)
            when_alone(stop.set)

    try:
        run_tracker(
            listen=split_listen(settings.tracker_listen),
            keys=keys,
            journal=journal,
            trusted_proxies=settings.trusted_proxies,
            on_ready=ready,
            stop=stop,
        )
    except OSError as error:
        why = f"Cannot listen at SEENBY_TRACKER_LISTEN={settings.tracker_listen}: {error.strerror}."
        raise SettingsError(f"{why} Stop what holds it, or change it.") from None


if __name__ == "__main__":
    main()

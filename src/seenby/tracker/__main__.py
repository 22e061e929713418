"""`python -m seenby.tracker`: the tracker's process, which loads nothing of the app.

It is small and starts at once, because readers wait for it; `seenby tracker` turns into it.
"""

import argparse
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from seenby import maillog
from seenby.folder import Folder, open_folder
from seenby.journal import FileJournal
from seenby.journal.file import SEGMENT_BYTES
from seenby.settings import Settings, load_settings, split_listen
from seenby.tracker.server import Options, run_tracker
from seenby.tracker.trust import TrustFiles
from seenby.under_up import tell_ready, when_alone
from seenby.words.errors import SeenbyError, SettingsError


def main() -> None:
    """Run until told to stop."""
    options = argparse.ArgumentParser(prog="seenby tracker", description="Run the tracker alone: pixels and links.")
    options.add_argument("--data", type=Path, help="the data folder, instead of SEENBY_DATA")
    options.add_argument("--redirect-only", action="store_true", help="serve links from the keys alone; record nothing")
    options.add_argument("--key-file", type=Path, help="the tracking keys, instead of the data folder's")
    options.add_argument("--denied", type=Path, help="the list of switched-off links, instead of the data folder's")
    options.add_argument("--under-up", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--number", type=int, default=1, help=argparse.SUPPRESS)
    options.add_argument("--segment-bytes", type=int, default=SEGMENT_BYTES, help=argparse.SUPPRESS)  # for fault tests
    asked = options.parse_args()
    try:
        settings = load_settings(**({"data": asked.data} if asked.data else {}))
        maillog.start_log(level=settings.log_level)
        with _moving(settings, asked):
            _run(settings, asked)
    except SeenbyError as error:
        if asked.under_up:
            tell_ready(error=error)
        sys.stderr.write(f"seenby: {error}\n")
        sys.exit(1)


def _moving(settings: Settings, asked: argparse.Namespace) -> AbstractContextManager[None]:
    """What carries the journal to a bus, if there is one: a tracker without does not load what speaks to it."""
    if asked.redirect_only or not settings.nats_url:
        return nullcontext()
    from seenby.journal.mover import moving  # noqa: PLC0415 - see above

    return moving(settings)


def _run(settings: Settings, asked: argparse.Namespace) -> None:
    key_file, redirect_only, under_up = asked.key_file, asked.redirect_only, asked.under_up
    stop = threading.Event()
    # With keys of its own and nothing to record, it needs no data folder at all.
    folder = None if redirect_only and key_file else open_folder(settings.data)
    files = _files(folder, key_file, asked.denied)
    journal = (
        None if redirect_only or folder is None else FileJournal(folder.journal, segment_bytes=asked.segment_bytes)
    )

    def ready(port: int) -> None:
        maillog.process("tracker_ready", port=port)
        if under_up:
            tell_ready(port=port)
            when_alone(stop.set)

    try:
        run_tracker(
            listen=split_listen(settings.tracker_listen),
            keys=files.trust.keys,
            journal=journal,
            on_ready=ready,
            stop=stop,
            options=Options(
                trusted_proxies=settings.trusted_proxies,
                reuse_port=settings.tracker_processes > 1,
                metrics_listen=_metrics_listen(settings, asked.number),
                files=files,
            ),
        )
    except OSError as error:
        why = f"Cannot listen at SEENBY_TRACKER_LISTEN={settings.tracker_listen}: {error.strerror}."
        raise SettingsError(f"{why} Stop what holds it, or change it.") from None


def _files(folder: Folder | None, key_file: Path | None, denied: Path | None) -> TrustFiles:
    """Where keys and switched-off links are read from, and again whenever they change."""
    if folder is not None and key_file is None:
        folder.keyring()  # made, if this is the first start
    keys = key_file or (folder.tracking_keys if folder else None)
    assert keys is not None
    return TrustFiles(keys=keys, denied=denied or (folder.denied if folder else None))


def _metrics_listen(settings: Settings, number: int) -> str:
    """Each process of several has a port of its own for its numbers."""
    if not settings.tracker_metrics_listen:
        return ""
    host, port = split_listen(settings.tracker_metrics_listen)
    return f"{host}:{port + number - 1 if port else 0}"


if __name__ == "__main__":
    main()

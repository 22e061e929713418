"""A tracker as people build one today: pytracking's views under Django, a row of SQLite for each hit.

`python -m seenby.bench.peer PORT FOLDER` serves it with gunicorn; `peer_paths` makes pixels for it. pytracking, Django
and gunicorn belong to the benches only and need not be installed.
"""

import importlib.util
import secrets
import sys
from pathlib import Path
from typing import Any, Final

_NEEDED: Final = ("pytracking", "django", "ipware", "gunicorn")
_BASE: Final = "https://links.test/open/"


def has_peer() -> bool:
    """Whether there is such a tracker to measure beside."""
    return all(importlib.util.find_spec(name) for name in _NEEDED)


def peer_paths(path: Path, many: int) -> Path:
    """A file with paths of so many pixels, a line each."""
    import pytracking  # noqa: PLC0415 - see above

    with path.open("w", encoding="ascii") as out:
        for _ in range(many):
            about = {"message": secrets.token_urlsafe(12), "recipient": secrets.token_urlsafe(8)}
            url = pytracking.get_open_tracking_url(base_open_tracking_url=_BASE, metadata=about)
            out.write("/open/" + url.removeprefix(_BASE) + "\n")
    return path


def main() -> None:
    """Serve until terminated."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415

    class Served(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in {
                "bind": f"127.0.0.1:{port}",
                "workers": 1,
                "worker_class": "gthread",
                "threads": 8,
                "keepalive": 30,
                "worker_connections": 1000,
                "loglevel": "error",
            }.items():
                self.cfg.set(name, value)

        def load(self) -> Any:  # noqa: ANN401 - a WSGI app
            return _django(folder)

    Served().run()


def _django(folder: Path) -> Any:  # noqa: ANN401 - a WSGI app
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415

    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / "hits.sqlite3"),
                "CONN_MAX_AGE": None,
                "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
            }
        },
        INSTALLED_APPS=[],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # says how long an answer is
        PYTRACKING_CONFIGURATION={"base_open_tracking_url": _BASE},
        ROOT_URLCONF="seenby.bench.peer_urls",
        SECRET_KEY=secrets.token_hex(32),
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("pragma journal_mode=wal")
        cursor.execute("create table if not exists hits (id integer primary key, about text, agent text, ip text)")
    return get_wsgi_application()


if __name__ == "__main__":
    main()

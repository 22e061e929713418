"""The built frontend: which file carries which name, and serving it.

Its files are named by their content, so a browser keeps them for good.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from seenby.words.errors import SeenbyError

STATIC: Final = Path(__file__).parent / "static"


class FrontendMissing(SeenbyError):  # noqa: N818
    """The pages' script and styles were never built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """The addresses of the built files."""

    script: str
    style: str
    theme: str
    icons: str
    worker: Path  # the service worker, which is served at the root


def load_assets(static: Path = STATIC) -> Assets:
    """What the build left. Raises FrontendMissing."""
    try:
        app = json.loads((static / "manifest.json").read_text(encoding="utf-8"))["src/app.js"]
        plain = json.loads((static / "plain.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError):
        raise FrontendMissing(
            f"The pages' script and styles are missing in {static}. Run `make setup`, or `pip install .` once more."
        ) from None
    return Assets(
        script=f"/static/{app['file']}",
        style=f"/static/{app['css'][0]}",
        theme=f"/static/{plain['theme.js']['file']}",
        icons=f"/static/{plain['icons.svg']['file']}",
        worker=static / plain["sw.js"]["file"],
    )


class KeptFiles(StaticFiles):
    """Static files that never change under one name."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As Starlette answers, to be kept by the browser."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


async def service_worker(assets: Assets) -> Response:
    """The service worker, at the root of the origin: it may speak only for addresses below its own."""
    content = await asyncio.to_thread(assets.worker.read_bytes)
    return Response(content, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def world_map(static: Path = STATIC) -> str:
    """The world's outlines as the build left them, as JSON."""
    name = str(json.loads((static / "plain.json").read_text(encoding="utf-8"))["world.json"]["file"])
    return (static / name).read_text(encoding="utf-8")

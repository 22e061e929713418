"""File systems of a test's own: a small one in memory that fills up, and a real one that power can be cut from."""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import require

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2  # what is not on disk by now never will be


def _run(*command: str) -> bool:
    """Whether it was allowed, and done."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """`folder` with room for so many bytes. Skips the test where nothing may be mounted."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    require(shutil.which("mount"), "mount")
    if not _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)):
        pytest.skip("this machine allows no mounts")
    try:
        yield folder
    finally:
        _run("umount", "-l", str(folder))


@dataclass(frozen=True, slots=True)
class Disk:
    """An ext4 on a loop device, mounted at `folder`."""

    image: Path
    folder: Path

    def mount(self) -> None:
        """Mount it, which replays its journal. Skips the test where that is not allowed."""
        if not _run("mount", "-o", "loop", str(self.image), str(self.folder)):
            pytest.skip("this machine allows no loop devices")

    def cut_power(self) -> None:
        """From now on nothing reaches it, and what only memory holds is gone."""
        file = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(file, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        except PermissionError:
            pytest.skip("this machine allows no shutdown of a file system")
        finally:
            os.close(file)

    def unmount(self) -> bool:
        return _run("umount", str(self.folder))


@contextmanager
def real_disk(folder: Path) -> Iterator[Disk]:
    """A new, mounted Disk."""
    mkfs = shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    require(mkfs, "mkfs.ext4")
    disk = Disk(folder / "disk.image", folder / "disk")
    disk.folder.mkdir()
    with disk.image.open("wb") as image:
        image.truncate(64 * 1024 * 1024)
    assert _run(str(mkfs), "-q", "-F", str(disk.image))
    disk.mount()
    try:
        yield disk
    finally:
        if not disk.unmount():
            _run("umount", "-l", str(disk.folder))

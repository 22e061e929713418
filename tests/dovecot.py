"""A real Dovecot on this machine, with one user, TLS of the test's own, and a folder that it says is for sent mail."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import require

USER, PASSWORD = "alice@acme.test", "a ä:/@% pass"
_CONF = """
base_dir = {folder}/run
log_path = {folder}/log
protocols = imap
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = yes
mail_location = maildir:{folder}/mail
first_valid_uid = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "Gesendet &- mehr" {{
    special_use = \\Sent
    auto = create
  }}
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Dovecot:
    """Where it listens, whom to trust, and where its mail lies."""

    imap: int
    imaps: int
    certificate: Path
    folder: Path

    def sent(self) -> list[Path]:
        """The messages in the folder for sent mail."""
        return sorted(path for path in self.folder.glob("mail/.Gesendet*/*/*") if path.is_file())


@contextmanager
def running_dovecot() -> Iterator[Dovecot]:
    """One server, ended when the block is. Its folder is outside of pytest's: processes without rights go in there."""
    with tempfile.TemporaryDirectory(prefix="dovecot-") as made:
        Path(made).chmod(0o755)
        with _running(Path(made)) as dovecot:
            yield dovecot


@contextmanager
def _running(folder: Path) -> Iterator[Dovecot]:
    program = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    require(program, "Dovecot")
    require(os.geteuid() == 0, "the rights to start Dovecot")
    user = pwd.getpwnam("mail")  # Dovecot reads no mail as root
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    imap, imaps = _free_port(), _free_port()
    (folder / "users").write_text(f"{USER}:{{PLAIN.b64}}{b64encode(PASSWORD.encode()).decode()}\n")
    for name in ("home", "mail"):
        (folder / name).mkdir()
        os.chown(folder / name, user.pw_uid, user.pw_gid)
    conf = folder / "dovecot.conf"
    conf.write_text(_CONF.format(folder=folder, uid=user.pw_uid, gid=user.pw_gid, imap=imap, imaps=imaps))
    process = subprocess.Popen([str(program), "-F", "-c", str(conf)], stderr=subprocess.PIPE)
    try:
        _wait_for(imaps, process, folder / "log")
        yield Dovecot(imap=imap, imaps=imaps, certificate=folder / "cert.pem", folder=folder)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text() if log.exists() else process.communicate()[1]
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as opened:
                opened.close()
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(log.read_text())

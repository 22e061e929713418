"""Signed mail through a whole Seenby: what a mail server received still verifies, by others' programs."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seenby.delivery.dkim import DkimKey
from seenby.delivery.dkim_record import create_key
from tests.conftest import require
from tests.unit.test_dkim_cli import OPENDKIM, opendkim_says
from tests.world import Seenby, Sink, seenby, sink, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
OWNER = "owner@acme.test"
PART = (
    b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b'<p>Hello,  the <a href=3D"https://example.org/offer">offer</a>.</p>\r\n-- =20\r\nAlice\r\n'
)


def head(number: str) -> bytes:
    return (
        f"From: Owner <{OWNER}>\r\nTo: {number}@outside.test\r\nSubject: Signed {number}\r\n"
        f"Date: Mon, 2 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{number}@acme.test>\r\nMIME-Version: 1.0\r\n"
    ).encode()


def run(*command: str | Path, given: bytes = b"") -> bytes:
    done = subprocess.run(list(map(str, command)), input=given, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[DkimKey]:
    folder = tmp_path_factory.mktemp("signed") / "data"
    folder.mkdir(mode=0o700)
    (folder / "keys").mkdir(mode=0o700)
    return [
        create_key(folder / "keys" / "dkim", domain="acme.test", selector=selector, rsa_key=is_rsa)[1]
        for selector, is_rsa in (("s1", True), ("s2", False))
    ]


@pytest.fixture(scope="module")
def world(keys: list[DkimKey], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seenby, Sink]]:
    data = next(path for path in tmp_path_factory.getbasetemp().glob("signed*/data"))
    with (
        sink() as server,
        seenby(data, OWNER=OWNER, NEXT_HOP=f"smtp://127.0.0.1:{server.port}?tls=none") as running,
    ):
        yield running, server


def through(world: tuple[Seenby, Sink], message: bytes, *, number: str) -> bytes:
    """`message` as the next mail server received it."""
    running, server = world
    user, password = running.owner
    to = f"{number}@outside.test"
    running.submit(message, user=user, password=password, to=[to])
    return wait_for(lambda: server.to(to))[0]


def test_an_smime_signature_verifies_after_the_gateway(world: tuple[Seenby, Sink], tmp_path: Path) -> None:
    require(shutil.which("openssl"), "openssl")
    key, certificate, mail = tmp_path / "key", tmp_path / "certificate", tmp_path / "mail"
    request = ("-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN=Owner/emailAddress={OWNER}", "-days", "9")
    purpose = ("-addext", "extendedKeyUsage=emailProtection")
    run("openssl", "req", *request, *purpose, "-keyout", key, "-out", certificate)
    signed = run("openssl", "smime", "-sign", "-crlfeol", "-signer", certificate, "-inkey", key, given=PART)
    signed = re.sub(rb"\r?\n", b"\r\n", signed).removeprefix(b"MIME-Version: 1.0\r\n")
    got = through(world, head("smime") + signed, number="smime")
    mail.write_bytes(got)
    assert got.endswith(signed)
    assert run("openssl", "smime", "-verify", "-in", mail, "-CAfile", certificate).endswith(b"Alice\r\n")
    mail.write_bytes(got.replace(b"/offer", b"/other"))
    with pytest.raises(AssertionError, match=r"(?i)digest|verif"):
        run("openssl", "smime", "-verify", "-in", mail, "-CAfile", certificate)


def test_a_pgp_signature_verifies_after_the_gateway(world: tuple[Seenby, Sink], tmp_path: Path) -> None:
    require(shutil.which("gpg"), "gpg")
    signature, content = tmp_path / "signature", tmp_path / "content"
    with tempfile.TemporaryDirectory(prefix="g") as home:  # short: the agent's socket lies in it
        gpg = ("gpg", "--homedir", home, "--batch", "--passphrase", "", "--pinentry-mode", "loopback")
        try:
            run(*gpg, "--quick-generate-key", f"Owner <{OWNER}>", "ed25519", "sign", "never")
            detached = re.sub(rb"\r?\n", b"\r\n", run(*gpg, "--armor", "--detach-sign", given=PART))
            signed = (
                b'Content-Type: multipart/signed; micalg=pgp-sha512;\r\n protocol="application/pgp-signature"; '
                b'boundary="=-b1"\r\n\r\n--=-b1\r\n' + PART + b"\r\n--=-b1\r\n"
                b"Content-Type: application/pgp-signature\r\n\r\n" + detached + b"--=-b1--\r\n"
            )
            got = through(world, head("pgp") + signed, number="pgp")
            assert got.endswith(signed)
            _before, first, second, _after = re.split(rb"(?:\r\n)?--=-b1(?:--)?\r\n", got)
            content.write_bytes(first)
            signature.write_bytes(second.split(b"\r\n\r\n", 1)[1])
            run(*gpg, "--verify", signature, content)
            content.write_bytes(first.replace(b"/offer", b"/other"))
            with pytest.raises(AssertionError, match="BAD"):
                run(*gpg, "--verify", signature, content)
        finally:
            run("gpgconf", "--homedir", home, "--kill", "all")


def test_each_dkim_signature_verifies_on_a_copy_that_was_instrumented(
    world: tuple[Seenby, Sink], keys: list[DkimKey], tmp_path: Path
) -> None:
    require(OPENDKIM.exists(), "opendkim")
    got = through(world, head("dkim") + PART, number="dkim")
    assert b"/o/" in got
    assert got.count(b"DKIM-Signature:") == len(keys) == 2
    first, second = re.findall(rb"DKIM-Signature:[^\n]*\n(?:[ \t][^\n]*\n)*", got)
    for key, other in zip(keys, (second, first), strict=True):
        assert "dkim=pass" in (said := opendkim_says(got.replace(other, b""), key, tmp_path)), said


def test_mail_that_another_domain_has_signed_arrives_as_it_was(world: tuple[Seenby, Sink]) -> None:
    signature = b"DKIM-Signature: v=1; a=rsa-sha256; d=esp.example; s=x; h=from; bh=AAAA; b=AAAA\r\n"
    assert through(world, signature + head("esp") + PART, number="esp").endswith(signature + head("esp") + PART)
    own = signature.replace(b"esp.example", b"acme.test")
    assert b"/o/" in through(world, own + head("own") + PART, number="own")

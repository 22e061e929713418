"""The certificate for STARTTLS: a given one, or one made at the first start.

A self-made one protects a password against listeners, not against somebody in the middle; mail
programs ask their user once whether to trust it.
"""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seenby.keys import write_secret
from seenby.words.errors import KeyFileError

_LASTS: Final = timedelta(days=3650)


def tls_context(*, certificate: Path | None, key: Path | None, folder: Path, host: str) -> ssl.SSLContext:
    """The server's TLS settings. Raises KeyFileError when the given files are no pair."""
    if certificate is None:
        certificate, key = folder / "smtp-certificate.pem", folder / "smtp-key.pem"
        if not certificate.exists() or not key.exists():
            _make_certificate(certificate, key, host=host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise KeyFileError(
            f"The TLS certificate {certificate} and its key cannot be used: {error}. Check tls_certificate and tls_key."
        ) from None
    return context


def _make_certificate(certificate: Path, key: Path, *, host: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LASTS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host), x509.DNSName("localhost")]), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate.unlink(missing_ok=True)
    key.unlink(missing_ok=True)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_secret(key, pem.decode())
    write_secret(certificate, made.public_bytes(serialization.Encoding.PEM).decode())

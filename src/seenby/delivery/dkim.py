"""DKIM signatures (RFC 6376, and RFC 8463 for Ed25519) by dkimpy, its arithmetic done by `cryptography`.

That is ten times faster than dkimpy's own RSA, and needs no further library for Ed25519.

Headers that matter are oversigned, present or not, so that nobody can add a second Subject or a
Reply-To under our signature; never `l=`, which would let anybody append to the body.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import dkim
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils

from seenby.folder import Folder
from seenby.keys import read_secret
from seenby.settings import Settings
from seenby.words.errors import KeyFileError, SettingsError

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_OVERSIGNED: Final = (
    b"from",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"reply-to",
    b"message-id",
    b"content-type",
    b"content-transfer-encoding",
    b"mime-version",
    b"in-reply-to",
    b"references",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimKey:
    """A private key and where its public half is published."""

    domain: str
    selector: str
    key: PrivateKey

    @property
    def algorithm(self) -> bytes:
        """What the signature's tag a= says."""
        return b"rsa-sha256" if isinstance(self.key, rsa.RSAPrivateKey) else b"ed25519-sha256"


def load_dkim_key(*, path: Path, domain: str, selector: str) -> DkimKey:
    """The RSA or Ed25519 key in a PEM file. Raises KeyFileError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileError(f"The DKIM key {path} cannot be read: {error}.") from None
    if isinstance(key, ed25519.Ed25519PrivateKey) or (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 1024):
        return DkimKey(domain=domain, selector=selector, key=key)
    raise KeyFileError(f"The DKIM key {path} is neither Ed25519 nor RSA of 1024 bits or more (RFC 8301).")


def keys_in(folder: Path) -> tuple[DkimKey, ...]:
    """The keys of a data folder, `<domain>.<selector>.pem`, by name. Raises KeyFileError; others must not read them."""
    keys = []
    for path in sorted(folder.glob("*.pem")):
        domain, _, selector = path.stem.rpartition(".")
        if not domain:
            raise KeyFileError(f"The DKIM key {path} must be named <domain>.<selector>.pem, to tell what it signs for.")
        read_secret(path)
        keys.append(load_dkim_key(path=path, domain=domain.lower(), selector=selector))
    return tuple(keys)


def dkim_keys(settings: Settings) -> tuple[DkimKey, ...]:
    """The keys that mail is signed with. Raises KeyFileError and SettingsError."""
    kept = keys_in(Folder(settings.data.absolute()).dkim)
    if settings.dkim_key is None and not settings.dkim_domain:
        return kept
    if settings.dkim_key is None or not settings.dkim_domain:
        raise SettingsError("DKIM needs both dkim_key (a PEM file) and dkim_domain; one of them is missing.")
    named = load_dkim_key(path=settings.dkim_key, domain=settings.dkim_domain.lower(), selector=settings.dkim_selector)
    return (named, *(key for key in kept if (key.domain, key.selector) != (named.domain, named.selector)))


def keys_for(domain: str, keys: Iterable[DkimKey]) -> tuple[DkimKey, ...]:
    """The keys that sign for `domain`: all of the nearest one at or above it, RSA beside Ed25519 (RFC 8463 3)."""
    fitting = [key for key in keys if domain == key.domain or domain.endswith(f".{key.domain}")]
    nearest = max((key.domain for key in fitting), key=len, default="")
    return tuple(key for key in fitting if key.domain == nearest)


def dkim_header(message: bytes, *, by: DkimKey) -> bytes:
    """The DKIM-Signature field for `message`, folded and with its line ending; it goes in front."""
    signer = dkim.DKIM(message)
    present = [name.lower() for name, _value in signer.headers]
    # Each name once for every time it stands there, and once more: the one that must not be added.
    signed = [name for name in _OVERSIGNED for _ in range(present.count(name) + 1)]
    header: bytes = signer.sign(
        by.selector.encode(),
        by.domain.encode(),
        by.key,
        signature_algorithm=by.algorithm,
        include_headers=signed,
        canonicalize=(b"relaxed", b"relaxed"),
    )
    return header


def _sign(digest: Any, key: rsa.RSAPrivateKey) -> bytes:  # noqa: ANN401 - hashlib's own hash object
    return key.sign(digest.digest(), padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))


class _Signer:
    """An Ed25519 key with the manners of PyNaCl's, which dkimpy expects."""

    def __init__(self, key: ed25519.Ed25519PrivateKey, *, encoder: object) -> None:  # noqa: ARG002
        self._key = key

    def sign(self, digest: bytes) -> SimpleNamespace:
        return SimpleNamespace(signature=self._key.sign(digest))


# dkimpy has no hook for another library; these three names are where it would parse and use the key.
dkim.parse_pem_private_key = lambda key: key
dkim.RSASSA_PKCS1_v1_5_sign = _sign
dkim.nacl = SimpleNamespace(
    signing=SimpleNamespace(SigningKey=_Signer),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(ValueError=ValueError),
)

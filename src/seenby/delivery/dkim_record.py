"""The published half of a DKIM key: made, written as a TXT record (RFC 6376 3.6.1), looked up and compared.

Looking up asks the DNS for one name and changes nothing; it never decides whether mail is signed.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dns.exception
import dns.resolver
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from seenby.delivery.dkim import DkimKey, PrivateKey, load_dkim_key
from seenby.keys import write_secret
from seenby.words.errors import KeyFileError, SeenbyError

RSA_BITS: Final = 2048  # RFC 8301 3.2: what signers should use; longer ones do not fit some DNS forms
PATIENCE: Final = 10.0  # seconds
_STRING: Final = 255  # RFC 1035 3.3: the longest string in a TXT record

Lookup = Callable[[str], Sequence[str]]


class DnsError(SeenbyError):
    """The DNS gave no answer at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the DNS says of one key: `cure` is empty when all is well."""

    name: str
    what: str
    cure: str = ""


def create_key(folder: Path, *, domain: str, selector: str, rsa_key: bool) -> tuple[Path, DkimKey]:
    """A new key in `folder`, readable by us alone. Raises KeyFileError when there is one of that name."""
    path = folder / f"{domain}.{selector}.pem"
    if path.exists():
        raise KeyFileError(f"There is a key already: {path}. Give the new one another --selector.")
    key: PrivateKey = (
        rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        if rsa_key
        else ed25519.Ed25519PrivateKey.generate()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(path, pem.decode("ascii"))
    except OSError as error:
        raise KeyFileError(f"The DKIM key {path} cannot be written: {error.strerror}.") from None
    return path, load_dkim_key(path=path, domain=domain, selector=selector)


def record_name(key: DkimKey) -> str:
    """Where the record belongs (RFC 6376 3.6.2.1)."""
    return f"{key.selector}._domainkey.{key.domain}"


def record(key: DkimKey) -> str:
    """The record's text, in one piece."""
    if isinstance(key.key, rsa.RSAPrivateKey):
        kind, public = (
            "rsa",
            key.key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
        )
    else:  # RFC 8463 4: the key itself, without ASN.1 around it
        kind, public = "ed25519", key.key.public_key().public_bytes_raw()
    return f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode('ascii')}"


def zone_line(key: DkimKey) -> str:
    """The record as a line of a zone file, in strings that are short enough."""
    text = record(key)
    strings = " ".join(f'"{text[at : at + _STRING]}"' for at in range(0, len(text), _STRING))
    return f"{record_name(key)}. IN TXT ( {strings} )"


def look_up(name: str, *, server: tuple[str, int] | None = None) -> Sequence[str]:
    """The TXT records at `name`, each in one piece; none when the name has none. Raises DnsError."""
    try:
        resolver = dns.resolver.Resolver(configure=server is None)
        if server is not None:
            resolver.nameservers, resolver.port = [server[0]], server[1]
        answer = resolver.resolve(name, "TXT", lifetime=PATIENCE, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise DnsError(
            f"The DNS did not answer for {name} ({type(error).__name__}). Try again, or name a server with --server."
        ) from None
    return [b"".join(one.strings).decode("ascii", "replace") for one in answer]


def check_key(key: DkimKey, *, look_up: Lookup) -> Published:
    """Whether receivers will find `key` in the DNS. Raises DnsError."""
    name = record_name(key)
    found = look_up(name)
    if not found:
        return Published(name=name, what="There is no TXT record.", cure=f"Publish there: {record(key)}")
    if len(found) > 1:
        return Published(
            name=name,
            what="There are several TXT records; receivers may take any (RFC 6376 3.6.2.2).",
            cure=f"Leave only this one: {record(key)}",
        )
    if wrong := _wrong(_tags(found[0]), _tags(record(key))):
        return Published(name=name, what=wrong, cure=f"Replace it by: {record(key)}")
    return Published(name=name, what="The record is there and belongs to our key.")


def _wrong(found: dict[str, str] | None, ours: dict[str, str] | None) -> str:
    """The first thing that is wrong with a record, or nothing (RFC 6376 3.6.1)."""
    if found is None or ours is None or "p" not in found:
        return "The record is no DKIM key."
    is_other = found.get("k", "rsa") != ours["k"] or _bytes(found["p"]) != _bytes(ours["p"])
    faults = (
        (found.get("v", "DKIM1") != "DKIM1", "The record's version is not DKIM1."),
        (
            "sha256" not in found.get("h", "sha256").split(":"),
            "The record forbids sha256 (tag h=), our hash.",
        ),
        (not {"*", "email"} & set(found.get("s", "*").split(":")), "The record is not for mail (tag s=)."),
        (not found["p"], "The record says that this key was revoked (empty p=)."),
        (is_other, "The record holds another key; signatures made with ours fail."),
        ("y" in found.get("t", "").split(":"), "The record says that the domain only tests DKIM (t=y)."),
    )
    return next((sentence for is_so, sentence in faults if is_so), "")


def _tags(text: str) -> dict[str, str] | None:
    """A tag list (RFC 6376 3.2), white space left out; None when it is none or names a tag twice."""
    tags: dict[str, str] = {}
    for part in filter(str.strip, text.split(";")):
        name, equals, value = part.partition("=")
        if not equals or name.strip() in tags:
            return None
        tags[name.strip()] = "".join(value.split())
    return tags


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None

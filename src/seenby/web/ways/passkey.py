"""Passkeys (W3C WebAuthn level 3): what a browser is asked, and whether its answer holds. No store and no clock.

Only the pages' own address is ever accepted: a passkey used on another page signs that page's name, and is refused.
The device itself makes sure of its owner (`userVerification: required`), since nothing else is asked for.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    parse_authentication_credential_json,
    parse_client_data_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

LONGEST: Final = 30_000  # characters of a browser's answer; an attestation with certificates stays far below
_LONGEST_ID: Final = 1400  # characters of base64url; WebAuthn 4 allows 1023 bytes
_ID: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{_LONGEST_ID}}}")  # JSON in a form may say a NUL past every guard
_PATIENCE: Final = 300_000  # milliseconds that the browser waits for its user


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where passkeys belong: `rp` is the name they are bound to, `origin` the only page that may ask for them."""

    rp: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A passkey that a device has just made."""

    id: str
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an answer says of itself, unchecked: which passkey it is of, and to what question."""

    id: str
    challenge: str


class Refusal(StrEnum):
    """Why somebody is not let in."""

    BROKEN = "broken"  # not what a browser sends
    TOO_LATE = "too_late"  # never asked, answered already, or longer ago than five minutes
    UNKNOWN = "unknown"
    WRONG = "wrong"  # another page's, another's, or not signed by this passkey
    COUNTED_BACK = "counted_back"
    TAKEN = "taken"


def home_of(app_url: str) -> Home | None:
    """Where passkeys belong with this address of the pages; None where browsers offer none.

    They want https or this very machine, and a name: an IP address is no name (WebAuthn 5.1.3). This machine's own
    addresses are called localhost.
    """
    parts = urlsplit(app_url)
    host = parts.hostname or ""
    is_number, is_here = _address(host)
    if is_here or host == "localhost":
        port = f":{parts.port}" if parts.port else ""
        return Home(rp="localhost", origin=f"{parts.scheme}://localhost{port}")
    if is_number or parts.scheme != "https" or not host:
        return None
    port = f":{parts.port}" if parts.port not in (None, 443) else ""
    return Home(rp=host, origin=f"https://{host}{port}")


def _address(host: str) -> tuple[bool, bool]:
    """Whether it is an IP address, and one of this very machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return False, False
    return True, address.is_loopback


def handle_of(sender: str) -> bytes:
    """What a device knows a sender by: says nothing of them (WebAuthn 14.6.1), and is the same every time."""
    return blake2b(sender.encode(), digest_size=32, person=b"seenby.passkey").digest()


def creation_options(home: Home, *, sender: str, address: str, have: Sequence[str], challenge: bytes) -> str:
    """What `navigator.credentials.create` is asked, as JSON. A device that is on the list makes no second one."""
    options = generate_registration_options(
        rp_id=home.rp,
        rp_name="Seenby",
        user_id=handle_of(sender),
        user_name=address,
        challenge=challenge,
        timeout=_PATIENCE,
        attestation=AttestationConveyancePreference.NONE,  # which make of device it is does not concern us
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in have],
    )
    return options_to_json(options)


def request_options(home: Home, *, challenge: bytes) -> str:
    """What `navigator.credentials.get` is asked, as JSON. It names nobody's passkeys: strangers ask as well."""
    options = generate_authentication_options(
        rp_id=home.rp,
        challenge=challenge,
        timeout=_PATIENCE,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def read_claim(answer: str) -> Claim | None:
    """Which passkey answers what; None where it is no answer at all. Never raises."""
    if len(answer) > LONGEST:
        return None
    try:
        told = json.loads(answer)
        client = parse_client_data_json(base64url_to_bytes(told["response"]["clientDataJSON"]))
        name = told["id"]
        is_one = isinstance(name, str) and _ID.fullmatch(name) is not None
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Claim(id=name, challenge=bytes_to_base64url(client.challenge)) if is_one else None


def read_new(answer: str, home: Home, *, challenge: str) -> NewKey | Refusal:
    """The passkey that was made for this question."""
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=home.rp,
            expected_origin=home.origin,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001 - a stranger's CBOR, certificates and keys; the library lets several kinds through
        return Refusal.WRONG
    name = bytes_to_base64url(made.credential_id)
    if len(name) > _LONGEST_ID:
        return Refusal.BROKEN
    return NewKey(id=name, public_key=made.credential_public_key, sign_count=made.sign_count)


def count_in(answer: str, home: Home, *, challenge: str, public_key: bytes, sender: str) -> int | Refusal:
    """The passkey's counter, if it is this one that answers, here and now, for this sender."""
    try:
        credential = parse_authentication_credential_json(answer)
        if credential.response.user_handle not in (None, handle_of(sender)):
            return Refusal.WRONG
        used = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=home.rp,
            expected_origin=home.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,  # the store compares it, in the statement that keeps it
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001 - see above
        return Refusal.WRONG
    return used.new_sign_count

"""A passkey's device in software (W3C WebAuthn 6): makes keys and signs with them, and can misbehave on purpose."""

import hashlib
import json
import os
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

PRESENT, VERIFIED, MADE = 0x01, 0x04, 0x40


@dataclass(kw_only=True)
class Device:
    """One device with one passkey. `origin` is the page that its browser shows."""

    origin: str
    rp: str
    count: int = 0
    flags: int = PRESENT | VERIFIED
    handle: bytes | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: os.urandom(16))

    def create(self, options: dict[str, object]) -> str:
        """What the browser sends after `navigator.credentials.create`."""
        self.handle = base64url_to_bytes(options["user"]["id"])  # type: ignore[index]
        public = self.key.public_key().public_numbers()
        public_key = encode_cbor(
            {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")}
        )
        data = self._data(self.flags | MADE) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public_key
        return self._answer(
            clientDataJSON=self._client("webauthn.create", options),
            attestationObject=encode_cbor({"fmt": "none", "attStmt": {}, "authData": data}),
        )

    def get(self, options: dict[str, object]) -> str:
        """What the browser sends after `navigator.credentials.get`."""
        self.count += 1
        data, client = self._data(self.flags), self._client("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        told = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        return self._answer(**told, **({"userHandle": self.handle} if self.handle is not None else {}))

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, what: str, options: dict[str, object]) -> bytes:
        return json.dumps({"type": what, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _answer(self, **response: bytes) -> str:
        name = bytes_to_base64url(self.id)
        told = {"id": name, "rawId": name, "type": "public-key"}
        return json.dumps(told | {"response": {key: bytes_to_base64url(value) for key, value in response.items()}})

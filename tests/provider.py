"""A small OpenID Connect provider on loopback (Core 1.0, Discovery 1.0), which can misbehave on purpose."""

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "seenby", "a secret: with % signs"
Change = Callable[[dict[str, Any]], None]


def _nothing(told: dict[str, Any]) -> None:
    """As it should be."""


@dataclass(kw_only=True)
class TinyProvider:
    """Signs everybody in as `claims` say, without asking. Each `change_…` may spoil what is sent."""

    now: int
    claims: dict[str, Any]
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}))
    published: list[RSAKey] = field(default_factory=list)  # empty: the key that signs
    alg: str = "RS256"
    change_about: Change = _nothing
    change_token: Change = _nothing
    change_answer: Change = _nothing
    change_back: Change = _nothing
    userinfo: dict[str, Any] | None = None
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        provider = self
        self.codes: dict[str, dict[str, str]] = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, b"")

            def do_POST(self) -> None:
                provider.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *args: object) -> None:
                """Quietly."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realm"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def answer(self, request: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        path = urlsplit(request.path).path.removeprefix("/realm")
        self.asked.append(path)
        match path:
            case "/.well-known/openid-configuration":
                self._send(request, 200, self._about())
            case "/keys":
                keys = self.published or [self.key]
                odd = {"kty": "AKP", "alg": "ML-DSA-44", "kid": "odd", "pub": "AA"}
                self._send(request, 200, {"keys": [odd, *(key.as_dict(private=False) for key in keys)]})
            case "/token":
                self._token(request, {name: value[0] for name, value in parse_qs(body.decode()).items()})
            case "/userinfo":
                is_ours = request.headers.get("Authorization") == "Bearer access"
                self._send(request, 200 if is_ours else 401, self.userinfo or {})
            case "/authorize":
                request.send_response(303)
                request.send_header("Location", self.authorize(request.path))
                request.end_headers()
            case _:
                self._send(request, 404, {})

    def authorize(self, address: str) -> str:
        """Where the browser is sent back to."""
        asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"]}
        self.change_back(back)
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def _about(self) -> dict[str, Any]:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }
        if self.userinfo is not None:
            told["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        self.change_about(told)
        return told

    def _token(self, request: http.server.BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        asked = self.codes.pop(form.get("code", ""), None)
        shown = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            self._send(request, 400, {"error": "invalid_grant"})
        elif shown != f"{CLIENT}:{SECRET}":
            self._send(request, 401, {"error": "invalid_client"})
        else:
            told = {"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": self._signed(asked)}
            self.change_answer(told)
            self._send(request, 200, told)

    def _signed(self, asked: dict[str, str]) -> str:
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": self.now, "exp": self.now + 300, "nonce": asked["nonce"]}
        claims |= self.claims
        self.change_token(claims)
        if self.alg == "none":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        if self.alg == "HS256":
            return jwt.encode({"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(SECRET), ["HS256"])
        return jwt.encode({"alg": self.alg, "kid": self.key.kid}, claims, self.key, [self.alg])

    def _send(self, request: http.server.BaseHTTPRequestHandler, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def _part(told: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()

"""Signing in at the team's identity provider: OpenID Connect Core 1.0, the code flow with PKCE (RFC 7636).

What comes back through the browser is believed only as far as this browser set out from here (state), and what the
provider says only as far as its keys have signed it, for us, now, and for this one attempt (nonce).
"""

import contextlib
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key
from joserfc.jwt import JWTClaimsRegistry

from seenby.settings import Settings
from seenby.words.errors import SeenbyError

# Signatures by the provider's own key pair. `none` signs nothing, and HS256 is made with a secret that we hold as well.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
SECONDS: Final = 10.0
KNOWN_FOR: Final = timedelta(hours=1)
LEEWAY: Final = 60  # seconds that two clocks may be apart
_MOST_BYTES: Final = 524_288
_LONGEST: Final = 255  # characters of a subject (OpenID Connect Core 2)


class NotLetInError(SeenbyError):
    """The provider's word does not let anybody in; the text is for whoever wants in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is at the provider; `address` is empty unless the provider has verified it."""

    issuer: str
    subject: str
    address: str
    unverified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One way there and back. All that must not be guessed follows from `secret`, which only the browser holds."""

    secret: str

    @property
    def state(self) -> str:
        """Comes back with the browser (RFC 6749 10.12)."""
        return self._of("state")

    @property
    def nonce(self) -> str:
        """Comes back inside the signed token."""
        return self._of("nonce")

    @property
    def verifier(self) -> str:
        """Shows that whoever redeems the code has set out for it (RFC 7636 4.1)."""
        return self._of("verifier")

    def _of(self, what: str) -> str:
        digest = hmac.digest(self.secret.encode(), what.encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(slots=True, kw_only=True)
class Provider:
    """The provider of the settings. What it publishes of itself is kept for an hour."""

    settings: Settings
    back: str  # where it sends browsers back to
    _about: Mapping[str, Any] = field(default_factory=dict)
    _about_at: datetime | None = None
    _keys: Sequence[Key] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        return self.settings.provider_name

    async def look(self, *, now: datetime) -> None:
        """Whether it can be used. Raises NotLetInError."""
        await self._known(now)

    async def way_there(self, attempt: Attempt, *, now: datetime) -> str:
        """The address that the browser is sent to. Raises NotLetInError."""
        about = await self._known(now)
        async with self._client(about) as client:
            url, _ = client.create_authorization_url(
                about["authorization_endpoint"],
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(url)

    async def who(self, attempt: Attempt, came: Mapping[str, str], *, now: datetime) -> Identity:
        """Who came back, by the parameters they came with. Raises NotLetInError."""
        if not hmac.compare_digest(came.get("state", "").encode(), attempt.state.encode()):
            raise NotLetInError(BEGIN_AGAIN)
        about = await self._known(now)
        self._same_issuer(about, came)
        if "error" in came:
            raise NotLetInError(f"{self.name} did not let you in. Try again, or ask whoever manages it.")
        try:
            async with self._client(about) as client:
                token = await client.fetch_token(
                    about["token_endpoint"],
                    grant_type="authorization_code",
                    code=came.get("code", ""),
                    code_verifier=attempt.verifier,
                )
                claims = await self._claims(str(token.get("id_token", "")), about, nonce=attempt.nonce, now=now)
                return self._identity(claims | await self._more(client, about, claims))
        except OAuthError as error:
            raise NotLetInError(
                f"{self.name} did not take what Seenby showed it. Begin again; if that does not help, tell your "
                "administrator: oidc_client_id, oidc_client_secret or the redirect URI may be wrong."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, TypeError) as error:
            raise self._away() from error

    def _same_issuer(self, about: Mapping[str, Any], came: Mapping[str, str]) -> None:
        """Whoever answers is whom we sent the browser to (RFC 9207 2.4)."""
        must_say = bool(about.get("authorization_response_iss_parameter_supported")) or "iss" in came
        if must_say and came.get("iss") != about["issuer"]:
            raise NotLetInError(f"That did not come from {self.name}. Nobody was signed in; begin again here.")

    async def _claims(self, token: str, about: Mapping[str, Any], *, nonce: str, now: datetime) -> dict[str, Any]:
        """What a token says that holds (OpenID Connect Core 3.1.3.7). Keys change: those we know are asked for anew."""
        known = bool(self._keys)
        try:
            claims = self._opened(token, await self._signing_keys(about, again=False))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            if not known:
                raise self._untrue() from error
            try:
                claims = self._opened(token, await self._signing_keys(about, again=True))
            except (JoseError, ValueError, TypeError, KeyError) as still:
                raise self._untrue() from still
        registry = JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": about["issuer"]},
            sub={"essential": True},
            aud={"essential": True, "value": self.settings.oidc_client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(claims)
        except (JoseError, ValueError, TypeError):
            raise self._untrue() from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self.settings.oidc_client_id) != self.settings.oidc_client_id:
            raise self._untrue()
        if not isinstance(claims["nonce"], str) or not 0 < len(claims["sub"]) <= _LONGEST:
            raise self._untrue()
        return claims

    def _opened(self, token: str, keys: Sequence[Key]) -> dict[str, Any]:
        """What a token says, if one of the keys signed it. Raises JoseError and ValueError."""
        return jwt.decode(token, KeySet(list(keys)), ALGORITHMS).claims

    async def _signing_keys(self, about: Mapping[str, Any], *, again: bool) -> Sequence[Key]:
        if again or not self._keys:
            self._keys = _keys_of(await self._fetched(about["jwks_uri"]))
        return self._keys

    async def _more(
        self, client: AsyncOAuth2Client, about: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The address, from a provider that does not write it into its tokens; nothing if it is somebody else's."""
        if "email" in claims or not isinstance(about.get("userinfo_endpoint"), str):
            return {}
        told = _object(await client.get(about["userinfo_endpoint"]))
        if told.get("sub") != claims["sub"]:  # OpenID Connect Core 5.3.2
            return {}
        return {name: told[name] for name in ("email", "email_verified") if name in told}

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        address = claims.get("email")
        text = address if isinstance(address, str) else ""
        is_verified = claims.get("email_verified") in (True, "true")  # some providers write it as text
        return Identity(
            issuer=issuer_of(self.settings),
            subject=claims["sub"],
            address=text if is_verified else "",
            unverified="" if is_verified else text,
        )

    async def _known(self, now: datetime) -> Mapping[str, Any]:
        """What the provider publishes of itself (OpenID Connect Discovery 4)."""
        if self._about_at is not None and now - self._about_at < KNOWN_FOR:
            return self._about
        issuer = self.settings.oidc_issuer
        about = await self._fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if str(about.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
            raise NotLetInError(
                f"{self.name} calls itself something else than the setting oidc_issuer does. Tell your administrator."
            )
        for needed in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not is_as_safe(about.get(needed), issuer):
                raise NotLetInError(f"{self.name} gives no {needed} that is safe to use. Tell your administrator.")
        self._about, self._about_at, self._keys = about, now, ()
        return about

    async def _fetched(self, url: str) -> Mapping[str, Any]:
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS, follow_redirects=False) as client:
                return _object(await client.get(url))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise self._away() from error

    def _client(self, about: Mapping[str, Any]) -> AsyncOAuth2Client:
        ways = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        basic = not isinstance(ways, list) or "client_secret_basic" in ways
        return AsyncOAuth2Client(
            client_id=self.settings.oidc_client_id,
            client_secret=self.settings.oidc_client_secret or None,
            token_endpoint_auth_method=("client_secret_basic" if basic else "client_secret_post")
            if self.settings.oidc_client_secret
            else "none",
            scope="openid email",
            redirect_uri=self.back,
            code_challenge_method="S256",
            trust_env=False,
            timeout=SECONDS,
            leeway=0,
            follow_redirects=False,
        )

    def _away(self) -> NotLetInError:
        return NotLetInError(f"{self.name} could not be reached. Try again in a minute, or sign in another way.")

    def _untrue(self) -> NotLetInError:
        return NotLetInError(
            f"What {self.name} said of you could not be verified, so nobody was signed in. Begin again; if it stays "
            "so, tell your administrator."
        )


BEGIN_AGAIN: Final = (
    "This sign-in was begun in another browser, was finished already, or took longer than ten minutes. Begin again."
)


def issuer_of(settings: Settings) -> str:
    """The provider as it is kept, with or without a slash at its end in the settings."""
    return settings.oidc_issuer.rstrip("/")


def _keys_of(told: Mapping[str, Any]) -> Sequence[Key]:
    """The keys that sign; kinds that we do not know are left out, as RFC 7517 5 asks."""
    keys: list[Key] = []
    for one in told["keys"] if isinstance(told.get("keys"), list) else ():
        if isinstance(one, dict) and one.get("kty") in ("RSA", "EC") and one.get("use", "sig") == "sig":
            with contextlib.suppress(JoseError, ValueError, TypeError, KeyError):
                keys.append(import_key(one))
    return keys


def _object(answer: httpx2.Response) -> dict[str, Any]:
    """A JSON object. Raises ValueError and httpx2.HTTPError."""
    answer.raise_for_status()
    if len(answer.content) > _MOST_BYTES:
        raise ValueError("too long")
    told = json.loads(answer.content)
    if not isinstance(told, dict):
        raise ValueError("no object")  # noqa: TRY004 - what comes from outside is a bad value
    return told


def is_as_safe(url: object, issuer: str) -> bool:
    """Whether an address of the provider's is https, unless all of it is on this very machine. Never raises."""
    try:
        parts, home = urlsplit(url if isinstance(url, str) else ""), urlsplit(issuer)
    except ValueError:
        return False
    is_plain = parts.scheme == home.scheme == "http"  # which the settings allow for this machine alone
    return bool(parts.hostname) and (parts.scheme == "https" or (is_plain and parts.hostname == home.hostname))

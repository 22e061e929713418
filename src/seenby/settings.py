"""Settings: read once at start, frozen, each with its default, unit and one sentence.

They come from the environment (`SEENBY_NAME`), then from a TOML file, then from the defaults here.
`seenby settings` prints them; docs/reference/settings.md is made from the same sentences.
"""

import os
import re
import tomllib
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from seenby.words.address import MAX_LOCAL, parse_address
from seenby.words.errors import PolicyError, SettingsError
from seenby.words.policy import Level, Policy, parse_level

Network = IPv4Network | IPv6Network
_OF_TESTS: Final = frozenset({"SEENBY_REQUIRE_ALL", "SEENBY_SCREENSHOTS"})
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN: Final = re.compile(r"([0-9]{1,12})([smhd])")
# Port and database name are looked at here, so that no other library complains of them with the password in its words.
_DATABASE: Final = re.compile(
    r"postgres(?:ql)?(?:\+asyncpg)?://(?:[^\s/]*@)?(?:[^\s/:@?]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?]\S*)?"
)
_NATS: Final = re.compile(r"(?:nats|tls)://(?:[^\s/@,]+@)?(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?")
_ORIGIN: Final = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?")
_LONGEST: Final = timedelta(days=36_500)


def _span(text: object) -> object:
    """`90s`, `5m`, `4h` or `5d` as a timedelta."""
    if isinstance(text, timedelta):
        return text
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None or int(found[1]) * _UNITS[found[2]] > _LONGEST.total_seconds():
        raise ValueError("write it as 90s, 5m, 4h or 5d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _level(text: object) -> object:
    try:
        return text if isinstance(text, Level) else parse_level(str(text))
    except PolicyError as error:
        raise ValueError(str(error).removesuffix(".")) from None


def _networks(text: object) -> object:
    parts = text.replace(",", " ").split() if isinstance(text, str) else text
    if not isinstance(parts, list | tuple):
        raise ValueError("write it as 127.0.0.1/32 10.0.0.0/8")  # noqa: TRY004 - pydantic takes no TypeError
    return tuple(ip_network(part, strict=False) for part in parts)


def _file(text: object) -> object:
    return None if text == "" else text  # as in `SEENBY_TLS_KEY=` of an environment file


Span = Annotated[timedelta, BeforeValidator(_span)]
CeilingLevel = Annotated[Level, BeforeValidator(_level)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
File = Annotated[Path | None, BeforeValidator(_file)]


def setting(default: Any, sentence: str, *, unit: str = "") -> Any:  # noqa: ANN401 - pydantic's Field has no narrower type
    """A field with the sentence and unit that people are shown."""
    return Field(default=default, description=sentence, json_schema_extra={"unit": unit}, validate_default=True)


class Settings(BaseSettings):
    """All settings of one process. See the fields for what each means."""

    model_config = SettingsConfigDict(env_prefix="SEENBY_", frozen=True, extra="forbid")

    data: Path = setting(Path("seenby-data"), "The folder that holds everything: store, journal, keys.", unit="folder")
    owner: str = setting("owner@seenby.test", "The first account's address, made at the first start.", unit="address")
    smtp_listen: str = setting("127.0.0.1:2525", "Where mail programs submit mail.", unit="host:port")
    app_listen: str = setting("127.0.0.1:8025", "Where the pages are served.", unit="host:port")
    tracker_listen: str = setting("127.0.0.1:8026", "Where pixels and links are served.", unit="host:port")
    tracker_processes: Annotated[int, Field(ge=1, le=64)] = setting(
        1, "Tracker processes, which share the one port; about one for each processor core that trackers may use."
    )
    tracker_metrics_listen: str = setting(
        "127.0.0.1:8030",
        "Where a tracker process tells its numbers and health, the second one port higher; empty: nowhere.",
        unit="host:port",
    )
    app_metrics_listen: str = setting(
        "127.0.0.1:8029",
        "Where gateway, worker and pages tell their numbers and health; empty: nowhere.",
        unit="host:port",
    )
    preview_listen: str = setting(
        "127.0.0.1:0",
        "Where message previews are served, an origin of their own; port 0 takes any free one.",
        unit="host:port",
    )
    app_url: str = setting("", "The pages' address as people reach it; empty: made from app_listen.", unit="URL")
    tracking_url: str = setting("", "The address put into messages; empty: made from tracker_listen.", unit="URL")
    preview_url: str = setting(
        "", "The previews' address as people reach it; empty: made from preview_listen.", unit="URL"
    )
    database_url: str = setting("", "postgresql://… for PostgreSQL; empty: SQLite in the data folder.", unit="URL")
    nats_url: str = setting(
        "",
        "nats://user:password@host:4222 or tls://…, several separated by commas: hits travel over NATS JetStream; "
        "empty: the worker reads them from the data folder.",
        unit="URLs",
    )
    nats_credentials: File = setting(None, "Credentials file (.creds) for NATS, instead of a password.", unit="file")
    nats_ca: File = setting(
        None, "PEM certificates that NATS's own is checked against; none: the system's.", unit="file"
    )
    nats_stream: str = setting("seenby", "Name of the stream and first part of its subjects.")
    nats_replicas: Annotated[int, Field(ge=1, le=5)] = setting(
        1, "How many NATS servers hold each hit, when Seenby makes the stream: 3 in a cluster of three."
    )
    next_hop: str = setting(
        "",
        "The server that mail is handed to, smtp://user:password@host:port?tls=starttls|implicit|none; "
        "empty: the built-in catch-all mailbox.",
        unit="URL",
    )
    return_path: str = setting(
        "",
        "The domain, such as bounces.company.com, of a return address for each recipient, so that bounces find their "
        "message; empty: the sender's own address.",
        unit="domain",
    )
    trusted_proxies: Networks = setting(
        (), "Networks whose X-Forwarded-For is believed, such as 127.0.0.1/32 10.0.0.0/8.", unit="networks"
    )
    tls_certificate: File = setting(None, "PEM certificate chain for STARTTLS; none: one is made.", unit="file")
    tls_key: File = setting(None, "PEM private key that belongs to tls_certificate.", unit="file")
    dkim_domain: str = setting("", "Domain that outgoing mail is signed for; empty: no DKIM signature.", unit="domain")
    dkim_selector: str = setting("seenby", "Selector under which the DKIM public key is published.")
    dkim_key: File = setting(None, "PEM private key for DKIM signatures.", unit="file")
    pixels: CeilingLevel = setting(
        Level.FULL, "The most that pixels may do here: off, counted, identified or full.", unit="level"
    )
    links: CeilingLevel = setting(
        Level.FULL, "The most that links may do here: off, counted, identified or full.", unit="level"
    )
    burst_wait: Span = setting(
        "90s",
        "How long at most the bell waits for the rest of a burst, for a hit in a copy's first minute.",
        unit="time",
    )
    repeat_window: Span = setting("1h", "Hits of one message by one reader inside this span count once.", unit="time")
    thread_window: Span = setting(
        "0s", "Opens inside this span count once in a thread's count; 0s: however far apart.", unit="time"
    )
    retry_first: Span = setting(
        "5m", "Wait after the first failed attempt at the next hop; doubles after.", unit="time"
    )
    retry_longest: Span = setting("4h", "The longest wait between two attempts.", unit="time")
    give_up: Span = setting("5d", "After this a message that could not be sent comes back to its sender.", unit="time")
    look_up_mx: bool = setting(
        default=True,
        sentence="Whether the DNS is asked who takes mail for recipients' domains (MX), which helps to tell machines.",
    )
    keep_address: Span = setting(
        "24h", "How long a reader's whole IP address is kept; after that only its network.", unit="time"
    )
    keep_message: Span = setting(
        "30d",
        "How long the text of a sent message is kept, to show it and to let it be downloaded; 0s: not at all.",
        unit="time",
    )
    sign_in_for: Span = setting("30d", "How long a signed-in browser stays signed in.", unit="time")
    oidc_issuer: str = setting(
        "",
        "Your identity provider (OpenID Connect), as it writes its own name, such as https://id.company.com/all; "
        "empty: nobody signs in with one.",
        unit="URL",
    )
    oidc_client_id: str = setting("", "What the provider calls this Seenby.")
    oidc_client_secret: str = setting("", "The secret that the provider gave it; empty: none (PKCE alone).")
    oidc_name: str = setting("", "The provider's name on the sign-in page; empty: its host.")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "How much the log says.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was passed in, then the environment, then the TOML file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file()))

    @field_validator("smtp_listen", "app_listen", "tracker_listen", "preview_listen")
    @classmethod
    def _is_listen(cls, text: str) -> str:
        split_listen(text)
        return text

    @field_validator("tracker_metrics_listen", "app_metrics_listen")
    @classmethod
    def _is_listen_or_nowhere(cls, text: str) -> str:
        return cls._is_listen(text) if text else text

    @field_validator("app_url", "tracking_url", "preview_url")
    @classmethod
    def _is_origin(cls, text: str) -> str:
        if text and not is_origin(text):
            raise ValueError("write it as https://host, or leave it empty")
        return text.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, text: str) -> str:
        if text and not (is_origin(text) and (text.startswith("https://") or _is_this_machine(text))):
            raise ValueError("write it as https://host, perhaps with a path, or leave it empty")
        return text

    @field_validator("oidc_client_id")
    @classmethod
    def _has_client(cls, text: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not text:
            raise ValueError("oidc_issuer needs it")
        return text

    @field_validator("data", mode="before")
    @classmethod
    def _is_folder(cls, path: object) -> object:
        if not str(path).strip():
            raise ValueError("name a folder")
        return path

    @field_validator("owner")
    @classmethod
    def _is_address(cls, text: str) -> str:
        if parse_address(text) is None:
            raise ValueError("write it as name@domain")
        return text

    @field_validator("return_path")
    @classmethod
    def _is_domain(cls, text: str) -> str:
        parsed = parse_address(f"{'b' * MAX_LOCAL}@{text}") if text else None
        if text and (parsed is None or not text.isascii() or "." not in parsed.domain):
            raise ValueError("write it as a domain in ASCII, such as bounces.company.com, or leave it empty")
        return parsed.domain if parsed else ""

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, text: str) -> str:
        if text and _DATABASE.fullmatch(text) is None:
            raise ValueError("write it as postgresql://user:password@host/database, or leave it empty for SQLite")
        return text

    @field_validator("nats_url")
    @classmethod
    def _is_nats(cls, text: str) -> str:
        if not all(_NATS.fullmatch(one) for one in text.replace(",", " ").split()):
            raise ValueError("write it as nats://user:password@host:4222, and several with commas between")
        return text

    @field_validator("nats_stream")
    @classmethod
    def _is_stream(cls, text: str) -> str:
        if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text) is None:
            raise ValueError("write it with letters, digits, - and _")
        return text

    @property
    def ceiling(self) -> Policy:
        """The most this installation allows."""
        return Policy(pixels=self.pixels, links=self.links)

    @property
    def provider_name(self) -> str:
        """What the identity provider is called on the pages; empty where there is none."""
        return (self.oidc_name.strip() or urlsplit(self.oidc_issuer).netloc) if self.oidc_issuer else ""

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a file with one writing process."""
        return not self.database_url or self.database_url.startswith("sqlite")


def _is_this_machine(url: str) -> bool:
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")


def is_origin(text: str) -> bool:
    """Whether `text` is an address that paths can be put behind: scheme, host, perhaps a port and a folder."""
    found = _ORIGIN.fullmatch(text)
    return found is not None and int(found[1] or 1) in range(1, 65536)


def split_listen(text: str) -> tuple[str, int]:
    """`host:port` (IPv6 in brackets) as host and port. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("write it as host:port, such as 127.0.0.1:8025")
    return host.strip("[]"), int(port)


def unknown_variables() -> Sequence[str]:
    """Names in the environment that look like settings of ours and are none: most likely misspelt."""
    known = {f"SEENBY_{name.upper()}" for name in Settings.model_fields} | {"SEENBY_CONFIG"}
    return sorted(name for name in os.environ if name.startswith("SEENBY_") and name not in known | _OF_TESTS)


def settings_file() -> Path:
    """The TOML file that is read: `SEENBY_CONFIG`, or `seenby.toml` in the current folder."""
    return Path(os.environ.get("SEENBY_CONFIG", "seenby.toml"))


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - any field, checked by pydantic
    """The settings of this process, `given` before all others. Raises SettingsError with a sentence for people."""
    named = os.environ.get("SEENBY_CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError(f"SEENBY_CONFIG names {named}, which is not a file. Mend the path or unset it.")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_plain(problem["loc"], problem["msg"]) for problem in error.errors())) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{settings_file()} is not valid TOML: {error}.") from None
    except OSError as error:
        raise SettingsError(f"{settings_file()} cannot be read: {error.strerror}.") from None


def _plain(where: tuple[int | str, ...], message: str) -> str:
    name = str(where[0]) if where else "settings"
    if message == "Extra inputs are not permitted":
        return f"{name} is no setting of Seenby; `seenby settings` lists them all."
    return f"{name} (SEENBY_{name.upper()}): {message.removeprefix('Value error, ')}."

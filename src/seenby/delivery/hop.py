"""The next hop as people write it: `smtp://user:password@host:port?tls=starttls|implicit|none`.

`&verify=no` takes whatever certificate the server shows; meant for one on this machine. `&reach=public` connects to
public addresses only; it is added where a member of the team names the host.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from seenby.words.errors import SettingsError

CATCH_ALL: Final = None  # no next hop: copies go into the built-in mailbox


class Tls(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


_PORTS: Final = {Tls.STARTTLS: 587, Tls.IMPLICIT: 465, Tls.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class NextHop:
    """The server that copies are handed to."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = field(default="", repr=False)
    verify: bool = True  # its TLS certificate; False only where nobody can stand in between, such as on this machine
    public_only: bool = False  # named by somebody who does not run this installation: see `reach`

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_next_hop(text: str) -> NextHop | None:
    """The next hop that `text` names; None for an empty text. Raises SettingsError, never with the password in it."""
    if not text.strip():
        return CATCH_ALL
    try:
        parts = urlsplit(text.strip())
        asked = parse_qs(parts.query, strict_parsing=bool(parts.query))
        tls = Tls(asked.pop("tls", ["starttls"])[-1])
        verify = {"yes": True, "no": False}[asked.pop("verify", ["yes"])[-1]]
        public_only = {"any": False, "public": True}[asked.pop("reach", ["any"])[-1]]
        port = parts.port
        (parts.hostname or "").encode("idna")  # an empty or over-long label is no name
    except (ValueError, KeyError):
        raise _unreadable() from None
    # What follows a '#' is most likely the rest of a password.
    is_whole = parts.path in ("", "/") and not asked and not parts.fragment
    if parts.scheme != "smtp" or not parts.hostname or not is_whole:
        raise _unreadable()
    return NextHop(
        host=parts.hostname,
        port=port or _PORTS[tls],
        tls=tls,
        verify=verify,
        public_only=public_only,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def write_next_hop(hop: NextHop) -> str:
    """The text that `parse_next_hop` reads as this hop."""
    host = f"[{hop.host}]" if ":" in hop.host else hop.host
    secret = f":{quote(hop.password, safe='')}" if hop.password else ""
    who = f"{quote(hop.user, safe='')}{secret}@" if hop.user else ""
    asked = {"tls": hop.tls.value}
    if not hop.verify:
        asked["verify"] = "no"
    if hop.public_only:
        asked["reach"] = "public"
    return f"smtp://{who}{host}:{hop.port}?{urlencode(asked)}"


def _unreadable() -> SettingsError:
    return SettingsError(
        "The next hop cannot be read: write it as "
        "smtp://user:password@host:port?tls=starttls (or implicit, or none), with %-escapes in user and password; "
        "&verify=no takes any certificate."
    )

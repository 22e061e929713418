"""What can be done by hand: instrument a message, judge cases, read a token, print a report, list settings."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from seenby.consent.policy import decide_policy
from seenby.delivery.dkim import dkim_keys, keys_for
from seenby.delivery.dkim_record import (
    Published,
    check_key,
    create_key,
    look_up,
    record,
    record_name,
    zone_line,
)
from seenby.delivery.hop import parse_next_hop
from seenby.delivery.intake import Team, own_domain, untracked_reason
from seenby.folder import Folder, open_folder
from seenby.instrument import (
    NO_WISHES,
    CopyLink,
    TextMode,
    Wishes,
    analyse,
    parse_asked,
    parse_host,
    scan_headers,
    stamp,
    untouched_copy,
)
from seenby.judge import judge_case
from seenby.keys import load_keyring, new_keyring
from seenby.report.export import STATES
from seenby.report.views import PEOPLE, VIEWS
from seenby.settings import Settings, is_origin, split_listen
from seenby.store.people import is_free_mail
from seenby.web.look import many
from seenby.web.wording import LABELS
from seenby.words.address import Address, parse_address
from seenby.words.errors import KeyFileError, SeenbyError, SettingsError
from seenby.words.policy import Policy, parse_level
from seenby.words.token import (
    MESSAGE_BYTES,
    PATHS,
    RECIPIENT_BYTES,
    Keyring,
    decode_id,
    parse_token,
    read_token,
    token_key_id,
)

_SELECTOR: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class InputError(SeenbyError):
    """What was given to a command cannot be used; says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandCopy:
    """One recipient's copy as `seenby instrument` prints it."""

    recipient: str
    message: bytes
    pixel: str | None
    links: Sequence[CopyLink]
    untouched: str | None


def dkim_create(settings: Settings, *, domain: str, selector: str, key_type: str) -> dict[str, str]:
    """A new key in the data folder, and what is to be published. Raises SeenbyError."""
    if key_type not in ("rsa", "ed25519"):
        raise InputError(f"'{key_type[:40]}' is no type of key: use rsa or ed25519.")
    name = _domain(domain)
    label = selector or ("seenby" if key_type == "rsa" else "seenby-ed")
    if not _SELECTOR.fullmatch(label):
        raise InputError(f"'{label[:80]}' is no selector: use letters, digits and hyphens, such as seenby2.")
    path, key = create_key(
        open_folder(settings.data).dkim, domain=name, selector=label.lower(), rsa_key=key_type == "rsa"
    )
    return {
        "file": str(path),
        "domain": key.domain,
        "selector": key.selector,
        "name": record_name(key),
        "value": record(key),
        "zone": zone_line(key),
    }


def dkim_check(settings: Settings, *, domain: str, server: str) -> Sequence[Published]:
    """What the DNS says of each key that signs for `domain`. Raises SeenbyError."""
    name = _domain(domain)
    keys = keys_for(name, dkim_keys(settings))
    if not keys:
        raise InputError(f"There is no DKIM key for {name}. Make one: seenby dkim create {name}")
    ask = partial(look_up, server=_dns_server(server) if server else None)
    return [check_key(key, look_up=ask) for key in keys]


def _domain(text: str) -> str:
    name = parse_host(text)
    if name is None or "." not in name:
        raise InputError(f"'{text[:80]}' is no domain: write it as company.com.")
    return name


def _dns_server(text: str) -> tuple[str, int]:
    try:
        host, port = split_listen(text)
        return str(ip_address(host)), port
    except ValueError:
        raise InputError(f"'{text[:80]}' is no DNS server: write it as 192.0.2.1:53.") from None


def read_file(name: str) -> bytes:
    """A file's bytes. Raises InputError."""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.") from None


def instrument_message(  # noqa: PLR0913 - what a command is given
    raw: bytes,
    *,
    recipients: Sequence[str],
    sender: str,
    pixels: str,
    links: str,
    tracking_url: str,
    key_file: Path | None,
    mint: Callable[[int], str],
    wishes: Wishes = NO_WISHES,
) -> Sequence[HandCopy]:
    """A copy for each recipient, as the gateway would make it. Raises SeenbyError for arguments that cannot be used."""
    ceiling = Policy(pixels=parse_level(pixels), links=parse_level(links))
    policy = decide_policy(ceilings=(ceiling,), asked=parse_asked(scan_headers(raw)))
    team = (
        _team_of(_address(sender))
        if sender
        else Team(id="", own=frozenset(), colleagues=frozenset(), domains=frozenset())
    )
    keys = load_keyring(key_file) if key_file else new_keyring()
    url = _origin(tracking_url)
    own = parse_address(sender)
    analysis = analyse(raw, tracking_url=url, keys=keys, wishes=wishes, sender_domain=own_domain(own) if own else "")
    message = mint(MESSAGE_BYTES)
    made = []
    for text in recipients:
        address = _address(text)
        reason = untracked_reason(address, team=team, policy=policy)
        if reason is not None:
            copy = HandCopy(recipient=text, message=untouched_copy(raw), pixel=None, links=(), untouched=reason.value)
        else:
            stamped = stamp(
                analysis,
                message=message,
                recipient=mint(RECIPIENT_BYTES),
                policy=policy,
                keys=keys,
                tracking_url=url,
            )
            copy = HandCopy(
                recipient=text,
                message=stamped.message,
                pixel=stamped.pixel,
                links=stamped.links,
                untouched=stamped.untouched.value if stamped.untouched else None,
            )
        made.append(copy)
    return made


def wishes_of(
    *, text_mode: str, never_hosts: Sequence[str], keep_visible_urls: bool, noscript: bool, honeypot: bool
) -> Wishes:
    """The wishes that options speak of. Raises InputError."""
    hosts = {text: parse_host(text) for text in never_hosts}
    for text, host in hosts.items():
        if host is None:
            raise InputError(f"'{text[:80]}' is no host: write it as app.example.com.")
    try:
        mode = TextMode(text_mode.replace("-", "_"))
    except ValueError:
        modes = ", ".join(mode.value for mode in TextMode)
        raise InputError(f"'{text_mode[:40]}' is no text mode: use one of {modes}.") from None
    return Wishes(
        text=mode,
        never_hosts=frozenset(host for host in hosts.values() if host),
        keep_visible_urls=keep_visible_urls,
        noscript=noscript,
        honeypot=honeypot,
    )


def _team_of(sender: Address) -> Team:
    domains = frozenset() if is_free_mail(sender.domain) else frozenset({sender.domain})
    return Team(id="", own=frozenset({sender.key}), colleagues=frozenset(), domains=domains)


def _address(text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise InputError(f"'{text[:80]}' is no address: write it as name@domain.")
    return address


def _origin(url: str) -> str:
    if not is_origin(url):
        raise InputError(f"'{url[:80]}' is no tracking address: write it as https://host.")
    return url.rstrip("/")


def copy_json(copy: HandCopy) -> dict[str, Any]:
    """A copy for programs; the message's bytes in base64."""
    return {
        "recipient": copy.recipient,
        "message_base64": base64.b64encode(copy.message).decode("ascii"),
        "pixel": copy.pixel,
        "links": [
            {"target": link.target, "url": link.url, "part": "text" if link.in_text else "html"} for link in copy.links
        ],
        "untouched": copy.untouched,
    }


def read_time(text: str) -> datetime:
    """A moment with its zone. Raises InputError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InputError(f"'{text[:40]}' is no moment with its zone: write it as 2026-11-22T12:30Z.")
    return at


def check_view(name: str) -> None:
    """Raises InputError for a way of counting that there is not."""
    if name not in VIEWS:
        raise InputError(f"'{name[:40]}' is no way of counting: use one of {', '.join(VIEWS)}.")


def report_text(told: Mapping[str, Any]) -> str:
    """A message's figures for people; `told` is what `seenby report --json` prints."""
    rows = [("", "opens", "by", "clicks", "by"), _row("People only", told["people"])]
    if told["view"] != PEOPLE.name:
        rows.append(_row(told["title"], told["figures"]))
    rows += [
        (f"  {part['name']}", str(part["opens"]), "", str(part["clicks"]), "") for part in told["figures"]["parts"]
    ]
    lines = [f"{name:34}" + "".join(f"{cell:>9}" for cell in cells) for name, *cells in rows]
    if told["shares"]:
        lines += ["", "Share of recipients who opened it"]
        lines += [f"  {name:20}{told['shares'][key] * 100:5.0f}%" for key, name in _SHARES.items()]
    return "\n".join([*lines, "", *([told["sentence"]] if told["sentence"] else [_TOO_FEW])])


_SHARES: Final = {"people": "people only", "unique": "each recipient once", "raw": "everything"}
_TOO_FEW: Final = "Too few recipients with a pixel of their own to speak of a rate."


def _row(name: str, figures: Mapping[str, int]) -> tuple[str, ...]:
    return (name, *(str(figures[key]) for key in ("opens", "openers", "clicks", "clickers")))


def again_text(told: Mapping[str, Any], *, is_written: bool) -> str:
    """What judging again came to, for people; `told` is what `seenby judge --again --json` prints."""
    lines = [f"{many(told['hits'], 'hit')} of {many(told['messages'], 'message')} judged again."]
    if not told["labels"]:
        return "\n".join([*lines, "Every hit is read as it was."])
    lines += ["", *_changed("hits", told["labels"], LABELS)]
    for name, key in (("recipients, opened", "opened"), ("recipients, clicked", "clicked")):
        if told[key]:
            lines += ["", *_changed(name, told[key], STATES)]
    lines += ["", f"Hits read as a person's: {told['people']:,} before, {told['people_now']:,} now.", ""]
    lines += ["Written; what was believed before stands in each hit's history." if is_written else _NOT_WRITTEN]
    return "\n".join(lines)


_NOT_WRITTEN: Final = "Nothing is written yet. `seenby judge --again --yes` writes it."


def _changed(name: str, changes: Sequence[Mapping[str, Any]], words: Mapping[Any, str]) -> list[str]:
    rows = [f"{one['count']:>9,}  {words[one['from']]}  →  {words[one['to']]}" for one in changes]
    return [f"{name:>9}", *rows]


def judge_cases(path: Path) -> Iterator[dict[str, Any]]:
    """A prediction for every line of a file of cases. Raises InputError that names the line."""
    for number, line in enumerate(read_file(str(path)).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number}, is no JSON: {error}.") from None
        except RecursionError:
            raise InputError(f"{path}, line {number}, is nested too deep.") from None
        try:
            yield judge_case(case)
        except SeenbyError as error:
            raise InputError(f"{path}, line {number}: {error}") from None


def explain_token(text: str, *, settings: Settings) -> dict[str, Any]:
    """What a token carries, and whether this installation signed it. Raises InputError."""
    token_text = text.strip().partition("?")[0].partition("#")[0].rpartition("/")[2]
    raw = decode_id(token_text)
    token = read_token(raw) if raw else None
    if raw is None or token is None:
        raise InputError("That is no token of Seenby, or it was cut short.")
    keys = _keys_if_any(settings)
    return {
        "kind": token.kind.name.lower(),
        "path": PATHS[token.kind] + token_text[:8] + "…",
        "level": token.level.word,
        "message": token.message,
        "recipient": token.recipient,
        "link": token.link,
        "part": None if token.link is None else "text" if token.in_text else "html",
        "target": token.target,
        "key_id": token_key_id(raw),
        "signed_here": None if keys is None else parse_token(token_text, keys, kind=token.kind) is not None,
    }


def _keys_if_any(settings: Settings) -> Keyring | None:
    path = Folder(settings.data.absolute()).keys / "tracking.json"
    try:
        return load_keyring(path) if path.exists() else None
    except KeyFileError:
        return None


_LOGIN: Final = re.compile(r"\A(\w[\w+.-]*://)([^:/]*):[^/]*@")
_ASKED_PASSWORD: Final = re.compile(r"((?:password|passwd|passfile|sslpassword)=)[^&]*", re.IGNORECASE)


def settings_table(settings: Settings) -> Sequence[dict[str, str]]:
    """Every setting: name, environment variable, unit, sentence, default, value; passwords are not shown."""
    rows = []
    for name, field in type(settings).model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        value = _shown(getattr(settings, name))
        rows.append(
            {
                "name": name,
                "environment": f"SEENBY_{name.upper()}",
                "unit": str(extra.get("unit", "")),
                "sentence": field.description or "",
                "default": _shown(field.default),
                "value": _SECRET[name](value) if name in _SECRET else value,
            }
        )
    return rows


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(getattr(value, "word", value))


def _without_password(url: str) -> str:
    """A URL with the password of its login, and every one in its query, as stars."""
    return _ASKED_PASSWORD.sub(r"\1***", _LOGIN.sub(r"\1\2:***@", url))


def _hop_shown(text: str) -> str:
    try:
        parse_next_hop(text)
    except SettingsError:
        return "***"  # wherever its password is
    return _without_password(text)


_SECRET: Final[Mapping[str, Callable[[str], str]]] = {
    "database_url": _without_password,
    "next_hop": _hop_shown,
    "oidc_client_secret": lambda secret: "***" if secret else "",
}

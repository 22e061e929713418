"""The form of a sender's wishes for links: kept whole or not at all, with what was typed, right or wrong."""

from dataclasses import dataclass
from typing import Final

from seenby.instrument import NO_WISHES, TextMode, Wishes, parse_host
from seenby.instrument.wishes import read_wishes
from seenby.words.limits import NEVER_HOSTS

_SHOWN: Final = 60  # characters of a wrong line that are repeated
_MOST_ERRORS: Final = 10

MODES: Final = (
    (TextMode.HTML_AND_TEXT, "Formatted and plain text", "Every link is tracked, wherever the recipient reads it."),
    (TextMode.HTML_ONLY, "Formatted text only", "Plain text keeps its short, readable addresses."),
    (TextMode.TEXT_ONLY, "Plain text only", "The links of formatted text stay as you wrote them."),
    (TextMode.NONE, "Nowhere", "No link is changed. Opens are not affected by this."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksForm:
    """What the form shows: the wishes in force, or what was typed when it could not be saved.

    `before` is what the notice offers to go back to, or None.
    """

    text: TextMode
    hosts: str
    keep_visible_urls: bool
    noscript: bool
    own_signatures: bool
    honeypot: bool
    said: str = ""
    errors: tuple[str, ...] = ()
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The form as a browser sent it."""

    text: str
    hosts: str
    keep_visible_urls: bool
    noscript: bool
    own_signatures: bool
    honeypot: bool


def links_form(kept: str) -> LinksForm:
    """The form with the wishes in force, from what is kept of them."""
    wishes = read_wishes(kept)
    if wishes is None:
        unread = "What was kept of your wishes could not be read. These are the defaults; save to write them anew."
        return shown_form(NO_WISHES, errors=(unread,))
    return shown_form(wishes)


def parse_typed(typed: Typed) -> Wishes | LinksForm:
    """The wishes, or the form with all that was typed and what is wrong with it."""
    mode = TextMode(typed.text) if typed.text in list(TextMode) else TextMode.NONE
    never, errors = _hosts(typed.hosts)
    if mode != typed.text:
        errors = ("Which links are to be tracked? Choose one of the four.", *errors)
    if errors:
        return LinksForm(
            text=mode,
            hosts=typed.hosts,
            keep_visible_urls=typed.keep_visible_urls,
            noscript=typed.noscript,
            own_signatures=typed.own_signatures,
            honeypot=typed.honeypot,
            errors=errors,
        )
    return Wishes(
        text=mode,
        never_hosts=never,
        keep_visible_urls=typed.keep_visible_urls,
        noscript=typed.noscript,
        own_signatures=typed.own_signatures,
        honeypot=typed.honeypot,
    )


def shown_form(wishes: Wishes, *, said: str = "", errors: tuple[str, ...] = (), before: str | None = None) -> LinksForm:
    """The form with these wishes."""
    return LinksForm(
        text=wishes.text,
        hosts="\n".join(sorted(map(_readable, wishes.never_hosts))),
        keep_visible_urls=wishes.keep_visible_urls,
        noscript=wishes.noscript,
        own_signatures=wishes.own_signatures,
        honeypot=wishes.honeypot,
        said=said,
        errors=errors,
        before=before,
    )


def _hosts(typed: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The hosts in a text of one a line, and what is wrong with it."""
    lines = [(number, line.strip()) for number, line in enumerate(typed.splitlines(), 1) if line.strip()]
    hosts = {number: parse_host(line) for number, line in lines}
    errors = [_wrong(number, line) for number, line in lines if hosts[number] is None]
    if len(errors) > _MOST_ERRORS:
        errors[_MOST_ERRORS:] = [f"And {len(errors) - _MOST_ERRORS} more lines like these."]
    if len(lines) > NEVER_HOSTS:
        errors.insert(0, f"There are {len(lines)} lines; {NEVER_HOSTS} are the most.")
    return frozenset(host for host in hosts.values() if host is not None), tuple(errors)


def _wrong(number: int, line: str) -> str:
    shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
    if "/" in line or "@" in line or ":" in line:
        return f"Line {number}, “{shown}”: write the name alone, without https:// and what follows, as in example.com."
    return f"Line {number}, “{shown}” is no name of a host. Write it as app.example.com."


def _readable(host: str) -> str:
    """A host as people write it, if that comes to the same."""
    try:
        shown = host.encode("ascii").decode("idna")
    except UnicodeError:
        return host
    return shown if parse_host(shown) == host else host

"""Where a browser would go: an http(s) href as the pure ASCII URL that a redirect's Location can carry.

After the URL Standard (url.spec.whatwg.org), but changing as little as it can: what a browser's own
parser reads alike in an href and in a Location is left as it was written, existing percent-escapes
above all. When programs would not agree where an address leads, the answer is None and the link
stays unwrapped.
"""

import re
import unicodedata
from html import unescape
from html.entities import html5
from typing import Final

from seenby.words.limits import TARGET_BYTES

_REFERENCE: Final = re.compile(r"&(?:#(?:[0-9]++|[xX][0-9a-fA-F]++);?|([a-zA-Z][a-zA-Z0-9]*+)(;?)(=?))")
_USUAL: Final = re.compile(
    r"https?://(?=[a-z0-9.-]{1,253}(?:[:/?#]|\Z))[a-z0-9](?:[a-z0-9-]*+\.)*+[a-z0-9-]++(?::[0-9]{1,4})?(?:[/?#][!#-;=?-\[\]-~]*+)?\Z"
)
_PARTS: Final = re.compile(r"(https?):[/\\]{2,}+([^/\\?#]*+)([^?#]*+)(.*+)\Z", re.IGNORECASE | re.DOTALL)
_AUTHORITY: Final = re.compile(
    r"(?:([A-Za-z0-9._~!$&'()*+,%-]*+(?::[A-Za-z0-9._~!$&'()*+,%-]*+)?)@)?(\[[0-9A-Fa-f:.]{2,45}\]|[^@:\[\]]++)(?::([0-9]{0,5}))?\Z"
)
_HOST: Final = re.compile(r"[a-z0-9_.-]{1,253}\Z")
_ESCAPED: Final = re.compile(r'[\x00-\x20"<>\x7f-\U0010ffff]+')
_STRIPPED: Final = "".join(map(chr, range(0x21)))
_LINE_BREAKS: Final = {9: None, 10: None, 13: None}
# Characters that IDNA 2003 (which we have) and today's browsers map differently (UTS 46 7).
_DEVIATIONS: Final = frozenset("\u00df\u03c2\u200c\u200d\u1e9e")


def attribute_text(value: str) -> str | None:
    """An attribute's value with its character references read, once (HTML 13.2.5.72 to 80); None if one is absurd."""
    if "&" not in value:
        return value
    try:
        return _REFERENCE.sub(_reference, value)
    except ValueError:
        return None


def _reference(found: re.Match[str]) -> str:
    name, semicolon, equals = found[1], found[2], found[3]
    if name is None:
        if len(found[0]) > 12:
            raise ValueError("a number nobody needs")
        if not (character := unescape(found[0])):
            raise ValueError("a character that is none")
        return character
    if semicolon and (name + ";") in html5:
        return html5[name + ";"] + equals
    if semicolon or equals or name not in html5:
        return found[0]  # `&notify=` is no negation: the rule for attributes, and for them alone
    return html5[name]


def resolve(href: str, *, charset_is_unicode: bool = True) -> str | None:
    """The absolute http(s) URL that `href` leads to, in ASCII; '' when it is no web link; None when that is unsure."""
    if _USUAL.match(href):
        return href if len(href) <= TARGET_BYTES else None
    href = href.strip(_STRIPPED).translate(_LINE_BREAKS)
    if href[:5].lower() not in ("http:", "https"):
        return ""
    found = _PARTS.match(href)
    if found is None:
        return "" if not re.match(r"https?:", href, re.IGNORECASE) else None
    scheme, authority, path, rest = found.groups()
    if not charset_is_unicode and not rest.isascii():
        return None  # a browser writes the query in the page's charset, a webmail in UTF-8
    site = _site(authority)
    if site is None:
        return None
    target = f"{scheme.lower()}://{site}" + _ESCAPED.sub(_escape, path.replace("\\", "/") + rest)
    return target if len(target) <= TARGET_BYTES else None


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))


def _site(authority: str) -> str | None:
    """User, host and port as a browser would write them; None when the host is not a plain one."""
    found = _AUTHORITY.match(authority)
    if found is None or int(found[3] or 0) > 65535:
        return None
    host = found[2] if found[2].startswith("[") else ascii_host(found[2])
    if host is None:
        return None
    user = "" if found[1] is None else f"{found[1]}@"
    port = "" if found[3] is None else f":{found[3]}"
    return f"{user}{host}{port}"


def ascii_host(host: str) -> str | None:
    """A host as a browser would ask for it: in lower case, IDN in ASCII; None when that is unsure."""
    if not host.isascii():
        if len(host) > 253 or _DEVIATIONS & set(host) or not _is_settled(host):
            return None
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    host = host.lower()
    return host if _HOST.match(host) else None


def _is_settled(host: str) -> bool:
    """Whether all its characters are as old as IDNA 2003, whose tables we use."""
    return all(unicodedata.ucd_3_2_0.category(character) != "Cn" for character in host)

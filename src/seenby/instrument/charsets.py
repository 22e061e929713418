"""Which character sets we know: a written list, and no codec outside it is ever called.

A name in a message is a stranger's text, and Python's codec registry imports modules by such names
and holds codecs that are none (zlib, rot13, unicode_escape). So names are looked up here first.
"""

import re
from collections.abc import Mapping
from typing import Final

_SINGLE: Final = {
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)},
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
    "us-ascii": "ascii",
    "ascii": "ascii",
    "ansi_x3.4-1968": "ascii",
    "latin1": "iso8859-1",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "iso-8859-8-i": "iso8859-8",
    "cp1252": "cp1252",
    "cp1251": "cp1251",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "tis-620": "tis-620",
}
# In these a character's second byte can be an ASCII letter, but never one of < > " ' = & / # or a space,
# so that tags and quotes are found on bytes as safely as in UTF-8.
_DOUBLE: Final = {
    "gb2312": "gb2312",
    "gbk": "gbk",
    "gb18030": "gb18030",
    "big5": "big5",
    "shift_jis": "cp932",
    "euc-jp": "euc-jp",
    "euc-kr": "euc-kr",
    "ks_c_5601-1987": "cp949",
}
# Here Japanese stands between escapes, in bytes that all look like ASCII: they are masked before anybody looks.
_ESCAPED: Final = {"iso-2022-jp": "iso2022_jp"}
_SHOWN_ONLY: Final = {"iso-2022-kr": "iso2022_kr", "utf-7": "utf-7"}
_JAPANESE: Final = re.compile(rb"\x1b(?:\$[@B]|\(J)[^\x1b\r\n]*+(?:\x1b(?:\$[@B]|\(J)[^\x1b\r\n]*+)*+\x1b\(B")

REWRITTEN: Final[Mapping[str, str]] = _SINGLE | _DOUBLE | _ESCAPED
SHOWN: Final[Mapping[str, str]] = {**REWRITTEN, **_SHOWN_ONLY}


def can_rewrite(charset: str) -> bool:
    """Whether text in `charset` may be changed on bytes; an undeclared one ('') may, as we only put ASCII into it."""
    return not charset or charset.lower() in REWRITTEN


def masked(content: bytes, charset: str) -> bytes:
    """`content`, with what only looks like ASCII turned into as many bytes that do not.

    ISO-2022-JP (RFC 1468) goes back to ASCII before the end of each line; what does not keeps its escapes.
    """
    if charset.lower() not in _ESCAPED:
        return content
    return _JAPANESE.sub(lambda found: b"\x80" * len(found[0]), content)


def decoded(raw: bytes, charset: str) -> str | None:
    """`raw` as text, or None when we do not know the charset or the bytes are not in it."""
    codec = REWRITTEN.get(charset.lower(), "ascii")
    try:
        return raw.decode(codec)
    except ValueError:
        return None


def shown(raw: bytes, charset: str) -> str:
    """`raw` as text to look at; bytes that make no sense become U+FFFD. Never raises."""
    codec = SHOWN.get(charset.lower(), "utf-8")
    try:
        text = raw.decode(codec, "replace")
    except ValueError:
        return raw.decode("ascii", "replace")
    # UTF-7 can spell half a character, which no other encoding, and no database, takes.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if codec == "utf-7" else text

"""Links in plain text: what a mail program would make clickable, and no byte of the sentence around it.

Programs differ in where a URL ends. Where most agree we wrap; where they would not (an address that
goes on in another script, or over a line end), the link stays as it is.
"""

import re
from collections.abc import Iterator
from typing import Final

_URL: Final = re.compile(rb"(?<![A-Za-z0-9=&?/%+.@#_-])https?://[!#-;=?-~]++", re.IGNORECASE)
_CLOSING: Final = {0x29: 0x28, 0x5D: 0x5B, 0x7D: 0x7B}  # ) ] }
_SENTENCE: Final = b".,:;!?'*~`|"
_CONTINUES: Final = re.compile(rb" ?\r?\n")


def urls_in(content: bytes, *, joined_by_spaces: bool) -> Iterator[tuple[int, int, bool]]:
    """Range of each http(s) URL in `content`, and whether its end is beyond doubt."""
    for found in _URL.finditer(content):
        start, end = found.span()
        stop = _without_punctuation(found[0])
        sure = start + stop < end or not _goes_on(content, start, end, joined_by_spaces=joined_by_spaces)
        yield start, start + stop, sure and _is_balanced(found[0][:stop])


def _goes_on(content: bytes, start: int, end: int, *, joined_by_spaces: bool) -> bool:
    """Whether a reader's program might read the URL further than we do."""
    following = content[end : end + 3]
    if following[:1] > b"\x7f":
        return not _is_foreign_punctuation(content[end : end + 4])
    in_angles = start > 0 and content[start - 1] == 0x3C
    if in_angles or joined_by_spaces:
        return _CONTINUES.match(following) is not None  # RFC 3986 C, RFC 3676 4.2
    return False


def _is_foreign_punctuation(following: bytes) -> bool:
    try:
        character = following.decode("utf-8", "ignore")[:1]
    except ValueError:
        return False
    return bool(character) and not character.isalnum() and following.startswith(character.encode())


def _without_punctuation(url: bytes) -> int:
    """The length of `url` without the punctuation of the sentence and the brackets that were opened before it."""
    end = len(url)
    opened = {closing: url.count(opening) - url.count(closing) for closing, opening in _CLOSING.items()}
    while end:
        last = url[end - 1]
        if last in opened:
            if opened[last] >= 0:
                break
            opened[last] += 1
        elif last not in _SENTENCE and not (last == 0x5F and url.endswith(b"__", 0, end)):
            break
        end -= 1
    return end


def _is_balanced(url: bytes) -> bool:
    return all(url.count(opening) >= url.count(closing) for closing, opening in _CLOSING.items())

"""The plain text of a written message, for programs and people that show no HTML (RFC 2046 5.1.4).

Only for HTML that `markup.clean` let through; links keep their address beside their words.
"""

import re
from html.parser import HTMLParser
from typing import Final

_BLOCKS: Final = frozenset(("p", "h1", "h2", "h3", "h4", "ul", "ol", "blockquote", "pre", "hr"))
_SPACES: Final = re.compile(r"[ \t\n\r\f]+")


def text_of(html: str) -> str:
    """The text, with line feeds; no line is wrapped, so that programs can."""
    reading = _Reading()
    reading.feed(html)
    reading.close()
    return reading.text()


class _Reading(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line = ""
        self._quotes = 0
        self._pre = 0
        self._lists: list[int | None] = []  # the next number, or None for bullets
        self._mark = ""  # of a list's item, until its first words
        self._links: list[tuple[str, str]] = []  # where it leads, and the line before it

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag in _BLOCKS:
            self._gap(is_tight=bool(self._lists))
        if tag in ("ul", "ol"):
            start = told.get("start", "1")
            self._lists.append(int(start) if tag == "ol" and start.isascii() and start.isdigit() else _first(tag))
        elif tag == "li":
            self._end_line()
            self._mark = self._next_mark()
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._pre += 1
        elif tag == "br":
            self._end_line(is_forced=True)
        elif tag == "hr":
            self._line = "-" * 20
            self._gap()
        elif tag == "a":
            self._links.append((told.get("href", ""), self._line))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._end_link()
        if tag in _BLOCKS:
            self._end_line()
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._end_line(is_forced=bool(self._mark))
        elif tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)
        if tag in _BLOCKS:
            self._gap(is_tight=bool(self._lists))

    def handle_data(self, data: str) -> None:
        if self._pre:
            *whole, last = data.split("\n")
            for line in whole:
                self._line += line
                self._end_line(is_forced=True)
            self._line += last
            return
        words = _SPACES.sub(" ", data)
        self._line += words.lstrip() if not self._line or self._line.endswith(" ") else words

    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines).strip("\n") + "\n" if any(self._lines) else ""

    def _end_link(self) -> None:
        href, before = self._links.pop()
        shown = self._line[len(before) :].strip()
        if href and href.rstrip("/") != shown.rstrip("/") and href != f"mailto:{shown}":
            self._line += f" <{href}>"

    def _next_mark(self) -> str:
        if not self._lists:
            return ""
        depth, number = "  " * (len(self._lists) - 1), self._lists[-1]
        if number is None:
            return f"{depth}- "
        self._lists[-1] = number + 1
        return f"{depth}{number}. "

    def _end_line(self, *, is_forced: bool = False) -> None:
        if self._line.strip() or is_forced:
            line = ("> " * self._quotes + self._mark + self._line).rstrip()
            self._lines.append("-- " if line == "--" else line)  # RFC 3676 4.3: a signature follows
            self._mark = ""
        self._line = ""

    def _gap(self, *, is_tight: bool = False) -> None:
        self._end_line()
        if not is_tight and self._lines and self._lines[-1].strip("> "):
            self._lines.append("> " * (self._quotes - 1) if self._quotes > 1 else "")


def _first(tag: str) -> int | None:
    return 1 if tag == "ol" else None

"""Which HTML a written message may hold: an allow-list, and everything else is dropped before it is kept or shown.

What comes from the editor is a stranger's as much as what is pasted into it. There are no images, styles, classes or
forms, and links lead to the web, to mail and to telephones; so the same HTML is safe inside our own pages.
"""

import re
from html import escape, unescape
from typing import Final
from urllib.parse import quote

import nh3

TAGS: Final = frozenset(
    "p br strong b em i u s a ul ol li blockquote h1 h2 h3 h4 code pre hr".split()  # noqa: SIM905 - it is read as a line
)
SCHEMES: Final = frozenset(("http", "https", "mailto", "tel"))
_DROPPED_WHOLE: Final = frozenset(("script", "style", "title", "textarea", "noscript", "template", "svg", "math"))
_HREF: Final = re.compile(r'href="([^"]*)"')
_EMPTY: Final = re.compile(r"(?:\s|&nbsp;|\xa0|</?(?:p|br|h[1-4]|ul|ol|li|blockquote|strong|em|u|s)\b[^>]*>)*+")
# Mail programs set text without a family in their oldest one.
_PAGE: Final = (
    '<!DOCTYPE html>\n<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head>\n'
    "<body><div style=\"font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:15px;"
    'line-height:1.5">\n{}\n</div></body></html>\n'
)


def clean(html: str) -> str:
    """The same HTML with nothing but what is on the list. Cleaning it twice changes nothing."""
    return nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags=set(_DROPPED_WHOLE),
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes=set(SCHEMES),
        link_rel=None,
        url_relative="deny",  # it would lead into our own pages
    ).strip()


def is_empty(html: str) -> bool:
    """Whether nobody would see anything of it."""
    return _EMPTY.fullmatch(html) is not None


def of_text(text: str) -> str:
    """Plain text as HTML: paragraphs where lines are left empty."""
    blocks = re.split(r"\n[ \t]*\n+", text.replace("\r\n", "\n").replace("\r", "\n").strip("\n"))
    return "".join(f"<p>{escape(block, quote=False).replace(chr(10), '<br>')}</p>" for block in blocks if block.strip())


def page(html: str) -> str:
    """Cleaned HTML as the whole page that a message carries."""
    return _PAGE.format(html)


def fill(html: str, put: "re.Pattern[str]", value_of: "dict[str, str]") -> str:
    """Cleaned HTML with its fields replaced: escaped as text, and with %-escapes inside a link's address."""

    def in_link(found: "re.Match[str]") -> str:
        address = put.sub(lambda field: quote(value_of[field[1].lower()], safe=""), unescape(found[1]))
        return f'href="{escape(address)}"'

    return put.sub(lambda field: escape(value_of[field[1].lower()], quote=False), _HREF.sub(in_link, html))

"""Two messages to measure with, made here so that everybody measures with the same bytes."""

from typing import Final

_SALES_LINKS: Final = 3
_NEWS_LINKS: Final = 40
_NEWS_BYTES: Final = 60_000
_MESSAGE_BYTES: Final = 20_000
_MESSAGE_LINKS: Final = 10
_HEAD: Final = (
    "From: Alice <alice@seenby.test>\r\nTo: Rita <rita@example.com>\r\nSubject: {subject}\r\n"
    "Date: Mon, 02 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{name}@seenby.test>\r\nMIME-Version: 1.0\r\n"
)
_HTML: Final = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
_TEXT: Final = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
_STYLE: Final = "font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:20px;color:#333333"
_SENTENCE: Final = "We looked at your order once more and found that two of the parts could reach you a week earlier. "


def sales_mail() -> bytes:
    """About 2 KB: one page of a person's words with three links."""
    links = [
        f'<p>Here is <a href="https://www.example.com/offer/{n}?from=alice&amp;to=rita">page {n} of the offer</a>.</p>'
        for n in range(_SALES_LINKS)
    ]
    page = "\r\n".join(
        [
            "<html><body>",
            "<p>Hello Rita,</p>",
            *links,
            *[f'<p style="{_STYLE}">{_SENTENCE}</p>'] * 6,
            "</body></html>",
            "",
        ]
    )
    return (_HEAD.format(subject="Your offer", name="offer") + _HTML + page).encode()


def message_of_20_kb() -> bytes:
    """A smaller newsletter, of the size that mail servers are measured with: 20 KB, ten links."""
    return newsletter(size=_MESSAGE_BYTES, links=_MESSAGE_LINKS)


def newsletter(*, size: int = _NEWS_BYTES, links: int = _NEWS_LINKS) -> bytes:
    """About 60 KB as newsletter tools write it: tables in tables, styles in line, pictures, forty links."""
    opening = ["<!doctype html>", "<html><head><title>News</title><style>td{color:#333}</style></head><body><table>"]
    row_bytes = (size - len(_HEAD)) // links
    page = "\r\n".join([*opening, *(_row(n, row_bytes) for n in range(links)), "</table></body></html>", ""])
    mark = "------=_news"
    text = _HEAD.format(subject="News of the month", name="news") + (
        f'Content-Type: multipart/alternative; boundary="{mark[2:]}"\r\n\r\n'
        f"{mark}\r\n{_TEXT}News of the month. Read it in your browser.\r\n\r\n{mark}\r\n{_HTML}{page}\r\n{mark}--\r\n"
    )
    return text.encode()


def _row(number: int, length: int) -> str:
    row = (
        f'<tr><td style="padding:10px 20px;{_STYLE}">\r\n'
        f'<img src="https://cdn.example.com/{number}.png" width="600" height="200" alt="">\r\n'
        f'<a href="https://shop.example.com/items/{number}?utm_source=news&amp;utm_medium=email&amp;utm_id=2611"\r\n'
        f' style="{_STYLE}"><b>Item {number}</b></a>'
    )
    while len(row) < length - len(_SENTENCE) - 12:
        row += f"\r\n<p>{_SENTENCE}</p>"
    return row + "</td></tr>"

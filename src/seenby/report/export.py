"""Sent mail as a table for spreadsheets: a line for each recipient, and nothing that a spreadsheet would run. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import xlsxwriter

from seenby.store.times import moment
from seenby.words.verdict import State

COLUMNS: Final = (
    "Sent (UTC)",
    "Subject",
    "From",
    "Recipient",
    "Name",
    "Role",
    "Delivery",
    "Opened",
    "Opens",
    "Last opened (UTC)",
    "Clicked",
    "Clicks",
    "Last clicked (UTC)",
    "Answered (UTC)",
    "Labels",
    "Message",
)
STATES: Final = {
    State.SEEN: "yes",
    State.PROBABLY: "probably",
    State.CANNOT_KNOW: "cannot know",
    State.NO_SIGN: "no sign",
}
# What makes a spreadsheet take a cell for a formula; the wide ones where somebody types Japanese or Chinese.
_RUNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")
# One that splits lines at another sign than we do begins a cell in the middle of ours.
_SPLITS: Final = re.compile(r"(?:(?<=[;,|])|(?<=.[\t\r\n]))(?=[=+@\uff1d\uff0b\uff0d\uff20-])", re.DOTALL)
Cell = str | int | datetime
_TIME: Final = "%Y-%m-%d %H:%M:%S"


def line_of(message: Mapping[Any, Any], person: Mapping[Any, Any], labels: Iterable[str]) -> tuple[Cell, ...]:
    """One recipient's line: rows of `messages` and `recipients`."""
    tells = not message["untouched"] and not person["untracked"]
    return (
        _at(message["accepted_at"]),
        message["subject"],
        message["from_address"],
        person["address"],
        person["name"],
        person["role"],
        person["state"],
        STATES[State(person["opened"])] if tells else "not tracked",
        person["opens"],
        _at(person["opened_at"]),
        STATES[State(person["clicked"])] if tells else "not tracked",
        person["clicks"],
        _at(person["clicked_at"]),
        _at(person["replied_at"]),
        ", ".join(labels),
        message["id"],
    )


def _at(at: int | None) -> Cell:
    return moment(at) or ""


def harmless(cell: Cell) -> str | int:
    """The cell as CSV has it, with a quote before what a spreadsheet would take for a formula."""
    if isinstance(cell, int):
        return cell
    if isinstance(cell, datetime):
        return cell.strftime(_TIME)
    plain = _SPLITS.sub("'", cell)
    return f"'{plain}" if plain.startswith(_RUNS) else plain


def as_csv(lines: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """RFC 4180, in pieces; the mark at the beginning tells spreadsheets that it is UTF-8."""
    yield "\N{ZERO WIDTH NO-BREAK SPACE}"
    for line in lines:
        written = io.StringIO()
        csv.writer(written).writerow([harmless(cell) for cell in line])
        yield written.getvalue()


def as_xlsx(lines: Iterable[Iterable[Cell]]) -> bytes:
    """An Office Open XML workbook of one sheet; texts stay texts, whatever they begin with, and times can be sorted."""
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True, "constant_memory": False, "remove_timezone": True})
    sheet = book.add_worksheet("Sent")
    bold, time = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet.freeze_panes(1, 0)
    widths = [12] * len(COLUMNS)
    for row, line in enumerate(lines):
        for at, cell in enumerate(line):
            if isinstance(cell, int):
                sheet.write_number(row, at, cell)
            elif isinstance(cell, datetime):
                sheet.write_datetime(row, at, cell, time)
                widths[at] = max(widths[at], len("2026-11-22 09:30:00"))
            else:
                sheet.write_string(row, at, cell[:32_767], bold if row == 0 else None)  # a cell holds no more
                widths[at] = max(widths[at], min(len(cell), 50))
    for at, width in enumerate(widths):
        sheet.set_column(at, at, width)
    book.close()
    return written.getvalue()

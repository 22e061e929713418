"""A report drawn on paper, by ReportLab."""

from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from typing import Any, Final

from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from seenby.report.insights import Share
from seenby.report.organisations import Row
from seenby.report.printed import Sheet

SHOWN: Final[Mapping[str, str]] = {
    "people": "Opened, people only",
    "unique": "Each recipient once, machines too",
    "clicked": "Clicked",
    "click_to_open": "Clicked, of those who opened",
    "replied": "Answered",
    "bounced": "Not delivered",
    "unsubscribed": "Unsubscribed",
    "complained": "Called it unwanted",
    "coverage": "Carried an image of their own",
}
_SHARES: Final = ("opened", "clicked", "replied")
COLUMNS: Final[Mapping[str, str]] = {
    "sent": "Delivered",
    "opened": "Opened by people",
    "clicked": "Clicked",
    "replied": "Answered",
}
_MARGIN: Final = 20 * mm - 6  # and 6 points that the library adds
_WIDE, _HIGH = 170 * mm, 38 * mm
_GREEN, _GREY, _SOFT = colors.HexColor("#1f8b57"), colors.HexColor("#d5dbe1"), colors.HexColor("#5b6675")


def drawn(sheet: Sheet) -> bytes:
    """The PDF. Only the fonts that every reader has are used, so letters beyond Latin-1 become question marks."""
    made = BytesIO()
    page = SimpleDocTemplate(
        made,
        pagesize=A4,
        title=_plain(sheet.title),
        author="Seenby",
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN * 0.8,
        bottomMargin=_MARGIN * 0.8,
    )
    styles = getSampleStyleSheet()
    soft = ParagraphStyle("soft", parent=styles["Normal"], textColor=_SOFT, fontSize=9, leading=11)
    page.build(
        [
            Paragraph(_plain(sheet.title), styles["Title"]),
            Paragraph(_plain(sheet.of), styles["Normal"]),
            Spacer(1, 3 * mm),
            Paragraph(_plain(sheet.sentence), styles["Heading3"]),
            Spacer(1, 3 * mm),
            _picture(sheet.days),
            Paragraph("Grey: delivered. Green: opened by people.", soft),
            Spacer(1, 5 * mm),
            _table(sheet, soft),
            Spacer(1, 5 * mm),
            *_organisations(sheet, soft),
            Paragraph(
                "Recipients who could not be measured stand in no rate of opens. Days are those of UTC on which the "
                f"messages were sent. Made by Seenby, {_plain(sheet.made)}.",
                soft,
            ),
        ]
    )
    return made.getvalue()


def _plain(text: str) -> str:
    """Text as reportlab's little markup takes it, in letters that its own fonts have."""
    return escape(text.encode("latin-1", "replace").decode("latin-1"))


def _table(sheet: Sheet, soft: ParagraphStyle) -> Table:
    rows: list[list[Any]] = [["", "Share", "Of", "What it is"]]
    for name, words in SHOWN.items():
        share = sheet.shares[name]
        rows.append([words, _percent(share), f"{share.part:,} of {share.whole:,}", Paragraph(_plain(share.of), soft)])
    return _ruled(Table(rows, colWidths=[48 * mm, 16 * mm, 34 * mm, 72 * mm]), numbers=(1, 2))


def _organisations(sheet: Sheet, soft: ParagraphStyle) -> Sequence[Flowable]:
    """Whom most of the mail went to, and what became of it there."""
    if not sheet.organisations:
        return []
    rows: list[list[Any]] = [
        ["Organisations, most mail first", *COLUMNS.values()],
        *(
            [Paragraph(_plain(one.name), soft), f"{one['sent']:,}", *(_counted(one, name) for name in _SHARES)]
            for one in sheet.organisations
        ),
    ]
    table = Table(rows, colWidths=[60 * mm, 20 * mm, 32 * mm, 29 * mm, 29 * mm])
    return [KeepTogether(_ruled(table, numbers=(1, len(COLUMNS)))), Spacer(1, 5 * mm)]


def _counted(row: Row, name: str) -> str:
    """How many, and what share of those who could have."""
    share = row.share(name)
    return f"{share.part:,}" if share.share is None else f"{share.part:,} ({share.share:.0%})"


def _ruled(table: Table, *, numbers: tuple[int, int]) -> Table:
    """With a line under each row; `numbers`: the first and the last column that are."""
    first, last = numbers
    table.setStyle(
        TableStyle(
            [
                ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
                ("FONTSIZE", (0, 0), (-1, -1), 9),
                ("ALIGN", (first, 0), (last, -1), "RIGHT"),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _GREY),
            ]
        )
    )
    return table


def _percent(share: Share) -> str:
    return "-" if share.share is None else f"{share.share:.1%}"


def _picture(days: Sequence[tuple[str, int, int]]) -> Drawing:
    drawing = Drawing(_WIDE, _HIGH + 6 * mm)
    highest = max((delivered for _, delivered, _ in days), default=0) or 1
    width = _WIDE / max(1, len(days))
    for at, (_, delivered, opened) in enumerate(days):
        for count, colour in ((delivered, _GREY), (min(opened, delivered), _GREEN)):
            bar = Rect(at * width + width * 0.1, 6 * mm, width * 0.8, _HIGH * count / highest)
            bar.fillColor, bar.strokeColor = colour, None
            drawing.add(bar)
    for at, words in ((0, days[0][0]), (-1, days[-1][0])) if days else ():
        place = String(0 if at == 0 else _WIDE, 1 * mm, _plain(words), fontSize=8, fillColor=_SOFT)
        place.textAnchor = "start" if at == 0 else "end"
        drawing.add(place)
    return drawing

"""What may change in one body: a few ranges of its decoded content, in order, never overlapping."""

from dataclasses import dataclass
from typing import Final

from seenby.words.limits import LINE_BYTES

_ROOM: Final = LINE_BYTES - 8  # what broken-up elements of ours may still add to a line


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEdit:
    """An address to be replaced by the tracking URL of link `number`; `width` is that URL's length.

    `break_at` is where a new line may begin inside the tag; None in plain text.
    """

    start: int
    end: int
    target: str
    width: int
    break_at: int | None
    number: int = -1

    def numbered(self, number: int) -> "LinkEdit":
        """The same edit, of link `number`."""
        return LinkEdit(
            start=self.start,
            end=self.end,
            target=self.target,
            width=self.width,
            break_at=self.break_at,
            number=number,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CutEdit:
    """Bytes that go when links are tracked: our own attribute, or an old pixel of ours."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element of ours: what stands around its URL, and the number of that URL's gap, where links have theirs."""

    number: int
    opening: bytes
    closing: bytes


PIXEL: Final = Element(number=-1, opening=b'<img src="', closing=b'" width="1" height="1" alt="">')
# Empty, so there is nothing to be seen or said even where a mail program takes its style away. `display:none` is what
# spam filters look for; to the left of the page, one would scroll to it where text runs from right to left.
HONEYPOT: Final = Element(
    number=-2,
    opening=b'<a href="',
    closing=b'" style="position:absolute;top:-9999px;width:0;height:0;margin:0;padding:0;border:0;overflow:hidden;'
    b'font-size:0;line-height:0;opacity:0;mso-hide:all" aria-hidden="true" tabindex="-1"></a>',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertEdit:
    """Where elements of ours go, in this order, each with the length that its URL has."""

    start: int
    end: int
    elements: tuple[tuple[Element, int], ...]

    @property
    def width(self) -> int:
        """How many bytes they have."""
        return sum(len(one.opening) + length + len(one.closing) for one, length in self.elements)

    def only(self, numbers: frozenset[int]) -> "InsertEdit | None":
        """The same with these elements alone; None when there are none."""
        wanted = tuple((one, length) for one, length in self.elements if one.number in numbers)
        return InsertEdit(start=self.start, end=self.end, elements=wanted) if wanted else None


Edit = LinkEdit | CutEdit | InsertEdit


def lines_of(content: bytes, edits: list[Edit]) -> list[tuple[int, int, list[Edit]]]:
    """The lines (line end left out) that `edits` touch, each with its edits; an edit over two lines joins them."""
    lines: list[tuple[int, int, list[Edit]]] = []
    stop = -1
    for edit in edits:
        if edit.start > stop:
            start = content.rfind(b"\n", stop + 1, edit.start) + 1 or stop + 1
            stop = _line_end(content, edit.end)
            lines.append((start, stop, [edit]))
            continue
        if edit.end > stop:
            stop = _line_end(content, edit.end)
        lines[-1][2].append(edit)
        lines[-1] = (lines[-1][0], stop, lines[-1][2])
    return lines


def _line_end(content: bytes, here: int) -> int:
    end = content.find(b"\n", here)
    return len(content) if end < 0 else end


def growth(edit: Edit) -> int:
    """How many bytes `edit` adds."""
    return (0 if isinstance(edit, CutEdit) else edit.width) - (edit.end - edit.start)


def is_overfull(start: int, stop: int, edits: list[Edit]) -> bool:
    """Whether a line would pass what mail allows (RFC 5322 2.1.1) unless it is broken up."""
    return stop - start + sum(map(growth, edits)) > _ROOM


def fitting(content: bytes, links: list[LinkEdit]) -> list[LinkEdit]:
    """The links that can be wrapped with every line staying legal: from the right, as each may begin a line."""
    kept: list[LinkEdit] = []
    for start, stop, edits in lines_of(content, list(links)):
        if not is_overfull(start, stop, edits):
            kept.extend(edit for edit in edits if isinstance(edit, LinkEdit))
            continue
        kept.extend(reversed(list(_fitting_from_the_right(stop, edits))))
    return kept


def _fitting_from_the_right(stop: int, edits: list[Edit]) -> list[LinkEdit]:
    kept: list[LinkEdit] = []
    next_break = stop
    for edit in reversed(edits):
        if not isinstance(edit, LinkEdit) or edit.break_at is None:
            continue
        if next_break - edit.break_at + growth(edit) <= _ROOM:
            kept.append(edit)
            next_break = edit.break_at
    return kept

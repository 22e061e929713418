"""How pages are drawn: the templates, the few words they share, and what stands around every page."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from seenby.report.places import place_of
from seenby.store import Transaction
from seenby.store.hits import OPEN
from seenby.store.times import micros, moment
from seenby.web import wording
from seenby.web.assets import Assets
from seenby.web.links import domain_path, person_path
from seenby.web.marks import STORY, delivery_mark, eye_mark, link_mark, untouched_sentence
from seenby.web.menu import SETTINGS
from seenby.words.message import Sender

REMIND_DAYS: Final = (1, 3, 7, 14)
MOST_DOTS: Final = 60  # of a mini timeline
_STEPS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around a page: who looks, what is unread, and the event up to which the page knows everything."""

    sender: Sender
    seq: int
    unread: int
    bell_seen: int
    sound: bool = False
    unsent: int = 0  # drafts that could not be sent


async def frame_of(tx: Transaction, sender: Sender) -> Frame:
    """Read before anything else of a page, so that nothing falls between the page and its live stream."""
    await tx.ahead(("last_event", {}), ("sender_by_id", {"id": sender.id}), ("count_drafts", {"sender": sender.id}))
    last = await tx.one("last_event")
    row = await tx.one("sender_by_id", id=sender.id)
    seen = row["bell_seen"] if row else 0
    unread = await tx.one("unread_bell", team=sender.team, sender=sender.id, seen=seen)
    waiting = await tx.one("count_drafts", sender=sender.id)
    return Frame(
        sender=sender,
        seq=last["seq"] if last else 0,
        unread=unread["n"] if unread else 0,
        bell_seen=seen,
        sound=bool(unread and unread["sound"]),
        unsent=(waiting["failed"] or 0) if waiting else 0,
    )


class Look:
    """The templates of one process."""

    def __init__(self, assets: Assets) -> None:
        self._pages = Environment(
            loader=PackageLoader("seenby.web"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.globals.update(
            assets=assets,
            icon=_icon(assets),
            eye_mark=eye_mark,
            link_mark=link_mark,
            delivery_mark=delivery_mark,
            STORY=STORY,
            BELL=wording.BELL,
            untouched_sentence=untouched_sentence,
            entry_words=wording.entry_words,
            reason_words=wording.reason_words,
            bar=wording.bar,
            initials=wording.initials,
            LABELS=wording.LABELS,
            ICONS=wording.ICONS,
            person_path=person_path,
            place_of=place_of,
            remind_days=REMIND_DAYS,
            domain_path=domain_path,
            SETTINGS=SETTINGS,
        )
        self._pages.filters.update(many=many, percent=percent, breakable=breakable, size=size, signed=signed)

    def draw(
        self, name: str, *, now: datetime, values: Mapping[str, object], frame: Frame | None = None, status: int = 200
    ) -> HTMLResponse:
        """The named template as an answer."""
        text = self._pages.get_template(name).render(values, frame=frame, when=_when(now), sparkline=_sparkline(now))
        return HTMLResponse(text, status_code=status)


def draw(
    request: Request, name: str, *, frame: Frame | None = None, status: int = 200, **values: object
) -> HTMLResponse:
    """The named template with the look and the clock of this app."""
    look: Look = request.app.state.look
    return look.draw(name, now=request.app.state.parts.now(), frame=frame, status=status, values=values)


class _icon:  # noqa: N801 - called as a function in templates
    def __init__(self, assets: Assets) -> None:
        self._sprite = assets.icons

    def __call__(self, name: str) -> Markup:
        return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(self._sprite, name)


class _when:  # noqa: N801 - called as a function in templates
    """A moment the store kept, as an element that the page's script puts into the reader's own zone."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def __call__(self, at: int | datetime, *, exact: bool = False) -> Markup:
        moment_at = moment(at) if isinstance(at, int) else at
        utc = moment_at.astimezone(UTC)
        words = utc.strftime("%-d %b, %H:%M UTC") if exact else ago(moment_at, now=self._now)
        return Markup('<time datetime="{}" data-show="{}" title="{}">{}</time>').format(
            utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "exact" if exact else "relative",
            utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
            words,
        )


_WIDE: Final = 96  # of a mini timeline, in its own units


class _sparkline:  # noqa: N801 - called as a function in templates
    """When people opened and clicked a message, from its sending to now; the first hour is as wide as the next day."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def __call__(self, message: Mapping[Any, Any], sights: Sequence[tuple[int, str]]) -> Markup:
        if not sights:
            return Markup("")
        began = message["accepted_at"]
        whole = math.log1p(max(micros(self._now) - began, 60_000_000) / 60_000_000)
        opens = sum(channel == OPEN for _, channel in sights)
        words = f"{many(opens, 'open')} and {many(len(sights) - opens, 'click')} by people, from sending to now"
        dots = [
            Markup('<circle class="{}" cx="{:.1f}" cy="{}" r="3"></circle>').format(
                channel, 3 + (_WIDE - 6) * min(1.0, math.log1p(max(0, at - began) / 60_000_000) / whole),
                6 if channel == OPEN else 14,
            )
            for at, channel in sights[:MOST_DOTS]
        ]  # fmt: skip
        return Markup(
            '<svg class="spark" viewBox="0 0 {wide} 20" role="img" aria-label="{words}"><title>{words}</title>'
            '<line x1="0" x2="{wide}" y1="10" y2="10"></line>{dots}</svg>'
        ).format(wide=_WIDE, words=words, dots=Markup("").join(dots))


def ago(at: datetime, *, now: datetime) -> str:
    """Relative words, for browsers without a script and for the first paint."""
    passed = now - at
    if abs(passed) < timedelta(minutes=1):
        return "just now"
    if abs(passed) >= timedelta(days=7):
        return at.astimezone(UTC).strftime("%-d %b, %H:%M UTC")
    size, unit = next(step for step in _STEPS if abs(passed) >= step[0])
    count = abs(passed) // size
    return f"{many(count, unit)} ago" if passed > timedelta(0) else f"in {many(count, unit)}"


def many(count: int, thing: str, things: str | None = None) -> str:
    """`1 hit`, `2 hits`."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def size(count: int) -> str:
    """How large a file is, for people."""
    return f"{count / 1_048_576:.1f} MB" if count >= 1_048_576 else f"{max(1, round(count / 1024))} KB"


def signed(number: float) -> str:
    """A number with its sign, as it is printed: with a minus, which is as wide as a plus."""
    return f"{number:+.1f}".replace("-", "\N{MINUS SIGN}")


def breakable(address: str) -> Markup:
    """An address that may be broken where its parts meet, and not inside a word."""
    return Markup("<wbr>").join(re.split(r"(?<=[/?&=.,;:_-])(?=[^/])", address))


def percent(permille: int) -> str:
    """A probability for people: whole percents, never a false 0 or 100."""
    return f"{min(99, max(1, round(permille / 10)))}%"

"""Nothing that can happen to a copy is without words on its page."""

from pathlib import Path

from seenby.web.assets import load_assets
from seenby.web.marks import STORY
from seenby.web.wording import BELL
from seenby.words.message import Delivery
from seenby.words.report import ReportKind


def test_every_outcome_has_words_of_its_own() -> None:
    assert set(STORY) == {*Delivery, *ReportKind} - {Delivery.QUEUED}
    words = [words for _colour, _icon, words in STORY.values()]
    assert len(set(words)) == len(words)
    assert not {*map(str, Delivery)} & {*map(str, ReportKind)}, "one column holds both"


def test_every_picture_is_among_the_icons() -> None:
    used = {icon for _colour, icon, _words in STORY.values()} | {icon for _colour, icon, *_words in BELL.values()}
    static = Path(__file__).parents[2] / "src/seenby/web"
    sprite = (static / load_assets().icons.lstrip("/")).read_text(encoding="utf-8")
    assert [icon for icon in sorted(used) if f'id="{icon}"' not in sprite] == []

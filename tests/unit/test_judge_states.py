from typing import Any

import pytest

from seenby.judge import Seen, states
from seenby.words.verdict import Label, Reason, State, Verdict
from tests.unit.judge_evidence import seen


def reading(
    channel: str, label: Label, probability: float, *, code: str = "usual_open", link: int | str | None = None
) -> tuple[Seen, Verdict]:
    verdict = Verdict(label=label, probability=probability, reasons=(Reason(code=code, weight=1.0),), rules="t")
    return seen(channel=channel, link=link), verdict


OPENED = reading("open", Label.HUMAN, 0.9)
APPLE = reading("open", Label.PREFETCH, 0.3, code="apple_prefetch")
SCAN = reading("click", Label.SCANNER, 0.03)
CLICK = reading("click", Label.HUMAN, 0.9)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param([], (State.NO_SIGN, State.NO_SIGN), id="nothing"),
        pytest.param([OPENED], (State.SEEN, State.NO_SIGN), id="a person opened"),
        pytest.param([reading("open", Label.HUMAN, 0.65)], (State.PROBABLY, State.NO_SIGN), id="probably a person"),
        pytest.param([APPLE], (State.CANNOT_KNOW, State.NO_SIGN), id="only Apple's prefetch"),
        pytest.param([APPLE, CLICK], (State.SEEN, State.SEEN), id="a person's click implies an open"),
        pytest.param([SCAN], (State.NO_SIGN, State.NO_SIGN), id="a machine's click implies nothing"),
        pytest.param([SCAN, OPENED], (State.SEEN, State.NO_SIGN), id="a person beside a machine"),
        pytest.param(
            [reading("click", Label.HUMAN, 0.9, link="unsub")],
            (State.SEEN, State.NO_SIGN),
            id="unsubscribing is no click",
        ),
        pytest.param([reading("open", Label.SELF, 0.05)], (State.NO_SIGN, State.NO_SIGN), id="an own open is nothing"),
        pytest.param(
            [reading("open", Label.UNKNOWN, 0.5)], (State.CANNOT_KNOW, State.NO_SIGN), id="unknown stays unknown"
        ),
        pytest.param(
            [("click", CLICK[1]), ("open", APPLE[1])], (State.SEEN, State.SEEN), id="hits given as their channel"
        ),
    ],
)
def test_a_recipient_is_described_by_the_best_that_is_known(readings: Any, expected: Any) -> None:
    assert states(readings) == expected


def test_an_answer_implies_an_open_and_no_click() -> None:
    assert states([APPLE], replied=True) == (State.SEEN, State.NO_SIGN)

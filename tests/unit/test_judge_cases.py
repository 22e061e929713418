"""Our own labelled cases: both error rates, apart from each other, also with times and browsers moved."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from seenby.judge import CaseError, judge_case, judge_cases

FOLDER = Path(__file__).parents[1] / "judge"
CASES = [case for file in sorted(FOLDER.glob("*.json")) for case in json.loads(file.read_text())]
LABEL_SIDE = {"label", "accept", "p_human", "why", "actor"}
PEOPLE = {"human", "proxy_human", "unknown"}
MACHINES = {"prefetch", "scanner", "self", "preview_bot", "unknown"}


def without_labels(case: Any) -> Any:
    bare = {key: copy.deepcopy(case[key]) for key in ("id", "message", "context", "hits")}
    for hit in bare["hits"]:
        for key in LABEL_SIDE & hit.keys():
            del hit[key]
    return bare


def errors(case: Any, answer: Any) -> tuple[int, int]:
    """(machines shown as people, people hidden as machines) among the hits of one case."""
    false_human = lost_human = 0
    for hit, said in zip(case["hits"], answer["hits"], strict=True):
        accepted = set(hit["accept"])
        false_human += accepted <= MACHINES and said["label"] in PEOPLE - {"unknown"}
        lost_human += accepted <= PEOPLE and said["label"] in MACHINES - {"unknown"}
    return false_human, lost_human


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case['id']} {case['title']}") for case in CASES])
def test_a_reviewer_would_accept_the_verdict(case: Any) -> None:
    answer = judge_case(without_labels(case))
    for hit, said in zip(case["hits"], answer["hits"], strict=True):
        assert said["label"] in hit["accept"], (hit["h"], said)
        low, high = hit["p_human"]
        assert low <= said["p_human"] <= high, (hit["h"], said)
    for kind, accepted in case["verdict_accept"].items():
        assert answer["verdict"][kind] in accepted


def test_there_are_sixty_cases_and_each_names_its_source() -> None:
    assert len(CASES) >= 60
    assert all(case["source"] and case["source"][0] for case in CASES)
    assert len({case["id"] for case in CASES}) == len(CASES)


def stretched(case: Any, factor: float) -> Any:
    moved = without_labels(case)
    for hit in moved["hits"]:
        hit["t"] *= factor
    for view in moved["context"].get("own_view_events", ()):
        view["t"] *= factor
    if moved["context"].get("reply_t") is not None:
        moved["context"]["reply_t"] *= factor
    return moved


def newer(case: Any) -> Any:
    moved = without_labels(case)
    for hit in moved["hits"]:
        hit["user_agent"] = re.sub(
            r"\b((?:Chrome|Firefox|Version|Edg|Thunderbird)/)(\d+)",
            lambda found: f"{found[1]}{int(found[2]) + 2}",
            hit["user_agent"],
        )
    return moved


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda case: stretched(case, 0.8), id="a fifth earlier"),
        pytest.param(lambda case: stretched(case, 1.2), id="a fifth later"),
        pytest.param(newer, id="browsers two versions on"),
    ],
)
def test_moving_times_or_versions_moves_no_error_rate(move: Any) -> None:
    wrong = [errors(case, judge_case(move(case))) for case in CASES]
    assert sum(false for false, _ in wrong) == 0
    assert sum(lost for _, lost in wrong) == 0


@pytest.mark.parametrize(
    ("case", "says"),
    [
        pytest.param(7, "the case is not an object", id="not an object"),
        pytest.param({}, "the case has no id", id="no id"),
        pytest.param({"id": "x"}, "message is not an object", id="no message"),
        pytest.param({"id": "x", "message": {"sent_at": "noon"}}, "message.sent_at is not a time", id="time"),
        pytest.param(
            {"id": "x", "message": {"sent_at": "2026-01-01T00:00:00Z"}, "hits": [{"t": "soon"}]},
            r"hits\[0\].t is not a number",
            id="a hit without a time",
        ),
        pytest.param(
            {"id": "x", "message": {"sent_at": "2026-01-01T00:00:00Z"}, "hits": [{"t": 1, "kind": "view"}]},
            r"hits\[0\].kind is neither open nor click",
            id="a kind we do not know",
        ),
    ],
)
def test_a_malformed_case_is_answered_with_a_sentence(case: Any, says: Any) -> None:
    with pytest.raises(CaseError, match=says):
        judge_case(case)


def test_a_malformed_line_is_named_by_its_number() -> None:
    good = json.dumps(without_labels(CASES[0]))
    with pytest.raises(CaseError, match="line 3 is not JSON"):
        list(judge_cases([good, "", "{"]))
    with pytest.raises(CaseError, match="line 2: message is not an object"):
        list(judge_cases([good, '{"id": "x"}']))

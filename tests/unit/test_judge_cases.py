"""Our own labelled cases: each verdict is one that a reviewer would accept. The rates are in test_judge_accuracy."""

import json
from typing import Any

import pytest

from seenby.judge import CaseError, judge_case, judge_cases
from tests.accuracy import CASES, without_labels


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case['id']} {case['title']}") for case in CASES])
def test_a_reviewer_would_accept_the_verdict(case: Any) -> None:
    answer = judge_case(without_labels(case))
    for hit, said in zip(case["hits"], answer["hits"], strict=True):
        assert said["label"] in hit["accept"], (hit["h"], said)
        low, high = hit["p_human"]
        assert low <= said["p_human"] <= high, (hit["h"], said)
    for kind, accepted in case["verdict_accept"].items():
        assert answer["verdict"][kind] in accepted


def test_there_are_many_cases_and_each_names_its_source() -> None:
    assert len(CASES) >= 280
    assert all(case["source"] and case["source"][0] for case in CASES)
    assert len({case["id"] for case in CASES}) == len(CASES)


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

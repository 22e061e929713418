"""The judge: evidence in, verdicts out. It has no clock, no network and no database.

verdicts = judge(evidence)                    # hit id → label, probability, reasons
opened, clicked = states(readings)            # one recipient, from their hits and verdicts
sentence = describe(verdict, seen)            # for the timeline
"""

from seenby.judge.cases import CaseError, judge_case, judge_cases
from seenby.judge.describe import client_name, describe
from seenby.judge.evidence import Evidence, OwnView, Reader, Seen, SenderDevice
from seenby.judge.judging import judge
from seenby.judge.reasons import REASONS
from seenby.judge.states import states
from seenby.judge.weights import RULES_VERSION

__all__ = [
    "REASONS",
    "RULES_VERSION",
    "CaseError",
    "Evidence",
    "OwnView",
    "Reader",
    "Seen",
    "SenderDevice",
    "client_name",
    "describe",
    "judge",
    "judge_case",
    "judge_cases",
    "states",
]

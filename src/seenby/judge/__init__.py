"""The judge: evidence in, verdicts out. It has no clock, no network and no database.

verdicts = judge(evidence)                    # hit id → label, probability, reasons
opened, clicked = states(readings)            # one recipient, from their hits and verdicts
sentence = describe(verdict, seen)            # for the timeline
was_person = lesson(verdict)                  # what it teaches of the recipient's domain, if anything
"""

from seenby.judge.cases import CaseError, judge_case, judge_cases
from seenby.judge.describe import client_name, describe
from seenby.judge.evidence import Evidence, OwnNetwork, OwnView, Reader, Seen, SenderDevice
from seenby.judge.judging import judge
from seenby.judge.learning import lesson
from seenby.judge.reasons import REASONS
from seenby.judge.states import states
from seenby.judge.weights import RULES_VERSION

__all__ = [
    "REASONS",
    "RULES_VERSION",
    "CaseError",
    "Evidence",
    "OwnNetwork",
    "OwnView",
    "Reader",
    "Seen",
    "SenderDevice",
    "client_name",
    "describe",
    "judge",
    "judge_case",
    "judge_cases",
    "lesson",
    "states",
]

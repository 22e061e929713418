"""What a rule answers: silence (None), or one finding."""

from collections.abc import Callable
from dataclasses import dataclass

from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One argument about one hit.

    With a `label` it decides: identity ends the discussion, and the weight is the log-odds that the label means.
    Without one it is added to the others of its family, up to the family's cap.
    """

    code: str
    weight: float
    family: Family
    detail: str = ""
    label: Label | None = None


Rule = Callable[[Trace, Scene], Finding | None]

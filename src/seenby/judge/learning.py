"""What a verdict teaches: whether a hit was a person's or a machine's, where that is sure without anything learned.

Only what rules of this very judge would have said of the hit with no habits at all is believed, so the habits that come
of it are the same whatever habits there were before: round after round, nothing is said louder for having been said
(docs/adr). A hit that identity decided teaches nothing, because there habits are never asked; but for a person who was
vouched for by the team. What is the sender's, and what is unknown, teaches nothing either.
"""

from seenby.judge.weights import SURELY_MACHINE, SURELY_PERSON, probability
from seenby.words.verdict import Verdict

_WEIGHED = frozenset({"usual_open", "usual_click", "little_kept"})  # the start of every sum


def lesson(verdict: Verdict) -> bool | None:
    """Whether a person caused the hit; None when nothing is to be learned from it."""
    codes = {reason.code for reason in verdict.reasons}
    if "person_said" in codes:
        return True
    if not codes & _WEIGHED:
        return None
    alone = probability(sum(reason.weight for reason in verdict.reasons if reason.code != "habit"))
    if alone >= SURELY_PERSON:
        return True
    return False if alone <= SURELY_MACHINE else None

"""Headers: what a browser sends beside its name, and whether it can all be true.

We believe absence and contradiction only, and only under an agent that claims to be a browser; a complete set speaks
for a person, though a scripted browser sends one too. In doubt (some headers missing, as some proxies do) the weight
is small. No vendor documents its scanner's headers, so none is recognised by name here.
"""

from typing import assert_never

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.request import Completeness
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family


def headers(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """What presence, absence and contradiction argue."""
    request = trace.request
    if request.contradiction:
        detail = request.contradiction
        return Finding(code="contradiction", weight=weights.CONTRADICTION, family=Family.HEADERS, detail=detail)
    if request.mismatch:
        return Finding(code="mismatch", weight=weights.MISMATCH, family=Family.HEADERS, detail=request.mismatch)
    match request.completeness:
        case Completeness.UNKNOWN:
            return None
        case Completeness.FULL:
            return Finding(code="full_headers", weight=weights.FULL_HEADERS, family=Family.HEADERS)
        case Completeness.PARTIAL:
            return Finding(code="partial_headers", weight=weights.PARTIAL_HEADERS, family=Family.HEADERS)
        case Completeness.BARE:
            return Finding(code="bare_headers", weight=weights.BARE_HEADERS, family=Family.HEADERS)
        case _:
            assert_never(request.completeness)

"""Method: HEAD and the rest, which no reader's client uses to show an image or a page.

HEAD asks whether something exists; link checkers and scanners do that. In doubt nothing is lost: whoever sent HEAD for
a person sends a GET next, and that one is judged on its own. Office's probes have their own rule before this one.
"""

from seenby.judge import weights
from seenby.judge.evidence import UNSUBSCRIBE
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label


def method(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A scanner: no client of a reader fetches so."""
    name = trace.seen.method.upper()
    if name == "GET" or (name == "POST" and trace.seen.link == UNSUBSCRIBE):
        return None
    weight = weights.HEAD if name == "HEAD" else weights.OTHER_METHOD
    code = "head" if name == "HEAD" else "other_method"
    return Finding(code=code, weight=weight, family=Family.METHOD, detail=name[:10], label=Label.SCANNER)

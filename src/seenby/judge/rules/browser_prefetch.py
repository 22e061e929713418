"""Browser prefetch: the browser says that it fetches ahead (Sec-Purpose, Purpose, X-Moz, X-Purpose).

Browsers declare it and nobody gains by a false declaration. A person is near, but has not chosen to open the page;
when they do, a second fetch without the header follows and is judged on its own. Safari prefetches without saying so.
"""

from seenby.judge import weights
from seenby.judge.finding import Finding
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family
from seenby.words.verdict import Label


def browser_prefetch(trace: Trace, scene: Scene) -> Finding | None:  # noqa: ARG001
    """A prefetch: the request says so."""
    purpose = trace.request.purpose.lower()
    if not any(word in purpose for word in ("prefetch", "prerender", "preview")):
        return None
    return Finding(
        code="browser_prefetch",
        weight=weights.BROWSER_PREFETCH,
        family=Family.AGENT,
        detail=purpose[:40],
        label=Label.PREFETCH,
    )

"""Mail host: a mail-security vendor takes the recipient's mail, by the MX of their domain when it was sent.

Such a vendor looks at links, and sometimes at images, in the moments in which mail arrives, and not always from its
own network: Barracuda and Salesforce say that scanners have moved into clouds, others are seen on lines that no list
names. So in the first minute a browser on such a line is a little less likely the recipient's. A little, because behind
every such MX are people who sit before an open mailbox: a complete browser that opened before it clicked stays a
person. A vendor that mail is handed on to behind the MX is missed. What hits came to here may say otherwise (`habit`).
"""

from seenby.judge import weights
from seenby.judge.evidence import Reader
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.mail_hosts import MAIL_HOSTS
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.scene import Scene, Trace
from seenby.judge.weights import Family, at


def mail_host(trace: Trace, scene: Scene) -> Finding | None:
    """Weakly a machine: early, on any line, on mail that a vendor looks at first."""
    reader = scene.readers.get(trace.seen.reader or "")
    weight = weight_of_vendor(trace, reader) if reader is not None else 0.0
    if reader is None or weight == 0:
        return None
    return Finding(code="mail_host", weight=weight, family=Family.RECIPIENT, detail=MAIL_HOSTS[reader.mail_host])


def weight_of_vendor(trace: Trace, reader: Reader) -> float:
    """What the MX of the reader's domain argues about this hit; 0 where it says nothing."""
    if reader.mail_host not in MAIL_HOSTS or trace.agent.kind is not AgentKind.BROWSER:
        return 0.0
    if trace.network.kind is not NetworkKind.UNLISTED:
        return 0.0
    return at(weights.VENDOR_OPEN if trace.opening else weights.VENDOR_CLICK, trace.age)

"""What a request tells of who is asking: the headers that are evidence. Nothing else of a head is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seenby.words.hit import EVIDENCE_HEADERS, MAX_HEADER_VALUE

_EVIDENCE: Final = {name.encode("ascii"): name for name in EVIDENCE_HEADERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a head's header lines tell: User-Agent, evidence, and the X-Forwarded-For lines joined."""

    agent: str | None
    headers: Mapping[str, str]
    forwarded: str


def what_is_told(lines: Sequence[tuple[bytes, bytes]]) -> Told:
    """The part of header lines (names in lower case) that matters to us; several lines of one name are joined."""
    agent: str | None = None
    headers: dict[str, str] = {}
    forwarded: list[str] = []
    for name, value in lines:
        if name == b"user-agent":
            agent = value.decode("latin-1")[:MAX_HEADER_VALUE]
        elif name == b"x-forwarded-for":
            forwarded.append(value.decode("latin-1"))
        elif evidence := _EVIDENCE.get(name):
            text = value.decode("latin-1")
            headers[evidence] = (f"{headers[evidence]}, {text}" if evidence in headers else text)[:MAX_HEADER_VALUE]
    return Told(agent=agent, headers=headers, forwarded=",".join(forwarded))

"""A hit: one fetch of one token, as seen at the door. A fact; it is never changed and holds no opinion."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from seenby.words.token import Token

# What a header may tell the judge. Nothing else of a request is ever kept: no cookie, no referrer.
EVIDENCE_HEADERS: Final = (
    "accept",
    "accept-encoding",
    "accept-language",
    "purpose",
    "sec-ch-ua",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-purpose",
    "x-moz",
    "x-purpose",
)
MAX_HEADER_VALUE: Final = 500  # characters of one kept header or agent; the rest is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One fetch. `id` is 128 random bits as 22 characters of base64url, minted where the hit was answered.

    `address` is the client's IP address (behind a trusted proxy: the rightmost untrusted one), `agent`
    its User-Agent, `headers` those of EVIDENCE_HEADERS that it sent, lower-case names. At the counted level
    all three are None or empty from the start.
    """

    id: str
    at: datetime
    token: Token
    method: str
    address: str | None = None
    agent: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

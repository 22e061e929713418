"""Hits for tests of the judge, said in few words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from seenby.judge import Evidence, Reader, Seen, judge
from seenby.words.verdict import Verdict

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
)
HEADLESS = CHROME.replace("Chrome/", "HeadlessChrome/")
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
HOME = "84.112.9.41"
LOOPBACK = "127.0.0.1"
FULL = {"accept-language": "en-GB,en;q=0.9", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
IMAGE = {"accept-language": "en-GB,en;q=0.9", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
SENT_AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def seen(
    name: str = "h1",
    t: float = 600.0,
    channel: str = "open",
    *,
    agent: str | None = CHROME,
    address: str | None = HOME,
    headers: Mapping[str, str] | None = None,
    link: int | str | None = None,
    **more: Any,
) -> Seen:
    if headers is None:
        headers = IMAGE if channel == "open" else FULL
    if channel == "click" and link is None:
        link = 1
    reader = more.pop("reader", "r1")
    return Seen(
        id=name, t=t, channel=channel, reader=reader, link=link, agent=agent, address=address, headers=headers, **more
    )


def evidence(*hits: Seen, **more: Any) -> Evidence:
    recipients = more.pop("recipients", (Reader(id="r1", domain="reader.example", address="rita@reader.example"),))
    n_links = more.pop("n_links", 3)
    return Evidence(sent_at=SENT_AT, hits=hits, recipients=recipients, n_links=n_links, **more)


def verdict(hit: Seen, *others: Seen, **more: Any) -> Verdict:
    return judge(evidence(hit, *others, **more))[hit.id]

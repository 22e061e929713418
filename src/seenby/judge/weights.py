"""Every weight of the judge, in log-odds that a person other than the sender caused the hit.

+1 multiplies the odds by 2.7, +2 by 7.4, +3 by 20. They are judgements resting on what is published about mail's
machines and on cases of our own, not fits: nobody publishes labelled traffic. A change here changes people's numbers,
so it changes RULES_VERSION. Two principles size them:

- No single weak sign may decide. Families are capped, so that ten remarks on headers are still one remark on headers.
- Losing a person is as bad as inventing one. A network alone hides people (security proxies and virtual desktops carry
  them), the clock alone too, so neither can outweigh a complete browser that opened before it clicked.
"""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

RULES_VERSION: Final = "2026.11.3"


class Family(StrEnum):
    """Findings of one family argue from one kind of sign and share a cap."""

    PRIOR = "prior"
    AGENT = "agent"
    HEADERS = "headers"
    NETWORK = "network"
    TIME = "time"
    BURST = "burst"
    METHOD = "method"
    HONEYPOT = "honeypot"
    COMPANY = "company"  # what the same client and its neighbours did before and after
    SENDER = "sender"
    RECIPIENT = "recipient"  # whose mail it was: their domain, and who takes mail for it


# The most a family may say, downwards and upwards.
CAPS: Final[dict[Family, tuple[float, float]]] = {
    Family.PRIOR: (-2.0, 2.0),
    Family.AGENT: (-4.5, 1.5),
    Family.HEADERS: (-3.0, 1.0),
    Family.NETWORK: (-3.2, 0.5),
    Family.TIME: (-3.5, 0.8),
    Family.BURST: (-4.0, 0.0),
    Family.METHOD: (-4.0, 0.0),
    Family.HONEYPOT: (-4.5, 0.0),
    Family.COMPANY: (-3.5, 2.4),
    Family.SENDER: (-4.0, 0.0),
    Family.RECIPIENT: (-1.0, 0.4),
}

# Where a probability becomes a word. Between the two we say that we do not know.
HUMAN_FROM: Final = 0.58
SCANNER_UNTIL: Final = 0.42

# --- the start ------------------------------------------------------------------------------------------------------
# A fetch that nothing speaks about is a little more often a person's: what machines do in bulk (proxies, prefetch,
# bursts) is named by rules. Scanners follow links more than they load images, so a click starts lower.
PRIOR_OPEN: Final = 1.0
PRIOR_CLICK: Final = 0.6
NOTHING_KEPT: Final = -0.8  # neither agent nor address: over half of opens may be prefetches (Litmus, March 2022)
NOTHING_KEPT_CLICK: Final = -0.3  # prefetches do not follow links

# --- decided by identity: the log-odds that the label itself means ----------------------------------------------------
OWN_KNOWN_ADDRESS: Final = -2.9
OWN_VIEW: Final = -2.5  # the client announced it, but a reader may have opened in the same seconds
OWN_DEVICE: Final = -2.2
OWN_SAID: Final = -4.5
PERSON_SAID: Final = 4.5  # the team knows it from elsewhere: a call, a form that was sent
COLLEAGUE_LINE: Final = -0.1  # a colleague's token from the office line: the colleague or the sender
APPLE_PREFETCH: Final = -0.8  # whether anybody read it cannot be known: neither low nor high
APPLE_OWN_NETWORK: Final = -1.1
GMAIL_PREFETCH: Final = -2.2  # SparkPost: a false open; it only shows that somebody has a Gmail session
BROWSER_PREFETCH: Final = -1.6  # a person's browser, but not their decision
FORGED: Final = -2.7
BARE_ELSEWHERE: Final = -0.6  # Apple's agent from a line that is not the relay's: Apple without its relay, or a script
PREVIEW: Final = -2.6
IMESSAGE: Final = -2.0  # fetched by the phone of somebody who shared or received the link
OFFICE_PROBE: Final = -0.1  # Office asks before it opens: a person clicked, and the browser's request follows
DECLARED_SCANNER: Final = -3.6
IMAGE_PROXY: Final = 2.0  # Gmail and others fetch when the message is shown
YAHOO_PROXY: Final = 1.6  # usually at open
PROXY_FOLLOWS_LINK: Final = -2.4  # image proxies load images; a link fetched by one was fetched by a check
ONE_CLICK: Final = 1.5  # RFC 8058: the provider posts when its user presses unsubscribe
BEFORE_SENDING: Final = -3.0  # nobody but our own side had the message

# --- who it says it is ----------------------------------------------------------------------------------------------
MAIL_CLIENT: Final = 1.5  # scanners pose as browsers, not as Outlook or Thunderbird
MAIL_CLIENT_CLICK: Final = 0.4
SCRIPT: Final = -4.0
HEADLESS: Final = -4.2
EMPTY_AGENT: Final = -3.2  # no browser and no mail program goes without a name; a proxy for privacy may
TRUNCATED: Final = -1.8
OLD_ENGINE: Final = -1.8  # Internet Explorer without Outlook around it: retired in 2022, kept by sandboxes
# Chromium's major versions behind the day of sending, one every four weeks: from two and a half years on it weighs.
STALE_BROWSER: Final = ((-60.0, -1.0), (-45.0, -0.7), (-30.0, 0.0))
APP_OPEN: Final = 0.2
APP_CLICK: Final = -1.2
UNKNOWN_AGENT: Final = -0.9

# --- headers --------------------------------------------------------------------------------------------------------
FULL_HEADERS: Final = 1.0
PARTIAL_HEADERS: Final = -0.3
BARE_HEADERS: Final = -2.4  # a browser without a language and without fetch metadata: a library with a mask on
CONTRADICTION: Final = -1.8
MISMATCH: Final = -1.0

# --- networks -------------------------------------------------------------------------------------------------------
UNLISTED: Final = 0.4
MAIL_SECURITY: Final = -3.0  # strong, and still less than a complete browser that opened before it clicked
MICROSOFT: Final = -1.0  # scans, webmail and Windows 365 from the same ranges; two sources disagree on opens
CLOUD: Final = -2.0
HOSTING: Final = -1.4  # rented servers, and the exits of VPNs that people use
WEB_PROXY: Final = 0.0  # carries people; "every security network is a machine" hides one person in five
CDN: Final = -0.3
GOOGLE_BROWSER: Final = -2.6  # a browser in Google's own space is Google's scanner
YAHOO_BROWSER: Final = -1.5
MAILBOX_NETWORK: Final = 0.6
APPLE_NETWORK: Final = -0.4
PREVIEW_NETWORK: Final = -2.5

# --- time: (seconds after sending, weight), straight lines between, level outside -----------------------------------
# A message takes a second or two to arrive and be noticed. Below that only a machine is quick enough; up to ten
# seconds it is a weak sign, since people do sit before an open mailbox and notifications are fast.
OPEN_AFTER: Final = ((0.4, -2.6), (1.0, -1.6), (2.0, -0.5), (5.0, -0.2), (10.0, 0.0), (60.0, 0.2), (600.0, 0.5))
CLICK_AFTER: Final = (
    (0.5, -3.0), (1.0, -2.4), (2.0, -1.6), (5.0, -1.0), (10.0, -0.7), (30.0, -0.3), (60.0, 0.0), (300.0, 0.5),
    (1800.0, 0.7),
)  # fmt: skip
# Image proxies answer to people, but a fetch in the first moments may be the provider looking at its own delivery.
PROXY_AFTER: Final = ((0.5, -1.6), (2.0, -0.7), (6.0, 0.0))
YAHOO_AFTER: Final = ((1.0, -2.6), (4.0, -2.2), (10.0, -0.8), (30.0, 0.0))
HASTE_HERE: Final = -0.5  # on the machine that Seenby runs on: somebody trying it out
CAMPAIGN_HASTE: Final = 1.2  # bulk mail is scanned more and awaited less
# A click although nobody opened: images may be blocked, so it weighs little, and less the later it is.
UNOPENED_CLICK: Final = ((10.0, -0.7), (60.0, -0.4), (600.0, -0.1), (3600.0, 0.0))

# --- bursts: (mean seconds between different links, weight) -----------------------------------------------------------
# Three links a second apart is no hand. Opening three links in tabs at two or three seconds each is what people do.
BURST: Final = ((0.3, -3.8), (1.0, -2.8), (1.6, -1.6), (2.5, -0.9), (4.0, -0.3), (6.0, 0.0))
BURST_ALL_LINKS: Final = -0.7  # and every link of the message among them
BURST_LINKS: Final = 3  # different links before it is a burst; two in a second happens to people
TWO_LINKS: Final = -0.5
RUN_GAP: Final = 6.0  # seconds without a fetch that end a run
ALL_LINKS: Final = -1.2  # every link of a message with four or more, slowly: thoroughness is rarer in people
ALL_LINKS_FROM: Final = 4
SCATTERED: Final = -2.0  # one agent on three lines within a minute; a carrier's changing exits are the doubt
SCATTERED_LINES: Final = 3
SCATTERED_SECONDS: Final = 60.0
UNRELATED_READERS: Final = -2.6  # one place fetching the copies of readers who have nothing in common
SAME_DOMAIN_SWEEP: Final = -1.6  # one place fetching many copies of one domain in seconds
SWEEP_SECONDS: Final = 12.0
UNRELATED_SECONDS: Final = 600.0

# --- method, honeypot -----------------------------------------------------------------------------------------------
HEAD: Final = -3.4
OTHER_METHOD: Final = -3.6
HONEYPOT: Final = -4.3  # nobody sees it; a screen reader or View Source might, so strong and not infinite
HONEYPOT_COMPANY: Final = (
    -3.7
)  # the same client touched the honeypot within the quarter of an hour: the doubt is two people alike
HONEYPOT_ELSEWHERE: Final = -2.0  # the same client did so on another reader's copy; an office shares line and agent
HONEYPOT_PLACE: Final = -1.4

# --- company --------------------------------------------------------------------------------------------------------
OPENED_BEFORE: Final = 1.5  # the same line showed the message like a person before it clicked
CLICKED_AFTER: Final = 0.7  # a click like a person's from there confirms an earlier open
READER_OPENED: Final = 0.5  # the reader opened by other means (a proxy, another line)
REPLIED: Final = 0.9  # a reply followed within the hour
REPLY_SECONDS: Final = 3600.0
MACHINE_COMPANY: Final = -1.6  # the same client did something only machines do, within a quarter of an hour
MACHINE_COMPANY_AT_ONCE: Final = -2.8  # within seconds: the fetch and the burst are one piece of work
AT_ONCE_SECONDS: Final = 5.0
MACHINE_PLACE: Final = -0.7
COMPANY_SECONDS: Final = 900.0
AGENT_CHANGED: Final = -1.5  # from a cloud, the open and the click are two different browsers within a minute
PAIR_PROTECTED: Final = 0.9  # a machine looked at the link in the moment of this click: a click had to happen for that
PAIR_SHADOW: Final = -3.2  # the less credible of two fetches of a link in one moment: nobody clicks on two lines
PAIR_SECONDS: Final = 2.5
BOUNCED: Final = -3.6

# --- whose mail it was ----------------------------------------------------------------------------------------------
# A vendor that takes the domain's mail to look at it first, in the first minute and from a line that no list names.
VENDOR_CLICK: Final = ((30.0, -0.5), (60.0, 0.0))
VENDOR_OPEN: Final = ((30.0, -0.3), (60.0, 0.0))
# Where the sum stands, start and clock, for hits of which nothing else is known: what is learned is learned against
# it. The clock is taken at twenty seconds and at half an hour.
HABIT_START: Final[Mapping[tuple[str, bool], float]] = {
    ("open", True): 1.0, ("click", True): 0.1, ("open", False): 1.5, ("click", False): 1.3,
}  # fmt: skip
# A circle's own counts weigh as much as the next wider circle's word once there are so many copies.
HABIT_OF_DOMAIN: Final = 30.0
HABIT_OF_MAIL_HOST: Final = 50.0
HABIT_OF_EVERYBODY: Final = 300.0  # there is no wider one: the built-in start holds out longest
HABIT_FROM: Final = 20  # copies in the nearest circle that has any; with fewer nothing was learned
HABIT_LEAST: Final = 0.05  # log-odds; what moves the sum by less is not worth a reason
DOUBT: Final = (-0.3, 0.3)  # as far as a habit may push what is unknown, or would not be without it

CLEARLY_PERSON: Final = 0.9  # log-odds from which a hit may speak for its neighbours
CLEARLY_PERSON_IN_MAIL: Final = 0.3  # the same for a mail program's open: nobody imitates one, also not in a cloud
CLEARLY_MACHINE: Final = -2.0  # and below which it speaks against them

# --- learning -------------------------------------------------------------------------------------------------------
SURELY_PERSON: Final = 0.75  # probabilities, without what was learned, from which on a hit is learned from
SURELY_MACHINE: Final = 0.25


def probability(log_odds: float) -> float:
    """Log-odds as a probability."""
    return 1 / (1 + math.exp(-min(max(log_odds, -30.0), 30.0)))


def log_odds(probability: float) -> float:
    """A probability as log-odds, with an end where a probability has none."""
    kept = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(kept / (1 - kept))


def at(curve: Sequence[tuple[float, float]], x: float) -> float:
    """The weight at x on a curve of points, level beyond its ends."""
    if not x > curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]


def expected_chromium(year: int, month: int) -> int:
    """Chromium's version in a month: 131 in November 2024, and a new one every four weeks."""
    return 131 + round(((year - 2024) * 12 + month - 11) * 13 / 12)

"""How much each reason can weigh, for people who want to see the rules: the least and the most, in log-odds. Pure.

The weights themselves stand in `weights.py` and the rules give them; a test holds that no verdict says otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from seenby.judge import weights

Span = tuple[float, float]


def _one(*given: float) -> Span:
    return min(given), max(given)


def _curve(*curves: Sequence[tuple[float, float]], plus: float = 0.0) -> Span:
    heights = [height + plus for curve in curves for _, height in curve]
    return min(heights), max(heights)


_AFTER: Final = _curve(weights.OPEN_AFTER, weights.CLICK_AFTER)

# Reasons that say who it was: the first of them ends the discussion.
DECIDE: Final[Mapping[str, Span]] = {
    "own_said": _one(weights.OWN_SAID),
    "person_said": _one(weights.PERSON_SAID),
    "own_view": _one(weights.OWN_VIEW),
    "own_address": _one(weights.OWN_KNOWN_ADDRESS),
    "own_network": _one(weights.OWN_KNOWN_ADDRESS),
    "own_device": _one(weights.OWN_DEVICE),
    "own_copy": _one(weights.OWN_KNOWN_ADDRESS),
    "colleague_line": _one(weights.COLLEAGUE_LINE),
    "before_sending": _one(weights.BEFORE_SENDING),
    "bounced": _one(weights.BOUNCED),
    "browser_prefetch": _one(weights.BROWSER_PREFETCH),
    "declared_scanner": _one(weights.DECLARED_SCANNER),
    "declared_preview": _one(weights.IMESSAGE, weights.PREVIEW),
    "office_probe": _one(weights.OFFICE_PROBE),
    "one_click": _one(weights.ONE_CLICK),
    "head": _one(weights.HEAD),
    "other_method": _one(weights.OTHER_METHOD),
    "gmail_prefetch": _one(weights.GMAIL_PREFETCH),
    "apple_prefetch": _one(weights.APPLE_PREFETCH),
    "apple_network": _one(weights.APPLE_OWN_NETWORK),
    "bare_agent_elsewhere": _one(weights.BARE_ELSEWHERE),
    "bare_agent": _one(weights.FORGED),
    "forged_proxy": _one(weights.FORGED),
    "image_proxy": (0.0, max(weights.IMAGE_PROXY, weights.YAHOO_PROXY)),
    "early_proxy": (weights.YAHOO_PROXY + _curve(weights.YAHOO_AFTER)[0], 0.0),
    "proxy_follows_link": _one(weights.PROXY_FOLLOWS_LINK),
    "mailbox_network": _curve(weights.PROXY_AFTER, plus=weights.YAHOO_PROXY),
}
# Reasons that are added up.
WEIGH: Final[Mapping[str, Span]] = {
    "usual_open": _one(weights.PRIOR_OPEN),
    "usual_click": _one(weights.PRIOR_CLICK),
    "little_kept": _one(weights.PRIOR_OPEN + weights.NOTHING_KEPT, weights.PRIOR_CLICK + weights.NOTHING_KEPT_CLICK),
    "mail_client": _one(weights.MAIL_CLIENT, weights.MAIL_CLIENT_CLICK),
    "script": _one(weights.SCRIPT),
    "headless": _one(weights.HEADLESS),
    "no_agent": _one(weights.EMPTY_AGENT),
    "truncated_agent": _one(weights.TRUNCATED),
    "unknown_agent": _one(weights.UNKNOWN_AGENT),
    "old_browser": (min(weights.OLD_ENGINE, _curve(weights.STALE_BROWSER)[0]), 0.0),
    "system_library": _one(weights.APP_OPEN, weights.APP_CLICK),
    "full_headers": _one(weights.FULL_HEADERS),
    "partial_headers": _one(weights.PARTIAL_HEADERS),
    "bare_headers": _one(weights.BARE_HEADERS),
    "contradiction": _one(weights.CONTRADICTION),
    "mismatch": _one(weights.MISMATCH),
    "ordinary_line": _one(weights.UNLISTED),
    "mail_security": _one(weights.MAIL_SECURITY),
    "web_proxy": _one(weights.WEB_PROXY),
    "microsoft_network": _one(weights.MICROSOFT),
    "cloud": _one(weights.CLOUD),
    "hosting": _one(weights.HOSTING),
    "relay_or_cdn": _one(weights.CDN),
    "google_network": _one(weights.GOOGLE_BROWSER),
    "yahoo_network": _one(weights.YAHOO_BROWSER),
    "mailbox_line": _one(weights.MAILBOX_NETWORK),
    "apple_line": _one(weights.APPLE_NETWORK),
    "preview_network": _one(weights.PREVIEW_NETWORK),
    "too_soon": (_AFTER[0] * weights.CAMPAIGN_HASTE, 0.0),
    "had_time": (0.0, _AFTER[1]),
    "burst": (_curve(weights.BURST)[0] + weights.BURST_ALL_LINKS, 0.0),
    "two_links": _one(weights.TWO_LINKS),
    "all_links": _one(weights.ALL_LINKS),
    "scattered": _one(weights.SCATTERED),
    "sweep": _one(weights.UNRELATED_READERS, weights.SAME_DOMAIN_SWEEP),
    "honeypot": _one(weights.HONEYPOT),
    "honeypot_client": _one(weights.HONEYPOT_COMPANY),
    "honeypot_elsewhere": _one(weights.HONEYPOT_ELSEWHERE),
    "honeypot_place": _one(weights.HONEYPOT_PLACE),
    "opened_before": _one(weights.OPENED_BEFORE),
    "reader_opened": _one(weights.READER_OPENED),
    "clicked_after": _one(weights.CLICKED_AFTER),
    "unopened_click": _curve(weights.UNOPENED_CLICK),
    "click_scan": _one(weights.PAIR_SHADOW),
    "scanned_at_click": _one(weights.PAIR_PROTECTED),
    "machine_client": _one(weights.MACHINE_COMPANY, weights.MACHINE_COMPANY_AT_ONCE),
    "machine_place": _one(weights.MACHINE_PLACE),
    "agent_changed": _one(weights.AGENT_CHANGED),
    "replied": _one(weights.REPLIED),
    "like_own_device": _one(-0.8),
    "mail_host": _curve(weights.VENDOR_OPEN, weights.VENDOR_CLICK),
    "habit": (  # what was learned may outweigh what the mail host alone would say, up to the family's cap
        weights.CAPS[weights.Family.RECIPIENT][0],
        weights.CAPS[weights.Family.RECIPIENT][1] - _curve(weights.VENDOR_OPEN, weights.VENDOR_CLICK)[0],
    ),
}

"""How programs that fetch mail's images and links call themselves, mail-specific ones first.

Generic bot lists call Gmail's and Yahoo's image proxies bots, which throws away every open there, and miss Gmail's
prefetch and Apple's. So this list is asked in order and the first match names the agent. Sources: the vendors' own
help pages where they exist (Yahoo SLN28749, fastmail.help, Slack's robots page, Microsoft's Office protocol notes,
Apple via Mailgun's documentation); else what senders reported up to November 2026 (SparkPost 2022 on Gmail's prefetch,
Act-On on Barracuda, Upfold on iMessage) and the public pattern collections of Matomo and crawler-user-agents (facts,
not text). A pattern says who an agent claims to be; the networks say whether to believe it.
"""

from enum import StrEnum
from typing import Final


class AgentKind(StrEnum):
    """What a User-Agent claims."""

    NOT_KEPT = "not_kept"  # policy did not keep it
    EMPTY = "empty"
    BARE = "bare"  # exactly "Mozilla/5.0": Apple Mail's privacy prefetch, if the network agrees
    GMAIL_PROXY = "gmail_proxy"
    GMAIL_PREFETCH = "gmail_prefetch"
    YAHOO_PROXY = "yahoo_proxy"
    MAILBOX_PROXY = "mailbox_proxy"
    IMESSAGE = "imessage"
    PREVIEW = "preview"
    OFFICE_PROBE = "office_probe"
    SCANNER = "scanner"  # says itself that it scans
    SCRIPT = "script"  # a programmer's HTTP library
    HEADLESS = "headless"
    MAIL_CLIENT = "mail_client"
    BROWSER = "browser"
    APP = "app"  # a phone's or desktop's system library: person or machine, as the context says
    TRUNCATED = "truncated"  # begins like a browser and stops
    OTHER = "other"


# (kind, name for people, pattern); patterns are searched case-insensitively, in this order.
AGENTS: Final = (
    (AgentKind.GMAIL_PROXY, "Gmail's image proxy", r"googleimageproxy"),
    # Edge 12 never existed with a second product token behind it; only the shape counts, the versions may move.
    (AgentKind.GMAIL_PREFETCH, "Gmail's prefetch", r"\bedge/[\d.]+ mozilla/5\.0$"),
    (AgentKind.YAHOO_PROXY, "Yahoo's image proxy", r"yahoomailproxy"),
    (AgentKind.MAILBOX_PROXY, "Fastmail", r"fastmailua/"),
    (AgentKind.MAILBOX_PROXY, "Seznam", r"seznamemailproxy"),
    (AgentKind.MAILBOX_PROXY, "Rambler", r"ramblermail/.*imageproxy"),
    (AgentKind.MAILBOX_PROXY, "ukr.net", r"mail\.ukr\.net proxy"),
    (AgentKind.IMESSAGE, "iMessage", r"safari/.*facebookexternalhit.*facebot.*twitterbot"),
    (AgentKind.PREVIEW, "Slack", r"slackbot|slack-imgproxy"),
    (AgentKind.PREVIEW, "Yahoo's link preview", r"yahoo link preview"),
    (AgentKind.PREVIEW, "Teams or Skype", r"skypeuripreview|microsoftpreview|teamsbot"),
    (AgentKind.PREVIEW, "WhatsApp", r"\bwhatsapp/"),
    (AgentKind.PREVIEW, "Telegram", r"telegrambot"),
    (AgentKind.PREVIEW, "Discord", r"discordbot"),
    (AgentKind.PREVIEW, "LinkedIn", r"linkedinbot"),
    (AgentKind.PREVIEW, "Facebook", r"facebookexternalhit|facebot|facebookcatalog|meta-externalfetcher"),
    (AgentKind.PREVIEW, "Twitter", r"twitterbot"),
    (AgentKind.PREVIEW, "Iframely", r"iframely"),
    (AgentKind.PREVIEW, "Embedly", r"embedly"),
    (AgentKind.PREVIEW, "Snapchat", r"snap url preview"),
    (AgentKind.PREVIEW, "Google's preview", r"google-pagerenderer|googledocs|google-inspectiontool"),
    (
        AgentKind.PREVIEW,
        "a chat's preview",
        r"pinterestbot|redditbot|viber/|line-poker|zoombot|mattermost-bot|bitlybot|"
        r"vkshare|notionembedder|google-chat|webex|synapse|mastodon/|bluesky|cardyb|zulipurlpreview|linkpreview",
    ),
    (AgentKind.SCANNER, "Barracuda Sentinel", r"barracuda"),
    (AgentKind.SCANNER, "Google's safety scan", r"google-safety|googlesecurityscanner"),
    (AgentKind.SCANNER, "Bing", r"bingpreview|bingbot"),
    (
        AgentKind.SCANNER,
        "a security product",
        r"mimecast|proofpoint|trendmicro|symantec|forcepoint|sophos|fireeye|"
        r"urlscan|virustotal|safelinks|microsoft-?defender|cyren|avanan|mailguard|expanse|paloaltonetworks|censys|zgrab",
    ),
    (
        AgentKind.HEADLESS,
        "a scripted browser",
        r"headless|phantomjs|puppeteer|playwright|selenium|slimerjs|casperjs|"
        r"htmlunit|splash/",
    ),
    (AgentKind.OFFICE_PROBE, "Office", r"microsoft office (existence|protocol) discovery"),
    (AgentKind.MAIL_CLIENT, "Outlook for Mac", r"macoutlook"),
    (AgentKind.MAIL_CLIENT, "Outlook on iOS", r"outlook-ios"),
    (AgentKind.MAIL_CLIENT, "Outlook on Android", r"outlook-android"),
    (AgentKind.MAIL_CLIENT, "Outlook", r"microsoft outlook|\boutlook/|office outlook"),
    (AgentKind.MAIL_CLIENT, "Windows Mail", r"windows-?mail|windowslivemail|windows live mail|hxtsr"),
    (AgentKind.OFFICE_PROBE, "Office", r"ms-office|microsoft office|msoffice"),
    (AgentKind.MAIL_CLIENT, "Thunderbird", r"thunderbird/|betterbird/"),
    (AgentKind.MAIL_CLIENT, "Airmail", r"\bairmail"),
    (AgentKind.MAIL_CLIENT, "Spark", r"\bspark(?:desktop)?/|readdle"),
    (
        AgentKind.MAIL_CLIENT,
        "a mail program",
        r"em client|\bpostbox|k-9 mail|evolution/|\bkmail|the bat!|mailspring|"
        r"lotus-notes|yahoomobilemail|ymail|bluemail|samsungemail|foxmail|mailmate|mimestream|claws mail|geary|"
        r"fairemail|canary ?mail|aquamail|seamonkey.*mail|protonmail|hcl ?notes|mailbird|gmx-?mail|web\.de",
    ),
    (AgentKind.MAIL_CLIENT, "Apple Mail", r"^apple mail|\bmail/\d[\d.]* cfnetwork|\bmobilemail"),
    (
        AgentKind.SCRIPT,
        "a script",
        r"python-requests|python-urllib|python/|aiohttp|httpx/|\bjava/|apache-httpclient|"
        r"go-http-client|lua-resty|\bwget\b|\bcurl/|libwww-perl|lwp::|\bphp/|guzzle|node-fetch|\baxios/|undici|\bruby|faraday|"
        r"pycurl|scrapy|httpie|postmanruntime|winhttp|powershell|rest-client|jakarta|reqwest|libcurl|nutch|masscan|"
        r"mechanize|got \(|superagent",
    ),
    # A robot that signs: names itself one, or gives an address to complain to. Cubot is a maker of phones.
    (AgentKind.SCANNER, "a robot", r"(?<!cu)bot\b|crawler|spider|\bscan(ner)?\b|\+https?://|validator|monitor"),
    (AgentKind.APP, "a system library", r"^dalvik/|cfnetwork/|\bokhttp/|dataaccessd|^android-?mail"),
)

# Apple's engine alone, without Safari's own tokens: Mail (and web views inside iOS apps) on a Mac, iPhone or iPad.
APPLE_MAIL: Final = (
    r"^mozilla/5\.0 \((macintosh|iphone|ipad|ipod)[^)]*\) applewebkit/[\d.]+ \(khtml, like gecko\)( mobile/\w+)?$"
)

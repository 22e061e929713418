"""Networks that matter for mail, written by hand.

Every block carries its owner and where we have it from. Sources, as of November 2026:

- `registry`: the owner's own allocation, as ARIN, RIPE, APNIC and AFRINIC show it, and announced by the owner's AS.
- `published`: the owner publishes the range (Microsoft 365 endpoints, Zscaler and Google's SPF and crawler lists).
- `reported`: senders saw it again and again; the owner does not say what it is for.

Clouds, rented servers, Microsoft's network and Apple's relay are too many for a hand: `networks.bin`, made by
`tools/lists.py`, has them, and what systems of the owners below announce beside these blocks. These blocks go first.

When blocks overlap the longest one wins. Loopback, private and reserved addresses are never looked up.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class NetworkKind(StrEnum):
    """What a network means for the question "a person or a machine"."""

    SILENT = "silent"  # loopback, private, absent: says nothing
    UNLISTED = "unlisted"  # public and in no list: as far as we know a line that people use
    MAIL_SECURITY = "mail_security"  # where a vendor scans mail
    WEB_PROXY = "web_proxy"  # a security product that carries people's browsing
    MICROSOFT = "microsoft"  # Azure and Microsoft 365: scans, webmail and virtual desktops alike
    CLOUD = "cloud"  # rented computers of the large clouds
    HOSTING = "hosting"  # rented servers, VPN exits among them
    GOOGLE = "google"  # Google's own space: image proxy and scanners
    YAHOO = "yahoo"
    APPLE = "apple"  # Apple's own 17/8
    APPLE_RELAY = "apple_relay"  # egress of Private Relay and of Mail's privacy prefetch
    CDN = "cdn"  # Cloudflare, Fastly: relay-like services for people, and workers
    MAILBOX = "mailbox"  # other mailbox providers that fetch images themselves
    PREVIEW = "preview"  # networks that mainly send link previews


class Block(NamedTuple):
    """One owner's prefixes of one kind."""

    kind: NetworkKind
    owner: str
    source: str
    prefixes: str


# Where Apple's relay lies. In the IPv4 blocks other customers of Cloudflare, Akamai and Fastly have the larger part, so
# the generated table has it address by address; the IPv6 ones are the relay's own.
RELAY: Final = (
    "104.28.0.0/16 140.248.0.0/16 146.75.0.0/16 172.224.0.0/15 172.226.0.0/16 2606:54c0::/30"
    " 2a02:26f7::/32 2a04:4e41::/32 2a09:bac2::/31"
)

BLOCKS: Final = (
    # --- image proxies and prefetchers -------------------------------------------------------------------------
    Block(
        NetworkKind.GOOGLE,
        "Google",
        "registry AS15169; published in Google's goog.json",
        "64.233.160.0/19 66.102.0.0/20 66.249.64.0/19 72.14.192.0/18 74.125.0.0/16 108.177.0.0/17"
        " 142.250.0.0/15 172.217.0.0/16 172.253.0.0/16 173.194.0.0/16 192.178.0.0/15 209.85.128.0/17"
        " 216.58.192.0/19 216.239.32.0/19 2001:4860::/32 2404:6800::/32 2607:f8b0::/32 2800:3f0::/32"
        " 2a00:1450::/32 2c0f:fb50::/32",
    ),
    Block(
        NetworkKind.YAHOO,
        "Yahoo",
        "registry AS36647, AS26101, AS36646, AS203220, AS34010, AS393245",
        "46.228.32.0/20 63.250.192.0/19 66.163.160.0/19 66.196.64.0/18 66.218.64.0/19 67.195.0.0/16"
        " 68.142.192.0/18 68.180.128.0/17 69.147.64.0/18 72.30.0.0/16 74.6.0.0/16 76.13.0.0/16 77.238.160.0/19"
        " 87.248.96.0/19 98.136.0.0/14 106.10.128.0/17 188.125.64.0/19 206.190.32.0/19 208.71.40.0/21"
        " 209.73.160.0/19 209.131.32.0/19 209.191.64.0/18 212.82.96.0/19 216.39.48.0/20 216.109.112.0/20"
        " 216.115.96.0/20 216.155.192.0/20 216.252.96.0/19 217.12.0.0/20 217.146.176.0/20 2001:4998::/32"
        " 2406:2000::/32 2a00:1288::/32",
    ),
    Block(NetworkKind.APPLE, "Apple", "registry AS714", "17.0.0.0/8 2620:149::/32 2a01:b740::/32"),
    Block(
        NetworkKind.MAILBOX,
        "Fastmail",
        "registry AS151847; fastmail.help says its servers load the images",
        "66.111.4.0/24 103.168.172.0/24 202.12.124.0/24 204.75.18.0/23 2402:5d60::/32",
    ),
    Block(
        NetworkKind.MAILBOX,
        "Proton",
        "registry AS62371; proton.me/support/email-tracker-protection",
        "79.135.106.0/23 109.224.244.0/22 176.119.200.0/24 185.70.40.0/22 185.205.70.0/24 194.0.147.0/24"
        " 2a05:2700::/31",
    ),
    Block(NetworkKind.MAILBOX, "Seznam", "registry AS43037", "77.75.72.0/21 185.66.188.0/22 2a02:598::/32"),
    Block(
        NetworkKind.MAILBOX,
        "Rambler",
        "registry AS24638",
        "81.19.64.0/19 91.220.133.0/24 185.110.56.0/22 2a02:6b0::/32",
    ),
    Block(NetworkKind.MAILBOX, "ukr.net", "registry AS8856", "195.214.192.0/22 212.42.64.0/19"),
    # --- mail security -----------------------------------------------------------------------------------------
    Block(
        NetworkKind.MAIL_SECURITY,
        "Microsoft's mail protection",
        "published, Exchange Online Protection in the Microsoft 365 endpoints; 40.94 and 132.245 reported as scans",
        "40.92.0.0/15 40.94.0.0/16 40.107.0.0/16 52.100.0.0/14 104.47.0.0/17 132.245.0.0/16"
        " 2a01:111:f400::/48 2a01:111:f403::/48",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Proofpoint",
        "registry AS26211, AS13916, AS22843, AS52129; its isolation browser brings people from here too",
        "66.159.224.0/19 67.231.144.0/20 91.207.212.0/23 91.209.104.0/24 143.55.144.0/21 148.163.128.0/19"
        " 185.132.180.0/22 185.169.148.0/22 185.183.28.0/22 205.220.160.0/19 208.56.0.0/19 208.83.136.0/22"
        " 208.84.64.0/22 208.86.200.0/22 2620:0:2900::/46 2620:100:9000::/44 2a0a:2b00::/43",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Mimecast",
        "registry AS30031, AS33538, AS397726, AS39588, AS42427, AS60492, AS208638, AS136792, AS37235",
        "41.74.192.0/20 45.91.16.0/22 51.163.158.0/23 62.140.7.0/24 62.140.10.0/24 63.128.21.0/24"
        " 91.220.42.0/24 103.13.69.0/24 103.96.20.0/22 147.28.34.0/23 170.10.128.0/19 180.189.28.0/24"
        " 185.58.84.0/22 193.7.204.0/22 194.104.108.0/22 195.130.217.0/24 205.139.110.0/23 207.82.80.0/24"
        " 207.211.30.0/23 213.167.75.0/24 213.167.81.0/24 216.35.243.0/24 216.35.244.0/24 216.145.208.0/20"
        " 216.205.24.0/24 2401:73c0::/32 2620:134:6000::/44 2a02:5be0::/32 2a0e:e40::/29 2c0f:f1e0::/32",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Barracuda",
        "registry AS15324; 209.222.82/24 is Barracuda's, announced by AWS. Most of its scans leave from AWS",
        "64.235.144.0/20 198.35.20.0/22 209.222.80.0/21 2620:0:22c0::/48",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Cisco Secure Email",
        "registry AS16417, AS30215, AS30238, AS40427",
        "23.90.96.0/19 68.232.128.0/19 139.138.24.0/21 139.138.32.0/20 139.138.56.0/21 184.94.240.0/20"
        " 194.165.192.0/19 195.146.191.0/24 204.15.80.0/22 207.54.64.0/19 216.71.128.0/19 2620:101:2000::/43",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Symantec",
        "registry AS21345",
        "46.226.48.0/21 85.158.136.0/21 95.131.104.0/21 193.109.254.0/23 194.106.220.0/23 2a02:ce8::/32",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Trellix",
        "registry AS46484, AS17330",
        "38.109.230.0/23 103.83.199.0/24 103.245.44.0/22 185.212.104.0/24 199.16.196.0/22 2607:8d40::/32",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Trend Micro",
        "registry AS16880; its help centre (tmka-18762) says it visits what customers visited",
        "66.180.80.0/20 150.70.0.0/16 216.99.128.0/21 216.104.0.0/19 2620:101:4030::/44",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Sophos, Hornetsecurity or Check Point",
        "registry AS401943, AS25046, AS398391",
        "64.226.128.0/20 64.227.192.0/20 91.90.128.0/20 131.226.32.0/20 185.140.204.0/22 194.29.32.0/20",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "Zix or AppRiver",
        "registry AS13380, AS53780",
        "8.19.116.0/22 8.31.232.0/23 63.71.8.0/21 199.30.232.0/21 199.187.164.0/22 207.195.176.0/20",
    ),
    Block(
        NetworkKind.MAIL_SECURITY,
        "a mail-security vendor",
        "registry: retarus AS48328, Trustwave AS33151, N-able AS43054, Abnormal AS20317, Cyren AS12441, "
        "Bitdefender AS43839, Kaspersky AS200107, ESET AS50881, Webroot AS26250",
        "94.199.88.0/21 103.196.252.0/22 185.93.140.0/22 185.215.216.0/22 199.204.12.0/22 207.126.136.0/22"
        " 204.13.200.0/23 208.90.239.0/24 80.91.219.0/24 87.236.163.0/24 185.225.27.0/24 193.41.32.0/24"
        " 193.200.214.0/24 23.140.60.0/24 192.118.40.0/22 91.195.194.0/24 77.74.176.0/21 93.159.224.0/21"
        " 185.54.220.0/22 185.85.12.0/22 38.90.226.0/23 91.228.164.0/22 185.94.156.0/22 66.35.53.0/24",
    ),
    # --- web proxies: security products that people browse through -----------------------------------------------
    Block(
        NetworkKind.WEB_PROXY,
        "Zscaler",
        "published at config.zscaler.com; registry AS22616, AS62044, AS53813",
        "8.25.203.0/24 64.215.22.0/24 87.58.64.0/18 101.2.192.0/18 104.129.192.0/20 128.177.125.0/24"
        " 136.226.0.0/16 137.31.0.0/17 137.83.128.0/18 147.161.128.0/17 165.225.0.0/16 167.103.0.0/16"
        " 170.85.0.0/16 185.46.212.0/22 194.9.96.0/20 194.9.112.0/22 199.168.148.0/22 2400:7aa0::/32"
        " 2605:4300::/32 2a03:eec0::/32",
    ),
    Block(
        NetworkKind.WEB_PROXY,
        "Netskope",
        "registry AS55256",
        "8.36.116.0/24 8.39.144.0/24 24.206.64.0/18 24.239.128.0/18 31.186.239.0/24 103.47.244.0/24"
        " 103.219.76.0/22 146.92.0.0/17 158.95.0.0/16 162.10.0.0/16 163.116.128.0/17 2620:127:8000::/40",
    ),
    Block(
        NetworkKind.WEB_PROXY,
        "Cisco Umbrella",
        "registry AS36692",
        "67.215.64.0/19 108.171.128.0/19 146.112.0.0/16 151.186.0.0/16 155.190.0.0/16 163.129.0.0/16"
        " 204.194.232.0/21 208.67.216.0/21 208.69.32.0/21 2603:5000::/32 2620:119::/32",
    ),
    Block(
        NetworkKind.WEB_PROXY,
        "Forcepoint",
        "registry AS44444, AS43251, AS7598",
        "85.115.32.0/19 86.111.216.0/21 91.194.158.0/23 103.1.196.0/22 116.50.56.0/21 157.167.0.0/16"
        " 185.4.96.0/22 192.151.176.0/20 195.244.16.0/23 196.216.238.0/23 204.15.64.0/21 208.87.232.0/21"
        " 2001:4010::/32 2400:5e00::/32",
    ),
    Block(NetworkKind.WEB_PROXY, "Menlo Security", "registry AS62654", "57.140.0.0/17 2606:3dc0::/32"),
    Block(
        NetworkKind.WEB_PROXY,
        "Palo Alto Networks",
        "registry AS54538 and Prisma Access allocations",
        "65.154.226.0/24 130.41.0.0/16 134.238.0.0/16 137.83.192.0/18 144.125.105.0/24 165.1.128.0/17"
        " 165.85.0.0/16 169.224.128.0/19 202.189.133.0/24 208.127.0.0/16",
    ),
    Block(
        NetworkKind.WEB_PROXY,
        "Skyhigh Security",
        "registry AS14600",
        "185.125.224.0/22 199.180.202.0/24 208.65.144.0/21 208.81.64.0/21",
    ),
    Block(
        NetworkKind.CLOUD,
        "Google Cloud",
        "published in cloud.json: what AS15169 announces beside AS396982",
        "8.228.0.0/14 8.232.0.0/14 34.0.0.0/13 34.8.0.0/13 34.16.0.0/12 34.32.0.0/11 34.64.0.0/10"
        " 34.128.0.0/10 35.184.0.0/13 35.192.0.0/11 35.224.0.0/11 104.154.0.0/15 104.196.0.0/14"
        " 107.167.160.0/19 107.178.192.0/18 108.59.80.0/20 130.211.0.0/16 136.107.0.0/16 136.108.0.0/14"
        " 136.112.0.0/13 146.148.0.0/17 2600:1900::/28",
    ),
    Block(
        NetworkKind.PREVIEW,
        "Meta",
        "registry AS32934",
        "31.13.64.0/18 57.144.0.0/14 66.220.144.0/20 69.63.176.0/20 69.171.224.0/19 102.132.96.0/20"
        " 129.134.0.0/16 157.240.0.0/16 163.70.128.0/17 173.252.64.0/18 179.60.192.0/22 185.60.216.0/22"
        " 2a03:2880::/32",
    ),
    Block(
        NetworkKind.PREVIEW,
        "Telegram, Twitter or LinkedIn",
        "registry AS62041, AS13414, AS14413",
        "91.108.4.0/22 91.108.56.0/22 149.154.160.0/20 64.63.0.0/18 69.195.160.0/19 104.244.40.0/21"
        " 199.16.156.0/22 199.59.148.0/22 108.174.0.0/20 144.2.0.0/19 2001:67c:4e8::/48",
    ),
)

# Google's own crawlers and scanners, inside the space above (goog special-crawlers.json, published). Gmail's image
# proxy leaves from some of these too, so the range alone decides nothing; a browser's agent from here does.
GOOGLE_SPECIAL: Final = (
    "66.249.87.0/24 66.249.89.0/24 66.249.90.0/24 66.249.91.0/24 66.249.92.0/24 72.14.199.0/24 74.125.148.0/22"
    " 74.125.216.0/24 2001:4860:4801::/48"
)

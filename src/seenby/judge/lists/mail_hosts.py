"""Who takes mail for a domain in order to look at it first, by the last labels of its MX.

Vendors that check links and attachments before they hand mail on. Their customers' MX records name them, so anybody can
read the list off the DNS of a domain that is known to use one; the vendors' own instructions for setting MX records say
the same. As of November 2026, compared with public collections of providers by MX. Vendors that only sort out spam are
not in it, and large mailbox providers are not either: they scan too, but their name does not say how, and what their
recipients' mail meets is learned from hits.
"""

from collections.abc import Mapping
from typing import Final

# Last labels of the MX, and the vendor.
MAIL_HOSTS: Final[Mapping[str, str]] = {
    "pphosted.com": "Proofpoint",
    "gpphosted.com": "Proofpoint",  # for governments
    "ppe-hosted.com": "Proofpoint Essentials",
    "mimecast.com": "Mimecast",
    "mimecast.co.za": "Mimecast",
    "mimecast-offshore.com": "Mimecast",
    "barracudanetworks.com": "Barracuda",
    "messagelabs.com": "Symantec.cloud",
    "iphmx.com": "Cisco Secure Email",
    "mailcontrol.com": "Forcepoint",
    "trendmicro.com": "Trend Micro",
    "trendmicro.eu": "Trend Micro",
    "hornetsecurity.com": "Hornetsecurity",
    "antispameurope.com": "Hornetsecurity",  # as it was called before
    "fireeyecloud.com": "Trellix",
    "sophos.com": "Sophos",
    "arsmtp.com": "AppRiver",
}

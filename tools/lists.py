"""Makes src/seenby/judge/lists/networks.bin, the table of networks that matter for mail, out of public data.

    tools/lists.py --asn FOLDER --relay FOLDER

`--asn`: the unpacked npm package @ip-location-db/asn (CC BY 4.0; RouteViews and DB-IP: which system announces which
addresses). `--relay`: a folder into which plevin and plevin-db-abuse from PyPI are installed (reader Apache-2.0, data
as its sources: here Apple's own published list of Private Relay's egress). Only facts are taken: an address range and
whose it is. What a system is for is decided below, by hand. To refresh, get both packages anew and run this again; the
versions read are written into the table's note, which `seenby data` shows.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from seenby.judge.lists.networks import RELAY, NetworkKind
from seenby.judge.lists.spans import Row, less, pack, spans_of

TARGET: Final = Path(__file__).parents[1] / "src/seenby/judge/lists/networks.bin"
APPLE: Final = (NetworkKind.APPLE_RELAY, "Apple's privacy relay")

# What each autonomous system is for. Providers that sell lines to people as well are left out.
SYSTEMS: Final[dict[tuple[NetworkKind, str], str]] = {
    (NetworkKind.MAIL_SECURITY, "Proofpoint"): "26211 13916 22843 52129",
    (NetworkKind.MAIL_SECURITY, "Mimecast"): "30031 33538 397726 39588 42427 60492 208638 136792 37235",
    (NetworkKind.MAIL_SECURITY, "Barracuda"): "15324",
    (NetworkKind.MAIL_SECURITY, "Cisco Secure Email"): "16417 30215 30238 40427",
    (NetworkKind.MAIL_SECURITY, "Symantec"): "21345",
    (NetworkKind.MAIL_SECURITY, "Trellix"): "46484 17330",
    (NetworkKind.MAIL_SECURITY, "Trend Micro"): "16880",
    (NetworkKind.MAIL_SECURITY, "Sophos, Hornetsecurity or Check Point"): "401943 25046 398391",
    (NetworkKind.MAIL_SECURITY, "Zix or AppRiver"): "13380 53780",
    (NetworkKind.MAIL_SECURITY, "a mail-security vendor"): "48328 33151 43054 20317 12441 43839 200107 50881 26250",
    (NetworkKind.WEB_PROXY, "Zscaler"): "22616 62044 53813",
    (NetworkKind.WEB_PROXY, "Netskope"): "55256",
    (NetworkKind.WEB_PROXY, "Cisco Umbrella"): "36692",
    (NetworkKind.WEB_PROXY, "Forcepoint"): "44444 43251 7598",
    (NetworkKind.WEB_PROXY, "Menlo Security"): "62654",
    (NetworkKind.WEB_PROXY, "Palo Alto Networks"): "54538",
    (NetworkKind.WEB_PROXY, "Skyhigh Security"): "14600",
    (NetworkKind.MICROSOFT, "Microsoft"): "8075 8074 8068 8069 12076",
    (NetworkKind.CLOUD, "Amazon Web Services"): "16509 14618",
    (NetworkKind.CLOUD, "Google Cloud"): "396982",
    (NetworkKind.CLOUD, "Oracle or Alibaba cloud"): "31898 45102 37963",
    (NetworkKind.CLOUD, "Tencent or Huawei cloud"): "45090 132203 136907 55990",
    (NetworkKind.HOSTING, "DigitalOcean"): "14061",
    (NetworkKind.HOSTING, "OVH"): "16276",
    (NetworkKind.HOSTING, "Hetzner"): "24940 213230 212317",
    (
        NetworkKind.HOSTING,
        "a hosting provider",
    ): "63949 20473 12876 60781 28753 30633 396362 51167 40021 36352 46606 26496 32244 54825 53667 197540 34119 29802"
    " 20454 55286 35916 63023 25820 49505 47583 202425 46562 396356 8560 51396 8100 9312 64267 210558 212815"
    " 19318 398101 21859 58065 202053 44477 203020 207990 200019 211252 24961 29066 8972 61317 42831",
    (
        NetworkKind.HOSTING,
        "M247 or Datacamp, where many VPNs leave",
    ): "9009 60068 212238 136787 207137 206092 209854 39351 198605 62240 199218 209103 147049 141039",
    (NetworkKind.YAHOO, "Yahoo"): "36647 26101 36646 203220 34010 393245",
    (NetworkKind.MAILBOX, "Fastmail"): "151847",
    (NetworkKind.MAILBOX, "Proton"): "62371",
    (NetworkKind.MAILBOX, "Seznam"): "43037",
    (NetworkKind.MAILBOX, "Rambler"): "24638",
    (NetworkKind.MAILBOX, "ukr.net"): "8856",
    (NetworkKind.APPLE, "Apple"): "714 6185",
    (NetworkKind.CDN, "Cloudflare, Akamai or Fastly"): "13335 54113 36183 20940",
    (NetworkKind.PREVIEW, "Meta"): "32934",
    (NetworkKind.PREVIEW, "Telegram, Twitter or LinkedIn"): "62041 62014 59930 13414 14413",
}


def announced(folder: Path, version: int, numbers: dict[int, int]) -> Iterator[Row]:
    """The ranges of the systems above, as numbers; an IPv6 range by its subnets."""
    shift = 64 if version == 6 else 0
    with (folder / f"asn-ipv{version}-num.csv").open(newline="", encoding="utf-8") as file:
        for first, last, system, *_ in csv.reader(file):
            owner = numbers.get(int(system))
            if owner is not None:
                yield int(first) >> shift, int(last) >> shift, owner


def relayed(folder: Path, owner: int) -> Iterator[Row]:
    """Apple's relay, address by address, inside the IPv4 blocks it falls into."""
    sys.path.insert(0, str(folder))
    lookup: Any = import_module("plevin").lookup
    for network in (ip_network(prefix) for prefix in RELAY.split()):
        start, until = int(network.network_address), int(network.broadcast_address)
        if network.version == 6:
            yield start >> 64, until >> 64, owner
            continue
        for address in range(start, until + 1):
            found = lookup(address)
            if found.abuse is not None and "relay" in str(found.abuse.service or ""):
                yield address, address, owner


def main() -> None:
    """Write the table and say what is in it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--asn", type=Path, required=True)
    options.add_argument("--relay", type=Path, required=True)
    given = options.parse_args()
    owners = [APPLE, *SYSTEMS]
    numbers = {int(system): at for at, owner in enumerate(owners) for system in SYSTEMS.get(owner, "").split()}
    relay = list(relayed(given.relay, 0))
    tables = []
    for version in (4, 6):
        exact = sorted(row for row in relay if (row[0] >> 32 > 0) == (version == 6))
        tables.append(less(announced(given.asn, version, numbers), exact) + exact)
    package = json.loads((given.asn / "package.json").read_text())
    db = metadata.distribution("plevin-db-abuse").version
    note = (
        f"announced prefixes: @ip-location-db/asn {package['version']} (RouteViews and DB-IP, CC BY 4.0); "
        f"privacy relay: plevin-db-abuse {db} (Apple's published list)"
    )
    spans = spans_of(*tables, owners=[(str(kind), owner) for kind, owner in owners], note=note)
    TARGET.write_bytes(pack(spans))
    print(f"{len(spans)} spans, {TARGET.stat().st_size} bytes\n{note}")  # noqa: T201


if __name__ == "__main__":
    main()

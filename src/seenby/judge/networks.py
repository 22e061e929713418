"""Which network an address belongs to: the longest block of the list by hand that holds it, else the generated table.

Loopback, private, link-local and reserved addresses are SILENT: on one machine everybody shares 127.0.0.1, and behind
a proxy that hides the client everybody shares one private address, so they can neither accuse nor excuse.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pkgutil import get_data
from typing import Final

from seenby.judge.lists.networks import BLOCKS, GOOGLE_SPECIAL, NetworkKind
from seenby.judge.lists.spans import Row, Spans, less, spans_of, unpack

REMEMBERED: Final = 16_384  # addresses whose answer is kept
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What an address says.

    `near` is its /24 or /64; `place` is where one machine's hits are neighbours: the same, or for a provider that
    spreads one job over its whole space the provider's name.
    """

    kind: NetworkKind
    owner: str = ""
    near: str = ""
    place: str = ""
    special: bool = False  # one of Google's published crawler ranges
    here: bool = False  # loopback: the machine that Seenby itself runs on


# Addresses that name nobody in public: IANA's special-purpose registries (RFC 6890), and IPv6 outside 2000::/3.
RESERVED: Final = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3"
    " ::/3 2001::/23 2001:db8::/32 3fff::/20 4000::/2 8000::/1"
)
SILENT: Final = Network(kind=NetworkKind.SILENT)

# One machine, many addresses: hits from a provider that spreads one job over its space are neighbours by owner.
_SPREADS: Final = frozenset({NetworkKind.MAIL_SECURITY, NetworkKind.CLOUD, NetworkKind.GOOGLE, NetworkKind.YAHOO})


def parse_address(text: str | None) -> Address | None:
    """An address, with an IPv4 one unwrapped from IPv6, or None. Never raises: anyone may send us anything."""
    if not text:
        return None
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=REMEMBERED)
def network_of(text: str | None) -> Network:
    """What the lists say of an address."""
    address = parse_address(text)
    if address is None:
        return SILENT
    kind, owner, special = _table().find(int(address), version=address.version) or _UNLISTED
    if kind == NetworkKind.SILENT:
        return Network(kind=NetworkKind.SILENT, near=str(address), place=str(address), here=address.is_loopback)
    near = _neighbourhood(address)
    return Network(
        kind=_KINDS[kind], owner=owner, near=near, place=owner if kind in _SPREADS else near, special=bool(special)
    )


_KINDS: Final = {str(kind): kind for kind in NetworkKind}
_UNLISTED: Final = (str(NetworkKind.UNLISTED), "", "")


def generated() -> Spans:
    """The table made by tools/lists.py, which is part of the package."""
    return unpack(get_data("seenby.judge.lists", "networks.bin") or b"")


# Lists from the data folder, which a process believes from its start on instead of the package's, or beside it.
_LATER: Final[dict[str, Spans]] = {}


def use_networks(table: Spans | None) -> None:
    """Believe a later table than the package's, or that one again. For a process's start: it forgets all answers."""
    _use("networks", table)


def use_countries(table: Spans | None) -> None:
    """Know countries by this table, or none."""
    _use("countries", table)


def _use(name: str, table: Spans | None) -> None:
    if _LATER.get(name) is table:
        return
    if table is None:
        del _LATER[name]
    else:
        _LATER[name] = table
    _table.cache_clear()
    network_of.cache_clear()


def known() -> tuple[Spans, Spans | None]:
    """The tables of networks and of countries that are believed."""
    return _LATER.get("networks") or generated(), _LATER.get("countries")


def country_of(text: str | None) -> str:
    """Two letters (ISO 3166), or empty where nothing is known."""
    address, table = parse_address(text), _LATER.get("countries")
    found = table.find(int(address), version=address.version) if table and address else None
    return found[0] if found else ""


@cache
def _table() -> Spans:
    """Everything in one table: nobody's addresses, then the blocks by hand, the longest first, then the generated."""
    below, _ = known()
    by_hand = [(prefix, (str(block.kind), block.owner, "")) for block in BLOCKS for prefix in block.prefixes.split()]
    by_hand += [(prefix, (str(NetworkKind.GOOGLE), "Google", "special")) for prefix in GOOGLE_SPECIAL.split()]
    by_hand += [(prefix, (str(NetworkKind.SILENT), "", "")) for prefix in RESERVED.split()]
    owners = [(*owner, "") for owner in below.owners]
    owners += dict.fromkeys(owner for _, owner in by_hand)
    numbers = {owner: at for at, owner in enumerate(owners)}
    blocks = [(ip_network(prefix), numbers[owner]) for prefix, owner in by_hand]
    tables = []
    for version, shift in ((4, 0), (6, 64)):
        taken: list[Row] = []
        mine = [(network, owner) for network, owner in blocks if network.version == version]
        for length in sorted({network.prefixlen for network, _ in mine}, reverse=True):
            rows = [
                (int(network.network_address) >> shift, int(network.broadcast_address) >> shift, owner)
                for network, owner in mine
                if network.prefixlen == length
            ]
            taken = sorted([*taken, *less(rows, taken)])
        tables.append([*taken, *less(below.rows(version=version), taken)])
    return spans_of(*tables, owners=owners, note=below.note)


def same_line(one: str | None, other: str | None) -> bool:
    """Whether two public addresses are one line: equal, or for IPv6 in one /64 (RFC 4291 2.5.4: one subnet)."""
    first, second = parse_address(one), parse_address(other)
    if first is None or second is None or not first.is_global:
        return False
    if isinstance(first, IPv6Address) and isinstance(second, IPv6Address):
        return int(first) >> 64 == int(second) >> 64
    return first == second


@lru_cache(maxsize=1024)
def parse_network(text: str) -> IPv4Network | IPv6Network | None:
    """A network in CIDR form, or None. Never raises."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def is_within(address: str | None, network: str) -> bool:
    """Whether an address lies in a network. One on this very machine lies in none: everybody on it shares it."""
    one, all_of = parse_address(address), parse_network(network)
    if one is None or all_of is None or one.is_loopback:
        return False
    return one.version == all_of.version and one in all_of


def _neighbourhood(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return f"{int(address) >> 64:x}"
    return str(address).rpartition(".")[0] + ".0"

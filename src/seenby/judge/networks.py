"""Which network an address belongs to: the longest block of the lists that holds it.

Loopback, private, link-local and reserved addresses are SILENT: on one machine everybody shares 127.0.0.1, and behind
a proxy that hides the client everybody shares one private address, so they can neither accuse nor excuse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from seenby.judge.lists.networks import BLOCKS, GOOGLE_SPECIAL, NetworkKind

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


class _Table:
    """Prefixes by length, longest first."""

    def __init__(self, entries: Iterable[tuple[str, tuple[NetworkKind, str]]], *, version: int) -> None:
        self.bits = 32 if version == 4 else 128
        by_length: dict[int, dict[int, tuple[NetworkKind, str]]] = {}
        for text, value in entries:
            network = ip_network(text)
            if network.version == version:
                by_length.setdefault(network.prefixlen, {})[int(network.network_address)] = value
        self.levels: list[tuple[int, Mapping[int, tuple[NetworkKind, str]]]] = [
            (self.bits - length, by_length[length]) for length in sorted(by_length, reverse=True)
        ]

    def find(self, address: Address) -> tuple[NetworkKind, str] | None:
        number = int(address)
        for shift, blocks in self.levels:
            found = blocks.get(number >> shift << shift)
            if found is not None:
                return found
        return None


_ENTRIES: Final = [(prefix, (block.kind, block.owner)) for block in BLOCKS for prefix in block.prefixes.split()]
_TABLES: Final = {4: _Table(_ENTRIES, version=4), 6: _Table(_ENTRIES, version=6)}
_SPECIAL_ENTRIES: Final = [(prefix, (NetworkKind.GOOGLE, "Google")) for prefix in GOOGLE_SPECIAL.split()]
_SPECIAL: Final = {4: _Table(_SPECIAL_ENTRIES, version=4), 6: _Table(_SPECIAL_ENTRIES, version=6)}
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
    if not address.is_global or address.is_multicast:
        return Network(kind=NetworkKind.SILENT, near=str(address), place=str(address), here=address.is_loopback)
    kind, owner = _TABLES[address.version].find(address) or (NetworkKind.UNLISTED, "")
    special = kind is NetworkKind.GOOGLE and _SPECIAL[address.version].find(address) is not None
    near = _neighbourhood(address)
    return Network(kind=kind, owner=owner, near=near, place=owner if kind in _SPREADS else near, special=special)


def same_line(one: str | None, other: str | None) -> bool:
    """Whether two public addresses are one line: equal, or for IPv6 in one /64 (RFC 4291 2.5.4: one subnet)."""
    first, second = parse_address(one), parse_address(other)
    if first is None or second is None or not first.is_global:
        return False
    if isinstance(first, IPv6Address) and isinstance(second, IPv6Address):
        return int(first) >> 64 == int(second) >> 64
    return first == second


def _neighbourhood(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return f"{int(address) >> 64:x}"
    return str(IPv4Address(int(address) >> 8 << 8))

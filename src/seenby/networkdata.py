"""Newer lists of networks, and of countries, from a file or an installed package into the data folder. Asks no network.

The package carries a table of the networks that matter for mail. One made later by tools/lists.py may stand in the data
folder and is believed instead; a table of countries only stands there. Without both the judge works, with what it has.
"""

import csv
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from seenby.folder import Folder
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.lists.spans import MAGIC, Row, Spans, SpansError, pack, spans_of, unpack
from seenby.judge.networks import country_of, known, network_of, use_countries, use_networks
from seenby.words.errors import SeenbyError

LARGEST: Final = 100_000_000  # bytes of one file that is read
_KINDS: Final = frozenset(NetworkKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the lists say of one address."""

    address: str
    kind: str
    owner: str
    country: str  # two letters (ISO 3166), or empty


def load_lists(folder: Folder) -> None:
    """Believe what lies in the data folder; a damaged file is left out, and `seenby data about` says so."""
    use_networks(_read(_networks(folder), _of_networks))
    use_countries(_read(_countries(folder), _of_countries))


def _read(path: Path, sound: Callable[[Spans], bool]) -> Spans | None:
    try:
        table = unpack(path.read_bytes())
    except (OSError, SpansError):
        return None
    return table if sound(table) else None


def _of_networks(table: Spans) -> bool:
    return all(len(owner) == 2 and owner[0] in _KINDS for owner in table.owners)


def _of_countries(table: Spans) -> bool:
    return all(len(owner) == 1 and len(owner[0]) == 2 for owner in table.owners)


def about(folder: Folder) -> list[str]:
    """One line for each list: how long, and where it is from."""
    load_lists(folder)
    said = []
    places = ((_networks(folder), _of_networks), (_countries(folder), _of_countries))
    for name, table, (path, sound) in zip(("networks", "countries"), known(), places, strict=True):
        length = "none installed" if table is None else f"{len(table):,} spans; {table.note}"
        damaged = path.exists() and _read(path, sound) is None
        said.append(f"{name}: {length}" + (f"; {path} is damaged and left out" if damaged else ""))
    return said


def look(folder: Folder, address: str) -> Known:
    """What is known of an address."""
    load_lists(folder)
    network = network_of(address)
    return Known(address=address, kind=network.kind.value, owner=network.owner, country=country_of(address))


def update(folder: Folder, source: str) -> str:
    """Take a list from a file, a folder, an npm archive or an installed Python package; what was taken."""
    files = dict(_files(source))
    ready = [unpack_or_refuse(name, data) for name, data in files.items() if data.startswith(MAGIC)]
    table = ready[0] if ready else _country_table(source, files)
    if not (_of_networks(table) or _of_countries(table)):
        raise SeenbyError(f"{source} names kinds of networks that this Seenby does not know. Is it from a later one?")
    path = _networks(folder) if _of_networks(table) else _countries(folder)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pack(table))
    fresh.replace(path)
    return f"{path}: {len(table):,} spans. A running Seenby believes it from its next start."


def unpack_or_refuse(name: str, data: bytes) -> Spans:
    """A table, or a sentence."""
    try:
        return unpack(data)
    except SpansError as error:
        raise SeenbyError(f"{name}: {error}.") from None


def _networks(folder: Folder) -> Path:
    return folder.path / "lists" / "networks.bin"


def _countries(folder: Folder) -> Path:
    return folder.path / "lists" / "countries.bin"


def _files(source: str) -> Iterator[tuple[str, bytes]]:
    path = Path(source)
    if not path.exists():
        spec = find_spec(source) if source.isidentifier() else None
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise SeenbyError(f"{source} is neither a file nor an installed package.")
        path = Path(places[0])
    if path.is_dir():
        for one in sorted(path.rglob("*")):
            if _wanted(one.name) and one.is_file() and one.stat().st_size <= LARGEST:
                yield one.name, one.read_bytes()
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if _wanted(member.name) and member.size <= LARGEST else None
                if file is not None:
                    yield Path(member.name).name, file.read()
    elif path.stat().st_size <= LARGEST:
        yield path.name, path.read_bytes()


def _wanted(name: str) -> bool:
    return name.endswith((".bin", "-num.csv"))


def _country_table(source: str, files: dict[str, bytes]) -> Spans:
    """First address, last address, country's two letters a line."""
    numbers: dict[str, int] = {}
    tables: dict[int, list[Row]] = {4: [], 6: []}
    for name, data in files.items():
        lines = io.StringIO(data.decode("utf-8", "replace"), newline="")
        for version, first, last, country in _country_rows(name, csv.reader(lines)):
            tables[version].append((first, last, numbers.setdefault(country, len(numbers))))
    if not numbers:
        raise SeenbyError(f"{source} holds neither a table of networks nor a CSV of countries.")
    owners = [(country,) for country in numbers]
    return spans_of(tables[4], tables[6], owners=owners, note=f"countries from {', '.join(files)}")


def _country_rows(name: str, lines: Iterable[list[str]]) -> Iterator[tuple[int, int, int, str]]:
    for number, line in enumerate(lines, start=1):
        try:
            first, last, country, *_ = line
            start, end = _address(first), _address(last)
        except ValueError:
            raise SeenbyError(f"{name}, line {number}: not first address, last address, country.") from None
        if len(country) != 2 or not country.isalpha() or end < start:
            raise SeenbyError(f"{name}, line {number}: not first address, last address, country.")
        if end >> 32:
            yield 6, start >> 64, end >> 64, country.upper()
        else:
            yield 4, start, end, country.upper()


def _address(text: str) -> int:
    return int(ip_address(text)) if ":" in text or "." in text else int(text)

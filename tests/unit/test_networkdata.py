"""Lists taken into the data folder: from files, folders, archives; what is no list is refused, damage is left out."""

import tarfile
from pathlib import Path
from typing import Any

import pytest

from seenby.folder import open_folder
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.lists.spans import pack, spans_of
from seenby.judge.networks import country_of, network_of, use_countries, use_networks
from seenby.networkdata import about, load_lists, look, update
from seenby.words.errors import SeenbyError

COUNTRIES = "93.192.0.0,93.192.255.255,DE\n1,2,AU\n2001:db8::,2001:dbf::,NL\n"


@pytest.fixture(autouse=True)
def _the_packages_own_afterwards():
    yield
    use_networks(None)
    use_countries(None)


@pytest.fixture
def folder(tmp_path: Path):
    return open_folder(tmp_path / "data")


def test_countries_come_from_a_file_and_are_known_after_the_next_start(folder: Any, tmp_path: Path) -> None:
    file = tmp_path / "countries.csv"
    file.write_text(COUNTRIES)
    assert country_of("93.192.4.9") == ""
    assert "3 spans" in update(folder, str(file))
    load_lists(folder)
    assert country_of("93.192.4.9") == "DE"
    assert country_of("93.193.0.0") == ""
    assert country_of("nonsense") == ""
    assert look(folder, "93.192.4.9").country == "DE"


def test_countries_come_out_of_an_archive(folder: Any, tmp_path: Path) -> None:
    (tmp_path / "country-ipv4-num.csv").write_text("16777216,16777471,AU\n")
    (tmp_path / "readme.md").write_text("not a list")
    with tarfile.open(tmp_path / "lists.tgz", "w:gz") as archive:
        archive.add(tmp_path / "country-ipv4-num.csv", "package/country-ipv4-num.csv")
        archive.add(tmp_path / "readme.md", "package/readme.md")
    update(folder, str(tmp_path / "lists.tgz"))
    load_lists(folder)
    assert country_of("1.0.0.7") == "AU"


def test_a_later_table_of_networks_is_believed_instead_of_the_packages(folder: Any, tmp_path: Path) -> None:
    assert network_of("93.192.4.9").kind is NetworkKind.UNLISTED
    start = 93 * 2**24 + 192 * 2**16
    table = spans_of([(start, start + 65_535, 0)], [], owners=[("cloud", "Somebody's cloud")], note="made up")
    (tmp_path / "networks.bin").write_bytes(pack(table))
    update(folder, str(tmp_path))
    load_lists(folder)
    assert network_of("93.192.4.9").owner == "Somebody's cloud"
    assert network_of("10.0.0.1").kind is NetworkKind.SILENT
    assert any("made up" in line for line in about(folder))


def test_a_damaged_table_is_left_out_and_said(folder: Any) -> None:
    (folder.path / "lists").mkdir()
    (folder.path / "lists" / "networks.bin").write_bytes(b"rubbish")
    load_lists(folder)
    assert network_of("67.231.149.8").kind is NetworkKind.MAIL_SECURITY
    assert "damaged" in about(folder)[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("a,b,c\n", "line 1: not first address", id="no addresses"),
        pytest.param("1,2\n", "line 1: not first address", id="no country"),
        pytest.param("1,2,AU\n9,3,AU\n", "line 2: not first address", id="backwards"),
        pytest.param("1,2,Australia\n", "line 1: not first address", id="a whole name"),
        pytest.param("", "neither a table of networks nor a CSV", id="nothing"),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(folder: Any, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "x-num.csv"
    file.write_text(text)
    with pytest.raises(SeenbyError, match=says):
        update(folder, str(file))


def test_a_name_that_is_nothing_is_refused(folder: Any) -> None:
    with pytest.raises(SeenbyError, match="neither a file nor an installed package"):
        update(folder, "no_such_package_here")


def test_a_package_without_a_list_is_refused(folder: Any) -> None:
    with pytest.raises(SeenbyError, match="neither a table"):
        update(folder, "json")

"""Other people's mail and HTML, read from where it is installed or from archives in .corpora; nothing is unpacked."""

import os
import re
import sys
import tarfile
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

ARCHIVES: Final = Path(os.environ.get("SEENBY_CORPORA", Path(__file__).parents[2] / ".corpora"))
# Which files of which archive are messages.
_MAIL: Final = {
    "dkimpy": r"/tests/data/.*\.(msg|message|mbox)$",
    "flufl_bounce": r"/tests/data/.*\.txt$",
    "mail_parser": r"/tests/mails/mail_",
    "talon": r"/tests/fixtures/standard_replies/.*\.eml$",
}
_PAGES: Final = {"talon": r"/tests/fixtures/html_replies/.*\.html$"}
_TREES: Final = re.compile(r"/tests/testdata/tree-construction/[^/]*\.dat$")


@cache
def of_cpython() -> dict[str, bytes]:
    """The messages that CPython's own tests of `email` read; empty where Python comes without its tests."""
    try:
        folders = [Path(str(resources.files("test.test_email"))) / "data"]
    except ModuleNotFoundError:
        folders = [Path(f"/usr/lib/python3.{sys.version_info.minor}/test/test_email/data")]
        folders += sorted(Path("/usr/lib").glob("python3.*/test/test_email/data"))
    paths = [path for folder in folders for path in sorted(folder.glob("msg_*.txt"))]
    return {f"cpython {path.stem}": path.read_bytes() for path in paths}


@cache
def of_archives() -> dict[str, bytes]:
    """The messages in the archives."""
    return {name: content for archive, wanted in _MAIL.items() for name, content in _members(archive, wanted)}


@cache
def pages() -> list[str]:
    """Every page of HTML in the archives: what html5lib's tests parse, and replies of mail programs."""
    found = [page for _name, content in _members("html5lib", _TREES.pattern) for page in _cases(content)]
    whole = [content for archive, wanted in _PAGES.items() for _name, content in _members(archive, wanted)]
    return found + [content.decode("utf-8", "ignore") for content in whole]


def _members(archive: str, wanted: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(ARCHIVES.glob(f"{archive}-*.tar.gz")):
        with tarfile.open(path) as opened:
            for member in opened:
                if member.isfile() and re.search(wanted, member.name) and (file := opened.extractfile(member)):
                    yield f"{archive} {Path(member.name).name}", file.read()


def _cases(content: bytes) -> Iterator[str]:
    """The pages in one of html5lib's files: what stands between #data and #errors."""
    for case in content.decode("utf-8", "replace").split("#data\n")[1:]:
        yield case.partition("\n#errors")[0]

"""The documentation says what the code does: nothing stale, no dead link, nothing missing."""

import importlib.util
import json
import re
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from seenby.cli import app
from seenby.instrument.reasons import Left, Untouched
from seenby.judge import REASONS, judge_case
from seenby.report.views import VIEWS
from seenby.settings import Settings, load_settings
from seenby.words.event import EventKind
from seenby.words.limits import LIMITS
from seenby.words.message import Delivery, Role, Untracked
from seenby.words.policy import Level
from seenby.words.token import Kind
from seenby.words.verdict import Label, State
from seenby.workbench import copy_json, explain_token, instrument_message
from tests.unit.test_counting_views import EVERY_CAUSE, hit

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
ADRS = sorted((DOCS / "adr").glob("[0-9]*.md"))
LINK = re.compile(r"(?<!`)\[(?:[^\]`]|`[^`]*`)*\]\(([^)\s]+)\)")
MAIL = b"From: a@b.test\r\nContent-Type: text/html\r\n\r\n<p><a href='https://example.org/'>x</a></p>\r\n"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(page: Path) -> set[str]:
    """The headings of a page as a web view names them."""
    heads = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_no_generated_page_is_stale() -> None:
    assert generator().stale() == [], "run: python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_link_is_dead(page: Path) -> None:
    dead = []
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != REFERENCE], ids=name_of)
def test_lines_are_short_enough_to_read(page: Path) -> None:
    text = without_code(page.read_text(encoding="utf-8"))
    # A table's row and a link cannot be wrapped.
    long = [line for line in text.splitlines() if len(re.sub(r"\]\([^)]*\)", "]", line)) > 150 and line[:1] != "|"]
    assert long == []


def test_every_page_is_found_from_the_index() -> None:
    seen, waiting = set(), [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = LINK.findall(without_code(page.read_text(encoding="utf-8")))
        paths = [(page.parent / link.partition("#")[0]).resolve() for link in links if ":" not in link]
        waiting += [path for path in paths if path.is_file()]
    assert sorted(map(name_of, set(DOCS.rglob("*.md")) - seen)) == []


def commands(command: Any, path: str = "seenby") -> Iterable[str]:
    inner = getattr(command, "commands", {})
    for name, one in inner.items():
        if not one.hidden:
            yield from commands(one, f"{path} {name}")
    if not inner:
        yield path


@pytest.mark.parametrize(
    ("page", "rows"),
    [
        pytest.param("settings.md", [f"| `{name}` |" for name in Settings.model_fields], id="settings"),
        pytest.param("limits.md", [f"| {limit.name} |" for limit in LIMITS], id="limits"),
        pytest.param("commands.md", [f"## {name}\n" for name in commands(typer.main.get_command(app))], id="commands"),
        pytest.param("views.md", [f"| `{name}` |" for name in VIEWS], id="ways of counting"),
        pytest.param("reasons.md", [f"| `{code}` |" for code in REASONS], id="reasons of a verdict"),
        pytest.param(
            "untouched.md",
            [f"| `{one.value}` |" for kind in (Untracked, Untouched, Left) for one in kind],
            id="untouched",
        ),
    ],
)
def test_the_reference_has_every_entry(page: str, rows: list[str]) -> None:
    text = (REFERENCE / page).read_text(encoding="utf-8")
    assert [row for row in rows if row not in text] == []


@pytest.mark.parametrize(
    "words", [Level, Label, State, EventKind, Delivery, Role, Untracked, Kind], ids=lambda e: e.__name__
)
def test_the_glossary_has_every_word_of_a_closed_set(words: type[Enum]) -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    names = [one.value if isinstance(one.value, str) else one.name.lower() for one in words]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", ADRS, ids=name_of)
def test_a_decision_has_its_parts_and_names_tests_that_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    number = int(page.name[:4])
    assert text.startswith(f"# {number}. ")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [head for head in heads if head != "Consequences"] == ["Context", "Decision", "Turned down", "Kept true by"]
    assert re.search(r"^Status: ", text, re.MULTILINE)
    kept = text.partition("## Kept true by")[2]
    named = re.findall(r"`(tests/[^`\s]+|pyproject\.toml)`", kept)
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert named or "pyproject.toml" in kept or "othing yet" in kept
    assert f"[{number}]({page.name})" in (DOCS / "adr" / "README.md").read_text(encoding="utf-8")


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [int(page.name[:4]) for page in ADRS]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_contracts_that_decisions_name_are_there() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for page in ADRS:
        kept = " ".join(page.read_text(encoding="utf-8").partition("## Kept true by")[2].split())
        for name in re.findall(r"import contract \"([^\"]+)\"", kept):
            assert f'name = "{name}"' in project, (page.name, name)


def test_every_mark_that_a_way_of_counting_writes_is_documented() -> None:
    text = (REFERENCE / "views.md").read_text(encoding="utf-8")
    figures = [view.read([hit(who, link=link) for link in (None, 0)]) for view in VIEWS.values() for who in EVERY_CAUSE]
    marks = {word for one in figures for mark in one.marks.values() for pair in mark.items() for word in pair if word}
    assert len(marks) > 20
    assert sorted(word for word in marks if f"`{word}`" not in text) == []


def test_the_flow_is_short_and_names_functions_that_are_there() -> None:
    text = (DOCS / "flow.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 70
    missing = []
    where = ""
    for link, name in re.findall(r"\]\(\.\./(src/[^)]+)\)|`([a-z_]+)`(?! leaves)", text):
        if link:
            where = link
        elif name == "keep_address":
            continue
        elif not re.search(rf"def {name}\b", (ROOT / where).read_text(encoding="utf-8")):
            missing.append((where, name))
    assert missing == []


def example(of: str) -> Any:
    """The first JSON example under a heading of json.md."""
    text = (REFERENCE / "json.md").read_text(encoding="utf-8").partition(f"## {of}")[2]
    return json.loads(text.partition("```json\n")[2].partition("```")[0])


def test_what_instrument_prints_has_the_fields_that_are_promised() -> None:
    made = instrument_message(
        MAIL,
        recipients=["r@c.test"],
        sender="",
        pixels="full",
        links="full",
        tracking_url="https://t.test",
        key_file=None,
        mint=lambda size: "A" * (size * 4 // 3 + (1 if size % 3 else 0)),
    )
    copy, promised = copy_json(made[0]), example("seenby instrument")["copies"][0]
    assert copy.keys() == promised.keys()
    assert copy["links"][0].keys() == promised["links"][0].keys()
    told = explain_token(copy["links"][0]["url"], settings=load_settings(data=Path("/nonexistent")))
    assert told.keys() == example("seenby explain").keys()


def test_what_judge_prints_is_what_is_promised() -> None:
    text = (REFERENCE / "json.md").read_text(encoding="utf-8").partition("## seenby judge")[2]
    case, answer = (block.partition("```")[0] for block in text.split("```json\n")[1:3])
    assert judge_case(json.loads(case)) == json.loads(answer)


def test_what_is_shown_to_be_typed_is_a_command_or_a_target() -> None:
    there = set(commands(typer.main.get_command(app)))
    firsts = {name.split()[1] for name in there}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    unknown = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        typed = re.findall(r"(?:^|`)(seenby|make) ([a-z-]+)", text, re.MULTILINE)
        unknown += [(name_of(page), *one) for one in typed if one[1] not in (firsts if one[0] == "seenby" else targets)]
    assert unknown == []


def test_python_in_the_tutorial_compiles() -> None:
    for page in PAGES:
        for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            compile(block, name_of(page), "exec")


def test_nothing_in_the_repository_names_a_file_of_somebodys_machine() -> None:
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(?:work|root|home)/", page.read_text(encoding="utf-8")), name_of(page)

"""Writes the reference pages that are made from the code, so that they cannot say anything else than it.

python docs/generate.py            writes them
python docs/generate.py --check    names the stale ones; status 1 when there is one
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import typer
from prometheus_client import REGISTRY

from seenby.cli import app
from seenby.instrument.reasons import Left, Untouched
from seenby.journal import MemoryJournal
from seenby.report.views import VIEWS
from seenby.settings import Settings
from seenby.tracker.counts import Counts
from seenby.tracker.house import House
from seenby.tracker.trust import Trust
from seenby.words.limits import LIMITS
from seenby.words.message import Untracked
from seenby.words.token import Keyring
from seenby.workbench import settings_table

REFERENCE: Final = Path(__file__).parent / "reference"
_NO_LIMITS: Final = {"request_seconds": 1.0, "most_connections": 1}
MADE: Final = "<!-- Made by docs/generate.py from {source}. Change it there. -->\n"


def settings_page() -> str:
    """Every field of Settings."""
    opening = """\
Seenby reads its settings once, at start: what the command line gives, then the environment, then a TOML file, then
the defaults. The file is `seenby.toml` in the current folder, or the one that `SEENBY_CONFIG` names; in it a setting
stands under its plain name (`next_hop = "smtp://…"`). A name in the file that is no setting is an
error; a misspelt variable is not noticed.

Spans are written `90s`, `5m`, `4h` or `5d`. `seenby settings` prints the same list with the values in force.
"""
    rows = settings_table(Settings.model_construct())
    return _page(
        "Settings",
        "src/seenby/settings.py",
        opening,
        _table(
            ("setting", "environment", "default", "unit", "meaning"),
            (
                (f"`{row['name']}`", f"`{row['environment']}`", _code(_default(row)), row["unit"], row["sentence"])
                for row in rows
            ),
        ),
    )


def _default(row: Mapping[str, str]) -> str:
    default = Settings.model_fields[row["name"]].default
    return default if isinstance(default, str) else row["default"]


def limits_page() -> str:
    """Every entry of LIMITS."""
    opening = "What Seenby takes at most, and what happens beyond it. `seenby limits` prints the same table.\n"
    rows = ((limit.name, f"{limit.value:,} {limit.unit}".strip(), limit.beyond) for limit in LIMITS)
    return _page("Limits", "src/seenby/words/limits.py", opening, _table(("limit", "most", "beyond it"), rows))


def commands_page() -> str:
    """Every command that `seenby --help` shows."""
    opening = """\
Every command has `--help`. What you can mend is told in one sentence on standard error, with status 1.
Type them in the folder where Seenby was started, or give `--data`; after `make run` it is `.venv/bin/seenby`.
"""
    return _page("Commands", "src/seenby/cli", opening, *_commands(typer.main.get_command(app), ("seenby",)))


def _commands(command: Any, path: Sequence[str]) -> Iterator[str]:  # noqa: ANN401 - typer's own copy of click
    inner: Mapping[str, Any] = getattr(command, "commands", {})
    if inner:
        for name, one in inner.items():
            if not one.hidden:
                yield from _commands(one, (*path, name))
        return
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and not param.hidden]
    words = [param.name.upper() for param in arguments]
    usage = " ".join(
        (*path, *(word if param.required else f"[{word}]" for word, param in zip(words, arguments, strict=True)))
    )
    yield f"\n## {' '.join(path)}\n\n{command.help}\n\n```\n{usage}{' [OPTIONS]' if options else ''}\n```\n"
    rows = [(f"`{word}`", param.help or "", _given(param)) for word, param in zip(words, arguments, strict=True)]
    rows += [(", ".join(f"`{name}`" for name in param.opts), param.help or "", _given(param)) for param in options]
    if rows:
        yield "\n" + _table(("", "meaning", "default"), rows)


def _given(param: Any) -> str:  # noqa: ANN401 - typer's own copy of click
    if param.required:
        return "must be given"
    return "" if param.default in (None, "", False) or callable(param.default) else f"`{param.default}`"


def metrics_page() -> str:
    """Every number that a process hands to Prometheus, but those of Python itself."""
    opening = """\
What `/metrics` holds at `tracker_metrics_listen` and `app_metrics_listen`, in Prometheus' text format; beside it stand
the usual numbers about the process (`process_…`, `python_…`). No label names a person, a message or a place.
[Watch it](../howto/watch-it.md) says which of them to look at.
"""
    tracker = Counts(House(trust=Trust(Keyring({}, 0)), journal=MemoryJournal(), trusted_proxies=(), **_NO_LIMITS))
    ours = sorted((one for one in REGISTRY.collect() if one.name.startswith("seenby_")), key=lambda one: one.name)
    return _page(
        "Metrics",
        "src/seenby/maillog.py and src/seenby/tracker/counts.py",
        opening,
        "\n## Of a tracker process\n\n" + _metrics(tracker.collect()),
        "\n## Of what the log tells\n\n" + _metrics(ours),
    )


def _metrics(found: Iterable[Any]) -> str:
    rows = ((f"`{one.name}{'_total' if one.type == 'counter' else ''}`", one.type, one.documentation) for one in found)
    return _table(("name", "type", "meaning"), rows)


def views_page() -> str:
    """Every way of counting."""
    opening = """\
The same fetches, counted as Seenby counts and as other products document that they do. All are read from Seenby's
verdicts, change none of them, and follow when a verdict is revised. *People only* always stands beside the one that
is chosen: on a message's page under *Count as* (remembered for you; `?view=NAME` for once), and with
`seenby report MESSAGE --view NAME`. [What they cannot be](#what-they-cannot-be) is said below.
"""
    rows = ((f"`{view.name}`", view.title, view.sentence, view.source) for view in VIEWS.values())
    return _page(
        "Ways of counting",
        "src/seenby/report/views",
        opening,
        _table(("name", "on the page", "how it counts", "after the public page"), rows),
        VIEWS_NOTES,
    )


VIEWS_NOTES: Final = """
## What stands beside each fetch

| way of counting | field | values |
| --- | --- | --- |
| Marketo | `Is Bot Activity` | `True`, `False`; empty for what was never examined |
| | `Bot Activity Pattern` | `Match with IAB list`, `Match with proximity pattern`; `N/A` for no robot; empty likewise |
| Mailgun | `bot` | `apple`, `gmail`, `generic`; empty where no bot was found |
| SendGrid | `sg_machine_open` | `true` for Apple's privacy prefetch, else `false`; on opens only |
| Iterable | `isBot` | `true` for scanners, previews and scripts |
| | `proxySource` | `Apple`, `Gmail`, `Yahoo` or empty; on opens only |
| Constant Contact | `open` | `confirmed` or `proxy`; one that became confirmed says what it `was`, and `confirmed at` |
| Act-On | `True Open` | `person`, `security system`, `privacy system` |

`seenby report --json` has them under `marks`, by the id of the fetch.

## What they cannot be

- Nobody publishes the lists and models inside these products. Where one of them would call something a bot, this page
  takes what Seenby's judge found out, by the reasons it gives; where Seenby does not know, the others count, so it
  counts there. Figures agree in kind, not to the last one.
- Marketo's proximity is arithmetic and the same here: one kind of activity, one person, one message, and less than the
  setting plus one second apart. `marketo` is its default, 0; `marketo-1` to `marketo-3` are the others.
- Mailgun says of `gmail` only that it is "a Gmail bot". Here that is Gmail's prefetch; its image proxy, which fetches
  when somebody opens, leaves the field empty.
- Iterable's `isBot` does not cover Apple's prefetch here; `proxySource` tells it.
- Gong's help page counts the sender's own opens in some browsers and not in others. Here they never count.
- Below the level `full` nothing is kept of a proxy's name, so `proxySource` stays empty for opens through Gmail and
  Yahoo.
- A fetch on a token that all copies share (level `counted`) is in the totals and in no number of recipients.
"""


def untouched_page() -> str:
    """Every reason for which a message, a copy, a part or a link stays as it was."""
    opening = """\
Seenby changes a message only where it understands it. Whatever it leaves alone, it says why; these are all the
reasons there are. The sentence is the one on the message's page, the code the one in `--json` output and in the store.
"""
    return _page(
        "Reasons for leaving things alone",
        "src/seenby/instrument/reasons.py and src/seenby/words/message.py",
        opening,
        *_reasons("One recipient's copy carries nothing", Untracked),
        *_reasons("The whole message goes out as it came", Untouched),
        *_reasons("One part or link stays as it is", Left),
    )


def _reasons(title: str, reasons: Iterable[StrEnum]) -> Iterator[str]:
    rows = ((f"`{reason.value}`", reason.sentence) for reason in reasons)  # type: ignore[attr-defined]
    yield f"\n## {title}\n\n" + _table(("code", "sentence"), rows)


def _page(title: str, source: str, *blocks: str) -> str:
    first, *rest = blocks
    body = "".join(block if block.startswith("\n") else f"\n{block}" for block in rest)
    return f"{MADE.format(source=source)}\n# {title}\n\n{first}{body}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "limits.md": limits_page,
    "commands.md": commands_page,
    "untouched.md": untouched_page,
    "metrics.md": metrics_page,
    "views.md": views_page,
}


def stale() -> Sequence[str]:
    """The pages that say something else than the code does."""
    return [name for name, make in PAGES.items() if _on_disk(name) != make()]


def _on_disk(name: str) -> str:
    path = REFERENCE / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with --check say which ought to be written."""
    if "--check" in arguments:
        for name in (found := stale()):
            sys.stderr.write(f"docs/reference/{name} is stale. Run: python docs/generate.py\n")
        return 1 if found else 0
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

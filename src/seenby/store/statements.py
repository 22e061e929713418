"""Named statements, read from the .sql files beside this: a name, a sentence, the SQL.

    -- claim_copies: take due copies of one next hop
    -- claim_copies [postgresql]: the same, skipping what another worker holds

The second form replaces the first on that database; everything else is common to both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_HEAD = re.compile(r"^-- (?P<name>\w+)(?: \[(?P<dialect>\w+)\])?: (?P<sentence>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One named piece of SQL and the sentence that says what it does."""

    name: str
    sentence: str
    sql: str


@cache
def statements(dialect: str) -> Mapping[str, Statement]:
    """All statements for `dialect` (sqlite or postgresql), by name."""
    common: dict[str, Statement] = {}
    own: dict[str, Statement] = {}
    for file in files("seenby.store").joinpath("sql").iterdir():
        if not file.name.endswith(".sql"):
            continue
        text = file.read_text(encoding="utf-8")
        heads = list(_HEAD.finditer(text))
        for head, after in zip(heads, [*heads[1:], None], strict=True):
            sql = text[head.end() : after.start() if after else None].strip().rstrip(";")
            found = Statement(name=head["name"], sentence=head["sentence"], sql=sql)
            if head["dialect"] is None:
                common[found.name] = found
            elif head["dialect"] == dialect:
                own[found.name] = found
    return common | own

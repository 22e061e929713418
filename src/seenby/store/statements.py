"""Named statements, read from the .sql files beside this: a name, a sentence, the SQL.

    -- claim_copies: take due copies of one next hop
    -- claim_copies [postgresql]: the same, skipping what another worker holds

The second form replaces the first on that database; everything else is common to both. A list that is handed over as
JSON is written for SQLite, `select value from json_each(:names)`, and read on PostgreSQL in its own words; so is a list
that is made of rows, `json_group_array(name)`.

    -- still_counts [part]: a condition that several statements share

stands wherever one of them says {still_counts}.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

_HEAD = re.compile(r"^-- (?P<name>\w+)(?: \[(?P<dialect>\w+)\])?: (?P<sentence>.+)$", re.MULTILINE)
_LISTED = re.compile(r"select value from json_each\(:(\w+)\)")
_PART = re.compile(r"\{(\w+)\}")


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
    parts: dict[str, str] = {}
    for file in files("seenby.store").joinpath("sql").iterdir():
        if not file.name.endswith(".sql"):
            continue
        text = file.read_text(encoding="utf-8")
        heads = list(_HEAD.finditer(text))
        for head, after in zip(heads, [*heads[1:], None], strict=True):
            sql = text[head.end() : after.start() if after else None].strip().rstrip(";")
            if dialect == "postgresql":
                sql = _LISTED.sub(r"select json_array_elements_text(cast(:\1 as json)) as value", sql)
                sql = sql.replace("json_group_array(", "json_agg(")
            found = Statement(name=head["name"], sentence=head["sentence"], sql=sql)
            if head["dialect"] == "part":
                parts[found.name] = sql
            elif head["dialect"] is None:
                common[found.name] = found
            elif head["dialect"] == dialect:
                own[found.name] = found
    whole = {**common, **own}
    return {name: replace(one, sql=_PART.sub(lambda said: parts[said[1]], one.sql)) for name, one in whole.items()}

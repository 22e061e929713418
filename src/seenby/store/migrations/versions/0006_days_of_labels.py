"""A label's days are summed like those of all mail."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SUMS = (
    *("copies", "measurable", "sent", "bounced", "opened", "probably", "cannot_know", "clicked", "replied"),
    *("unsubscribed", "complained", "opens", "clicks", "raw_opens", "raw_clicks", "machines", "measured", "fetched"),
    *("pixel_and_link", "pixel", "link", "apple_proven", "apple_clicked", "apple_silent", "scanned"),
)
FACETS = ("opens", "clicks", "machines")
DIMENSIONS = ("client", "system", "country", "hour", "cause")
EACH = {
    "sqlite": (
        "join json_each(f.{}) j",
        "j.key",
        [f"sum(json_extract(j.value, '$[{at}]'))" for at in range(len(FACETS))],
    ),
    "postgresql": (
        "cross join lateral json_each(cast(f.{} as json)) j",
        "j.key",
        [f"sum(cast(j.value ->> {at} as integer))" for at in range(len(FACETS))],
    ),
}


def upgrade() -> None:
    for table in ("days", "day_facets"):
        _set_aside(table)
    _make_days(labelled=True)
    _make_facets(labelled=True)
    sums = ", ".join(SUMS)
    of_all = f"team, day, sender, messages, {sums}"
    op.execute(f"insert into days ({of_all}) select {of_all} from old_days")
    op.execute(
        f"insert into days (team, label, day, sender, messages, {sums}) "
        f"select l.team, l.label, s.day, s.sender, count(*), {', '.join(f'sum(s.{name})' for name in SUMS)} "
        "from labels l join sums s on s.message = l.message group by l.team, l.label, s.day, s.sender"
    )
    columns = f"dimension, day, sender, value, {', '.join(FACETS)}"
    op.execute(f"insert into day_facets (team, {columns}) select team, {columns} from old_day_facets")
    each, key, counted = EACH[op.get_bind().dialect.name]
    for dimension in DIMENSIONS:
        op.execute(
            f"insert into day_facets (team, label, {columns}) "
            f"select l.team, l.label, '{dimension}', f.day, f.sender, {key}, {', '.join(counted)} "
            f"from labels l join facets f on f.message = l.message {each.format(dimension)} "
            f"group by l.team, l.label, f.day, f.sender, {key}"
        )
    for table in ("days", "day_facets"):
        op.drop_table(f"old_{table}")


def downgrade() -> None:
    for table in ("days", "day_facets"):
        _set_aside(table)
    _make_days(labelled=False)
    _make_facets(labelled=False)
    for table, columns in (
        ("days", f"team, day, sender, messages, {', '.join(SUMS)}"),
        ("day_facets", f"team, dimension, day, sender, value, {', '.join(FACETS)}"),
    ):
        op.execute(f"insert into {table} ({columns}) select {columns} from old_{table} where label = ''")
        op.drop_table(f"old_{table}")


def _set_aside(table: str) -> None:
    op.rename_table(table, f"old_{table}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"alter index {table}_pkey rename to old_{table}_pkey")


def _label(*, labelled: bool) -> list[sa.Column[str]]:
    return [sa.Column("label", sa.Text(), server_default="", nullable=False)] if labelled else []


def _make_days(*, labelled: bool) -> None:
    op.create_table(
        "days",
        sa.Column("team", sa.Text(), nullable=False),
        *_label(labelled=labelled),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in ("messages", *SUMS)),
        sa.PrimaryKeyConstraint("team", *(["label"] if labelled else []), "day", "sender"),
    )


def _make_facets(*, labelled: bool) -> None:
    op.create_table(
        "day_facets",
        sa.Column("team", sa.Text(), nullable=False),
        *_label(labelled=labelled),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in FACETS),
        sa.PrimaryKeyConstraint("team", *(["label"] if labelled else []), "dimension", "day", "sender", "value"),
    )

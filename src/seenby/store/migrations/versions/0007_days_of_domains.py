"""What became of the copies to each domain is summed by day."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SUMS = ("copies", "sent", "measured", "opened", "clicked", "replied", "bounced")
MOST = 30  # domains of one message; the others together have no name
# By the letters' numbers, whatever language the database is in; and an object of lists.
WORDS = {
    "sqlite": ("", "json_group_object({}, json_array({}))"),
    "postgresql": (' collate "C"', "cast(json_object_agg({}, json_build_array({})) as text)"),
}
_IS = "case when {} then 1 else 0 end"
_HAS_PIXEL = "s.measured > 0 and r.pixels >= 2 and r.untracked is null and r.state = 'sent'"
EACH = {
    "copies": "1",
    "sent": _IS.format("r.state = 'sent'"),
    "measured": _IS.format(_HAS_PIXEL),
    "opened": _IS.format(f"{_HAS_PIXEL} and (r.opens > 0 or r.clicks > 0)"),
    "clicked": _IS.format("r.clicked in ('seen', 'probably')"),
    "replied": _IS.format("r.replied_at is not null"),
    "bounced": _IS.format("r.state in ('bounced', 'failed')"),
}


def upgrade() -> None:
    op.add_column("sums", sa.Column("domains", sa.Text(), server_default="{}", nullable=False))
    op.create_table(
        "day_domains",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        *_counts(),
        sa.PrimaryKeyConstraint("team", "label", "sender", "day", "domain"),
        sqlite_with_rowid=False,
    )
    _make_counts()
    whole = ", ".join(f"sum(w.{name})" for name in SUMS)
    columns = f"team, label, sender, day, domain, {', '.join(SUMS)}"
    for label, called in (("''", ""), ("l.label", "join labels l on l.message = s.message ")):
        for sender in ("''", "s.sender"):
            op.execute(
                f"insert into day_domains ({columns}) select s.team, {label}, {sender}, s.day, w.domain, {whole} "
                f"from went_to w join sums s on s.message = w.message {called}"
                f"group by s.team, s.day, w.domain{_also(label)}{_also(sender)}"
            )
    op.drop_table("went_to")


def downgrade() -> None:
    op.drop_table("day_domains")
    with op.batch_alter_table("sums") as batch_op:
        batch_op.drop_column("domains")


def _also(column: str) -> str:
    return "" if column == "''" else f", {column}"


def _counts() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in SUMS]


def _make_counts() -> None:
    """What each message counts for by domain, to be added up, and as it is kept beside its sums."""
    collate, written = WORDS[op.get_bind().dialect.name]
    op.create_table(
        "went_to",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        *_counts(),
        sa.PrimaryKeyConstraint("message", "domain"),
    )
    summed = ", ".join(f"sum({each}) as {name}" for name, each in EACH.items())
    named = f"case when place <= {MOST} then domain else '' end"
    op.execute(
        f"insert into went_to (message, domain, {', '.join(SUMS)}) "
        f"select message, {named}, {', '.join(f'sum({name})' for name in SUMS)} from (select r.message, r.domain, "
        f"row_number() over (partition by r.message order by count(*) desc, r.domain{collate}) as place, {summed} "
        "from sums s join recipients r on r.message = s.message "
        "where (r.untracked is null or r.untracked = 'off') "
        "and not exists (select 1 from seeds d where d.team = r.team and d.address = r.address_key) "
        f"group by r.message, r.domain) as counted group by message, {named}"
    )
    op.execute(
        f"update sums set domains = (select {written.format('w.domain', ', '.join(f'w.{name}' for name in SUMS))} "
        "from went_to w where w.message = sums.message) "
        "where exists (select 1 from went_to w where w.message = sums.message)"
    )

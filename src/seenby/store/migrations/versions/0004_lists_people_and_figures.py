"""For lists, people and figures: what messages are found by, what is noted of people, and sums by day.

What was there before is found and counted like new mail.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


_SUMS = (
    "copies",
    "measurable",
    "sent",
    "bounced",
    "opened",
    "probably",
    "cannot_know",
    "clicked",
    "replied",
    "unsubscribed",
    "complained",
    "opens",
    "clicks",
    "raw_opens",
    "raw_clicks",
    "machines",
    "measured",
    "fetched",
    "pixel_and_link",
    "pixel",
    "link",
    "apple_proven",
    "apple_clicked",
    "apple_silent",
    "scanned",
)


def upgrade() -> None:
    op.create_table(
        "sums",
        sa.Column("message", sa.Text(), primary_key=True, nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in _SUMS),
    )
    op.create_table(
        "days",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("messages", sa.Integer(), server_default="0", nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint("team", "day", "sender"),
    )
    op.create_table(
        "labels",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team", "label", "message"),
    )
    op.create_index("labels_list", "labels", ["team", "label", "accepted_at", "message"])
    op.create_index("labels_message", "labels", ["message"])

    op.create_table(
        "notes",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team", "address"),
    )
    op.create_table(
        "reminders",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("unless", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("sender", "message"),
    )
    op.create_index("reminders_due", "reminders", ["ended_at", "due_at"])

    op.create_table(
        "saved_filters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("saved_filters_sender", "saved_filters", ["sender"])

    op.create_table(
        "unwatched",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "message"),
    )
    with op.batch_alter_table("messages") as batch_op:
        batch_op.add_column(sa.Column("opened", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("clicked", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("replied", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index("messages_list", ["team", "accepted_at", "id", "sender", "opened", "clicked", "replied"])

    is_unsubscribed = sa.text("kind = 'unsubscribed'")
    op.create_index(
        "events_unsubscribed",
        "events",
        ["message"],
        sqlite_where=is_unsubscribed,
        postgresql_where=is_unsubscribed,
    )
    op.drop_index("messages_team_accepted", "messages")
    with op.batch_alter_table("recipients") as batch_op:
        batch_op.add_column(sa.Column("address_key", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("domain", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("accepted_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("fetched", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("apple", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("scanned", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index("recipients_domain", ["team", "domain", "accepted_at", "message"])
        batch_op.create_index("recipients_person", ["team", "address_key", "accepted_at", "message"])
    has_failed = sa.text("state in ('bounced', 'failed')")
    op.create_index(
        "recipients_failed",
        "recipients",
        ["team", "accepted_at", "message"],
        sqlite_where=has_failed,
        postgresql_where=has_failed,
    )
    with op.batch_alter_table("senders") as batch_op:
        batch_op.add_column(sa.Column("sign_in_hash", sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("sessions") as batch_op:
        batch_op.add_column(sa.Column("made_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("agent", sa.Text(), server_default="", nullable=False))
    op.create_index("sums_team", "sums", ["team", "message"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(_SEARCH_SQLITE if is_sqlite else _SEARCH_POSTGRES), *_known(is_sqlite=is_sqlite)):
        op.execute(statement)


# One row a message, in the order of their coming, so that the newest are found first. The team is a word of its own:
# nobody's search reads another's mail.
_SEARCH_SQLITE = (
    """create virtual table search using fts5 (team, words, message unindexed,
    tokenize = "unicode61 remove_diacritics 2", prefix = "2 3")""",
)
_SEARCH_POSTGRES = (
    """create table search (seq bigint generated always as identity primary key, team text not null,
    message text not null unique, words tsvector not null)""",
    "create index search_words on search using gin (words)",
    "create index search_team on search (team, seq)",
)


def _known(*, is_sqlite: bool) -> tuple[str, ...]:
    """Fill in what the messages of before say."""
    domain = "substr(address, instr(address, '@') + 1)" if is_sqlite else "split_part(address, '@', 2)"
    people = (
        "select group_concat(r.name || ' ' || r.address, ' ') from recipients r where r.message = m.id"
        if is_sqlite
        else "select string_agg(r.name || ' ' || r.address, ' ') from recipients r where r.message = m.id"
    )
    words = f"m.subject || ' ' || m.from_address || ' ' || coalesce(({people}), '')"
    if not is_sqlite:
        words = f"to_tsvector('simple', translate({words}, '@._-', '    '))"
    team = "hex(m.team)" if is_sqlite else "m.team"
    rank = "case {} when 'seen' then 3 when 'probably' then 2 when 'cannot_know' then 1 else 0 end"
    best = "coalesce((select max({}) from recipients r where r.message = messages.id "
    best += "and (r.untracked is null or r.untracked = 'off')), 0)"
    return (
        f"update recipients set address_key = lower(address), domain = lower({domain}), "
        "accepted_at = (select m.accepted_at from messages m where m.id = recipients.message)",
        f"update recipients set fetched = {_ANY.format(_FETCHED)}, apple = {_ANY.format(_APPLE)}, "
        f"scanned = {_ANY.format(_SCANNED)}",
        f"update messages set opened = {best.format(rank.format('r.opened'))}, "
        f"clicked = {best.format(rank.format('r.clicked'))}",
        f"insert into search (team, words, message) select {team}, {words}, m.id from messages m "
        "where m.sender is not null order by m.accepted_at, m.id",
        *_DAYS,
    )


_ANY = """coalesce((select max(case when {} then 1 else 0 end) from hits h
  left join verdicts v on v.hit = h.id and v.until is null
  where h.message = recipients.message and h.recipient = recipients.id), 0)"""
_FETCHED = "h.channel = 'open'"
_APPLE_ONE = """(v.reasons like '%"apple_prefetch"%' or v.reasons like '%"apple_network"%')"""
_AHEAD = """(v.reasons like '%"gmail_prefetch"%' or v.reasons like '%"early_proxy"%')"""
_APPLE = f"v.label = 'prefetch' and {_APPLE_ONE}"
_SCANNED = f"v.label in ('scanner', 'preview_bot') or v.label = 'prefetch' and not {_APPLE_ONE} and not {_AHEAD}"
_PEOPLE = """(select m.id, count(r.id) as copies,
  sum(case when r.pixels >= 2 and r.untracked is null and m.untouched is null then 1 else 0 end) as measurable,
  sum(case when r.state = 'sent' then 1 else 0 end) as sent,
  sum(case when r.state in ('bounced', 'failed') then 1 else 0 end) as bounced,
  sum(case when r.opened = 'seen' then 1 else 0 end) as opened,
  sum(case when r.opened = 'probably' then 1 else 0 end) as probably,
  sum(case when r.opened = 'cannot_know' then 1 else 0 end) as cannot_know,
  sum(case when r.clicked in ('seen', 'probably') then 1 else 0 end) as clicked,
  sum(case when r.replied_at is not null then 1 else 0 end) as replied,
  sum(r.opens) as opens, sum(r.clicks) as clicks,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' then 1 else 0 end), 0) as
  measured,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.fetched = 1 then 1 else 0
  end), 0) as fetched,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 0 and r.opens > 0
  and r.clicks > 0 then 1 else 0 end), 0) as pixel_and_link,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 0 and r.opens > 0
  and r.clicks = 0 then 1 else 0 end), 0) as pixel,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 0 and r.opens = 0
  and r.clicks > 0 then 1 else 0 end), 0) as link,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 1 and (r.opens > 0
  or r.clicks > 0) then 1 else 0 end), 0) as apple_proven,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 1 and r.clicks > 0
  then 1 else 0 end), 0) as apple_clicked,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 1 and r.opens = 0
  and r.clicks = 0 then 1 else 0 end), 0) as apple_silent,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.scanned = 1 then 1 else 0
  end), 0) as scanned
from messages m join recipients r on r.message = m.id and (r.untracked is null or r.untracked = 'off')
  and not exists (select 1 from seeds d where d.team = r.team and d.address = r.address_key)
where m.sender is not null group by m.id)"""
_HITS = """(select message, sum(case when channel = 'open' then 1 else 0 end) as raw_opens,
  sum(case when channel = 'click' and link <> 65535 then 1 else 0 end) as raw_clicks from hits group by message)"""
_DAYS = (
    f"""insert into sums (message, team, sender, day, copies, measurable, sent, bounced, opened, probably, cannot_know,
  clicked, replied, unsubscribed, complained, opens, clicks, raw_opens, raw_clicks, machines, measured, fetched,
  pixel_and_link, pixel, link, apple_proven, apple_clicked, apple_silent, scanned)
select m.id, m.team, m.sender, m.accepted_at / 86400000000, coalesce(p.copies, 0), coalesce(p.measurable, 0),
  coalesce(p.sent, 0), coalesce(p.bounced, 0), coalesce(p.opened, 0), coalesce(p.probably, 0),
  coalesce(p.cannot_know, 0), coalesce(p.clicked, 0), coalesce(p.replied, 0),
  (select count(*) from events e where e.message = m.id and e.kind = 'unsubscribed'),
  (select count(*) from attempts a where a.message = m.id and a.outcome = 'complaint'),
  coalesce(p.opens, 0), coalesce(p.clicks, 0), coalesce(h.raw_opens, 0), coalesce(h.raw_clicks, 0),
  (select count(*) from verdicts v where v.message = m.id and v.until is null
    and v.label not in ('human', 'proxy_human', 'unknown')),
  coalesce(p.measured, 0), coalesce(p.fetched, 0), coalesce(p.pixel_and_link, 0), coalesce(p.pixel, 0),
  coalesce(p.link, 0),
  coalesce(p.apple_proven, 0), coalesce(p.apple_clicked, 0), coalesce(p.apple_silent, 0), coalesce(p.scanned, 0)
from messages m left join {_PEOPLE} p on p.id = m.id left join {_HITS} h on h.message = m.id
where m.sender is not null""",
    f"""insert into days (team, day, sender, messages, {", ".join(_SUMS)})
select team, day, sender, count(*), {", ".join(f"sum({name})" for name in _SUMS)}
from sums group by team, day, sender""",
)


def downgrade() -> None:
    with op.batch_alter_table("sessions") as batch_op:
        batch_op.drop_column("agent")
        batch_op.drop_column("made_at")
    with op.batch_alter_table("senders") as batch_op:
        batch_op.drop_column("sign_in_hash")
    op.drop_index("recipients_failed", "recipients")
    op.drop_index("recipients_person", "recipients")
    op.drop_index("recipients_domain", "recipients")
    with op.batch_alter_table("recipients") as batch_op:
        batch_op.drop_column("scanned")
        batch_op.drop_column("apple")
        batch_op.drop_column("fetched")
        batch_op.drop_column("accepted_at")
        batch_op.drop_column("domain")
        batch_op.drop_column("address_key")

    op.drop_index("messages_list", "messages")
    with op.batch_alter_table("messages") as batch_op:
        batch_op.drop_column("replied")
        batch_op.drop_column("clicked")
        batch_op.drop_column("opened")

    op.create_index("messages_team_accepted", "messages", ["team", "accepted_at", "id"])
    op.drop_index("events_unsubscribed", "events")
    op.drop_table("search")
    op.drop_table("unwatched")
    op.drop_index("saved_filters_sender", "saved_filters")

    op.drop_table("saved_filters")
    op.drop_index("reminders_due", "reminders")

    op.drop_table("reminders")
    op.drop_table("notes")
    op.drop_index("labels_message", "labels")
    op.drop_index("labels_list", "labels")

    op.drop_table("labels")
    op.drop_table("days")
    op.drop_table("sums")

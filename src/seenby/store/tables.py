"""The tables. Times are whole microseconds since 1970 in UTC; ids are random texts; every row names its team.

Texts and whole numbers only, so that SQLite and PostgreSQL hold exactly the same.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import sqlite

METADATA = MetaData()
_Rising = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def _text(name: str, *, null: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=null, server_default=default)


def _number(name: str, *, default: str | None = None) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=default)


def _time(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


teams = Table(
    "teams",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("name"),
    _number("pixels"),  # the team's ceiling, a Level
    _number("links"),
    _time("made_at"),
)

# Mail to these domains goes to a colleague and is never instrumented.
team_domains = Table("team_domains", METADATA, _text("team"), _text("domain"), PrimaryKeyConstraint("team", "domain"))

senders = Table(
    "senders",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("team"),
    _text("address"),  # also the SMTP user; Address.key
    _text("role"),  # owner or member
    _text("password_hash"),
    _text("sign_in_hash", default=""),  # argon2id of the password for the pages; empty: by link only
    _number("pixels"),  # the default for this sender's messages, a Level
    _number("links"),
    _number("notify", default="1"),
    _text("next_hop", default=""),  # empty: the installation's
    _text("wishes", default=""),  # of the rewriting, as `write_wishes` writes them; empty: none
    _number("unsubscribe", default="0"),  # 1: recipients get a way to unsubscribe
    Column("bell_seen", BigInteger, nullable=False, server_default="0"),  # the last event looked at
    _time("made_at"),
    Index("senders_address", "address", unique=True),
    Index("senders_team", "team"),
)

# Addresses that a sender may write as From, the sender's own among them.
addresses = Table(
    "addresses",
    METADATA,
    Column("address", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    Index("addresses_sender", "sender"),
    Index("addresses_team", "team"),
)

sign_in_links = Table(
    "sign_in_links",
    METADATA,
    Column("hash", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    _time("ends_at"),
    _time("used_at", null=True),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("hash", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    _time("ends_at"),
    _time("made_at", null=True),
    _text("agent", default=""),  # the browser, as it called itself when it signed in
    Index("sessions_sender", "sender"),
)

# Where the team itself works from: an own look at a message comes from here.
places = Table(
    "places",
    METADATA,
    _text("team"),
    _text("address"),
    _time("seen_at"),
    PrimaryKeyConstraint("team", "address"),
)

messages = Table(
    "messages",
    METADATA,
    Column("id", Text, primary_key=True),  # what tokens carry
    _text("team"),
    _text("sender", null=True),  # null: Seenby itself wrote it, a DSN
    _text("message_id"),
    _text("thread"),
    _text("subject"),
    _text("from_address"),
    _number("size"),
    _number("key_id"),
    _text("tracking_url"),
    _text("wishes", default=""),  # the sender's, frozen at acceptance
    _number("unsubscribe", default="0"),  # 1: recipients' copies carry List-Unsubscribe
    _text("untouched", null=True),  # why nobody's copy could be instrumented
    _text("notes", default="[]"),
    _number("link_count", default="0"),
    _number("honeypot", default="0"),  # 1: its copies carry a link that nobody sees
    _time("accepted_at"),
    _time("active_at"),  # the last thing that happened to it
    _number("opened", default="0"),  # the best of its recipients' states: 0 no sign, 1 cannot know, 2 probably, 3 seen
    _number("clicked", default="0"),
    _number("replied", default="0"),  # 1: somebody is known to have answered
    _time("judge_at", null=True),  # from when it is to be judged: it has hits that nobody has read, or news is due
    Index("messages_sender_accepted", "sender", "accepted_at", "id"),
    Index("messages_thread", "team", "thread"),
    Index("messages_message_id", "team", "message_id"),
    Index("messages_judge_at", "judge_at"),
    # Whatever the list is filtered by is in it, so that looking for a rare one reads no message.
    Index("messages_list", "team", "accepted_at", "id", "sender", "opened", "clicked", "replied"),
)

# What a team calls some of its messages, to find and to count them.
labels = Table(
    "labels",
    METADATA,
    _text("team"),
    _text("label"),
    _text("message"),
    _time("accepted_at"),  # the message's
    PrimaryKeyConstraint("team", "label", "message"),
    Index("labels_list", "team", "label", "accepted_at", "message"),
    Index("labels_message", "message"),
)

# A list that somebody looks at again and again: what it is filtered by, as in the page's address.
saved_filters = Table(
    "saved_filters",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    _text("name"),
    _text("query"),
    _time("made_at"),
    Index("saved_filters_sender", "sender"),
)

# What somebody wrote down about a person the team writes to.
notes = Table(
    "notes",
    METADATA,
    _text("team"),
    _text("address"),  # Address.key
    _text("text"),
    _text("sender"),  # who wrote it last
    _time("at"),
    PrimaryKeyConstraint("team", "address"),
)

# "Remind me of this message": at a time, unless somebody answered or gave a sign before.
reminders = Table(
    "reminders",
    METADATA,
    _text("sender"),
    _text("message"),
    _text("team"),
    _text("unless"),  # answered, seen or nothing
    _time("due_at"),
    _time("made_at"),
    _time("ended_at", null=True),
    _text("ended", default=""),  # due, answered, seen or cancelled
    PrimaryKeyConstraint("sender", "message"),
    Index("reminders_due", "ended_at", "due_at"),
)

# Messages whose bell somebody has switched off for themselves.
unwatched = Table(
    "unwatched", METADATA, _text("sender"), _text("message"), _text("team"), PrimaryKeyConstraint("sender", "message")
)


# What is counted of mail, for one message and for a day. Recipients are those outside the team.
SUMS = (
    "copies",
    "measurable",  # with a pixel of their own
    "sent",
    "bounced",  # or given up
    "opened",  # certainly
    "probably",
    "cannot_know",
    "clicked",  # certainly or probably
    "replied",
    "unsubscribed",
    "complained",
    "opens",  # by people, repeats folded
    "clicks",
    "raw_opens",  # every fetch of a pixel
    "raw_clicks",
    "machines",  # of all fetches: by machines and our own side
    # what the honest rate is estimated from, of recipients whose copy was sent with a pixel of its own
    "measured",  # all of these
    "fetched",  # whose images were fetched, by whomever
    "pixel_and_link",  # a person's open and click
    "pixel",  # an open alone
    "link",  # a click alone
    "apple_proven",  # behind Apple's prefetch, with a person's open or click
    "apple_clicked",  # of these, with a click
    "apple_silent",
    "scanned",  # whose copy a scanner fetched
)

# One message's sums as they are in its day's.
sums = Table(
    "sums",
    METADATA,
    Column("message", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    Column("day", Integer, nullable=False),
    *(_number(name, default="0") for name in SUMS),
    _text("domains", default="{}"),  # an object by recipients' domain, in it what DOMAIN_SUMS says
    Index("sums_team", "team", "message"),
)

# The sums of all messages that a sender had accepted on one day: days since 1970, UTC. Once of all mail, whose label is
# empty, and once more for each label that some of it has.
days = Table(
    "days",
    METADATA,
    _text("team"),
    _text("label", default=""),
    Column("day", Integer, nullable=False),
    _text("sender"),
    _number("messages", default="0"),
    *(_number(name, default="0") for name in SUMS),
    PrimaryKeyConstraint("team", "label", "day", "sender"),
)

# What is counted of the copies to one domain. Each is a part of the sum of this name, but for `opened`.
DOMAIN_SUMS = (
    "copies",
    "sent",
    "measured",
    "opened",  # of the measured: those of whom a person's open or click was read
    "clicked",
    "replied",
    "bounced",
)

# What became of the copies to a domain, of all messages accepted on one day, of all mail and of each label, as in
# `days`. Once by sender, and once more of all senders, whose `sender` is empty: a year of everybody's mail is asked for
# most, and is a quarter of the rows. No row stands for nobody: the domain may have been a person's own. Without a rowid
# the key is the table, and a question reads one stretch of it.
day_domains = Table(
    "day_domains",
    METADATA,
    _text("team"),
    _text("label", default=""),
    _text("sender"),
    Column("day", Integer, nullable=False),
    _text("domain"),
    *(_number(name, default="0") for name in DOMAIN_SUMS),
    PrimaryKeyConstraint("team", "label", "sender", "day", "domain"),
    sqlite_with_rowid=False,
)

# What people's opens and clicks of a message were like, and what gave the machines among its hits away, as it is in its
# day's: for each dimension an object by value, in it [opens, clicks, fetches by machines]. One row a message: as rows
# of their own they would outnumber the hits.
DIMENSIONS = ("client", "system", "country", "hour", "cause")  # hour: of the week, from Monday midnight UTC
facets = Table(
    "facets",
    METADATA,
    Column("message", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    Column("day", Integer, nullable=False),
    *(_text(name, default="{}") for name in DIMENSIONS),
)

# The facets of all messages that a sender had accepted on one day, of all mail and of each label, as in `days`.
day_facets = Table(
    "day_facets",
    METADATA,
    _text("team"),
    _text("label", default=""),
    _text("dimension"),
    Column("day", Integer, nullable=False),
    _text("sender"),
    _text("value"),
    _number("opens", default="0"),
    _number("clicks", default="0"),
    _number("machines", default="0"),
    PrimaryKeyConstraint("team", "label", "dimension", "day", "sender", "value"),
)

# A report that somebody wants again: what it shows, as in the page's address, and when it is mailed to whom.
saved_reports = Table(
    "saved_reports",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    _text("name"),
    _text("query"),
    _text("every", default=""),  # day, week or month; empty: only when it is looked at
    _text("form", default=""),  # pdf or csv
    _text("mail_to", default=""),  # addresses, separated by commas
    _time("due_at", null=True),
    _time("mailed_at", null=True),
    _text("problem", default=""),  # why the last one could not be mailed
    _time("made_at"),
    Index("saved_reports_sender", "sender"),
    Index("saved_reports_due", "due_at"),
)

# The message as it was submitted: until every copy has its fate, and then for as long as it can be looked at.
spool = Table(
    "spool",
    METADATA,
    Column("message", Text, primary_key=True),
    _text("team"),
    Column("raw", LargeBinary),
    _time("until", null=True),  # null: some copy has not yet its fate
    Index("spool_until", "until"),
)

# Messages that are being written here, or wait for their time; one that was sent names its message.
drafts = Table(
    "drafts",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    _text("content"),  # recipients, subject, text and switches, as compose writes them
    _text("state", default="draft"),  # draft, waiting, sent or failed
    _time("send_at", null=True),  # when it goes, with the seconds in which it can be taken back
    _text("claimed_by", null=True),
    _text("problem", default=""),  # why it could not be sent
    _text("message", null=True),
    _time("made_at"),
    _time("changed_at"),
    Index("drafts_sender", "sender", "state", "changed_at"),
    Index("drafts_due", "state", "send_at"),
)

attachments = Table(
    "attachments",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("draft"),
    _text("team"),
    _text("name"),
    _text("type"),
    _number("size"),
    Column("raw", LargeBinary),
    _time("made_at"),
    Index("attachments_draft", "draft"),
)

# Texts that are written again and again, with fields that differ by recipient.
templates = Table(
    "templates",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    _text("name"),
    _text("subject"),
    _text("html"),
    _number("shared", default="0"),  # 1: everybody in the team may use it
    _time("made_at"),
    _time("changed_at"),
    Index("templates_team", "team", "name"),
)

# Where a sender's Sent folder is, for the copies of what was written here.
mailboxes = Table(
    "mailboxes",
    METADATA,
    Column("sender", Text, primary_key=True),
    _text("team"),
    _text("url"),  # imaps://user:password@host:port
    _text("folder", default=""),
    _time("tried_at", null=True),
    _text("problem", default=""),
)

recipients = Table(
    "recipients",
    METADATA,
    Column("id", Text, primary_key=True),  # what tokens carry
    _text("team"),
    _text("message"),
    _text("address"),
    _text("address_key", default=""),  # Address.key, to find a person by
    _text("domain", default=""),
    _time("accepted_at", null=True),  # the message's
    _text("name", default=""),
    _text("role"),  # to, cc or bcc
    _number("pixels"),  # the policy, frozen at acceptance
    _number("links"),
    _text("untracked", null=True),  # why this copy carries nothing
    _text("state"),  # queued, sent, deferred, bounced or failed
    _text("hop"),
    Column("due_at", BigInteger, nullable=True),  # when to try next, or when a claim ends; null: it has its fate
    _text("claimed_by", null=True),
    _number("attempts", default="0"),
    _text("reply", default=""),
    _time("sent_at", null=True),
    _text("mail_host", default=""),  # who takes mail for the address's domain, when it was sent; empty: not known
    _time("replied_at", null=True),  # when they are known to have answered, at the latest
    _text("opened", default="no_sign"),  # a State
    _text("clicked", default="no_sign"),
    _number("opens", default="0"),
    _number("clicks", default="0"),
    _number("machines", default="0"),
    _number("fetched", default="0"),  # 1: the images were fetched, by whomever
    _number("apple", default="0"),  # 1: by Apple's prefetch, so that an open cannot be seen
    _number("scanned", default="0"),  # 1: a scanner fetched the copy's images or links
    _time("opened_at", null=True),  # the last open
    _time("clicked_at", null=True),
    Index("recipients_message", "message"),
    Index("recipients_person", "team", "address_key", "accepted_at", "message"),
    Index("recipients_domain", "team", "domain", "accepted_at", "message"),
    Index(
        "recipients_failed",
        "team",
        "accepted_at",
        "message",
        sqlite_where=text("state in ('bounced', 'failed')"),
        postgresql_where=text("state in ('bounced', 'failed')"),
    ),
    Index(
        "recipients_due",
        "hop",
        "due_at",
        sqlite_where=text("due_at is not null"),
        postgresql_where=text("due_at is not null"),
    ),
)

# People who want no more mail from a team. A row stays when it is lifted, to show who did so and why.
unsubscribed = Table(
    "unsubscribed",
    METADATA,
    _text("team"),
    _text("address"),  # Address.key
    _text("message"),  # the one they unsubscribed from
    _time("at"),
    _time("last_at"),  # the latest wish that came in; older ones are known already
    _time("lifted_at", null=True),  # since when they may be written to again; null: the wish is in force
    _text("lifted_by", null=True),  # a sender's id
    _text("lifted_why", default=""),
    PrimaryKeyConstraint("team", "address"),
)

attempts = Table(
    "attempts",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("team"),
    _text("message"),
    _text("recipient"),
    _time("at"),
    _text("outcome"),
    _text("reply"),
    Index("attempts_message", "message", "at"),
)

links = Table(
    "links",
    METADATA,
    _text("team"),
    _text("message"),
    _number("number"),
    _text("part"),  # html or text
    _text("target"),
    PrimaryKeyConstraint("message", "number"),
)

# What the built-in mailbox caught: the copies of people who have no next hop yet.
caught = Table(
    "caught",
    METADATA,
    Column("recipient", Text, primary_key=True),
    _text("team"),
    _text("message"),
    Column("raw", LargeBinary),
    _time("at"),
    Index("caught_team", "team", "at"),
)

hits = Table(
    "hits",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("team"),
    _text("message"),
    _text("recipient", null=True),
    _text("channel"),  # open or click
    Column("link", Integer, nullable=True),
    _number("in_text", default="0"),
    _number("level"),
    _time("at"),
    _text("method"),
    _text("address", null=True),
    _text("network", null=True),
    _text("agent", null=True),
    _text("headers", default="{}"),
    _number("settled", default="0"),  # its evidence is gone, its verdict stays
    Index("hits_message", "message", "at"),
    Index("hits_unsettled", "settled", "at"),
)

verdicts = Table(
    "verdicts",
    METADATA,
    _text("hit"),
    _number("revision"),
    _text("team"),
    _text("message"),
    _text("label"),
    Column("permille", Integer, nullable=False),  # the probability, in thousandths
    _text("reasons"),
    _text("rules"),
    _number("counted", default="0"),  # 1: an open or a click of its own; 0: a repeat, or no person
    _time("at"),
    _time("until", null=True),  # when it was revised; null: it stands
    PrimaryKeyConstraint("hit", "revision"),
    Index("verdicts_message", "message", "until"),
)

own_views = Table(
    "own_views",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("team"),
    _text("message"),
    _time("at"),
    _text("surface"),
    Index("own_views_message", "message"),
)

# What somebody of the team said of a hit: that it was themselves, or that it was the recipient.
said = Table(
    "said",
    METADATA,
    Column("hit", Text, primary_key=True),
    _text("team"),
    _text("message"),
    _text("what"),  # me or person
    _text("sender"),  # who said it
    _time("at"),
    Index("said_message", "message"),
)

# Who takes mail for a domain (its MX), for as long as that is believed.
mail_hosts = Table(
    "mail_hosts",
    METADATA,
    Column("domain", Text, primary_key=True),
    _text("host"),  # empty: asked, and nobody knew
    _time("asked_at"),
)

# What settled verdicts came to, by recipient's domain: how many hits were people's, and how many machines'.
habits = Table(
    "habits",
    METADATA,
    _text("team"),
    _text("domain"),  # or @ and a mail host, or @ alone: the whole team
    _text("channel"),  # open or click
    _number("early"),  # 1: within a minute of sending
    _text("mail_host"),  # of the domain, at last
    _number("people", default="0"),
    _number("machines", default="0"),
    PrimaryKeyConstraint("team", "domain", "channel", "early"),
    Index("habits_mail_host", "team", "mail_host"),
)

# Mailboxes that nobody reads: whoever opens their mail is a machine.
seeds = Table(
    "seeds",
    METADATA,
    _text("team"),
    _text("address"),  # Address.key
    _time("made_at"),
    PrimaryKeyConstraint("team", "address"),
)

events = Table(
    "events",
    METADATA,
    Column("seq", _Rising, primary_key=True, autoincrement=True),
    _text("id"),
    _text("team"),
    _text("kind"),
    _text("message"),
    _text("recipient", null=True),
    _text("hit", null=True),
    _number("bell", default="0"),  # 1: worth a bell
    _time("at"),
    _text("detail", default=""),
    Index("events_id", "id", unique=True),
    Index("events_team", "team", "bell", "seq"),
    Index("events_message", "message", "seq"),
    Index(
        "events_unsubscribed",
        "message",
        sqlite_where=text("kind = 'unsubscribed'"),
        postgresql_where=text("kind = 'unsubscribed'"),
    ),
)

# Events that a channel has still to tell: claimed for a while, settled when told.
outbox = Table(
    "outbox",
    METADATA,
    _text("event"),
    _text("channel"),
    _text("team"),
    Column("due_at", BigInteger, nullable=True),
    _number("attempts", default="0"),
    PrimaryKeyConstraint("event", "channel"),
    Index("outbox_due", "channel", "due_at"),
)

settings = Table(
    "settings",
    METADATA,
    _text("team"),
    _text("name"),
    _text("value"),
    PrimaryKeyConstraint("team", "name"),
)

# What somebody has chosen for themselves: how they are told, their signature, what compose remembers.
preferences = Table(
    "preferences",
    METADATA,
    _text("sender"),
    _text("name"),
    _text("team"),
    _text("value"),
    PrimaryKeyConstraint("sender", "name"),
    Index("preferences_name", "name", "sender"),
)

# Browsers that want notifications while no page is open (Web Push).
push_subscriptions = Table(
    "push_subscriptions",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    _text("team"),
    _text("sender"),
    _text("p256dh"),
    _text("auth"),
    _text("agent", default=""),
    _time("made_at"),
    Index("push_subscriptions_sender", "sender"),
)

# Ways to sign in that belong to a device (WebAuthn).
passkeys = Table(
    "passkeys",
    METADATA,
    Column("id", Text, primary_key=True),  # the credential's id as base64url
    _text("team"),
    _text("sender"),
    Column("public_key", LargeBinary),
    Column("sign_count", BigInteger, nullable=False),
    _text("name"),
    _time("made_at"),
    _time("used_at", null=True),
    Index("passkeys_sender", "sender"),
)

# Who somebody is at the team's identity provider (OpenID Connect).
identities = Table(
    "identities",
    METADATA,
    _text("issuer"),
    _text("subject"),
    _text("team"),
    _text("sender"),
    _time("made_at"),
    PrimaryKeyConstraint("issuer", "subject"),
    Index("identities_sender", "sender"),
)

# Half-done sign-ins: what was asked of a device or a provider, to be answered once and soon.
challenges = Table(
    "challenges",
    METADATA,
    Column("hash", Text, primary_key=True),
    _text("kind"),
    _text("value"),
    _time("ends_at"),
    Index("challenges_ends_at", "ends_at"),
)

# Networks that a team says are its own, besides the places it was seen to work from.
own_networks = Table(
    "own_networks",
    METADATA,
    _text("team"),
    _text("network"),
    _text("name"),
    _time("made_at"),
    PrimaryKeyConstraint("team", "network"),
)

# What administrators did, for the others to see. Never changed.
admin_log = Table(
    "admin_log",
    METADATA,
    Column("seq", _Rising, primary_key=True, autoincrement=True),
    _text("team"),
    _text("sender"),
    _text("action"),
    _text("detail", default=""),
    _time("at"),
    Index("admin_log_team", "team", "seq"),
)

# How far each segment of the journal has been taken in.
drained = Table(
    "drained", METADATA, Column("segment", Text, primary_key=True), Column("place", BigInteger, nullable=False)
)

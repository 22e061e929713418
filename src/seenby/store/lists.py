"""Lists of sent messages, newest first, by whatever people look for, in pages by key.

Each way of looking starts from an index that is in the order of the list, so that a page of the newest is found
without sorting: by words, by person, by domain, by label, by what failed, or by nothing. Statements are put together
here, because what is looked for varies; everything else about SQL stands in `sql/`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, assert_never

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    RowMapping,
    Select,
    Table,
    Text,
    TextClause,
    and_,
    column,
    exists,
    func,
    or_,
    select,
    table,
    text,
    tuple_,
)

from seenby.store.store import Transaction
from seenby.store.tables import hits, labels, messages, recipients, reminders, verdicts

END: Final = 2**62  # later than any message
MOST_WORDS: Final = 8
MOST_SIGHTS: Final = 3000
_WORD: Final = re.compile(r"\w+", re.UNICODE)
_PROBABLY: Final = 2  # as `messages` holds the best state: no sign, cannot know, probably, seen
_FAILED: Final = "{}.state in ('bounced', 'failed')"  # written out as in the index: it is found by no other words
_others, _called = recipients.alias("others"), labels.alias("called")
_asked_for = reminders.alias("asked_for")
_search = table("search", column("rowid", BigInteger), column("seq", BigInteger), column("message", Text))
_SHOWN: Final = tuple(
    messages.c[name]
    for name in (
        "id", "subject", "from_address", "sender", "thread", "accepted_at", "active_at", "untouched", "notes",
        "link_count", "opened", "clicked", "replied",
    )
)  # fmt: skip


_RANKS: Final = {"no_sign": 0, "cannot_know": 1, "probably": 2, "seen": 3}


def rank(state: str) -> int:
    """A recipient's state as `messages` holds the best of them."""
    return _RANKS[state]


class State(StrEnum):
    """What a list may be filtered by; a message with several recipients counts as the best of them."""

    SEEN = "seen"  # or clicked
    CLICKED = "clicked"
    UNANSWERED = "unanswered"  # seen, and nobody is known to have answered
    ANSWERED = "answered"
    NO_SIGN = "no_sign"  # of anybody, for a while
    CANNOT_KNOW = "cannot_know"
    FAILED = "failed"  # some copy was refused or given up
    REMINDED = "reminded"  # the one who looks asked to be reminded of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages. Times are microseconds since 1970; empty texts and None ask for nothing.

    `domain` is a recipient's, `person` a recipient's Address.key, `reader` the sender who looks.
    `quiet_before` is what "no sign for a while" means.
    """

    team: str
    sender: str = ""
    reader: str = ""
    words: str = ""
    person: str = ""
    domain: str = ""
    label: str = ""
    thread: str = ""
    state: State | None = None
    since: int = 0
    until: int = END
    quiet_before: int = END
    before: int = END
    before_id: str = ""


async def find(tx: Transaction, wanted: Wanted, *, limit: int) -> Sequence[RowMapping]:
    """Up to `limit` messages: rows of `messages`, without what only sending and judging need."""
    words = words_in(wanted.words)
    if wanted.words and not words:
        return []
    found: dict[str, RowMapping] = {}
    after = wanted
    while True:
        page = (await tx.connection.execute(_query(tx, after, words).limit(limit))).mappings().all()
        found.update((row["id"], row) for row in page)  # two recipients of one domain find their message twice
        if len(page) < limit or len(found) >= limit:
            return list(found.values())[:limit]
        after = replace(wanted, before=page[-1]["accepted_at"], before_id=page[-1]["id"])


async def people_of(tx: Transaction, found: Sequence[RowMapping]) -> Mapping[str, Sequence[RowMapping]]:
    """Everybody these messages went to, by message."""
    query = select(recipients).where(recipients.c.message.in_([row["id"] for row in found]))
    rows = (await tx.connection.execute(query.order_by(recipients.c.role.desc(), recipients.c.address))).mappings()
    people: dict[str, list[RowMapping]] = {row["id"]: [] for row in found}
    for row in rows:
        people[row["message"]].append(row)
    return people


async def thread_sizes(tx: Transaction, found: Sequence[RowMapping], *, team: str) -> Mapping[str, int]:
    """How many messages of the team each of these threads has."""
    threads = {row["thread"] for row in found}
    query = select(messages.c.thread, func.count()).where(messages.c.team == team, messages.c.thread.in_(threads))
    return {row[0]: row[1] for row in await tx.connection.execute(query.group_by(messages.c.thread))}


async def sights_of(tx: Transaction, found: Sequence[RowMapping]) -> Mapping[str, Sequence[tuple[int, str]]]:
    """When people opened and clicked (time, channel), each once, by message; of very many only some."""
    query = (
        select(verdicts.c.message, hits.c.at, hits.c.channel)
        .select_from(verdicts.join(hits, hits.c.id == verdicts.c.hit))
        .where(
            verdicts.c.message.in_([row["id"] for row in found]), verdicts.c.until.is_(None), verdicts.c.counted == 1
        )
        .limit(MOST_SIGHTS)
    )
    sights: dict[str, list[tuple[int, str]]] = {row["id"]: [] for row in found}
    for message, at, channel in await tx.connection.execute(query):
        sights[message].append((at, channel))
    return sights


def words_in(text: str) -> list[str]:
    """What somebody typed, as words: letters and digits. Each may be the beginning of what is meant."""
    return _WORD.findall(text.casefold().replace("_", " "))[:MOST_WORDS]


def _query(tx: Transaction, wanted: Wanted, words: Sequence[str]) -> Select[Any]:
    """The messages by the most telling thing that is asked for, newest first."""
    query = select(*_SHOWN).where(messages.c.team == wanted.team, *_asked(wanted))
    if words and tx.is_sqlite:
        # The team is a word of its own there: nobody's search reads another's mail.
        matches = f"team : {wanted.team.encode().hex()} AND words : (" + " ".join(f'"{word}" *' for word in words) + ")"
        query = query.select_from(_search.join(messages, messages.c.id == _search.c.message))
        query = query.where(text("search match :matches").bindparams(matches=matches))
        return query.where(_older(wanted, messages.c.accepted_at, messages.c.id)).order_by(_search.c.rowid.desc())
    if words:
        matches = " & ".join(f"{word}:*" for word in words)
        meant = text("search.team = :team and search.words @@ to_tsquery('simple', :matches)")
        matched = (
            select(_search.c.message, _search.c.seq)
            .where(meant.bindparams(team=wanted.team, matches=matches))
            .cte("matched")
        )
        # Words that never meet would be looked for among all mail, newest first, for seconds; of mere letters there are
        # many that do, and finding all of them first would take as long.
        if len(words) > 1 and min(map(len, words)) > 2:
            matched = matched.prefix_with("materialized")
        query = query.select_from(matched.join(messages, messages.c.id == matched.c.message))
        return query.where(_older(wanted, messages.c.accepted_at, messages.c.id)).order_by(matched.c.seq.desc())
    if wanted.state is State.REMINDED:  # of these there are few: they are found by whose they are, then sorted
        query = select(*_SHOWN).select_from(reminders.join(messages, messages.c.id == reminders.c.message))
        query = query.where(reminders.c.sender == wanted.reader, reminders.c.team == wanted.team, *_asked(wanted))
        query = query.where(_older(wanted, messages.c.accepted_at, messages.c.id))
        return query.order_by(messages.c.accepted_at.desc(), messages.c.id.desc())
    for source, by in _sources(wanted):
        query = query.select_from(source.join(messages, messages.c.id == source.c.message))
        query = query.where(source.c.team == wanted.team, by)
        query = query.where(_older(wanted, source.c.accepted_at, source.c.message))
        return query.order_by(source.c.accepted_at.desc(), source.c.message.desc())
    query = query.where(_older(wanted, messages.c.accepted_at, messages.c.id))
    return query.order_by(messages.c.accepted_at.desc(), messages.c.id.desc())


def _sources(wanted: Wanted) -> Iterator[tuple[Table, ColumnElement[bool] | TextClause]]:
    """Tables with an index in the order of the list, the most telling first."""
    if wanted.person:
        yield recipients, recipients.c.address_key == wanted.person
    if wanted.domain:
        yield recipients, recipients.c.domain == wanted.domain
    if wanted.label:
        yield labels, labels.c.label == wanted.label
    if wanted.state is State.FAILED:
        yield recipients, text(_FAILED.format("recipients"))


def _older(wanted: Wanted, accepted_at: ColumnElement[int], message: ColumnElement[str]) -> ColumnElement[bool]:
    """Where the page begins."""
    if wanted.before == END:
        return accepted_at < END
    return tuple_(accepted_at, message) < tuple_(wanted.before, wanted.before_id)  # so written, an index begins there


def _asked(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """Everything that is asked of a message, whichever index it is found by."""
    yield messages.c.sender == wanted.sender if wanted.sender else messages.c.sender.is_not(None)
    yield messages.c.accepted_at >= wanted.since
    yield messages.c.accepted_at < wanted.until
    if wanted.thread:
        yield messages.c.thread == wanted.thread
    if wanted.person:
        yield exists().where(_others.c.message == messages.c.id, _others.c.address_key == wanted.person)
    if wanted.domain:
        yield exists().where(_others.c.message == messages.c.id, _others.c.domain == wanted.domain)
    if wanted.label:
        yield exists().where(_called.c.message == messages.c.id, _called.c.label == wanted.label)
    if wanted.state:
        yield _is_in(wanted.state, wanted)


def _is_in(state: State, wanted: Wanted) -> ColumnElement[bool]:  # noqa: PLR0911 - one condition a state
    seen = or_(messages.c.opened >= _PROBABLY, messages.c.clicked >= _PROBABLY)
    match state:
        case State.SEEN:
            return seen
        case State.CLICKED:
            return messages.c.clicked >= _PROBABLY
        case State.UNANSWERED:
            return and_(seen, messages.c.replied == 0)
        case State.ANSWERED:
            return messages.c.replied == 1
        case State.NO_SIGN:
            quiet = and_(messages.c.opened == 0, messages.c.clicked == 0, messages.c.replied == 0)
            return and_(quiet, messages.c.accepted_at < wanted.quiet_before)
        case State.CANNOT_KNOW:
            return and_(messages.c.opened == 1, messages.c.clicked <= 1, messages.c.replied == 0)
        case State.FAILED:
            return exists().where(_others.c.message == messages.c.id, text(_FAILED.format("others")))
        case State.REMINDED:
            stands = or_(_asked_for.c.ended_at.is_(None), _asked_for.c.ended == "due")
            return exists().where(_asked_for.c.sender == wanted.reader, _asked_for.c.message == messages.c.id, stands)
        case _:
            assert_never(state)

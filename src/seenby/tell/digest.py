"""The daily mail to somebody of the team: what people did with their messages; a quiet day has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from seenby import maillog
from seenby.compose.people import one_line
from seenby.store import Store, Transaction, preferences
from seenby.store.times import micros, moment
from seenby.tell.own_mail import Letterhead, hop_of, put_own
from seenby.tell.saying import counted, did
from seenby.tell.wanted import DIGEST, DIGESTED, ZONE, digest_day, read_wanted
from seenby.words.message import Untracked

LINES: Final = 30
LATEST: Final = 2000  # events that are looked through, and told of
LONGEST: Final = timedelta(days=7)  # after a long time without the worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What it tells: `rows` are of the statement `digest_events`, newest first."""

    to: str
    rows: Sequence[Mapping[Any, Any]]
    clock: ZoneInfo
    app_url: str


def compose_digest(digest: Digest, *, letterhead: Letterhead, identity: str, at: datetime) -> bytes:
    """The whole mail, plain text and HTML, CRLF line endings."""
    mail = letterhead.new_mail(
        to=digest.to,
        subject=f"Your mail since yesterday: {counted([row['kind'] for row in digest.rows])}",
        identity=identity,
        at=at,
    )
    lines = [_line(row, clock=digest.clock) for row in digest.rows[:LINES]]
    left = len(digest.rows) - len(lines)
    rest = f"and {left} more" if left else ""
    why = f"You get this because you asked for it. To change that: {digest.app_url}/settings/notifications"
    mail.set_content("\n".join([*(f"{when}  {said}" for when, said, _path in lines), rest, "", why, ""]))
    rows = "".join(
        f'<tr><td style="padding:2px 12px 2px 0;color:#666;white-space:nowrap">{when}</td>'
        f'<td style="padding:2px 0"><a href="{escape(digest.app_url + path)}">{escape(said)}</a></td></tr>'
        for when, said, path in lines
    )
    mail.add_alternative(
        f'<html><body style="font-family:sans-serif"><table>{rows}</table><p>{rest}</p>'
        f'<p style="color:#666">{escape(why)}</p></body></html>',
        subtype="html",
    )
    return mail.as_bytes()


def _line(row: Mapping[Any, Any], *, clock: ZoneInfo) -> tuple[str, str, str]:
    who = _plain(row["name"] or row["address"] or "Somebody")
    subject = _plain(row["subject"] or "(no subject)")
    when = moment(row["at"]).astimezone(clock).strftime("%d %b %H:%M")
    return when, f"{who} {did(row['kind'])} “{subject}”", f"/messages/{row['message']}"


def _plain(text: str) -> str:
    """Names and subjects that strangers wrote, on one line, with nothing in it that nobody sees."""
    return one_line(text)[:200]


async def write_digests(store: Store, letterhead: Letterhead, *, app_url: str, now: datetime) -> int:
    """Write the mails that are due; how many. Each day has one at most, and a day on which nothing happened none."""
    async with store.read() as tx:
        asking = await tx.all("who_wants_digests")
    written = 0
    for row in asking:
        if not _is_due(row, now=now):
            continue
        try:
            async with store.write() as tx:
                written += await _write_due(tx, letterhead, row["id"], app_url=app_url, now=now)
        except Exception as error:  # noqa: BLE001 - it is tried again; the others get theirs
            maillog.failed("digest", error)
    return written


def _is_due(row: Mapping[Any, Any], *, now: datetime) -> bool:
    """Whether it is worth a transaction, which holds up others that write."""
    wanted = read_wanted({name: row[name] or "" for name in (DIGEST, ZONE)})
    return digest_day(wanted, now, last=row[DIGESTED] or "") is not None


async def _write_due(tx: Transaction, letterhead: Letterhead, sender: str, *, app_url: str, now: datetime) -> bool:
    kept = await preferences.chosen(tx, sender)
    person = await tx.one("sender_by_id", id=sender)
    wanted = read_wanted(kept)
    day = digest_day(wanted, now, last=kept.get(DIGESTED, ""))
    if person is None or day is None or wanted.digest is None:
        return False
    until = datetime.combine(day, wanted.digest, wanted.clock)
    since = datetime.combine(date.fromisoformat(kept[DIGESTED]), wanted.digest, wanted.clock)
    if not await tx.run("take_digest", sender=sender, last=kept[DIGESTED], day=day.isoformat()):
        return False
    rows = await tx.all(
        "digest_events",
        team=person["team"],
        sender=sender,
        since=micros(max(since, until - LONGEST)),
        before=micros(until),
        latest=LATEST,
        limit=LATEST,
    )
    if not rows:
        return False
    identity = letterhead.new_identity()
    digest = Digest(to=person["address"], rows=rows, clock=wanted.clock, app_url=app_url)
    raw = compose_digest(digest, letterhead=letterhead, identity=identity, at=now)
    await put_own(
        tx,
        letterhead,
        raw=raw,
        to=person["address"],
        team=person["team"],
        hop=hop_of({"sender": sender, "next_hop": person["next_hop"]}),
        untracked=Untracked.OWN,
        at=now,
        identity=identity,
    )
    return True

"""What administrators did, for the team's owners to read and to take along."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from seenby.report.export import as_csv
from seenby.store import admin_log
from seenby.store.admin_log import COMMAND_LINE, Action
from seenby.store.times import moment
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.frame import draw_page, only_owner

router = APIRouter(prefix="/settings/log")
SHOWN: Final = 50
BATCH: Final = 1000
_END: Final = 2**62
WORDS: Final = {
    Action.TEAM_RENAMED: "Renamed the team",
    Action.CEILING_SET: "Set the most that may be tracked",
    Action.DOMAIN_ADDED: "Added a domain of the team",
    Action.DOMAIN_REMOVED: "Removed a domain of the team",
    Action.MEMBER_ADDED: "Added a member",
    Action.MEMBER_REMOVED: "Removed a member",
    Action.ROLE_SET: "Changed a role",
    Action.PASSWORD_MADE: "Made a new SMTP password",
    Action.SIGN_IN_LINK_MADE: "Made a sign-in link",
    Action.SESSIONS_ENDED: "Signed somebody out everywhere",
    Action.PASSKEYS_REMOVED: "Removed somebody's passkeys",
    Action.SEED_ADDED: "Added a seed mailbox",
    Action.SEED_REMOVED: "Removed a seed mailbox",
    Action.NEXT_HOP_SET: "Changed a next hop",
    Action.NETWORK_ADDED: "Added a network of the team's own",
    Action.NETWORK_REMOVED: "Removed a network of the team's own",
    Action.PERSON_ERASED: "Erased a person",
    Action.PERSON_EXPORTED: "Exported what is kept of a person",
}


def words_of(action: str) -> str:
    """What was done; another version's entries keep their name."""
    return WORDS[Action(action)] if action in set(Action) else action


def who(sender: str, address: str | None) -> str:
    """Who did it."""
    return address or ("the command line" if sender == COMMAND_LINE else "a former member")


@router.get("")
async def log_page(
    request: Request, parts: Given, sender: SignedIn, before: Annotated[int, Query(ge=0, le=_END)] = _END
) -> Response:
    """Newest first."""
    only_owner(sender)
    async with parts.store.read() as tx:
        rows = await admin_log.page(tx, team=sender.team, before=before, limit=SHOWN + 1)
    return await draw_page(
        request,
        parts,
        sender,
        "settings_log.html",
        rows=[{"at": row["at"], "what": words_of(row["action"]), "detail": row["detail"],
               "by": who(row["sender"], row["address"])} for row in rows[:SHOWN]],
        older=rows[SHOWN - 1]["seq"] if len(rows) > SHOWN else None,
        is_start=before == _END,
    )  # fmt: skip


@router.get("/export.csv")
async def export(parts: Given, sender: SignedIn) -> Response:
    """All of it as a table."""
    only_owner(sender)
    lines = [("When (UTC)", "Who", "What", "Detail")]
    async for row in _everything(parts, sender.team):
        lines.append(row)  # noqa: PERF401 - an asynchronous comprehension reads worse
    return StreamingResponse(
        as_csv(lines),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="seenby-log.csv"'},
    )


async def _everything(parts: Parts, team: str) -> AsyncIterator[tuple[str, str, str, str]]:
    before = _END
    while True:
        async with parts.store.read() as tx:
            rows = await admin_log.page(tx, team=team, before=before, limit=BATCH)
        for row in rows:
            at = f"{moment(row['at']):%Y-%m-%d %H:%M:%S}"
            yield at, who(row["sender"], row["address"]), words_of(row["action"]), row["detail"]
        if len(rows) < BATCH:
            return
        before = rows[-1]["seq"]

"""The first steps: a list that ticks itself, until it is done or put away; and made-up mail to look around with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from seenby import seed
from seenby.settings import Settings
from seenby.store import Transaction
from seenby.store.people import OWNER
from seenby.web.given import Given, SignedIn
from seenby.words.message import Sender

router = APIRouter(prefix="/start")
SAMPLES: Final = 300  # messages
SAMPLE_HITS: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of them; `how` helps with it while it is not done."""

    done: bool
    words: str
    how: str = ""


async def first_steps(tx: Transaction, sender: Sender, settings: Settings) -> Sequence[Step]:
    """The steps in their order; none when all are done, or somebody put the list away."""
    if await tx.one("setting", team=sender.team, name=_put_away(sender)):
        return []
    signs = await tx.one("first_signs", team=sender.team, first=seed.FIRST, last=seed.LAST)
    assert signs is not None
    steps = [
        Step(done=True, words="Sign in"),
        Step(
            done=bool(signs["messages"]),
            words="Send a message through Seenby",
            how="Choose Write above, or set Seenby up as the outgoing (SMTP) server in your mail program.",
        ),
        Step(
            done=bool(signs["tracked"]),
            words="Write to somebody outside your team",
            how="Copies to yourself and to colleagues carry nothing, so that you are not told of your own looks.",
        ),
        Step(
            done=bool(signs["seen"]),
            words="See that it was opened",
            how="Open the copy in the mailbox, with its images; the page follows within two seconds.",
        ),
        Step(
            done=bool(sender.next_hop or settings.next_hop),
            words="Let mail go out",
            how="Name your mail server under Settings, Next hop. Until then all mail stays in the built-in mailbox.",
        ),
    ]
    return [] if all(step.done for step in steps) else steps


def _put_away(sender: Sender) -> str:
    return f"first-steps:{sender.id}"


@router.post("/put-away")
async def put_away(parts: Given, sender: SignedIn) -> Response:
    """Show this sender no first steps any more."""
    async with parts.store.write() as tx:
        await tx.run("put_setting", team=sender.team, name=_put_away(sender), value="1")
    return RedirectResponse("/", status_code=303)


@router.post("/samples")
async def load_samples(parts: Given, sender: SignedIn) -> Response:
    """Fill the team's pages with made-up mail; nothing is sent."""
    _only_owner(sender)
    async with parts.store.read() as tx:
        is_there = await tx.one("any_seeded", first=seed.FIRST, last=seed.LAST) is not None
    if not is_there:
        async for _ in seed.seed(
            parts.store, senders=[sender], messages=SAMPLES, hits_each=SAMPLE_HITS, now=parts.now()
        ):
            pass
    return RedirectResponse("/", status_code=303)


@router.post("/samples/remove")
async def remove_samples(parts: Given, sender: SignedIn) -> Response:
    """Take the made-up mail out again; real mail stays."""
    _only_owner(sender)
    async with parts.store.read() as tx:
        is_ours = await has_samples(tx, sender)
    if is_ours:
        async for _ in seed.remove(parts.store):
            pass
    return RedirectResponse("/", status_code=303)


async def has_samples(tx: Transaction, sender: Sender) -> bool:
    """Whether there is made-up mail among the team's."""
    found = await tx.one("any_seeded", first=seed.FIRST, last=seed.LAST)
    return found is not None and found["team"] == sender.team


def _only_owner(sender: Sender) -> None:
    if sender.role != OWNER:
        raise HTTPException(403)

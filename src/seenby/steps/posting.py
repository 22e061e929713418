"""Messages that were written on the pages: made of their draft, all or none, and filed for their writer."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from seenby import maillog
from seenby.compose.letters import Dated, letters, problems
from seenby.compose.mime import Attached, Letter, message_of
from seenby.consent.policy import switched
from seenby.delivery.sent_folder import MailboxError, parse_mailbox
from seenby.delivery.sent_folder import put as put_into
from seenby.steps.accepting import Decided, decide_on, keep, note_accepted
from seenby.steps.house import House
from seenby.store import (
    drafts,
    people,
)
from seenby.store.drafts import Draft, SentCopy
from seenby.words.limits import MESSAGE_BYTES as MAIL_BYTES
from seenby.words.message import (
    Refused,
    Sender,
    Submission,
)


async def post_draft(house: House, draft: Draft, *, at: datetime) -> None:
    """Make messages of a draft, all of them or none. That it was sent is written where they are."""
    async with house.store.read() as tx:
        sender = await people.sender_by_id(tx, draft.sender)
        files = await drafts.files(tx, draft.id)
        is_filed = await tx.one("mailbox_of", sender=draft.sender) is not None
        own = {row["address"] for row in await tx.all("addresses_of", sender=draft.sender)}
    if draft.written.from_ not in own:
        sender = None
    made = await _made(house, draft, sender, files, at=at)
    if sender is None or isinstance(made, str):
        async with house.store.write() as tx:
            await drafts.fail(tx, draft, holder=house.holder, problem=f"{made}", at=at)
        return
    async with house.store.write() as tx:
        # First of all: whoever takes it back at this moment waits for this row, and is too late or in time.
        if not await drafts.finish(tx, draft, holder=house.holder, at=at):
            return
        kept = [await keep(house, tx, decided) for _letter, decided in made]
        await drafts.name_message(tx, draft, message=kept[0].id)
        for message, (letter, decided) in zip(kept, made, strict=True):
            if not draft.written.notify:
                await tx.run("unwatch", sender=sender.id, team=sender.team, message=message.id)
            if is_filed:
                event = f"filed:{message.id}"
                raw = message_of(letter, with_bcc=True) if letter.bcc else decided.submission.raw
                await drafts.keep_copy(tx, event=event, team=sender.team, sender=sender.id, raw=raw, at=at)
    for message, (_letter, decided) in zip(kept, made, strict=True):
        note_accepted(message, decided)


async def _made(
    house: House, draft: Draft, sender: Sender | None, files: tuple[Attached, ...], *, at: datetime
) -> Sequence[tuple[Letter, Decided]] | str:
    """The letters of a draft with what acceptance decides of each; or why none of them can go, in words."""
    if sender is None:
        return f"{draft.written.from_} is no longer an address of yours. Choose another one to write as."
    if why := problems(draft.written, attached_bytes=sum(len(file.raw) for file in files)):
        return " ".join(why)
    made: list[tuple[Letter, Decided]] = []
    # In a thread: a hundred letters, or 25 MB in base64, would keep everybody waiting.
    for letter, submission in await asyncio.to_thread(_submissions, house, draft, sender, files, at=at):
        if len(submission.raw) > MAIL_BYTES:
            return f"With its files it comes to more than a server takes: {MAIL_BYTES // 1_048_576} MB are the most."
        decided = await decide_on(house, submission)
        if isinstance(decided, Refused):
            return f"{decided.why}."
        made.append((letter, decided))
    return made


def _submissions(
    house: House, draft: Draft, sender: Sender, files: tuple[Attached, ...], *, at: datetime
) -> Sequence[tuple[Letter, Submission]]:
    written = letters(draft.written, Dated(at=at, draft=draft.id, host=house.host), files=files)
    return [(letter, _written_submission(house, letter, draft, sender, at=at)) for letter in written]


def _written_submission(house: House, letter: Letter, draft: Draft, sender: Sender, *, at: datetime) -> Submission:
    """A letter as if a mail program had handed it in, with what its writer chose to track."""
    return Submission(
        sender=sender,
        envelope_from=letter.sender.address,
        recipients=tuple(person.address for person in (*letter.to, *letter.cc, *letter.bcc)),
        raw=message_of(letter),
        at=at,
        chosen=switched(
            sender.policy,
            sender.ceiling.within(house.ceiling),
            pixels=draft.written.pixels,
            links=draft.written.links,
        ),
    )


async def file_copy(copy: SentCopy) -> str:
    """File one copy; why it did not work, in words, or nothing."""
    mailbox = parse_mailbox(copy.url)
    if mailbox is None:
        return "The mailbox cannot be read. Connect it again." if copy.url else ""
    try:
        await put_into(mailbox, copy.raw, folder=copy.folder, at=copy.at)
    except MailboxError as error:
        maillog.failed("file", error)
        return str(error)
    return ""

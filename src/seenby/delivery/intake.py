"""From a submission to what is kept of it: may this sender write so, who gets which copy, in which thread. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from seenby.instrument import NO_WISHES, Analysis, Headers, Wishes
from seenby.instrument.wishes import UNREADABLE, write_wishes
from seenby.store.answers import Answering, about
from seenby.store.people import is_free_mail
from seenby.words.address import Address
from seenby.words.message import CAMPAIGN_FROM, Message, Recipient, Refused, Role, Submission, Untracked
from seenby.words.policy import OFF, Level, Policy
from seenby.words.token import MESSAGE_BYTES, RECIPIENT_BYTES

MAX_HOPS: Final = 100  # RFC 5321 6.3: a message with more trace lines than this is going round in circles
_MAX_REFERENCES: Final = 50
_LISTS: Final = ("list-unsubscribe", "list-id")  # RFC 2369, RFC 2919: fields that mail to one person has no use for
_BULK: Final = frozenset({"bulk", "list", "junk"})  # values of Precedence (RFC 2076 3.9)
# What programs put before the subject of an answer, in the languages we met. A forward's is not among them.
_ANSWERED: Final = re.compile(
    r"\s*(?:re|aw|antw|sv|vs|odp|ynt|vá|ref|res|rif|回复|答复|رد)(?:\s*\[\d+\]|\s*\(\d+\))?\s*[:\uff1a]\s*",
    re.IGNORECASE,
)
_AUTHORS: Final = ("from", "sender", "resent-from", "resent-sender")  # whom programs show as the author


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Whose mail this is: the addresses this sender may write as, everybody's in the team, and its domains."""

    id: str
    own: frozenset[str]
    colleagues: frozenset[str]
    domains: frozenset[str]


def refusal(submission: Submission, headers: Headers, *, team: Team) -> Refused | None:
    """Why this submission cannot be taken, or None.

    Envelope and header sender must both be the authenticated sender's: otherwise anybody with a
    password could write as the boss (RFC 6409 6.1 allows a submission server to enforce it).
    """
    if submission.envelope_from.key not in team.own:
        return Refused(
            code=550, status="5.7.1", why="The envelope sender does not belong to the account you signed in with"
        )
    authors = [headers.authors(name) for name in _AUTHORS]
    if not headers.addresses("from"):
        return Refused(code=550, status="5.6.0", why="The message has no From address")
    if any(address.key not in team.own for named in authors for address in named or ()):
        return Refused(
            code=550,
            status="5.7.1",
            why="The From address does not belong to the account you signed in with; add it under Settings",
        )
    if len(headers.raw("from")) > 1 or None in authors:
        return Refused(
            code=550, status="5.6.0", why="It is not clear who the From field names; put what is no address in quotes"
        )
    if len(headers.raw("received")) > MAX_HOPS:
        return Refused(code=554, status="5.4.6", why="The message is going round in circles")
    return None


def own_domain(address: Address) -> str:
    """The domain whose DKIM signatures on this sender's mail are the sender's own; empty where strangers share it."""
    domain = address.domain.lower()  # the same at acceptance as when it is sent, from what was kept in lower case
    return "" if is_free_mail(domain) else domain


def references(headers: Headers) -> Sequence[str]:
    """The Message-IDs this message answers, nearest first (RFC 5322 3.6.4)."""
    text = " ".join((*headers.all("references"), *headers.all("in-reply-to")))
    return [word for word in reversed(text.replace(">", "> ").split()) if word.startswith("<") and word.endswith(">")][
        :_MAX_REFERENCES
    ]


def answering(headers: Headers) -> Answering | None:
    """What shows that somebody has answered, if this message answers them; None when it shows nothing of the kind.

    Only to one address, so that there is no doubt whom it answers; and with a subject of an answer: a forward goes to
    somebody else, and an absence note begins its subject with words of its own.
    """
    named = {address.key: address for _name, address in headers.addresses("to")}
    subject = headers.first("subject") or ""
    found = _ANSWERED.match(subject)
    answers, before = _message_ids(headers, "in-reply-to"), _message_ids(headers, "references")
    if len(named) != 1 or found is None or not answers or not before:
        return None
    while found is not None:
        subject = subject[found.end() :]
        found = _ANSWERED.match(subject)
    references = tuple(one for one in reversed(before) if one not in answers)
    [to] = named.values()
    return Answering(to=to, answers=answers, references=references, about=about(subject)) if subject else None


def _message_ids(headers: Headers, name: str) -> tuple[str, ...]:
    text = " ".join(headers.all(name)).replace(">", "> ")
    found = [word for word in text.split() if word.startswith("<") and word.endswith(">")]
    return tuple(found[-_MAX_REFERENCES:])


def new_message(
    submission: Submission,
    headers: Headers,
    analysis: Analysis,
    *,
    key_id: int,
    tracking_url: str,
    host: str,
    known_thread: str | None,
    mint: Callable[[int], str],
) -> Message:
    """The accepted message, under a new id."""
    identity = mint(MESSAGE_BYTES)
    message_id = (headers.first("message-id") or "").split(" ")[0] or f"<{mint(MESSAGE_BYTES)}@{host}>"
    answered = references(headers)
    return Message(
        id=identity,
        team=submission.sender.team,
        sender=submission.sender.id,
        message_id=message_id,
        thread=known_thread or (answered[-1] if answered else message_id),
        subject=headers.first("subject") or "",
        from_address=submission.envelope_from.key,
        size=len(submission.raw),
        key_id=key_id,
        tracking_url=tracking_url,
        untouched=analysis.untouched.value if analysis.untouched else None,
        notes=tuple(dict.fromkeys(note.sentence for note in analysis.notes)),
        accepted_at=submission.at,
    )


def goes_to_many(submission: Submission, headers: Headers) -> bool:
    """Whether this is no mail to one person: so many recipients, or the fields that lists and campaigns carry.

    Programs that write to each recipient apart submit copies for one; of those only the fields tell.
    """
    precedence = {value.strip().lower() for value in headers.all("precedence")}
    return (
        len(list(_once(submission.recipients))) >= CAMPAIGN_FROM
        or any(headers.raw(name) for name in _LISTS)
        or bool(precedence & _BULK)
    )


def wishes_for(kept: Wishes | None, submission: Submission, headers: Headers, *, honeypot: bool | None) -> Wishes:
    """The sender's wishes as they hold for this message; `honeypot` is what the message itself asks for, if it does."""
    wishes = kept or NO_WISHES
    is_wanted = wishes.honeypot and goes_to_many(submission, headers) if honeypot is None else honeypot
    return replace(wishes, honeypot=is_wanted)


def as_wished(message: Message, *, wishes: Wishes, is_read: bool, unsubscribe: bool) -> Message:
    """The message with what its sender wishes, frozen; that what was kept of it could not be read is noted."""
    notes = message.notes if is_read else (*message.notes, UNREADABLE)
    return replace(message, notes=notes, wishes=write_wishes(wishes), unsubscribe=unsubscribe)


def with_honeypot(message: Message, analysis: Analysis, recipients: Sequence[Recipient]) -> Message:
    """The message, knowing whether anybody's copy carries the link that nobody sees."""
    is_there = any(one.policy.links >= Level.IDENTIFIED for one in recipients)
    return replace(message, honeypot=analysis.honeypot_possible and is_there)


def new_recipients(
    submission: Submission, headers: Headers, *, team: Team, policy: Policy, hop: str, mint: Callable[[int], str]
) -> Sequence[Recipient]:
    """Everybody in the envelope, once, each with an id of their own and the policy that is now frozen."""
    named = {
        role: {address.key: name for name, address in headers.addresses(role.value)} for role in (Role.TO, Role.CC)
    }
    return [
        _recipient(address, named=named, team=team, policy=policy, hop=hop, identity=mint(RECIPIENT_BYTES))
        for address in _once(submission.recipients)
    ]


def _recipient(
    address: Address, *, named: dict[Role, dict[str, str]], team: Team, policy: Policy, hop: str, identity: str
) -> Recipient:
    role = next((role for role, people in named.items() if address.key in people), Role.BCC)
    seen = foresee(address, team=team, policy=policy)
    return Recipient(
        id=identity,
        address=str(address),
        name=named[role][address.key] if role in named else "",
        role=role,
        policy=seen.policy,
        untracked=seen.untracked,
        hop=hop,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What one recipient's copy may carry, and why it is nothing."""

    policy: Policy
    untracked: Untracked | None


def foresee(address: Address, *, team: Team, policy: Policy) -> Foreseen:
    """What acceptance decides for a recipient; a page that says so beforehand asks the same."""
    untracked = untracked_reason(address, team=team, policy=policy)
    return Foreseen(policy=OFF if untracked else policy, untracked=untracked)


def untracked_reason(address: Address, *, team: Team, policy: Policy) -> Untracked | None:
    """Why this recipient's copy is to carry nothing, or None."""
    if address.key in team.own:
        return Untracked.OWN
    if address.key in team.colleagues or address.domain.casefold() in team.domains:
        return Untracked.COLLEAGUE
    return Untracked.OFF if policy == OFF else None


def _once(addresses: Iterable[Address]) -> Iterable[Address]:
    return {address.key: address for address in addresses}.values()

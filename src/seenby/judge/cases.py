"""Labelled cases in, predictions out: how the judge is measured from outside.

A case is one JSON object: the message, its context and its hits. The label side of a case is never read.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from seenby.judge.evidence import Evidence, Link, Mode, OwnNetwork, OwnView, Reader, Seen, SenderDevice
from seenby.judge.judging import judge
from seenby.judge.states import states
from seenby.words.errors import SeenbyError
from seenby.words.habit import EVERYBODY, Habit, HabitKey, mail_host_name
from seenby.words.verdict import State, Verdict

_ANSWERS: Final[Mapping[State, str]] = {
    State.SEEN: "yes",
    State.PROBABLY: "yes",
    State.CANNOT_KNOW: "unknown",
    State.NO_SIGN: "no",
}
Json = Mapping[str, Any]


class CaseError(SeenbyError):
    """A case is not in the expected form; the text says where."""


def judge_cases(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Predictions for cases given one a line; empty lines are skipped. A bad line is named by its number."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except ValueError as error:
            raise CaseError(f"line {number} is not JSON: {error}") from None
        try:
            yield judge_case(case)
        except CaseError as error:
            raise CaseError(f"line {number}: {error}") from None


def judge_case(case: object) -> dict[str, Any]:
    """The prediction for one case."""
    fields = _object(case, "the case")
    if "id" not in fields:
        raise CaseError("the case has no id")
    evidence = read_case(fields)
    verdicts = judge(evidence)
    hits = [
        {"h": hit.get("h", at), "label": verdicts[str(at)].label.value, "p_human": verdicts[str(at)].probability}
        for at, hit in enumerate(_objects(fields, "hits"))
    ]
    opened, clicked = _message_states(evidence, verdicts)
    return {"id": fields["id"], "hits": hits, "verdict": {"opened": _ANSWERS[opened], "clicked": _ANSWERS[clicked]}}


def read_case(case: Json) -> Evidence:
    """The evidence of a case; the label side is not touched."""
    message = _object(case.get("message"), "message")
    context = _object(case.get("context") or {}, "context")
    sender = _object(message.get("sender") or {}, "message.sender")
    recipients = tuple(_reader(one, at) for at, one in enumerate(_objects(message, "recipients")))
    domains = {reader.id: reader.domain for reader in recipients}
    replied = context.get("reply_t")
    kinds = _object(message.get("link_kinds") or {}, "message.link_kinds")
    return Evidence(
        sent_at=_time(message.get("sent_at")),
        hits=tuple(_hit(one, at, domains) for at, one in enumerate(_objects(case, "hits"))),
        mode=_mode(message.get("mode", "one_to_one")),
        recipients=recipients,
        n_links=_whole(message.get("n_links", 0), "message.n_links"),
        link_kinds={str(link): str(kind) for link, kind in kinds.items()},
        honeypot=message.get("honeypot_link") is not None,
        sender_address=_text(sender.get("address"), "message.sender.address"),
        sender_domain=_text(sender.get("domain"), "message.sender.domain") or "",
        known_addresses=frozenset(str(one) for one in _list(sender.get("known_ips"), "message.sender.known_ips")),
        own_networks=tuple(_own_network(one, at) for at, one in enumerate(_objects(sender, "networks"))),
        own_views=tuple(_own_view(one, at) for at, one in enumerate(_objects(context, "own_view_events"))),
        sender_devices=tuple(_device(one, at) for at, one in enumerate(_objects(context, "sender_devices"))),
        replied_after=None if replied is None else _number(replied, "context.reply_t"),
        bounced=bool(context.get("bounced")),
        shared_pixel=bool(context.get("shared_pixel")),
        habits=dict(_habit(one, at) for at, one in enumerate(_objects(context, "habits"))),
    )


def _message_states(evidence: Evidence, verdicts: Mapping[str, Verdict]) -> tuple[State, State]:
    return states(((seen, verdicts[seen.id]) for seen in evidence.hits), replied=evidence.replied_after is not None)


def _reader(one: Json, at: int) -> Reader:
    where = f"message.recipients[{at}]"
    return Reader(
        id=str(one.get("rid", at)),
        domain=_text(one.get("domain"), f"{where}.domain") or "",
        address=_text(one.get("address"), f"{where}.address"),
        role=_text(one.get("role"), f"{where}.role") or "to",
        mail_host=_text(one.get("mail_host"), f"{where}.mail_host") or "",
    )


def _hit(one: Json, at: int, domains: Mapping[str, str]) -> Seen:
    where = f"hits[{at}]"
    reader = _text(one.get("rid"), f"{where}.rid")
    headers = _object(one.get("headers") or {}, f"{where}.headers")
    return Seen(
        id=str(at),
        t=_number(one.get("t"), f"{where}.t"),
        channel=_channel(one.get("kind"), f"{where}.kind"),
        reader=reader,
        reader_domain=domains.get(reader or "", ""),
        link=_link(one.get("link"), f"{where}.link"),
        method=_text(one.get("method"), f"{where}.method") or "GET",
        address=_text(one.get("ip"), f"{where}.ip"),
        agent=_text(one.get("user_agent"), f"{where}.user_agent") or "",  # everything was seen, so nothing means none
        headers={str(name).lower(): str(value) for name, value in headers.items()},
    )


def _own_view(one: Json, at: int) -> OwnView:
    where = f"context.own_view_events[{at}]"
    surface = _text(one.get("surface"), f"{where}.surface") or ""
    return OwnView(at_seconds=_number(one.get("t"), f"{where}.t"), surface=surface)


def _own_network(one: Json, at: int) -> OwnNetwork:
    where = f"message.sender.networks[{at}]"
    network, name = (_text(one.get(what), f"{where}.{what}") or "" for what in ("network", "name"))
    return OwnNetwork(network=network, name=name)


def _device(one: Json, at: int) -> SenderDevice:
    where = f"context.sender_devices[{at}]"
    return SenderDevice(
        agent=_text(one.get("user_agent"), f"{where}.user_agent") or "",
        address=_text(one.get("last_seen_ip"), f"{where}.last_seen_ip"),
    )


def _habit(one: Json, at: int) -> tuple[HabitKey, Habit]:
    """What was learned of a `domain`, of a `mail_host`, or with neither of everybody."""
    where = f"context.habits[{at}]"
    domain, host = (_text(one.get(name), f"{where}.{name}") for name in ("domain", "mail_host"))
    name = domain or (mail_host_name(host) if host else EVERYBODY)
    people, machines = (max(0, _whole(one.get(who, 0), f"{where}.{who}")) for who in ("people", "machines"))
    key = (name, _channel(one.get("kind"), f"{where}.kind"), bool(one.get("early")))
    return key, Habit(people=people, machines=machines)


def _object(value: object, where: str) -> Json:
    if not isinstance(value, Mapping):
        raise CaseError(f"{where} is not an object")
    return value


def _list(value: object, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise CaseError(f"{where} is not a list")
    return value


def _objects(parent: Json, name: str) -> list[Json]:
    return [_object(one, f"{name}[{at}]") for at, one in enumerate(_list(parent.get(name), name))]


def _text(value: object, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise CaseError(f"{where} is not a text")
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CaseError(f"{where} is not a number")
    return float(value)


def _whole(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CaseError(f"{where} is not a whole number")
    return value


def _time(value: object) -> datetime:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise CaseError("message.sent_at is not a time like 2026-10-13T08:30:00Z") from None


def _mode(value: object) -> Mode:
    if value == "one_to_one":
        return "one_to_one"
    if value == "campaign":
        return "campaign"
    raise CaseError("message.mode is neither one_to_one nor campaign")


def _channel(value: object, where: str) -> Literal["open", "click"]:
    if value == "open":
        return "open"
    if value == "click":
        return "click"
    raise CaseError(f"{where} is neither open nor click")


def _link(value: object, where: str) -> Link:
    if value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise CaseError(f"{where} is neither a number nor a name")

"""Networks of the team's own, which the judge takes for its own side; and the judge's rules, to be looked at."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from seenby.judge import REASONS, RULES_VERSION
from seenby.judge.strengths import DECIDE, WEIGH
from seenby.judge.weights import probability
from seenby.store import Transaction, admin_log
from seenby.store.admin_log import Action
from seenby.store.times import micros
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.frame import draw_page, only_owner
from seenby.words.limits import OWN_NETWORKS
from seenby.words.message import Sender

router = APIRouter(prefix="/settings/judge")
Word = Annotated[str, Form(max_length=300)]
NAME_CHARACTERS: Final = 60
WIDEST: Final = {4: 8, 6: 16}  # bits; whoever names half the internet has no readers left


@router.get("")
async def judge_page(request: Request, parts: Given, sender: SignedIn) -> Response:
    """The page."""
    return await _draw(request, parts, sender)


@router.post("/networks")
async def add_network(
    request: Request, parts: Given, sender: SignedIn, network: Word = "", name: Word = ""
) -> Response:
    """One more network; what was fetched from there lately is judged again."""
    only_owner(sender)
    parsed = parse_own_network(network)
    if isinstance(parsed, str):
        return await _draw(request, parts, sender, said=parsed, is_bad=True, typed=(network, name))
    called = " ".join("".join(one if one.isprintable() else " " for one in name).split())[:NAME_CHARACTERS]
    async with parts.store.write() as tx:
        there = {row["network"] for row in await tx.all("own_networks", team=sender.team)}
        is_full = str(parsed) not in there and len(there) >= OWN_NETWORKS
        if not is_full:
            await tx.run("put_own_network", team=sender.team, network=str(parsed), name=called, at=micros(parts.now()))
            await _changed(tx, parts, sender, Action.NETWORK_ADDED, f"{parsed} {called}".strip())
    if is_full:
        return await _draw(request, parts, sender, said=f"{OWN_NETWORKS} networks are the most.", is_bad=True)
    return await _draw(request, parts, sender, said=f"{parsed} is one of your own now. {_AGAIN}")


@router.post("/networks/remove")
async def remove_network(request: Request, parts: Given, sender: SignedIn, network: Word = "") -> Response:
    """It is nobody's in particular again."""
    only_owner(sender)
    async with parts.store.write() as tx:
        if is_gone := bool(await tx.run("drop_own_network", team=sender.team, network=network)):
            await _changed(tx, parts, sender, Action.NETWORK_REMOVED, network)
    said = f"{network} is removed. {_AGAIN}" if is_gone else "Not changed: that is none of your networks."
    return await _draw(request, parts, sender, said=said, is_bad=not is_gone)


_AGAIN: Final = "What was fetched from there lately is being read again."


def parse_own_network(text: str) -> IPv4Network | IPv6Network | str:
    """The network that `text` names, an address alone being one of its own; or what is wrong with it."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return "Not added. That is no network: write it as 203.0.113.0/24, 2001:db8::/48, or one address."
    if network.prefixlen < WIDEST[network.version]:
        return f"Not added. That is too wide: /{WIDEST[network.version]} is the widest, or most readers would be you."
    if network.is_loopback:
        return "Not added. Everybody on the machine that Seenby runs on shares that address."
    return network


async def _changed(tx: Transaction, parts: Parts, sender: Sender, action: Action, detail: str) -> None:
    """Log it, and have judged again what still has the whole address that it takes."""
    now = parts.now()
    since = now - parts.settings.keep_address - timedelta(minutes=5)
    await admin_log.put(tx, action, team=sender.team, by=sender.id, at=now, detail=detail)
    await tx.run("judge_unsettled", team=sender.team, at=micros(now), since=micros(since))


async def _draw(
    request: Request, parts: Parts, sender: Sender, *, typed: tuple[str, str] = ("", ""), **values: object
) -> Response:
    async with parts.store.read() as tx:
        networks = await tx.all("own_networks", team=sender.team)
    return await draw_page(
        request,
        parts,
        sender,
        "settings_judge.html",
        networks=networks,
        typed=typed,
        hours=round(parts.settings.keep_address.total_seconds() / 3600),
        version=RULES_VERSION,
        deciding=[_rule(code, span) for code, span in DECIDE.items()],
        weighing=[_rule(code, span) for code, span in WEIGH.items()],
        **values,
    )


def _rule(code: str, span: tuple[float, float]) -> dict[str, str]:
    """One reason: its sentence, what it weighs, and what that makes of even odds."""
    low, high = span
    weight = f"{low:+.1f}" if low == high else f"{low:+.1f} to {high:+.1f}"
    odds = f"{probability(low):.0%}" if low == high else f"{probability(low):.0%} to {probability(high):.0%}"
    return {"code": code, "sentence": REASONS[code], "weight": weight.replace("-", "\N{MINUS SIGN}"), "odds": odds}

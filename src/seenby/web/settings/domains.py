"""The team's domains: whoever has an address there is a colleague, and mail to them is never tracked."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from seenby.store import Transaction, admin_log
from seenby.store.admin_log import Action
from seenby.store.people import is_free_mail
from seenby.web.given import Given, Parts, SignedIn
from seenby.web.settings.frame import back_to, draw_piece, is_part, only_owner
from seenby.words.address import parse_address
from seenby.words.message import Sender

router = APIRouter(prefix="/settings/domains")
Word = Annotated[str, Form(max_length=300)]
MOST_DOMAINS: Final = 100


@router.post("")
async def add_domain(request: Request, parts: Given, sender: SignedIn, domain: Word = "") -> Response:
    """Treat everybody at this domain as a colleague."""
    only_owner(sender)
    name = _domain(domain)
    async with parts.store.write() as tx:
        if name is None:
            said = "That is no domain. Write it as company.com."
        elif is_free_mail(name):
            said = f"Not added: anybody can have an address at {name}, so its people are no colleagues."
        elif len(await _domains(tx, sender)) >= MOST_DOMAINS:
            said = f"{MOST_DOMAINS} domains are the most."
        else:
            if await tx.run("add_team_domain", team=sender.team, domain=name):
                await _log(tx, parts, sender, Action.DOMAIN_ADDED, name)
            said = ""
    return await _domains_again(request, parts, sender, said or "Added", is_bad=bool(said))


@router.post("/remove")
async def remove_domain(request: Request, parts: Given, sender: SignedIn, domain: Word = "") -> Response:
    """People at this domain are outsiders again."""
    only_owner(sender)
    if _domain(domain) is not None:
        async with parts.store.write() as tx:
            if await tx.run("drop_team_domain", team=sender.team, domain=domain):
                await _log(tx, parts, sender, Action.DOMAIN_REMOVED, domain)
    return await _domains_again(request, parts, sender, "Removed", is_bad=False)


def _domain(text: str) -> str | None:
    """The domain that `text` names, or None."""
    parsed = parse_address(f"postmaster@{text.strip().removeprefix('@')}")
    return parsed.domain if parsed else None


async def _domains(tx: Transaction, sender: Sender) -> list[str]:
    return [row["domain"] for row in await tx.all("team_domains", team=sender.team)]


async def _log(tx: Transaction, parts: Parts, sender: Sender, action: Action, domain: str) -> None:
    await admin_log.put(tx, action, team=sender.team, by=sender.id, at=parts.now(), detail=domain)


async def _domains_again(request: Request, parts: Parts, sender: Sender, said: str, *, is_bad: bool) -> Response:
    if not is_part(request):
        return back_to("/settings/team#domains")
    async with parts.store.read() as tx:
        domains = await _domains(tx, sender)
    return draw_piece(request, sender, "settings_domains.html", domains=domains, said=said, is_bad=is_bad)

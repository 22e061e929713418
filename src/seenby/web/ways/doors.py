"""The sign-in page: the ways in that are set up here, and what to do if none of them opens."""

from typing import Final

from fastapi import Request
from fastapi.responses import Response

from seenby.settings import Settings
from seenby.web.given import Parts
from seenby.web.look import draw
from seenby.web.ways.passkey import home_of

TOO_OFTEN: Final = "Too many failed attempts. Try again in a quarter of an hour."


async def draw_doors(
    request: Request, parts: Parts, *, spent: bool = False, said: str = "", status: int = 200
) -> Response:
    """The page. `spent`: a link was used a second time; `said`: why somebody is not in yet."""
    home = home_of(parts.app_url)
    async with parts.store.read() as tx:
        has_passkeys = home is not None and await tx.one("any_passkey") is not None
    return draw(
        request,
        "sign_in.html",
        owner=_owner_shown(parts),
        spent=spent,
        said=said,
        passkeys_at=home.origin if home and has_passkeys else "",
        provider=parts.settings.provider_name,
        status=status,
    )


def _owner_shown(parts: Parts) -> str:
    """The owner's address while it is the made-up one of a first try; a real one is not told to strangers."""
    made_up = str(Settings.model_fields["owner"].default)
    return made_up if parts.settings.owner == made_up else ""

"""Where a form of the settings leads, typed or renewed as an address: its page. Joins after all pages."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from fastapi.responses import Response

from seenby.web.menu import SETTINGS
from seenby.web.settings.frame import back_to

router = APIRouter(prefix="/settings")


@router.get("/domains")
@router.get("/domains/remove")
async def back_to_team() -> Response:
    """The domains stand on the team's page."""
    return back_to("/settings/team#domains")


@router.get("/switches")
@router.get("/unsubscribe")
@router.get("/links")
@router.get("/links/back")
@router.get("/addresses")
@router.get("/addresses/remove")
async def back_to_you() -> Response:
    """What concerns oneself stands on the first page."""
    return back_to("/settings")


def _back(path: str) -> Callable[[], Awaitable[Response]]:
    async def back() -> Response:
        """The page that the form is on."""
        return back_to(path)

    return back


for place in SETTINGS:
    if place.key not in ("you", "sign-in"):  # signing in has ways of its own
        router.add_api_route(place.path.removeprefix("/settings") + "/{rest:path}", _back(place.path), methods=["GET"])

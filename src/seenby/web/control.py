"""The command line's way into a running Seenby: the one process that may write the store does it for it.

Whoever has the key could read the data folder anyway; the key never leaves this machine.
"""

import hmac
from typing import Annotated

from fastapi import APIRouter, Body, Header
from fastapi.responses import JSONResponse

from seenby.accounts import Accounts
from seenby.words.errors import SeenbyError


def control_router(accounts: Accounts, *, key: str) -> APIRouter:
    """`POST /control/sender` and `POST /control/sign-in`, for holders of `key`."""
    router = APIRouter(prefix="/control", include_in_schema=False)

    def is_ours(authorization: str) -> bool:
        return hmac.compare_digest(authorization.encode(), f"Bearer {key}".encode())

    @router.post("/sender")
    async def add_sender(
        authorization: Annotated[str, Header()],
        address: Annotated[str, Body()],
        next_hop: Annotated[str, Body()] = "",
        new_password: Annotated[bool, Body()] = False,  # noqa: FBT002 - a JSON field
    ) -> JSONResponse:
        if not is_ours(authorization):
            return _forbidden()
        try:
            return JSONResponse(await accounts.add_sender(address, next_hop=next_hop, new_password=new_password))
        except SeenbyError as error:
            return JSONResponse({"error": str(error)}, status_code=409)

    @router.post("/sign-in")
    async def sign_in(
        authorization: Annotated[str, Header()], address: Annotated[str, Body(embed=True)]
    ) -> JSONResponse:
        if not is_ours(authorization):
            return _forbidden()
        try:
            return JSONResponse(await accounts.sign_in_link(address))
        except SeenbyError as error:
            return JSONResponse({"error": str(error)}, status_code=409)

    return router


def _forbidden() -> JSONResponse:
    return JSONResponse({"error": "That is not this installation's control key."}, status_code=403)

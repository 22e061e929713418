"""The command line's way into a running Seenby: the one process that may write the store does it for it.

Whoever has the key could read the data folder anyway; the key never leaves this machine. So the door is there
for this machine alone: not for a browser, and not for what a proxy brings from outside.
"""

import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Header, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException

from seenby.accounts import Accounts
from seenby.report.accuracy import change_seeds, first_teams
from seenby.report.again import Again, judge_again
from seenby.report.summary import report_of
from seenby.store import Store, answers
from seenby.words.errors import SeenbyError

CONTROL: Final = "/control/"
_FROM_ELSEWHERE: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via", "origin", "sec-fetch-site")


def control_router(accounts: Accounts, *, key: str, repeat_window: timedelta) -> APIRouter:
    """`POST /control/` sender, sign-in, report and judge-again, for holders of `key`."""
    router = APIRouter(prefix=CONTROL.rstrip("/"), include_in_schema=False, dependencies=[Depends(_only_here)])

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

    @router.post("/report")
    async def report(
        authorization: Annotated[str, Header()], message: Annotated[str, Body()], view: Annotated[str, Body()] = ""
    ) -> JSONResponse:
        if not is_ours(authorization):
            return _forbidden()
        async with accounts.store.read() as tx:
            return JSONResponse(await report_of(tx, message, view=view))

    @router.post("/judge-again")
    async def again(authorization: Annotated[str, Header()], apply: Annotated[bool, Body(embed=True)]) -> Response:
        if not is_ours(authorization):
            return _forbidden()
        how = Again(now=accounts.now(), window=repeat_window, apply=apply)
        return StreamingResponse(_lines(accounts.store, how), media_type="application/x-ndjson")

    @router.post("/reply")
    async def reply(
        authorization: Annotated[str, Header()],
        message: Annotated[str, Body()],
        address: Annotated[str, Body()],
        at: Annotated[AwareDatetime | None, Body()] = None,
    ) -> JSONResponse:
        if not is_ours(authorization):
            return _forbidden()
        try:
            async with accounts.store.write() as tx:
                is_new = await answers.tell_answer(tx, message, address, at=at, now=accounts.now())
        except SeenbyError as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        return JSONResponse({"message": message, "address": address, "is_new": is_new})

    @router.post("/seed-mailbox")
    async def seed_mailbox(
        authorization: Annotated[str, Header()], what: Annotated[str, Body()], address: Annotated[str, Body()] = ""
    ) -> JSONResponse:
        if not is_ours(authorization):
            return _forbidden()
        try:
            async with accounts.store.write() as tx:
                return JSONResponse(await change_seeds(tx, what, address, at=accounts.now()))
        except SeenbyError as error:
            return JSONResponse({"error": str(error)}, status_code=409)

    @router.post("/accuracy")
    async def accuracy(authorization: Annotated[str, Header()]) -> JSONResponse:
        if not is_ours(authorization):
            return _forbidden()
        async with accounts.store.read() as tx:
            return JSONResponse(await first_teams(tx))

    return router


async def _lines(store: Store, again: Again) -> AsyncIterator[str]:
    """What came of it so far, a JSON object a line; the last says that it is the last."""
    restated: dict[str, Any] = {}
    async for so_far in judge_again(store, again):
        restated = so_far.as_json()
        yield json.dumps(restated) + "\n"
    yield json.dumps(restated | {"done": True}) + "\n"


def _only_here(request: Request) -> None:
    """Whoever asks from elsewhere finds nothing here."""
    server = request.scope.get("server") or ("",)
    peer = request.client.host if request.client else ""
    is_here = bool(peer) and (peer == server[0] or _is_loopback(peer))
    if not is_here or any(name in request.headers for name in _FROM_ELSEWHERE):
        raise HTTPException(404)


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False


def _forbidden() -> JSONResponse:
    return JSONResponse({"error": "That is not this installation's control key."}, status_code=403)

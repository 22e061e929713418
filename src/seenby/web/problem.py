"""What we say when a page cannot be shown, in our look; never a trace, never a value of the request."""

from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from seenby.web.given import SignInNeeded
from seenby.web.guard import API
from seenby.web.look import draw

_WORDS: Final = {
    400: ("Not understood", "What was sent is not what this address takes."),
    403: ("Not allowed", "Only the team's owner may change this."),
    404: ("Nothing here", "This page does not exist, or it belongs to another team."),
    405: ("Not possible", "This address cannot be used that way."),
    408: ("Too slow", "What was sent took too long to come. Try again; nothing was changed."),
    413: ("Too large", "That is more than Seenby takes here. Nothing was changed: go back, and take some of it off."),
    422: ("Not understood", "Something in this address or form has no meaning here."),
}


class NotFound(HTTPException):
    """No such thing, or none of this team's; we do not tell which."""

    def __init__(self) -> None:
        super().__init__(404)


def _problem(request: Request, status: int) -> Response:
    title, sentence = _WORDS.get(status, ("Something went wrong", "Please try again."))
    if request.url.path.startswith(API):
        return JSONResponse({"error": sentence}, status_code=status)
    return draw(request, "problem.html", title=title, sentence=sentence, status=status)


async def _on_http(request: Request, error: Exception) -> Response:
    return _problem(request, error.status_code if isinstance(error, HTTPException) else 500)


async def _on_invalid(request: Request, error: Exception) -> Response:
    if request.url.path.startswith(API) and isinstance(error, RequestValidationError):
        wrong = [f"{'.'.join(map(str, one['loc'][1:])) or 'the body'}: {one['msg']}" for one in error.errors()]
        return JSONResponse({"error": "; ".join(wrong)}, status_code=422)
    return _problem(request, 422)


async def _on_sign_in(request: Request, _error: Exception) -> Response:
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    return RedirectResponse("/sign-in", status_code=303)


def add_problem_pages(app: FastAPI) -> None:
    """Have the app answer faults with our pages."""
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(SignInNeeded, _on_sign_in)

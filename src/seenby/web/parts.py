"""The two web apps, put together: the pages, and the previews that live on an origin of their own."""

from functools import partial

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from seenby.throttle import Throttle
from seenby.web import (
    accuracy,
    bell,
    compose,
    feed,
    labelling,
    mailbox,
    message,
    own_views,
    people,
    preview,
    reminders,
    reports,
    sent,
    session,
    settings,
    signing_in,
    start,
    stream,
    unsubscribed,
    written,
)
from seenby.web.assets import STATIC, KeptFiles, load_assets, service_worker
from seenby.web.given import Parts
from seenby.web.guard import Guard
from seenby.web.look import Look
from seenby.web.problem import add_problem_pages
from seenby.web.ways import passkey_pages, provider_pages
from seenby.web.ways.provider import Provider

__all__ = ["Parts", "make_app", "make_preview"]

# Every page, in the order of the menu. What else is served on this origin joins here.
ROUTERS = (
    session.router,
    passkey_pages.router,
    provider_pages.router,
    start.router,
    sent.router,
    compose.router,
    labelling.router,
    reminders.router,
    feed.router,
    people.router,
    reports.router,
    message.router,
    written.router,
    mailbox.router,
    settings.router,
    signing_in.router,
    unsubscribed.router,
    accuracy.router,
    bell.router,
    stream.router,
    own_views.router,
)


def make_app(parts: Parts) -> FastAPI:
    """The pages. Raises FrontendMissing when their script and styles were not built."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.parts = parts
    assets = load_assets()
    app.state.look = Look(assets)
    app.state.throttle = Throttle()
    app.state.questions = Throttle(most=passkey_pages.QUESTIONS)
    back = f"{parts.app_url}{provider_pages.BACK}"
    app.state.provider = Provider(settings=parts.settings, back=back) if parts.settings.oidc_issuer else None
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", KeptFiles(directory=STATIC))
    app.add_api_route("/healthz", _healthy, methods=["GET"])
    app.add_api_route("/sw.js", partial(service_worker, assets), methods=["GET"], include_in_schema=False)
    add_problem_pages(app)
    app.add_middleware(Guard, app_url=parts.app_url, preview_url=parts.preview_url)
    return app


async def _healthy() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


def make_preview(parts: Parts) -> FastAPI:
    """The previews of caught messages; nothing else is on this origin."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.parts = parts
    app.include_router(preview.router)
    app.add_exception_handler(HTTPException, preview.nothing_else)
    return app

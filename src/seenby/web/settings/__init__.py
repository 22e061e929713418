"""The settings, a file for each page; `web/menu.py` says in which order."""

from fastapi import APIRouter

from seenby.web.settings import domains, log, team, you

router = APIRouter()
for page in (you, team, domains, log):
    router.include_router(page.router)

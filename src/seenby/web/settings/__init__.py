"""The settings, a file for each page; `web/menu.py` says in which order."""

from fastapi import APIRouter

from seenby.web.settings import (
    back,
    connect,
    domains,
    health,
    judge,
    log,
    next_hop,
    notifications,
    privacy,
    team,
    tracking,
    writing,
    you,
)

router = APIRouter()
for page in (you, notifications, writing, connect, next_hop, tracking, privacy, judge, health, team, domains, log):
    router.include_router(page.router)
router.include_router(back.router)
